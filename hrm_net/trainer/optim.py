"""Optimizers by name, the learning rate as a function of the step, and the update rule of the published model.

AdamATan2 bounds every step by `lr * pi / 2` and needs no epsilon: `p -= lr * atan2(m_hat, sqrt(v_hat))`.
"""

import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Annotated, Any, ClassVar, Literal

import torch
from annotated_types import Ge, Gt, Le, Lt
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn.utils import clip_grads_with_norm_, get_total_norm
from torch.optim._muon import _adjust_lr, _zeropower_via_newtonschulz

from hrm_net.distributed import sharding
from hrm_net.distributed.group import current
from hrm_net.nn.embedding import SparsePuzzleEmbedding
from hrm_net.schema import check, require
from puzzles.errors import UserError

OptimName = Literal["adam_atan2", "adamw", "muon"]
Share = Annotated[float, Ge(0), Lt(1)]


@dataclass(kw_only=True, slots=True)
class OptimConfig:
    """The update rule, its learning rate over the steps, and the moving average of the weights."""

    __pydantic_config__: ClassVar = {"extra": "forbid"}

    # adam_atan2 (published), adamw, or muon: Muon on the matrices inside the H and L stacks, AdamW on all else.
    name: OptimName = "muon"
    # Peak learning rate. Muon's is rescaled to the update size of AdamW, so one value serves both of its parts.
    lr: Annotated[float, Gt(0)] = 8e-3
    # Decay of Muon's running mean of the gradient, for the matrices (muon). Lower values follow a changing task sooner.
    momentum: Share = 0.6
    # Decay of the running mean and of the running mean square of the gradient (adam_atan2, adamw).
    betas: tuple[Share, Share] = (0.9, 0.95)
    # Decoupled decay: every weight shrinks by lr * weight_decay each step.
    weight_decay: Annotated[float, Ge(0)] = 0.01
    # Steps over which the learning rate rises linearly to its peak.
    warmup_steps: Annotated[int, Ge(0)] = 50
    # Where the cosine ends, as a share of the peak; 1 keeps the peak.
    min_lr_ratio: Annotated[float, Ge(0), Le(1)] = 0.0
    # Peak learning rate of the puzzle table's sign-SGD: each number of a touched row moves by exactly this.
    puzzle_lr: Annotated[float, Ge(0)] = 1e-4
    # Decoupled decay of the touched rows of the puzzle table.
    puzzle_weight_decay: Annotated[float, Ge(0)] = 0.1
    # Decay of the moving average of the weights that is evaluated and saved; 0 turns it off.
    ema: Share = 0.99
    # Largest norm of the whole gradient; a longer one is scaled down to it. 0 turns clipping off.
    grad_clip: Annotated[float, Ge(0)] = 0.0

    def __post_init__(self) -> None:
        check(self, "optim")
        require("optim.betas", list(self.betas), len(self.betas) == 2, "a list of 2 numbers")
        for key, lr in (("weight_decay", self.lr), ("puzzle_weight_decay", self.puzzle_lr)):
            value = getattr(self, key)
            # Beyond 1 / lr a step would flip the sign of the weights.
            require(f"optim.{key}", value, lr * value <= 1, f"at most 1 / learning rate {lr:g}")


def lr_scale(step: int, *, total: int, warmup: int, min_ratio: float) -> float:
    """Share of the peak learning rate at update `step`, counted from 1: linear rise, then cosine to `min_ratio`.

    Exactly 1 at `step == warmup`, `min_ratio` from `total` on. A `total` below `warmup` cuts the rise short.
    """
    if step < warmup:
        return step / warmup
    progress = min(1.0, (step - warmup) / max(1, total - warmup))
    return min_ratio + (1 - min_ratio) * 0.5 * (1 + math.cos(math.pi * progress))


class AdamATan2(torch.optim.Optimizer):
    """Adam with `m / (sqrt(v) + eps)` replaced by `atan2(m, sqrt(v))`, and decoupled weight decay.

    p = p * (1 - lr * weight_decay) - lr * atan2(m_hat, sqrt(v_hat)),  m_hat = m / (1 - b1^t),  v_hat = v / (1 - b2^t)
    """

    def __init__(
        self,
        params: Iterable[Any],
        lr: float = 1e-4,
        betas: tuple[float, float] = (0.9, 0.95),
        weight_decay: float = 0.1,
    ) -> None:
        super().__init__(params, {"lr": lr, "betas": betas, "weight_decay": weight_decay})

    @torch.no_grad()
    def step(self, closure: Callable[[], float] | None = None) -> None:  # pyright: ignore[reportIncompatibleMethodOverride]
        assert closure is None, "AdamATan2 does not evaluate the loss again"
        for group in self.param_groups:
            params = [param for param in group["params"] if param.grad is not None]
            if params:
                self._step_group(params, group)

    def _step_group(self, params: list[Tensor], group: dict[str, Any]) -> None:
        lr, (beta1, beta2) = group["lr"], group["betas"]
        states = [self.state[param] for param in params]
        for param, state in zip(params, states, strict=True):
            if not state:
                state.update(step=0, exp_avg=torch.zeros_like(param), exp_avg_sq=torch.zeros_like(param))
            state["step"] += 1
        # All is done number by number, so of sharded tensors each process needs its own part alone.
        means = [sharding.local(state["exp_avg"]) for state in states]
        squares = [sharding.local(state["exp_avg_sq"]) for state in states]
        grads, params = [sharding.local(grad) for grad in _grads(params)], [sharding.local(param) for param in params]
        torch._foreach_lerp_(means, grads, 1 - beta1)
        torch._foreach_mul_(squares, beta2)
        torch._foreach_addcmul_(squares, grads, grads, 1 - beta2)
        # atan2(a y, a x) = atan2(y, x): both bias corrections meet in one factor on the mean.
        factors = [math.sqrt(1 - beta2 ** s["step"]) / (1 - beta1 ** s["step"]) for s in states]
        updates, roots = torch._foreach_mul(means, factors), torch._foreach_sqrt(squares)
        for update, root in zip(updates, roots, strict=True):
            update.atan2_(root)
        torch._foreach_mul_(params, 1 - lr * group["weight_decay"])
        torch._foreach_add_(params, updates, alpha=-lr)


class ShardedMuon(torch.optim.Muon):
    """Muon on matrices of which each process may hold some rows.

    Momentum and weights stay sharded. What is orthogonalised is gathered, in the bf16 that Newton-Schulz computes in,
    and every process computes it whole: the update is that of one process, to the bit where the gradients are equal.
    PyTorch's own Muon would multiply the parts, with a message for each product.
    """

    @torch.no_grad()
    def step(self, closure: Callable[[], float] | None = None) -> None:  # pyright: ignore[reportIncompatibleMethodOverride]
        params = [param for group in self.param_groups for param in group["params"]]
        if not any(sharding.is_sharded(param) for param in params):
            super().step(closure)
            return
        for group in self.param_groups:
            for param in group["params"]:
                if param.grad is not None:
                    self._step_sharded(param, group)

    def _step_sharded(self, param: Tensor, group: dict[str, Any]) -> None:
        lr, momentum = group["lr"], group["momentum"]
        state = self.state[param]
        if "momentum_buffer" not in state:
            state["momentum_buffer"] = torch.zeros_like(param)
        assert param.grad is not None
        grad, mean, weight = (sharding.local(tensor) for tensor in (param.grad, state["momentum_buffer"], param))
        mean.lerp_(grad, 1 - momentum)
        update = grad.lerp(mean, momentum) if group["nesterov"] else mean
        matrix = sharding.everywhere(update.bfloat16(), like=param)
        matrix = _zeropower_via_newtonschulz(matrix, group["ns_coefficients"], group["ns_steps"], group["eps"])
        weight.mul_(1 - lr * group["weight_decay"])
        rows = sharding.part_of(len(param), current())
        weight.add_(matrix[rows], alpha=-_adjust_lr(lr, group["adjust_lr_fn"], param.shape))


class Optimizers:
    """All optimizers of a model, stepped as one.

    Every parameter is in exactly one group; the puzzle table, a buffer, is updated by sign-SGD beside them.
    """

    def __init__(self, dense: list[torch.optim.Optimizer], puzzles: SparsePuzzleEmbedding | None, config: OptimConfig):
        self.dense, self.puzzles, self.config = dense, puzzles, config
        self.params: list[Tensor] = [p for opt in dense for group in opt.param_groups for p in group["params"]]

    def zero_grad(self) -> None:
        """Drop all gradients; before or after the forward pass, but before the backward pass."""
        for leaf in self._leaves():
            leaf.grad = None

    def grad_norm(self) -> Float[Tensor, ""]:
        """Euclidean norm of the whole gradient, puzzle rows included; finite only if every number in it is finite."""
        leaves = self._leaves()
        own = [leaf for leaf in leaves if self._sharded(leaf)]
        if not own:
            return get_total_norm(_grads(leaves))
        with torch.no_grad():
            parts = get_total_norm([sharding.local(grad) for grad in _grads(own)]).to(self.params[0].device)
            rest = get_total_norm(_grads(leaf for leaf in leaves if not self._sharded(leaf))).to(parts)
            return (current().sum_(parts.square()) + rest.square()).sqrt()

    def _sharded(self, leaf: Tensor) -> bool:
        """Whether other processes have other numbers of a leaf's gradient."""
        table = self.puzzles
        return sharding.is_sharded(leaf) or (
            table is not None and leaf is table.local_rows and sharding.is_sharded(table.weight)
        )

    def _leaves(self) -> list[Tensor]:
        rows = None if self.puzzles is None else self.puzzles.local_rows
        return self.params if rows is None else [*self.params, rows]

    def step(self, scale: float, norm: Tensor | None = None) -> None:
        """One update at `scale` times the peak learning rates. `norm`: the value of `grad_norm()`, if already known.

        Clipping scales the gradients of the parameters, not those of the puzzle rows, whose size sign-SGD ignores.
        """
        if self.config.grad_clip:
            norm = self.grad_norm() if norm is None else norm
            for sharded in (False, True):
                params = [param for param in self.params if sharding.is_sharded(param) == sharded]
                clip_grads_with_norm_(params, self.config.grad_clip, norm)
        for opt in self.dense:
            for group in opt.param_groups:
                group["lr"] = self.config.lr * scale
            opt.step()
        self._step_puzzles(scale)

    def _step_puzzles(self, scale: float) -> None:
        if self.puzzles is not None:
            self.puzzles.update(self.config.puzzle_lr * scale, self.config.puzzle_weight_decay)

    def state_dict(self) -> dict[str, Any]:
        """Tensors and plain numbers only. The puzzle table has no state but its weight, which belongs to the model."""
        return {"name": self.config.name, "dense": [opt.state_dict() for opt in self.dense]}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        if state["name"] != self.config.name:
            raise UserError(f"optim.name={self.config.name}: the checkpoint was written by {state['name']}")
        for opt, saved in zip(self.dense, state["dense"], strict=True):
            opt.load_state_dict(_with_shares(opt, saved))


def build_optimizers(model: nn.Module, config: OptimConfig) -> Optimizers:
    """The optimizers that `config` names, over `model.parameters()`; sign-SGD for `model.puzzle_embedding` if any."""
    puzzles = getattr(model, "puzzle_embedding", None)
    params = list(model.parameters())
    dense: list[torch.optim.Optimizer]
    if config.name == "adam_atan2":
        dense = [AdamATan2(params, lr=config.lr, betas=config.betas, weight_decay=config.weight_decay)]
    elif config.name == "adamw":
        dense = [_adamw(params, config)]
    else:
        matrices = muon_matrices(model)
        chosen = {id(param) for param in matrices}
        rest = [param for param in params if id(param) not in chosen]
        dense = [_muon(matrices, config), *([_adamw(rest, config)] if rest else [])]
    return Optimizers(dense, puzzles, config)


def muon_matrices(model: nn.Module) -> list[nn.Parameter]:
    """The 2-D weights inside a module named `H_level` or `L_level`, each once."""
    named = model.named_parameters()
    return [p for name, p in named if p.ndim == 2 and {"H_level", "L_level"} & set(name.split("."))]


def _adamw(params: list[nn.Parameter], config: OptimConfig) -> torch.optim.Optimizer:
    return torch.optim.AdamW(params, lr=config.lr, betas=config.betas, weight_decay=config.weight_decay, fused=True)


def _muon(params: list[nn.Parameter], config: OptimConfig) -> torch.optim.Optimizer:
    return ShardedMuon(
        params,
        lr=config.lr,
        weight_decay=config.weight_decay,
        momentum=config.momentum,
        adjust_lr_fn="match_rms_adamw",
    )


def _grads(params: Iterable[Tensor]) -> list[Tensor]:
    return [param.grad for param in params if param.grad is not None]


def _with_shares(opt: torch.optim.Optimizer, saved: dict[str, Any]) -> dict[str, Any]:
    """A saved state with the tensors that belong to a sharded parameter sharded likewise."""
    params = [param for group in opt.param_groups for param in group["params"]]
    numbers = [number for group in saved["param_groups"] for number in group["params"]]
    state = dict(saved["state"])
    for param, number in zip(params, numbers, strict=True):
        if sharding.is_sharded(param) and number in state:
            state[number] = {
                name: sharding.share_of(value, param) if getattr(value, "shape", None) == param.shape else value
                for name, value in state[number].items()
            }
    return {**saved, "state": state}
