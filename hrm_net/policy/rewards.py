"""The rewards, by name. Each gives one number for an attempt, its return, from what is known about the attempt.

To add one, write a function and its line in `REWARDS`.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float64

SCORER, JUDGE = "step scorer", "judge of two candidates"


@dataclass(kw_only=True, slots=True)
class Evidence:
    """What is known about some attempts. What a reward does not ask for is None.

    `log_scores[i, t]` is the logarithm of a head's score of step t, a number in (0, 1]; `live` says which steps exist.
    `wins[i]` is the mean probability of beating the others of the group, and `log_ratio[i]` that of a model of outcomes
    (`hrm_net.policy.implicit`).
    """

    solved: Bool[np.ndarray, " attempts"]
    live: Bool[np.ndarray, "attempts steps"]
    log_scores: Float64[np.ndarray, "attempts steps"] | None = None
    wins: Float64[np.ndarray, " attempts"] | None = None
    log_ratio: Float64[np.ndarray, " attempts"] | None = None
    # Temperature of the softened minimum.
    temperature: float = 0.1

    @property
    def logs(self) -> Float64[np.ndarray, "attempts steps"]:
        """The logarithms of the scores; 0 where there is no step."""
        assert self.log_scores is not None
        return np.where(self.live, self.log_scores, 0.0)

    @property
    def scores(self) -> Float64[np.ndarray, "attempts steps"]:
        """The scores; 0 where there is no step."""
        return np.where(self.live, np.exp(self.logs), 0.0)


@dataclass(frozen=True, kw_only=True)
class Reward:
    """One reward: how it is computed, and which frozen model stands behind it, if any.

    `head` is the head of the step scorer that it reads.
    """

    returns: Callable[[Evidence], Float64[np.ndarray, " attempts"]]
    needs: str | None = None
    head: str | None = None


def verifier(evidence: Evidence) -> Float64[np.ndarray, " attempts"]:
    """1 for an attempt that ends at the solution, else 0."""
    return evidence.solved.astype(np.float64)


def last(evidence: Evidence) -> Float64[np.ndarray, " attempts"]:
    """The score of the last step."""
    at = evidence.live.sum(axis=1) - 1
    return evidence.scores[np.arange(len(at)), at]


def total(evidence: Evidence) -> Float64[np.ndarray, " attempts"]:
    """The sum of the scores, which pays for length."""
    return evidence.scores.sum(axis=1)


def soft_minimum(evidence: Evidence) -> Float64[np.ndarray, " attempts"]:
    """sum_t softmax(-r / T)_t r_t over the scores r, near the lowest one for a small temperature T (PURE,
    arXiv 2504.15275)."""
    scores = evidence.scores
    weights = np.where(evidence.live, -scores / evidence.temperature, -np.inf)
    weights = np.exp(weights - weights.max(axis=1, keepdims=True))
    return (weights * scores).sum(axis=1) / weights.sum(axis=1)


def product(evidence: Evidence) -> Float64[np.ndarray, " attempts"]:
    """The product of the scores: an attempt of one right step has more than a complete right one."""
    return np.exp(evidence.logs.sum(axis=1))


def log_survival(evidence: Evidence) -> Float64[np.ndarray, " attempts"]:
    """sum_t log(1 - h_t) = log S(T): the log-probability that the attempt comes right (arXiv 2509.26578)."""
    return evidence.logs.sum(axis=1)


def survival_and_verifier(evidence: Evidence) -> Float64[np.ndarray, " attempts"]:
    """`log_survival` plus `verifier`."""
    return log_survival(evidence) + verifier(evidence)


def wins(evidence: Evidence) -> Float64[np.ndarray, " attempts"]:
    """The mean probability, by a judge, that the attempt's end is better than those of the others of its group."""
    assert evidence.wins is not None
    return evidence.wins


def implicit(evidence: Evidence) -> Float64[np.ndarray, " attempts"]:
    """The scaled log-ratio of a model that learns outcomes (PRIME, arXiv 2502.01456)."""
    assert evidence.log_ratio is not None
    return evidence.log_ratio


REWARDS: dict[str, Reward] = {
    "verifier": Reward(returns=verifier),
    "orm": Reward(returns=last, needs=SCORER, head="orm"),
    "prm_sum": Reward(returns=total, needs=SCORER, head="prm"),
    "prm_min": Reward(returns=soft_minimum, needs=SCORER, head="prm"),
    "prod": Reward(returns=product, needs=SCORER, head="prm"),
    "cond": Reward(returns=log_survival, needs=SCORER, head="cond"),
    "cond_verifier": Reward(returns=survival_and_verifier, needs=SCORER, head="cond"),
    "hier": Reward(returns=total, needs=SCORER, head="hier"),
    "pair": Reward(returns=wins, needs=JUDGE),
    "implicit": Reward(returns=implicit),
}
