"""A logistic regression in NumPy: what counts and rules are put into, and what prefixes are matched by."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float, Float64

RIDGE = 1.0
UPDATES = 25

Features = Float[np.ndarray, "rows features"]
Labels = Bool[np.ndarray, " rows"]


@dataclass(slots=True)
class Logistic:
    """A logistic regression with a ridge penalty on standardised features and their squares."""

    mean: Float64[np.ndarray, " features"]
    scale: Float64[np.ndarray, " features"]
    weights: Float64[np.ndarray, " columns"]

    @classmethod
    def fit(cls, features: Features, labels: Labels) -> "Logistic":
        """By Newton's method (iteratively reweighted least squares); the intercept is not penalised."""
        mean, scale = features.mean(0), features.std(0)
        found = cls(mean, np.where(scale > 0, scale, 1.0), np.zeros(0))
        columns = found._columns(features)
        penalty = RIDGE * np.eye(columns.shape[1])
        penalty[0, 0] = 1e-6
        weights = np.zeros(columns.shape[1])
        for _ in range(UPDATES):
            told = _sigmoid(columns @ weights)
            slope = columns.T @ (told - labels) + penalty @ weights
            curve = columns.T @ (columns * (told * (1 - told) + 1e-9)[:, None]) + penalty
            change = np.linalg.solve(curve, slope)
            weights = weights - change
            if np.abs(change).max() < 1e-6:
                break
        found.weights = weights
        return found

    def __call__(self, features: Features) -> Float64[np.ndarray, " rows"]:
        """Probabilities that the labels are true."""
        return _sigmoid(self.score(features))

    def score(self, features: Features) -> Float64[np.ndarray, " rows"]:
        """Log-odds that the labels are true."""
        return self._columns(features) @ self.weights

    def _columns(self, features: Features) -> Float64[np.ndarray, "rows columns"]:
        scaled = np.clip((features - self.mean) / self.scale, -8, 8)
        return np.concatenate([np.ones((len(scaled), 1)), scaled, scaled**2], axis=1)


def _sigmoid(values: Float64[np.ndarray, " rows"]) -> Float64[np.ndarray, " rows"]:
    return 1 / (1 + np.exp(-np.clip(values, -30, 30)))
