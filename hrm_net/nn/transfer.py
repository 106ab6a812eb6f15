"""Tensors between the host and a GPU, where neither waits for the other.

A plain copy to a GPU makes the host wait until the GPU has done all that was asked of it before, and a plain copy back
does so too. Copies from and to pinned memory do not. On other devices these are plain copies.
"""

import numpy as np
import torch
from jaxtyping import Shaped
from torch import Tensor


def to_device(tensor: Shaped[Tensor, "*shape"], device: torch.device) -> Shaped[Tensor, "*shape"]:
    """The tensor on `device`; itself where it lies there."""
    if device.type == "cuda" and tensor.device.type == "cpu":
        tensor = tensor.pin_memory()
    return tensor.to(device, non_blocking=True)


class Reading:
    """What a tensor holds, on its way to the host from the moment this is made.

    The tensor must not be changed in place before it is read.
    """

    def __init__(self, tensor: Tensor) -> None:
        self._tensor, self._arrival = tensor.detach(), None
        if tensor.device.type == "cuda":
            pinned = torch.empty(tensor.shape, dtype=tensor.dtype, pin_memory=True)
            self._tensor = pinned.copy_(self._tensor, non_blocking=True)
            self._arrival = torch.cuda.Event()
            self._arrival.record()

    @property
    def arrived(self) -> bool:
        """Whether the values are at hand without waiting, as they always are on a CPU."""
        return self._arrival is None and self._tensor.device.type == "cpu"

    def array(self) -> np.ndarray:
        """The values. Waits for what the tensor is computed from, not for what was asked of the device later."""
        if self._arrival is not None:
            self._arrival.synchronize()
        return self._tensor.cpu().numpy()
