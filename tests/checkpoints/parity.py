"""What the official code gave for four small models, and the same quantities from ours, under the same names."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from hrm_net.checkpoints.reference import NAMES, load_reference
from hrm_net.model import HRM
from hrm_net.nn.losses import segment_loss

CASES = ("hrm_rope", "hrm_learned", "trm_attention", "trm_mixer")
SEGMENTS, STEPS, BATCH = 4, 3, 4
Numbers = dict[str, Tensor]


def load_case(folder: Path, name: str) -> tuple[HRM, Numbers]:
    """Our model of a case, in fp32, and the official numbers."""
    case = json.loads((folder / "cases.json").read_text())[name]
    told = {"num_heads": "num_heads", "h_cycles": "H_cycles", "l_cycles": "L_cycles", "max_segments": "halt_max_steps"}
    overrides = {ours: case[theirs] for ours, theirs in told.items()}
    if case["pos_encodings"] == "rope":
        overrides["seq_len"] = case["seq_len"]
    model = load_reference(folder / f"{name}.checkpoint", exploration=0.0, **overrides)
    assert model.config.seq_len == case["seq_len"]
    return model, torch.load(folder / f"{name}.expected", weights_only=True)


def twin(model: HRM, *, dtype: torch.dtype = torch.float32, ulps: float = 0.0, seed: int = 0, **changes: Any) -> HRM:
    """The same weights under a changed configuration or dtype, each moved by up to `ulps` of its last places."""
    other = HRM(replace(model.config, **changes))
    other.load_state_dict(model.state_dict(), strict=False)
    other = other.to(dtype).eval()
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for weights in other.parameters():
            move = torch.rand(weights.shape, generator=generator, dtype=torch.float64) * 2 - 1
            weights.copy_(weights.double() * (1 + ulps * 2**-23 * move))
    return other


def numbers(model: HRM, expected: Numbers, loss: str = "stablemax") -> Numbers:
    """Everything in `expected` but the batch, from `model`."""
    return evaluated(model, expected) | trained(model, expected, loss)


def batch_of(expected: Numbers) -> Numbers:
    return {key.removeprefix("batch."): rows for key, rows in expected.items() if key.startswith("batch.")}


def evaluated(model: HRM, expected: Numbers) -> Numbers:
    """Logits and halting values of the four evaluation segments."""
    model.eval()
    batch = batch_of(expected)
    found, carry = {}, model.initial_carry(batch)
    for segment in range(1, SEGMENTS + 1):
        with torch.no_grad():
            carry, out = model(carry, batch)
        for key in ("logits", "q_halt", "q_continue"):
            found[f"eval.segment{segment}.{key}"] = getattr(out, key)
    return found


def trained(model: HRM, expected: Numbers, kind: str = "stablemax") -> Numbers:
    """Losses, metrics, flags and gradients of the three training steps."""
    model.train()
    batch = batch_of(expected)
    found, carry = {}, model.initial_carry(batch)
    theirs = {ours: name for name, ours in NAMES.items()}
    table: Any = model.puzzle_embedding
    for step in range(1, STEPS + 1):
        model.zero_grad(set_to_none=True)
        carry, out = model(carry, batch)
        loss = segment_loss(out, carry.labels, kind)
        (loss.total / BATCH).backward()
        halted = carry.halted
        metrics = {
            "count": halted.sum(),
            "accuracy": loss.cell_accuracy[halted].sum(),
            "exact_accuracy": loss.exact[halted].sum(),
            "q_halt_accuracy": ((out.q_halt >= 0) == loss.exact)[halted].sum(),
            "steps": carry.steps[halted].sum(),
            "lm_loss": loss.lm,
            "q_halt_loss": loss.q_halt,
        }
        if out.target_q_continue is not None:
            metrics["q_continue_loss"] = loss.q_continue
        at = f"train.step{step}."
        found |= {at + "loss_sum": loss.total.detach(), at + "halted": halted, at + "steps": carry.steps.clone()}
        found |= {f"{at}metric.{key}": value for key, value in metrics.items()}
        for name, param in model.named_parameters():
            found[f"{at}grad.inner.{theirs.get(name, name)}"] = (
                torch.zeros_like(param) if param.grad is None else param.grad
            )
        found[at + "grad.puzzle_rows"] = table.local_rows.grad.clone()
    return found


def deviation(ours: Tensor, theirs: Tensor) -> float:
    """Largest difference, relative to the largest number; of counts and flags, which are never rounded, 0 or inf."""
    a, b = ours.detach().double(), theirs.detach().double()
    if theirs.dtype in (torch.bool, torch.int32) or theirs.count_nonzero() == 0:
        return 0.0 if torch.equal(a, b) else float("inf")
    return ((a - b).abs().max() / b.abs().max()).item()


def deviations(ours: Numbers, theirs: Numbers) -> dict[str, float]:
    """By name, over the names that `theirs` has and `ours` has."""
    return {key: deviation(ours[key], theirs[key]) for key in ours}
