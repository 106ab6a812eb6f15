"""What was claimed, the comparisons that decide it, and the rule that makes of them: held, in part, did not hold."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from hrm_net.study.quantities import METRICS, value_of, values_by_puzzle
from hrm_net.study.rows import Row
from hrm_net.study.statistics import Estimate, estimate

Verdict = Literal["held", "held in part", "did not hold"]


@dataclass(frozen=True, kw_only=True, slots=True)
class Comparison:
    """Arm `better` is said to beat arm `than` by a metric."""

    metric: str
    better: str
    than: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Claim:
    page: Literal["node_compression", "conditional"]
    says: str
    comparisons: tuple[Comparison, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class Finding:
    """A comparison in one domain: the gain of `better`, positive in the direction that was claimed, and the two means
    over seeds that it lies between."""

    comparison: Comparison
    domain: str
    gain: Estimate
    better: float
    than: float


def against(metric: str, better: str, *than: str) -> tuple[Comparison, ...]:
    return tuple(Comparison(metric=metric, better=better, than=one) for one in than)


BASELINES = ("orm", "prm_steps", "pqm")
CLAIMS = (
    Claim(
        page="node_compression",
        says="Merged steps with node compression judge more reliably than a process reward model from as many examples",
        comparisons=(*against("best_of_n", "hier_hnc", "prm_count"), *against("greedy", "hier_hnc", "prm_count")),
    ),
    Claim(
        page="node_compression",
        says="They stay stable as the number of candidates grows, where a process reward model falls",
        comparisons=(*against("hacking", "hier_hnc", "prm_count"), *against("greedy_fall", "hier_hnc", "prm_count")),
    ),
    Claim(
        page="node_compression",
        says="They see that an error is being mended: steps after a wrong one are told apart better",
        comparisons=(
            *against("after_wrong", "hier_hnc", "prm_count"), *against("after_wrong_judged", "hier_hnc", "prm_count"),
        ),
    ),
    Claim(
        page="node_compression",
        says="The compression adds to what merged steps alone bring",
        comparisons=(*against("best_of_n", "hier_hnc", "hier"), *against("after_wrong", "hier_hnc", "hier")),
    ),
    Claim(
        page="node_compression",
        says="The label noise of the compression alone makes a process reward model better (control)",
        comparisons=(*against("best_of_n", "prm_noise", "prm"), *against("after_wrong", "prm_noise", "prm")),
    ),
    Claim(
        page="node_compression",
        says="The gain carries over to solutions of a policy never learned from",
        comparisons=(
            *against("other_best_of_n", "hier_hnc", "prm_count"), *against("other_steps", "hier_hnc", "prm_count"),
        ),
    ),
    Claim(
        page="conditional",
        says="Conditional reward picks the best of many solutions better than outcome, process and ranking rewards",
        comparisons=against("best_of_n", "cond", *BASELINES),
    ),
    Claim(
        page="conditional",
        says="So it does with the same aggregation, the product, for all",
        comparisons=against("best_of_n_prod", "cond", *BASELINES),
    ),
    Claim(
        page="conditional",
        says="It guides beam search better at equal progress",
        comparisons=against("beam", "cond", *BASELINES),
    ),
    Claim(
        page="conditional",
        says="It resists hacking: it falls less as candidates grow, and is fooled less by tampered solutions",
        comparisons=(*against("hacking", "cond", *BASELINES), *against("fooled", "cond", *BASELINES)),
    ),
    Claim(
        page="conditional",
        says="Its scores compare between puzzles: pooled over all solutions they rank better",
        comparisons=against("pooled", "cond", *BASELINES),
    ),
    Claim(
        page="conditional",
        says="The located errors are what brings this: without them it is worse",
        comparisons=(
            *against("best_of_n", "cond", "cond_0"), *against("best_of_n", "cond_50", "cond_0"),
            *against("best_of_n", "cond_10", "cond_0"), *against("steps", "cond", "cond_0"),
        ),
    ),
    Claim(
        page="conditional",
        says="The gain carries over to solutions of a policy never learned from",
        comparisons=against("other_best_of_n", "cond", *BASELINES),
    ),
    Claim(
        page="conditional",
        says="It is the loss that brings it: a process reward model that is told the same is worse (control)",
        comparisons=(*against("best_of_n", "cond", "prm_alive"), *against("pooled", "cond", "prm_alive")),
    ),
)  # fmt: skip


def find(comparison: Comparison, rows: Sequence[Row], domain: str) -> Finding | None:
    """The paired gain over the seeds that have both arms; None where no seed has."""
    metric = METRICS[comparison.metric]
    sign = 1.0 if metric.higher else -1.0
    both = [_pair(rows, domain, seed, comparison) for seed in sorted({row["seed"] for row in rows})]
    pairs = [pair for pair in both if pair is not None]
    if not pairs:
        return None
    values = np.array([(value_of(metric, one), value_of(metric, two)) for one, two in pairs])
    gains = (sign * (values[:, 0] - values[:, 1])).tolist()
    by_puzzle = [_gains(metric.by_puzzle, sign, *pair) for pair in pairs] if metric.by_puzzle else None
    better, than = values.mean(axis=0).tolist()
    return Finding(comparison=comparison, domain=domain, gain=estimate(gains, by_puzzle), better=better, than=than)


def verdict(decisive: Sequence[Finding], other: Sequence[Finding] = ()) -> Verdict:
    """By the comparisons in the domain that decides, and those in others.

    held: every interval lies above 0, and no other domain has one below; did not hold: none lies above; else in part.
    """
    above = [finding.gain.above for finding in decisive]
    if not any(above):
        return "did not hold"
    return "held" if all(above) and not any(finding.gain.below for finding in other) else "held in part"


def _pair(rows: Sequence[Row], domain: str, seed: int, comparison: Comparison) -> tuple[Row, Row] | None:
    mine = {row["arm"]: row for row in rows if row["domain"] == domain and row["seed"] == seed}
    if comparison.better not in mine or comparison.than not in mine:
        return None
    return mine[comparison.better], mine[comparison.than]


def _gains(path: str, sign: float, one: Row, two: Row) -> list[float]:
    pairs = zip(values_by_puzzle(path, one), values_by_puzzle(path, two), strict=True)
    return [sign * (a - b) for a, b in pairs if not math.isnan(a - b)]
