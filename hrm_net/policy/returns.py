"""From the returns of a group of attempts at one puzzle to the advantage of each attempt."""

import numpy as np
from jaxtyping import Float, Float64, Int64

EPSILON = 1e-6


def leave_one_out(values: Float[np.ndarray, "groups rollouts"]) -> Float64[np.ndarray, "groups rollouts"]:
    """The mean of the others of the group."""
    return (values.sum(axis=1, keepdims=True) - values) / (values.shape[1] - 1)


def advantages(
    returns: Float[np.ndarray, " attempts"],
    lengths: Int64[np.ndarray, " attempts"],
    *,
    rollouts: int,
    algorithm: str,
    baseline: str,
) -> Float64[np.ndarray, " attempts"]:
    """The advantage of each attempt; the `rollouts` attempts of a puzzle stand next to each other.

    With return R_i and length T_i of attempt i, and means over the others j of its group:

        rloo, trajectory    A_i = R_i - mean_j R_j                  (arXiv 2402.14740)
        rloo, step          A_i = R_i - T_i mean_j (R_j / T_j)      a mean for each step
        grpo                A_i = (R_i - mean R) / (std R + 1e-6), with means over the whole group (arXiv 2402.03300)

    A step less costs nothing in `trajectory`; in `step` each step costs the mean reward of a step, which favours short
    attempts. `grpo` with `step` divides what `step` gives by the standard deviation.
    """
    values = np.asarray(returns, np.float64).reshape(-1, rollouts)
    steps = np.maximum(np.asarray(lengths, np.float64), 1).reshape(values.shape)
    whole = algorithm == "grpo"
    if baseline == "step":
        rate = values / steps
        mean = steps * (rate.mean(axis=1, keepdims=True) if whole else leave_one_out(rate))
    else:
        mean = values.mean(axis=1, keepdims=True) if whole else leave_one_out(values)
    found = values - mean
    if whole:
        found = found / (values.std(axis=1, keepdims=True) + EPSILON)
    return found.reshape(-1)
