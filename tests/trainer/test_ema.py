"""The moving average of the weights."""

import numpy as np
import pytest
import torch
from torch import nn

from hrm_net.trainer.ema import EMA


class Small(nn.Module):
    table: torch.Tensor

    def __init__(self) -> None:
        super().__init__()
        self.linear = nn.Linear(3, 2)
        self.register_buffer("table", torch.zeros(4))


def moved(model: Small, amount: float) -> None:
    with torch.no_grad():
        for param in model.parameters():
            param.add_(amount * torch.arange(param.numel()).view(param.shape))


def test_it_follows_the_equation() -> None:
    model = Small()
    ema = EMA(model, 0.9)
    expected = {name: param.detach().double().numpy().copy() for name, param in model.named_parameters()}
    for step in range(5):
        moved(model, 0.1 * step)
        ema.update(model)
        for name, param in model.named_parameters():
            expected[name] = 0.9 * expected[name] + 0.1 * param.detach().double().numpy()
    for name, average in ema.state_dict().items():
        np.testing.assert_allclose(average.numpy(), expected[name], rtol=1e-6, atol=1e-7)


def test_averaged_is_a_copy_with_the_model_s_own_buffers() -> None:
    model = Small()
    ema = EMA(model, 0.5)
    start = model.linear.weight.detach().clone()
    moved(model, 1.0)
    raw = model.linear.weight.detach().clone()
    ema.update(model)
    model.table.fill_(7.0)
    twin = ema.averaged(model)
    assert not twin.training
    assert model.training
    torch.testing.assert_close(twin.linear.weight, (start + raw) / 2)
    assert torch.equal(twin.table, torch.full((4,), 7.0))
    assert torch.equal(model.linear.weight, raw)
    assert twin.linear.weight.data_ptr() != model.linear.weight.data_ptr()
    assert ema.state_dict().keys() == dict(model.named_parameters()).keys()


def test_applied_lends_the_averages_and_gives_the_weights_back_to_the_bit() -> None:
    model = Small()
    ema = EMA(model, 0.5)
    moved(model, 0.3)
    ema.update(model)
    raw = {name: param.detach().clone() for name, param in model.named_parameters()}
    with ema.applied(model):
        for name, param in model.named_parameters():
            assert torch.equal(param, ema.average[name])
        assert not torch.equal(model.linear.weight, raw["linear.weight"])
    with pytest.raises(KeyError), ema.applied(model):
        raise KeyError
    for name, param in model.named_parameters():
        assert torch.equal(param, raw[name])


def test_state_goes_through_load_state_dict_and_another_model_s_does_not() -> None:
    model = Small()
    ema = EMA(model, 0.9)
    moved(model, 1.0)
    ema.update(model)
    saved = {name: tensor.clone() for name, tensor in ema.state_dict().items()}
    fresh = EMA(model, 0.9)
    fresh.load_state_dict(saved)
    moved(model, 1.0)
    ema.update(model)
    fresh.update(model)
    for name, average in ema.state_dict().items():
        assert torch.equal(average, fresh.state_dict()[name])
    with pytest.raises(AssertionError, match="bias"):
        fresh.load_state_dict({"linear.weight": saved["linear.weight"]})
