"""The claims of the second protocol, and its verdicts: held, held in part, could not show, the contrary."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from hrm_net.study.claims import Claim, Comparison, Finding, Protocol, against, estimate
from hrm_net.study.rows import Row, at

HELD, IN_PART, NOT_SHOWN, CONTRARY = "held", "held in part", "could not show", "the contrary"
EARLY = 16  # candidates beside the largest N


@dataclass(frozen=True, kw_only=True, slots=True)
class Figure:
    """A number in a row: what pages call it, where it is found, whether more is better and whether it is a share."""

    name: str
    says: str
    read: Callable[[dict[str, Any]], float | None]
    higher: bool = True
    percent: bool = True


def _at_size(path: str, size: int | None = None) -> Callable[[dict[str, Any]], float | None]:
    def read(metrics: dict[str, Any]) -> float | None:
        curve = at(metrics, path)
        sizes = curve["sizes"]
        return dict(zip(sizes, curve["accuracy"], strict=True)).get(sizes[-1] if size is None else size)

    return read


def _path(path: str) -> Callable[[dict[str, Any]], float | None]:
    return lambda metrics: at(metrics, path)


_ALL = (
    Figure(name="policy", says="best of N prefixes, the policy goes on", read=_at_size("prefix.policy")),
    Figure(name="solver", says="best of N prefixes, a solver goes on", read=_at_size("prefix.solver")),
    Figure(name="policy_early", says=f"best of {EARLY}, the policy goes on", read=_at_size("prefix.policy", EARLY)),
    Figure(name="solver_early", says=f"best of {EARLY}, a solver goes on", read=_at_size("prefix.solver", EARLY)),
    Figure(name="auroc", says="AUROC of prefixes, within a problem", read=_path("auroc"), percent=False),
    Figure(name="steps", says="AUROC of single steps, within a problem", read=_path("steps"), percent=False),
    Figure(name="brier", says="Brier of single steps", read=_path("brier"), higher=False, percent=False),
    Figure(name="full", says="best of 16 solutions", read=_at_size("full.best_of_n")),
    Figure(name="full_pooled", says="AUROC of solutions, pooled", read=_path("full.auroc"), percent=False),
    Figure(name="full_within", says="within a puzzle", read=_path("full.within"), percent=False),
    Figure(name="careless", says="best of 16 that may end blank", read=_at_size("careless.best_of_n")),
    Figure(name="careless_pooled", says="AUROC of these, pooled", read=_path("careless.auroc"), percent=False),
    Figure(name="fooled", says="the worst trick ranked above solved ones", read=_path("fooled"), higher=False),
)  # fmt: skip
FIGURES = {figure.name: figure for figure in _ALL}

BASELINES = ("orm", "prm_steps", "pqm")
CLAIMS = (
    Claim(
        page="node_compression",
        says="Merged steps with node compression judge more reliably than a process reward model from as many examples",
        comparisons=(*against("policy", "hier_hnc", "prm_count"), *against("auroc", "hier_hnc", "prm_count")),
    ),
    Claim(
        page="node_compression",
        says="They judge more reliably than a process reward model from equally many rollouts",
        comparisons=(*against("policy", "hier_hnc", "prm"), *against("auroc", "hier_hnc", "prm")),
    ),
    Claim(
        page="node_compression",
        says="The compression adds to what merged steps alone bring",
        comparisons=(*against("policy", "hier_hnc", "hier"), *against("auroc", "hier_hnc", "hier")),
    ),
    Claim(
        page="node_compression",
        says="The label noise of the compression alone makes a process reward model better (control)",
        comparisons=(*against("policy", "prm_noise", "prm"), *against("auroc", "prm_noise", "prm")),
    ),
    Claim(
        page="node_compression",
        says="The gain carries over to solutions of a policy never learned from",
        comparisons=(*against("careless", "hier_hnc", "prm"), *against("careless_pooled", "hier_hnc", "prm")),
    ),
    Claim(
        page="conditional",
        says="Conditional reward picks the best of many prefixes better than outcome, process and ranking rewards",
        comparisons=against("policy", "cond", *BASELINES),
    ),
    Claim(
        page="conditional",
        says="It tells which prefixes of a problem can still come right",
        comparisons=against("auroc", "cond", *BASELINES),
    ),
    Claim(
        page="conditional",
        says="It resists hacking: it is fooled less by tampered solutions",
        comparisons=against("fooled", "cond", *BASELINES),
    ),
    Claim(
        page="conditional",
        says="Its scores compare between puzzles: pooled over all solutions they rank better",
        comparisons=against("full_pooled", "cond", *BASELINES),
    ),
    Claim(
        page="conditional",
        says="The located errors are what brings this: without them it is worse",
        comparisons=(*against("policy", "cond", "cond_0"), *against("auroc", "cond", "cond_0")),
    ),
    Claim(
        page="conditional",
        says="It is the loss that brings it: a process reward model that is told the same is worse (control)",
        comparisons=(*against("policy", "cond", "prm_alive"), *against("auroc", "cond", "prm_alive")),
    ),
)  # fmt: skip


def verdict(decisive: Sequence[Finding], other: Sequence[Finding] = ()) -> str:
    """By the intervals in the domain that decides: held where all lie above 0 and none elsewhere lies below; the
    contrary where one lies below and none above; could not show where none excludes 0, as where nothing differed;
    held in part: everything between."""
    above, below = [one.gain.above for one in decisive], [one.gain.below for one in decisive]
    if all(above) and not any(one.gain.below for one in other):
        return HELD
    if any(above):
        return IN_PART
    return CONTRARY if any(below) else NOT_SHOWN


RULE = (
    "The rule is that of [the protocol](protocol.md): gains are positive in the direction of the claim, with Student's "
    "t intervals over seeds in brackets, and none with fewer than three seeds. The first domain of a page decides. "
    "*Could not show* means that no interval excludes 0: the intervals say how large a gain could still be. *The "
    "contrary* means that an interval lies below 0 and none above."
)
SECOND = Protocol(claims=CLAIMS, verdict=verdict, few_seeds_by_puzzle=False, rule=RULE)


def value(name: str, row: Row) -> float:
    """A figure of a row; NaN where it is not defined."""
    found = FIGURES[name].read(row["metrics"])
    return math.nan if found is None else float(found)


def find(comparison: Comparison, rows: Sequence[Row], domain: str) -> Finding | None:
    """The paired gain over the seeds that have both arms; None where no seed has."""
    by_arm = {(row["arm"], row["seed"]): row for row in rows if row["domain"] == domain}
    seeds = sorted({seed for arm, seed in by_arm if arm == comparison.better and (comparison.than, seed) in by_arm})
    if not seeds:
        return None
    better, than = (
        [value(comparison.metric, by_arm[arm, seed]) for seed in seeds] for arm in (comparison.better, comparison.than)
    )
    sign = 1.0 if FIGURES[comparison.metric].higher else -1.0
    gains = [sign * (one - two) for one, two in zip(better, than, strict=True)]
    return Finding(
        comparison=comparison, domain=domain, gain=estimate(gains), better=sum(better) / len(seeds),
        than=sum(than) / len(seeds),
    )  # fmt: skip
