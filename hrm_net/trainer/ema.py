"""The moving average of the weights: what is evaluated and shipped when `optim.ema` is on."""

import copy
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TypeVar

import torch
from torch import Tensor, nn

from hrm_net.distributed.sharding import local, share_of

Model = TypeVar("Model", bound=nn.Module)


class EMA:
    """`average = decay * average + (1 - decay) * weight` after each update, starting from the weights as they are.

    It covers parameters only, as published; buffers, among them the puzzle table, are the model's own.
    """

    def __init__(self, model: nn.Module, decay: float) -> None:
        assert 0 <= decay < 1, decay
        self.decay = decay
        self.average: dict[str, Tensor] = {name: p.detach().clone() for name, p in model.named_parameters()}

    @torch.no_grad()
    def update(self, model: nn.Module) -> None:
        """Add the weights of `model`, from which this average was made."""
        weights = [local(p.detach()) for p in model.parameters()]
        torch._foreach_lerp_([local(average) for average in self.average.values()], weights, 1 - self.decay)

    def averaged(self, model: Model) -> Model:
        """A copy of `model` with averaged parameters, in eval mode. Its buffers are those of `model`, not copies."""
        twin = copy.deepcopy(model, {id(buffer): buffer for buffer in model.buffers()})
        self._write(self.average, twin)
        return twin.eval()

    @contextmanager
    def applied(self, model: nn.Module) -> Iterator[None]:
        """Put the averages into `model` for the length of a block, without a copy or a new compilation of it."""
        raw = {name: param.detach().clone() for name, param in model.named_parameters()}
        try:
            self._write(self.average, model)
            yield
        finally:
            self._write(raw, model)

    @staticmethod
    @torch.no_grad()
    def _write(values: dict[str, Tensor], model: nn.Module) -> None:
        for name, param in model.named_parameters():
            param.copy_(values[name])

    def state_dict(self) -> dict[str, Tensor]:
        """The averages by parameter name; the tensors themselves, not copies."""
        return dict(self.average)

    @torch.no_grad()
    def load_state_dict(self, state: dict[str, Tensor]) -> None:
        assert state.keys() == self.average.keys(), sorted(state.keys() ^ self.average.keys())
        for name, average in self.average.items():
            average.copy_(share_of(state[name], average))
