"""Update rules against plain float64 restatements, who updates which parameter, and the learning rate."""

import math
from pathlib import Path
from typing import Any, get_args

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn

from hrm_net.nn.embedding import SparsePuzzleEmbedding
from hrm_net.trainer.optim import (
    AdamATan2,
    OptimConfig,
    OptimName,
    build_optimizers,
    lr_scale,
    muon_matrices,
)

NAMES = get_args(OptimName)


class Level(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.wide, self.bias, self.stacked = (
            nn.Linear(4, 6, bias=False),
            nn.Parameter(torch.ones(6)),
            nn.Parameter(torch.randn(2, 6, 4)),
        )
        self.narrow = nn.Linear(6, 4, bias=False)

    def forward(self, z: torch.Tensor) -> torch.Tensor:
        return self.narrow(torch.tanh(self.wide(z) + self.bias + torch.einsum("nd,kmd->nm", z, self.stacked)))


class Core(nn.Module):
    """The least that looks like an HRM from outside."""

    def __init__(self, *, puzzles: bool = True, shared: bool = False) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.puzzle_embedding = SparsePuzzleEmbedding(5, 4) if puzzles else None
        self.L_level = Level()
        self.H_level = self.L_level if shared else Level()
        self.head = nn.Linear(4, 3)

    def forward(self, ids: torch.Tensor) -> torch.Tensor:
        x = torch.linspace(-1, 1, 4).expand(len(ids), 4)
        if self.puzzle_embedding is not None:
            x = x + self.puzzle_embedding(ids)
        return self.head(self.H_level(self.L_level(x))).square().mean()


def gradients(shapes: list[tuple[int, ...]], num_steps: int) -> list[list[np.ndarray]]:
    rng = np.random.default_rng(3)
    steps = [[rng.standard_normal(shape) * 10.0 ** rng.integers(-6, 3) for shape in shapes] for _ in range(num_steps)]
    steps[1][0][:] = 0.0
    return steps


def restated_atan2(
    p: np.ndarray, grads: list[np.ndarray], lrs: list[float], b1: float, b2: float, wd: float
) -> np.ndarray:
    m, v = np.zeros_like(p), np.zeros_like(p)
    for t, (g, lr) in enumerate(zip(grads, lrs, strict=True), start=1):
        m, v = b1 * m + (1 - b1) * g, b2 * v + (1 - b2) * g**2
        m_hat, v_hat = m / (1 - b1**t), v / (1 - b2**t)
        p = p * (1 - lr * wd) - lr * np.arctan2(m_hat, np.sqrt(v_hat))
    return p


@pytest.mark.parametrize(("betas", "decay"), [((0.9, 0.95), 0.1), ((0.9, 0.999), 0.0), ((0.0, 0.0), 1.0)])
@pytest.mark.parametrize(("dtype", "rtol"), [(torch.float64, 1e-12), (torch.float32, 1e-5)])
def test_adam_atan2_is_its_equation(betas: tuple[float, float], decay: float, dtype: torch.dtype, rtol: float) -> None:
    shapes, lrs = [(3, 4), (5,), ()], [1e-2, 3e-2, 0.0, 2e-2, 1e-2, 5e-3]
    starts = [np.random.default_rng(i).standard_normal(shape) for i, shape in enumerate(shapes)]
    steps = gradients(shapes, len(lrs))
    params = [torch.tensor(start, dtype=dtype, requires_grad=True) for start in starts]
    optimizer = AdamATan2(params, lr=1.0, betas=betas, weight_decay=decay)
    for lr, grads in zip(lrs, steps, strict=True):
        optimizer.param_groups[0]["lr"] = lr
        for param, grad in zip(params, grads, strict=True):
            param.grad = torch.tensor(grad, dtype=dtype)
        optimizer.step()
    for i, (param, start) in enumerate(zip(params, starts, strict=True)):
        expected = restated_atan2(start, [grads[i] for grads in steps], lrs, *betas, decay)
        np.testing.assert_allclose(param.detach().numpy(), expected, rtol=rtol, atol=rtol)


def test_adam_atan2_needs_no_epsilon_and_moves_at_most_lr_times_half_pi() -> None:
    param = torch.zeros(4, requires_grad=True)
    optimizer = AdamATan2([param], lr=0.1, weight_decay=0.0)
    param.grad = torch.tensor([1e-30, -1e15, 0.0, 1.0])
    optimizer.step()
    # The first step is lr * atan2(g, |g|), lr * pi / 4 at any scale; where g * g underflows to 0 it is lr * pi / 2.
    np.testing.assert_allclose(param.detach().numpy(), 0.1 * np.pi / 4 * np.array([-2, 1, 0, -1]), rtol=1e-6)


def test_a_parameter_without_gradient_keeps_its_value_and_its_own_clock() -> None:
    early, late = torch.ones(2, requires_grad=True), torch.ones(2, requires_grad=True)
    optimizer = AdamATan2([early, late], lr=0.1, weight_decay=0.5)
    early.grad = torch.ones(2)
    optimizer.step()
    assert late.tolist() == [1, 1]
    late.grad = torch.ones(2)
    optimizer.step()
    expected = restated_atan2(np.ones(2), [np.ones(2)], [0.1], 0.9, 0.95, 0.5)
    np.testing.assert_allclose(late.detach().numpy(), expected, rtol=1e-6)


def adamw_restated(p: np.ndarray, grads: list[np.ndarray], lr: float, b1: float, b2: float, wd: float) -> np.ndarray:
    m, v = np.zeros_like(p), np.zeros_like(p)
    for t, g in enumerate(grads, start=1):
        m, v = b1 * m + (1 - b1) * g, b2 * v + (1 - b2) * g**2
        p = p * (1 - lr * wd) - lr * (m / (1 - b1**t)) / (np.sqrt(v / (1 - b2**t)) + 1e-8)
    return p


def muon_restated(p: np.ndarray, grads: list[np.ndarray], lr: float, wd: float) -> np.ndarray:
    """Newton-Schulz in float64; the library's runs in bfloat16, so they agree roughly."""
    buffer = np.zeros_like(p)
    for g in grads:
        buffer = 0.95 * buffer + 0.05 * g
        x = 0.05 * g + 0.95 * buffer
        x = x.T if x.shape[0] > x.shape[1] else x
        x = x / np.linalg.norm(x)
        for _ in range(5):
            gram = x @ x.T
            x = 3.4445 * x + (-4.7750 * gram + 2.0315 * gram @ gram) @ x
        x = x if x.shape == p.shape else x.T
        p = p * (1 - lr * wd) - lr * 0.2 * math.sqrt(max(p.shape)) * x
    return p


def test_each_part_of_muon_follows_its_own_rule() -> None:
    model, config = Core(), OptimConfig(name="muon", lr=0.02, momentum=0.95, weight_decay=0.5)
    optimizers = build_optimizers(model, config)
    start = {name: p.detach().double().numpy().copy() for name, p in model.named_parameters()}
    history: dict[str, list[np.ndarray]] = {name: [] for name in start}
    for seed in range(4):
        generator = torch.Generator().manual_seed(seed)
        for name, param in model.named_parameters():
            param.grad = torch.randn(param.shape, generator=generator)
            history[name].append(param.grad.double().numpy().copy())
        optimizers.step(0.5)
    for name, param in model.named_parameters():
        is_matrix = name.split(".")[-2] in ("wide", "narrow")
        if is_matrix:
            expected, tolerance = muon_restated(start[name], history[name], 0.01, 0.5), 5e-4
        else:
            expected, tolerance = adamw_restated(start[name], history[name], 0.01, *config.betas, 0.5), 1e-6
        np.testing.assert_allclose(param.detach().numpy(), expected, atol=tolerance, err_msg=name)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("shared", [False, True])
def test_every_parameter_is_in_exactly_one_group(name: OptimName, shared: bool) -> None:
    model = Core(shared=shared)
    optimizers = build_optimizers(model, OptimConfig(name=name))
    held = [id(p) for opt in optimizers.dense for group in opt.param_groups for p in group["params"]]
    assert sorted(held) == sorted(id(p) for p in model.parameters())
    assert [id(p) for p in optimizers.params] == held


@pytest.mark.parametrize("shared", [False, True])
def test_muon_gets_the_matrices_of_the_levels_and_nothing_else(shared: bool) -> None:
    model = Core(shared=shared)
    levels = [model.L_level] if shared else [model.L_level, model.H_level]
    expected = {id(linear.weight) for level in levels for linear in (level.wide, level.narrow)}
    assert {id(p) for p in muon_matrices(model)} == expected
    first = build_optimizers(model, OptimConfig(name="muon")).dense[0]
    assert {id(p) for group in first.param_groups for p in group["params"]} == expected


def trained(model: Core, optimizers: Any, num_steps: int) -> None:
    for step in range(num_steps):
        optimizers.zero_grad()
        model(torch.tensor([step % 5, 2, 2])).backward()
        optimizers.step(1 / (1 + step))


@pytest.mark.parametrize("name", NAMES)
def test_training_goes_on_to_the_bit_from_a_saved_state(name: OptimName, tmp_path: Path) -> None:
    config = OptimConfig(name=name, lr=0.01, puzzle_lr=0.01, grad_clip=0.5)
    model, twin = Core(), Core()
    optimizers, other = build_optimizers(model, config), build_optimizers(twin, config)
    trained(model, optimizers, 3)
    torch.save({"model": model.state_dict(), "optim": optimizers.state_dict()}, tmp_path / "state.pt")
    state = torch.load(tmp_path / "state.pt", weights_only=True)
    twin.load_state_dict(state["model"])
    other.load_state_dict(state["optim"])
    trained(model, optimizers, 3)
    trained(twin, other, 3)
    for key, value in model.state_dict().items():
        assert torch.equal(value, twin.state_dict()[key]), key
    table = model.puzzle_embedding
    assert table is not None
    assert table.weight.abs().sum() > 0
    with pytest.raises(ValueError, match=rf"optim\.name={name}: .* was written by sgd"):
        other.load_state_dict({**state["optim"], "name": "sgd"})


@pytest.mark.parametrize("cleared", ["before the forward pass", "after it"])
def test_the_table_moves_by_its_own_rate_and_only_where_it_was_used(cleared: str) -> None:
    model = Core()
    optimizers = build_optimizers(
        model, OptimConfig(name="adam_atan2", lr=1e-3, puzzle_lr=0.25, puzzle_weight_decay=0.0)
    )
    table = model.puzzle_embedding
    assert table is not None
    if cleared == "before the forward pass":
        optimizers.zero_grad()
    loss = model(torch.tensor([1, 3]))
    if cleared == "after it":
        optimizers.zero_grad()
    loss.backward()
    optimizers.step(0.5)
    assert table.weight[[0, 2, 4]].abs().sum() == 0
    assert torch.equal(table.weight[[1, 3]].abs(), torch.full((2, 4), 0.125))
    before = table.weight.clone()
    optimizers.step(1.0)  # no forward pass since: nothing was used
    assert torch.equal(table.weight, before)


def test_a_model_without_table_trains() -> None:
    model = Core(puzzles=False)
    before = model.head.weight.detach().clone()
    trained(model, build_optimizers(model, OptimConfig(name="adam_atan2", lr=0.1)), 1)
    assert not torch.equal(model.head.weight, before)


def test_grad_norm_is_the_norm_of_all_gradients_and_sees_what_is_not_finite() -> None:
    model = Core()
    optimizers = build_optimizers(model, OptimConfig())
    assert optimizers.grad_norm() == 0
    model(torch.tensor([0, 1])).backward()
    table = model.puzzle_embedding
    assert table is not None
    assert table.local_rows is not None
    leaves = [*model.parameters(), table.local_rows]
    expected = torch.cat([leaf.grad.flatten() for leaf in leaves if leaf.grad is not None]).double().norm()
    torch.testing.assert_close(optimizers.grad_norm().double(), expected, rtol=1e-6, atol=0)
    for leaf in leaves:
        assert leaf.grad is not None
        saved = leaf.grad.clone()
        for poison in (math.nan, math.inf):
            leaf.grad.flatten()[-1] = poison
            assert not optimizers.grad_norm().isfinite()
        leaf.grad.copy_(saved)
    assert optimizers.grad_norm().isfinite()


@pytest.mark.parametrize("limit", [0.5, 1e6])
@pytest.mark.parametrize("given_norm", [False, True])
def test_clipping_scales_long_gradients_to_the_limit_and_leaves_short_ones(limit: float, given_norm: bool) -> None:
    model = Core(puzzles=False)
    optimizers = build_optimizers(model, OptimConfig(grad_clip=limit))
    (100 * model(torch.tensor([0, 1]))).backward()
    norm = optimizers.grad_norm()
    before = [p.grad.clone() for p in optimizers.params if p.grad is not None]
    optimizers.step(1.0, norm if given_norm else None)
    factor = min(1.0, limit / norm.item())
    for param, grad in zip(optimizers.params, before, strict=True):
        torch.testing.assert_close(param.grad, grad * factor, rtol=1e-5, atol=1e-12)
    assert torch.nn.utils.get_total_norm([p.grad for p in optimizers.params if p.grad is not None]) <= limit * 1.0001


def test_lr_scale_has_the_published_values() -> None:
    at = {step: lr_scale(step, total=10, warmup=4, min_ratio=0.1) for step in range(13)}
    assert [at[step] for step in range(5)] == [0, 0.25, 0.5, 0.75, 1]
    assert at[7] == pytest.approx(0.55)
    assert [at[step] for step in (10, 11, 12)] == pytest.approx([0.1] * 3)
    assert lr_scale(1, total=10, warmup=0, min_ratio=0.0) == pytest.approx(0.5 * (1 + math.cos(math.pi / 10)))
    assert lr_scale(123, total=1000, warmup=100, min_ratio=1.0) == 1


@given(st.integers(1, 500), st.integers(0, 500), st.floats(0, 1), st.integers(1, 600))
def test_lr_scale_rises_then_falls_within_its_bounds(total: int, warmup: int, ratio: float, step: int) -> None:
    def scale(at: int) -> float:
        return lr_scale(at, total=total, warmup=warmup, min_ratio=ratio)

    assert 0 <= scale(step) <= 1
    if step < warmup:
        assert scale(step) < scale(step + 1)
    else:
        assert scale(step) >= scale(step + 1) >= ratio - 1e-12
    assert scale(max(total, warmup + 1)) == pytest.approx(ratio)


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("lr", 0.0),
        ("lr", math.nan),
        ("lr", math.inf),
        ("betas", (0.9, 1.0)),
        ("weight_decay", -0.1),
        ("weight_decay", 1e5),
        ("warmup_steps", -1),
        ("min_lr_ratio", 1.5),
        ("puzzle_lr", -1.0),
        ("puzzle_weight_decay", math.nan),
        ("ema", 1.0),
        ("grad_clip", -1.0),
    ],
)
def test_values_out_of_bounds_are_refused_in_one_line(key: str, value: Any) -> None:
    with pytest.raises(ValueError, match=rf"^optim\.{key}(\.1)?=.*: must be .+$") as caught:
        OptimConfig(**{key: value})
    assert "\n" not in str(caught.value)
