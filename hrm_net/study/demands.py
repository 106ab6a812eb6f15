"""Comparisons that demand a least gain, and what the rows say of them: shared by the later protocols."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from hrm_net.study.claims import Comparison, Finding, estimate
from hrm_net.study.rows import Row


@dataclass(frozen=True, kw_only=True, slots=True)
class Figure:
    """A number of a row by its key in `metrics`: what pages call it, is more better, is it a share."""

    name: str
    says: str
    higher: bool = True
    percent: bool = True


@dataclass(frozen=True, kw_only=True, slots=True)
class Demand(Comparison):
    """`better` is claimed to beat `than` by more than `least`; with an empty `than`, to have a figure above `least`.
    Of a figure of which less is better, the gain is that of the negated figure."""

    least: float = 0.0


def demand(metric: str, better: str, *than: str, least: float = 0.0) -> tuple[Demand, ...]:
    return tuple(Demand(metric=metric, better=better, than=one, least=least) for one in than or ("",))


def value(name: str, row: Row) -> float:
    """A figure of a row; NaN where it is not defined."""
    found = row["metrics"].get(name)
    return math.nan if found is None else float(found)


def find(comparison: Comparison, rows: Sequence[Row], figures: Mapping[str, Figure]) -> Finding | None:
    """The paired gain over the seeds that have both arms, less what is demanded; None where no seed has."""
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
    sign = 1.0 if figures[comparison.metric].higher else -1.0
    gains = [sign * (one - two) - comparison.least for one, two in zip(better, than, strict=True)]
    return Finding(
        comparison=comparison, domain=rows[0]["domain"], gain=estimate(gains), better=sum(better) / len(seeds),
        than=sum(than) / len(seeds),
    )  # fmt: skip
