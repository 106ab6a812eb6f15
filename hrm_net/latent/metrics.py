"""How many directions states use, how far an update moves them, and their path through the principal plane."""

import math
from dataclasses import dataclass, field

import numpy as np
from jaxtyping import Float

from puzzles.errors import UserError

NORMAL_95 = 1.959964


@dataclass(slots=True)
class Moments:
    """Count, mean and centred second moment of vectors that come in pieces, in float64; memory is that of one matrix.

    Pieces merge by Chan, Golub and LeVeque's update, which loses no digits where the mean is far from zero.
    """

    dim: int
    count: int = 0
    mean: Float[np.ndarray, " dim"] = field(init=False)
    scatter: Float[np.ndarray, "dim dim"] = field(init=False)

    def __post_init__(self) -> None:
        self.mean, self.scatter = np.zeros(self.dim), np.zeros((self.dim, self.dim))

    def add(self, vectors: Float[np.ndarray, "num dim"]) -> None:
        num = len(vectors)
        if num == 0:
            return
        wide = vectors.astype(np.float64)
        mean = wide.mean(axis=0)
        wide -= mean
        total = self.count + num
        shift = mean - self.mean
        self.scatter += wide.T @ wide + np.outer(shift, shift) * (self.count * num / total)
        self.mean += shift * (num / total)
        self.count = total

    @property
    def covariance(self) -> Float[np.ndarray, "dim dim"]:
        """Divided by the count; UserError without any vector."""
        if self.count == 0:
            raise UserError("covariance: of no vectors")
        return self.scatter / self.count


def participation_ratio(covariance: Float[np.ndarray, "dim dim"]) -> float:
    """(sum of eigenvalues)^2 / sum of squared eigenvalues: from 1, all variance in one direction, to dim, alike in all.

    By traces, without the eigenvalues: of a symmetric matrix C they are tr C and |C|^2. UserError where nothing
    varies.
    """
    spread = float(np.trace(covariance))
    if not spread > 0:
        raise UserError("participation ratio: the states do not vary")
    scaled = covariance / spread
    return 1 / float((scaled * scaled).sum())


def residual(before: Float[np.ndarray, "num *state"], after: Float[np.ndarray, "num *state"]) -> np.ndarray:
    """|after - before| / |before| of each row, [num]; 0 where nothing moved."""
    old, new = (rows.reshape(len(rows), -1).astype(np.float64) for rows in (before, after))
    moved, length = np.linalg.norm(new - old, axis=1), np.linalg.norm(old, axis=1)
    return np.divide(moved, length, out=np.where(moved > 0, np.inf, 0.0), where=length > 0)


def mean_interval(values: Float[np.ndarray, " num"]) -> tuple[float, float, float]:
    """Mean, and the ends of its 95 % interval by the normal approximation; UserError for fewer than 2 values."""
    if len(values) < 2:
        raise UserError(f"values={len(values)}: an interval needs at least 2")
    mean = float(values.mean())
    spread = NORMAL_95 * float(values.std(ddof=1)) / math.sqrt(len(values))
    return mean, mean - spread, mean + spread


def principal_plane(
    paths: Float[np.ndarray, "rows times dim"],
) -> tuple[Float[np.ndarray, "rows times 2"], tuple[float, float]]:
    """Coordinates of all points along their two directions of largest variance, and the share of variance in each.

    From the points' inner products, as there are fewer points than dimensions. Of the two signs that an axis may have,
    the one whose farthest coordinate is positive. UserError where no point differs from another.
    """
    points = paths.reshape(-1, paths.shape[-1]).astype(np.float64)
    points -= points.mean(axis=0)
    eigenvalues, vectors = np.linalg.eigh(points @ points.T)
    eigenvalues, vectors = np.clip(eigenvalues[::-1], 0, None), vectors[:, ::-1]
    if not eigenvalues[0] > 0:
        raise UserError("principal components: the states do not vary")
    plane = np.zeros((len(points), 2))
    for axis in range(min(2, len(points))):
        coordinates = vectors[:, axis] * math.sqrt(eigenvalues[axis])
        plane[:, axis] = coordinates * np.sign(coordinates[np.abs(coordinates).argmax()])
    shares = np.append(eigenvalues, 0.0)[:2] / eigenvalues.sum()
    return plane.reshape(*paths.shape[:2], 2), (float(shares[0]), float(shares[1]))
