"""The losses of a few steps of every small variant: `python -m tests.golden.make` writes them anew after a change that
is meant to move them."""

import json
from pathlib import Path
from typing import Any
from unittest.mock import patch

import torch

from hrm_net.nn.losses import segment_loss
from hrm_net.trainer.optim import OptimConfig, build_optimizers
from tests.models import VARIANTS, seeded, small_batch, small_model

PATH = Path(__file__).with_name("losses.json")
STEPS = 5
# As their files in conf/optim have them, but for what all of them share below.
OPTIMIZERS: dict[str, dict[str, Any]] = {
    "adam_atan2": {"name": "adam_atan2"},
    "adamw": {"name": "adamw"},
    "muon": {"name": "muon", "momentum": 0.95},
    "muon_fast": {"name": "muon", "momentum": 0.6},
}


def losses(variant: str, optimizer: str) -> list[float]:
    """Loss a row at each of a few updates in fp32, from fixed seeds.

    Muon orthogonalises in fp64 here: in bf16, as it does in a run, the losses of two processors differ by up to 4e-4.
    """
    model = small_model(variant)
    optim = build_optimizers(
        model, OptimConfig(**OPTIMIZERS[optimizer], lr=1e-3, puzzle_lr=1e-2, weight_decay=0.1, warmup_steps=0)
    )
    batch = small_batch(model, batch=4)
    carry = model.initial_carry(batch)
    history = []
    for step in range(STEPS):
        carry, out = model(carry, batch, generator=seeded(step))
        loss = segment_loss(out, carry.labels, "stablemax")
        optim.zero_grad()
        (loss.total / 4).backward()
        with patch.object(torch.Tensor, "bfloat16", torch.Tensor.double):
            optim.step(1.0)
        history.append(loss.total.item() / 4)
    return history


def all_losses() -> dict[str, list[float]]:
    """By variant and optimizer."""
    cases = [("relational", "muon_fast"), ("symbols", "muon"), ("hrm", "adamw")]
    cases += [(variant, "adam_atan2") for variant in VARIANTS]
    return {f"{variant} {optimizer}": losses(variant, optimizer) for variant, optimizer in cases}


if __name__ == "__main__":
    PATH.write_text(json.dumps(all_losses(), indent=1) + "\n", encoding="utf-8")
