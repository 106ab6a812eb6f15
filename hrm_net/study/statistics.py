"""Means over seeds and their 95 % intervals. Every seed has puzzles of its own, so that of seeds covers puzzles too."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.stats import t as student

import puzzles
from hrm_net.reward.metrics.bootstrap import interval

FEWEST_SEEDS = 3


@dataclass(frozen=True, kw_only=True, slots=True)
class Estimate:
    """A mean over seeds with its interval; NaN at both ends where there is none."""

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
    """Of one value a seed: Student's t over seeds from three seeds on. With fewer, seeds are taken as they are and
    puzzles drawn anew, where the values of single puzzles are known."""
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
