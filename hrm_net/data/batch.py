"""A batch as models take it."""

import numpy as np
import torch
from jaxtyping import Integer
from torch import Tensor

from hrm_net.data.puzzle_sets import scored

Batch = dict[str, Tensor]


def as_batch(
    inputs: Integer[np.ndarray, "batch seq"],
    labels: Integer[np.ndarray, "batch seq"],
    identifiers: Integer[np.ndarray, " batch"],
) -> Batch:
    """Tensors under the names a model expects; padding is not a label."""
    return {
        "inputs": torch.from_numpy(inputs.astype(np.int32)),
        "labels": torch.from_numpy(scored(labels)),
        "puzzle_identifiers": torch.from_numpy(identifiers.astype(np.int32)),
    }
