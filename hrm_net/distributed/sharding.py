"""Tensors of which every process holds some rows: the weights under `parallel=fsdp`, and a sharded puzzle table.

They are PyTorch's DTensors, divided along the first dimension as `torch.chunk` divides it. Nothing here imports DTensor
or FSDP until something is sharded, because loading them takes longer than many a run on one process.
"""

import warnings
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any

import torch
import torch.distributed as dist
from torch import Tensor, nn

from hrm_net.distributed.group import Group, current


def is_sharded(tensor: Tensor) -> bool:
    """Whether this process holds only a part of the tensor."""
    return hasattr(tensor, "device_mesh")


def local(tensor: Tensor) -> Tensor:
    """This process's part of a sharded tensor, sharing its memory; any other tensor as it is. It has no gradient."""
    return tensor.to_local() if is_sharded(tensor) else tensor  # pyright: ignore[reportAttributeAccessIssue]


def part_of(num_rows: int, group: Group) -> slice:
    """The rows that this process holds of a tensor with `num_rows`; the last processes may have fewer, or none."""
    each = -(-num_rows // group.size)
    return slice(min(group.rank * each, num_rows), min((group.rank + 1) * each, num_rows))


def sharded(tensor: Tensor, group: Group, device: torch.device) -> Tensor:
    """A tensor, which every process has whole, as one that is divided over the processes on their devices."""
    from torch.distributed.device_mesh import init_device_mesh
    from torch.distributed.tensor import DTensor, Shard

    own = tensor.detach()[part_of(len(tensor), group)].to(device, copy=True)
    mesh = init_device_mesh(device.type, (group.size,))
    return DTensor.from_local(own, mesh, [Shard(0)], run_check=False, shape=tensor.shape, stride=tensor.stride())


def share_of(tensor: Tensor, like: Tensor) -> Tensor:
    """`tensor`, which every process has whole, sharded as `like` is; as it is where `like` is not sharded."""
    if not is_sharded(like):
        return tensor
    return sharded(tensor.contiguous(), current(), local(like).device)


def whole(value: Any, group: Group) -> Any:
    """The value with every sharded tensor in its dicts, lists and tuples made whole on rank 0, in the CPU's memory.

    All processes must call it with values of the same structure. On the others such a tensor becomes an empty one: no
    device has to hold more than its own part.
    """
    if isinstance(value, Tensor):
        return _gathered(value, group) if is_sharded(value) else value
    if isinstance(value, dict):
        return {key: whole(item, group) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return type(value)(whole(item, group) for item in value)
    return value


def everywhere(own: Tensor, like: Tensor) -> Tensor:
    """The whole tensor, on every process, of which `own` is the part that this one has of the sharded `like`."""
    group = current()
    each = -(-len(like) // group.size)
    sent = own.new_zeros((each, *like.shape[1:]))
    sent[: len(own)] = own
    return group.gather(sent)[: len(like)]


def _gathered(tensor: Tensor, group: Group) -> Tensor:
    num_rows, own = len(tensor), local(tensor).detach().cpu()
    each = -(-num_rows // group.size)
    sent = own.new_zeros((each, *tensor.shape[1:]))
    sent[: len(own)] = own
    parts = [torch.empty_like(sent) for _ in range(group.size)] if group.is_main else None
    with group.noticing_loss():
        dist.gather(sent, parts, dst=0)
    return own.new_empty(0) if parts is None else torch.cat(parts)[:num_rows]


def shard_model(model: nn.Module, blocks: Iterable[nn.Module], device: torch.device, group: Group) -> None:
    """Divide the parameters of `model` over the processes, in place, by FSDP2: those of each block are gathered while
    it computes, and gradients arrive summed over the processes and divided likewise.

    Every process comes with the whole model on the CPU; rank 0's weights count. Names of parameters stay.
    """
    from torch.distributed.device_mesh import init_device_mesh
    from torch.distributed.fsdp import fully_shard

    group.copy_from_main_(model.parameters())
    mesh = init_device_mesh(device.type, (group.size,))
    # It warns of changes in place to what the model returns; there are none.
    warnings.filterwarnings("ignore", "FSDP2-wrapped module .* returned a view tensor", UserWarning)
    for module in (*blocks, model):
        part = fully_shard(module, mesh=mesh)
        part.set_gradient_divide_factor(1.0)  # a sum, not a mean
        part.set_force_sum_reduction_for_comms(True)  # gloo has no scaled sum


@contextmanager
def gathered_weights(model: nn.Module) -> Iterator[None]:
    """Every process has all weights of a model that `shard_model` has divided inside the block, which must not change
    them, so that the processes may call it unequally often."""
    parts = fsdp_modules(model)
    for part in parts:
        part.set_reshard_after_forward(False, recurse=False)
        part.unshard()
    try:
        yield
    finally:
        for part in parts:
            part.reshard()
            part.set_reshard_after_forward(part is not model, recurse=False)


def fsdp_modules(model: nn.Module) -> list[Any]:
    """The modules of a model that `fully_shard` has wrapped; none in a model of which each process has a copy."""
    return [module for module in model.modules() if hasattr(module, "unshard")]
