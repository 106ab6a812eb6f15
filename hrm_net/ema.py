"""The moving average of the weights: what is evaluated and shipped when `optim.ema` is on."""

import copy
from typing import TypeVar

import torch
from torch import Tensor, nn

Model = TypeVar("Model", bound=nn.Module)


class EMA:
    """`average = decay * average + (1 - decay) * weight` after each update, starting from the weights as they are.

    Parameters only, as published: buffers, the puzzle table among them, are taken from the model as they stand.
    """

    def __init__(self, model: nn.Module, decay: float) -> None:
        assert 0 <= decay < 1, decay
        self.decay = decay
        self.average: dict[str, Tensor] = {name: p.detach().clone() for name, p in model.named_parameters()}

    @torch.no_grad()
    def update(self, model: nn.Module) -> None:
        """Take in the weights of `model`, the one this average was made from."""
        weights = [p.detach() for p in model.parameters()]
        torch._foreach_lerp_(list(self.average.values()), weights, 1 - self.decay)

    @torch.no_grad()
    def averaged(self, model: Model) -> Model:
        """A copy of `model` with averaged parameters, in eval mode; `model` itself is left as it is."""
        twin = copy.deepcopy(model)
        for name, param in twin.named_parameters():
            param.copy_(self.average[name])
        return twin.eval()

    def state_dict(self) -> dict[str, Tensor]:
        """The averages by parameter name; the very tensors, not copies."""
        return dict(self.average)

    @torch.no_grad()
    def load_state_dict(self, state: dict[str, Tensor]) -> None:
        assert state.keys() == self.average.keys(), sorted(state.keys() ^ self.average.keys())
        for name, average in self.average.items():
            average.copy_(state[name])
