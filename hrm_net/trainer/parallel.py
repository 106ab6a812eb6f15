"""How a model lies on the processes of a run: a copy on each, or divided over them."""

import copy
from typing import TypeVar

import torch
from torch import nn

from hrm_net.distributed.group import current
from hrm_net.distributed.sharding import fsdp_modules, gathered_weights, shard_model
from hrm_net.model import HRM
from hrm_net.nn.core import RecurrentCore
from hrm_net.nn.sharded_embedding import ShardedPuzzleEmbedding

Model = TypeVar("Model", bound=nn.Module)


def shard(model: nn.Module, core: RecurrentCore, parallel: str, device: torch.device) -> None:
    """Divide the weights of a fresh model, which lies on the CPU, in place where `parallel` is fsdp.

    To be called before its optimizers are made. On one process there is nothing to divide.
    """
    group = current()
    if parallel == "fsdp" and not group.alone:
        shard_model(model, core.blocks(), device, group)


def shard_table(model: HRM, device: torch.device) -> None:
    """Divide the puzzle table of a model in place (`puzzle_table=sharded`): see `ShardedPuzzleEmbedding`."""
    group, table = current(), model.puzzle_embedding
    if table is not None and not group.alone:
        model.codec.puzzle_embedding = ShardedPuzzleEmbedding(table, group, device)


def whole_copy(model: Model) -> Model:
    """A copy of which every process has all weights, in the same mode and precision."""
    if not fsdp_modules(model):
        return copy.deepcopy(model)
    twin = type(model)(model.config)  # FSDP makes this the class that it has wrapped
    with gathered_weights(model), torch.no_grad():
        tensors = {**dict(model.named_parameters()), **dict(model.named_buffers())}
        for name, tensor in (*twin.named_parameters(), *twin.named_buffers()):
            tensor.copy_(tensors[name])
        device = next(iter(tensors.values())).device
    twin.forward_dtype = model.forward_dtype  # pyright: ignore[reportAttributeAccessIssue, reportArgumentType]
    return twin.to(device).train(model.training)
