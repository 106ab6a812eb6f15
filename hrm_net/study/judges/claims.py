"""The claims of the study of judges, fixed before it ran, and the figures that decide them."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from hrm_net.study.claims import Claim, Comparison, Finding, Protocol, estimate
from hrm_net.study.rows import Row
from hrm_net.study.second.claims import verdict


@dataclass(frozen=True, kw_only=True, slots=True)
class Figure:
    """A number of a reading by its key in the row: what pages call it, is more better, is it a share."""

    name: str
    says: str
    higher: bool = True
    percent: bool = True


_ALL = (
    Figure(name="accuracy", says="right verdicts"),
    Figure(name="other", says="right verdicts, other policy"),
    Figure(name="segments", says="mean segments", higher=False, percent=False),
    Figure(name="spearman", says="Spearman of segments with nodes", percent=False),
    Figure(name="brier", says="Brier", higher=False, percent=False),
    Figure(name="gain_at_cost", says="right verdicts beyond `fixed` at equal mean segments"),
    Figure(name="gain_at_cost_alone", says="beyond itself at a fixed depth"),
    Figure(name="voted", says="right verdicts by a majority"),
    Figure(name="best_of", says="best of 16"),
    Figure(name="best_of_cost", says="row-segments", higher=False, percent=False),
    Figure(name="triads", says="cyclic triads", higher=False),
    Figure(name="upsets", says="games won by the lost one", higher=False),
)  # fmt: skip
FIGURES = {figure.name: figure for figure in _ALL}


@dataclass(frozen=True, kw_only=True, slots=True)
class Demand(Comparison):
    """`better` is claimed to beat `than` by more than `least`; with an empty `than`, to have a figure above `least`."""

    least: float = 0.0


def demand(metric: str, better: str, *than: str, least: float = 0.0) -> tuple[Demand, ...]:
    return tuple(Demand(metric=metric, better=better, than=one, least=least) for one in than or ("",))


MARGIN, RANK = 0.02, 0.2
HALTING = {"closed": "is the verdict right by now", "exact": "expected reward", "grpo": "sampled stopping times"}
CLAIMS = (
    Claim(
        page="judges",
        says="Thinking for eight segments beats one by two points, also at equal training computation",
        comparisons=demand("accuracy", "fixed_8", "direct", "direct_flops", least=MARGIN),
    ),
    *(
        Claim(
            page="judges",
            says=f"A judge that stops by itself (`{how}`: {told}) beats a fixed depth at equal mean cost, and thinks "
            "longer where search does",
            comparisons=(*demand("gain_at_cost", how), *demand("spearman", how, least=RANK)),
        )
        for how, told in HALTING.items()
    ),
    Claim(
        page="judges",
        says="Five votes beat one, and beat the same computation spent on depth",
        comparisons=demand("voted", "votes_5", "votes_1", "depth_40"),
    ),
    Claim(
        page="judges",
        says="A knockout picks the best of 16 better than the best scalar at equal computation",
        comparisons=demand("best_of", "fixed_4", "orm", "prm", "cond", "pointwise_8"),
    ),
    Claim(
        page="judges",
        says="Seeing the opponent brings it (control): the same training without it is worse",
        comparisons=(*demand("accuracy", "fixed_8", "pointwise_8"), *demand("accuracy", "direct", "pointwise_1")),
    ),
)  # fmt: skip
RULE = (
    "The rule is that of [the protocol](protocol.md): gains are positive in the direction of the claim, less what the "
    "claim demands, with Student's t intervals over seeds in brackets, and none with fewer than three seeds. *Held*: "
    "every interval lies above 0; *the contrary*: one lies below and none above; *could not show*: none excludes 0; "
    "*held in part*: everything between. The intervals say how large a gain could still be."
)
JUDGES = Protocol(claims=CLAIMS, verdict=verdict, few_seeds_by_puzzle=False, rule=RULE)


def value(name: str, row: Row) -> float:
    """A figure of a reading's row; NaN where it is not defined."""
    found = row["metrics"].get(name)
    return math.nan if found is None else float(found)


def find(comparison: Comparison, rows: Sequence[Row]) -> Finding | None:
    """The paired gain over the seeds that have both readings, less what is demanded; None where no seed has."""
    assert isinstance(comparison, Demand)
    by_arm = {(row["arm"], row["seed"]): row for row in rows}
    seeds = sorted(
        seed for arm, seed in by_arm
        if arm == comparison.better and (not comparison.than or (comparison.than, seed) in by_arm)
    )  # fmt: skip
    if not seeds:
        return None
    better = [value(comparison.metric, by_arm[comparison.better, seed]) for seed in seeds]
    than = [value(comparison.metric, by_arm[comparison.than, seed]) if comparison.than else 0.0 for seed in seeds]
    sign = 1.0 if FIGURES[comparison.metric].higher else -1.0
    gains = [sign * (one - two) - comparison.least for one, two in zip(better, than, strict=True)]
    return Finding(
        comparison=comparison, domain=rows[0]["domain"], gain=estimate(gains), better=sum(better) / len(seeds),
        than=sum(than) / len(seeds),
    )  # fmt: skip
