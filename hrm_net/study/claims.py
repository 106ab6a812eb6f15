"""What was claimed, the comparisons that decide it, estimates of their gains, and the rules for a verdict."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from scipy.stats import t as student

import puzzles
from hrm_net.reward.metrics.bootstrap import interval
from hrm_net.study.rows import METRICS, Row, value_of, values_by_puzzle

FEWEST_SEEDS = 3  # that an interval over seeds is given for


@dataclass(frozen=True, kw_only=True, slots=True)
class Estimate:
    """A mean over seeds with its 95 % interval; NaN at both ends where there is none.

    Every seed has puzzles of its own, so that an interval over seeds covers puzzles too.
    """

    mean: float
    low: float
    high: float
    seeds: int

    @property
    def above(self) -> bool:
        """Whether the whole interval lies above 0."""
        return self.low > 0

    @property
    def below(self) -> bool:
        return self.high < 0


def estimate(values: Sequence[float | int], by_puzzle: Sequence[Sequence[float | int]] | None = None) -> Estimate:
    """From one value for each seed: Student's t interval over the seeds, from three seeds on.

    With fewer seeds, the interval is that of a bootstrap over puzzles if `by_puzzle` holds their values for each seed;
    without `by_puzzle` there is none.
    """
    mean, num = float(np.mean(values)), len(values)
    if math.isnan(mean):
        return Estimate(mean=math.nan, low=math.nan, high=math.nan, seeds=num)
    if num >= FEWEST_SEEDS:
        quantile = round(float(student.ppf(0.975, num - 1)), 3)  # as tables print it, so that rendered pages stay
        half = quantile * float(np.std(values, ddof=1)) / math.sqrt(num)
        return Estimate(mean=mean, low=mean - half, high=mean + half, seeds=num)
    if by_puzzle is None:
        return Estimate(mean=mean, low=math.nan, high=math.nan, seeds=num)
    drawn = np.concatenate([np.asarray(one, np.float64) for one in by_puzzle])[:, None]
    low, high = interval(drawn, puzzles.rng(0, "study interval"))
    return Estimate(mean=mean, low=float(low[0]), high=float(high[0]), seeds=num)


@dataclass(frozen=True, kw_only=True, slots=True)
class Comparison:
    """Arm `better` is claimed to beat arm `than` by a metric."""

    metric: str
    better: str
    than: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Claim:
    """A sentence on a page, and the comparisons that decide whether it holds."""

    page: Literal["node_compression", "conditional", "judges", "policies"]
    says: str
    comparisons: tuple[Comparison, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class Finding:
    """A comparison in one domain: the gain of `better`, positive in the direction of the claim, and the means over
    seeds of both arms."""

    comparison: Comparison
    domain: str
    gain: Estimate
    better: float
    than: float


def against(metric: str, better: str, *than: str) -> tuple[Comparison, ...]:
    return tuple(Comparison(metric=metric, better=better, than=one) for one in than)


@dataclass(frozen=True, kw_only=True, slots=True)
class Protocol:
    """What was fixed before a study ran: its claims, and how they are decided."""

    claims: tuple[Claim, ...]
    # The verdict, in words, from the findings in the domain that decides and those in the others.
    verdict: Callable[[Sequence[Finding], Sequence[Finding]], str]
    # Whether, with fewer than three seeds, a bootstrap over puzzles gives the interval; otherwise there is none.
    few_seeds_by_puzzle: bool
    # The sentences in which a page explains the verdicts.
    rule: str
    # What a later protocol found wrong with its pages, at their head; empty: nothing.
    corrected: str = ""


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


def find(
    comparison: Comparison, rows: Sequence[Row], domain: str, *, few_seeds_by_puzzle: bool = True
) -> Finding | None:
    """The paired gain over the seeds that have both arms; None where no seed has. See `Protocol`."""
    metric = METRICS[comparison.metric]
    sign = 1.0 if metric.higher else -1.0
    both = [_pair(rows, domain, seed, comparison) for seed in sorted({row["seed"] for row in rows})]
    pairs = [pair for pair in both if pair is not None]
    if not pairs:
        return None
    values = np.array([(value_of(metric, one), value_of(metric, two)) for one, two in pairs])
    gains = (sign * (values[:, 0] - values[:, 1])).tolist()
    known = few_seeds_by_puzzle and metric.by_puzzle
    by_puzzle = [_gains(metric.by_puzzle, sign, *pair) for pair in pairs] if known else None
    better, than = values.mean(axis=0).tolist()
    return Finding(comparison=comparison, domain=domain, gain=estimate(gains, by_puzzle), better=better, than=than)


def first_verdict(decisive: Sequence[Finding], other: Sequence[Finding] = ()) -> str:
    """held: every interval in the domain that decides lies above 0, and no other domain has one below; did not hold:
    none lies above; held in part: everything between."""
    above = [finding.gain.above for finding in decisive]
    if not any(above):
        return "did not hold"
    return "held" if all(above) and not any(finding.gain.below for finding in other) else "held in part"


WRONG = (
    "> **Corrected by [a second protocol](../README.md).** What was wrong here: a solution of the Sudoku domain "
    "came right exactly where no cell was left blank, so counting blanks equals the oracle in every best-of-N "
    "table; the aggregation was chosen on one subset of validation solutions, with ties going to the product, "
    "which put `orm` on mazes far below its own last score; the trick `few_huge_steps` was unfair, as nearly all "
    "of its ends could still be finished in the steps shown as left; an interval over puzzles stood where two "
    'seeds disagreed; and "did not hold" was printed where nothing differed, or where the opposite was sure.'
)
FIRST = Protocol(
    corrected=WRONG,
    claims=CLAIMS,
    verdict=first_verdict,
    few_seeds_by_puzzle=True,
    rule="The rule is that of [the protocol](protocol.md). Gains are positive in the direction of the claim, with "
    "intervals over seeds and puzzles in brackets. The first domain decides, the second can only take away. *Did not "
    "hold* means that no gain there is sure, not that there is none: the intervals say how large one could still be.",
)


def _pair(rows: Sequence[Row], domain: str, seed: int, comparison: Comparison) -> tuple[Row, Row] | None:
    mine = {row["arm"]: row for row in rows if row["domain"] == domain and row["seed"] == seed}
    if comparison.better not in mine or comparison.than not in mine:
        return None
    return mine[comparison.better], mine[comparison.than]


def _gains(path: str, sign: float, one: Row, two: Row) -> list[float]:
    pairs = zip(values_by_puzzle(path, one), values_by_puzzle(path, two), strict=True)
    return [sign * (a - b) for a, b in pairs if not math.isnan(a - b)]
