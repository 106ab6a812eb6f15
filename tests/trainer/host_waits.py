"""What makes a host wait for a GPU, recorded on a CPU, where nothing waits."""

import sys
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor
from torch.overrides import TorchFunctionMode
from torch.utils._python_dispatch import TorchDispatchMode

# Operations whose result the host has to see before it can go on: a number, or a shape that depends on numbers.
WAITING = (
    "_local_scalar_dense", "item", "is_nonzero", "equal", "nonzero", "nonzero_numpy", "argwhere", "masked_select",
    "_unique", "_unique2", "unique_dim", "unique_consecutive", "bincount", "repeat_interleave.Tensor", "segment_reduce",
)  # fmt: skip
READING = ("item", "tolist", "numpy", "cpu", "__bool__", "__float__", "__int__", "__index__", "__array__")
MAKING = (torch.tensor, torch.as_tensor, torch.Tensor.new_tensor)


class Operations(TorchDispatchMode):
    """The operations of `WAITING` that PyTorch runs, by name, and indexing by a mask."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        name = str(func).removeprefix("aten.")
        if name in WAITING or name.rsplit(".", 1)[0] in WAITING:
            self.found.append(name)
        if name.startswith(("index.", "index_put", "_index_put")):
            masks = [one for one in args[1] if isinstance(one, Tensor) and one.dtype in (torch.bool, torch.uint8)]
            self.found += [f"{name} by a mask"] * len(masks)
        return func(*args, **(kwargs or {}))


class Calls(TorchFunctionMode):
    """Where tensors are read by the host, made from Python's numbers, or sent from device to device: the method, and
    the function that called it."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[tuple[str, str]] = []

    def __torch_function__(self, func: Callable[..., Any], types: Any, args: Any = (), kwargs: Any = None) -> Any:
        name = getattr(func, "__name__", str(func))
        moves = name == "to" and any(isinstance(one, torch.device | Tensor) for one in args[1:])
        if name in READING or moves or func in MAKING:
            frame = sys._getframe(1)
            self.found.append((name, frame.f_code.co_qualname))
        return func(*args, **(kwargs or {}))
