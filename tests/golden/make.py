"""The losses of a few steps of every small variant: `python -m tests.golden.make` writes them anew after a change that
is meant to move them."""

import json
from pathlib import Path
from typing import cast

from hrm_net.nn.losses import segment_loss
from hrm_net.trainer.optim import OptimConfig, OptimName, build_optimizers
from tests.models import VARIANTS, seeded, small_batch, small_model

PATH = Path(__file__).with_name("losses.json")
STEPS = 5


def losses(variant: str, optimizer: str) -> list[float]:
    """Loss a row at each of a few updates in fp32, from fixed seeds."""
    model = small_model(variant)
    optim = build_optimizers(
        model, OptimConfig(name=cast(OptimName, optimizer), lr=1e-3, puzzle_lr=1e-2, weight_decay=0.1, warmup_steps=0)
    )
    batch = small_batch(model, batch=4)
    carry = model.initial_carry(batch)
    history = []
    for step in range(STEPS):
        carry, out = model(carry, batch, generator=seeded(step))
        loss = segment_loss(out, carry.labels, "stablemax")
        optim.zero_grad()
        (loss.total / 4).backward()
        optim.step(1.0)
        history.append(loss.total.item() / 4)
    return history


def all_losses() -> dict[str, list[float]]:
    """By variant and optimizer."""
    cases = [("symbols", "muon"), ("hrm", "adamw")]
    cases += [(variant, "adam_atan2") for variant in VARIANTS]
    return {f"{variant} {optimizer}": losses(variant, optimizer) for variant, optimizer in cases}


if __name__ == "__main__":
    PATH.write_text(json.dumps(all_losses(), indent=1) + "\n", encoding="utf-8")
