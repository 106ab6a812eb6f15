"""Small step scorers and random steps for tests."""

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from hrm_net.nn.config import HRMConfig
from hrm_net.reward.heads import HEADS
from hrm_net.reward.model import RewardModel
from hrm_net.reward.model_config import RewardModelConfig
from puzzles.errors import UserError
from tests.models import SEQ, SMALL, VARIANTS, VOCAB, seeded

SHOWN = ("symbols", "hrm", "hrm_learned", "trm_attention", "grid", "text")
MAX_LEFT = 5

ALL_HEADS = tuple(HEADS)


def small_config(variant: str = "symbols", objectives: tuple[str, ...] = ALL_HEADS, **core: Any) -> RewardModelConfig:
    text = variant == "text"
    values = {**SMALL, **VARIANTS["hrm" if text else variant], "num_puzzle_ids": 1, "l_cycles": 1, **core}
    return RewardModelConfig(
        core=HRMConfig(**values),
        objectives=list(objectives),
        inputs="text" if text else "grids",
        max_left=MAX_LEFT,
    )


def small_scorer(variant: str = "symbols", objectives: tuple[str, ...] = ALL_HEADS, **core: Any) -> RewardModel:
    """Heads that say something from the start."""
    model = RewardModel(small_config(variant, objectives, **core), seeded())
    with torch.no_grad():
        for name, param in model.named_parameters():
            if "head" in name and name.endswith("weight"):
                param.normal_(generator=seeded(3))
    return model


def random_rows(num: int = 6, variant: str = "symbols", seed: int = 1) -> dict[str, Tensor]:
    """Steps of up to 3 cells on random states; the first does nothing."""
    g = seeded(seed)
    span = torch.randint(1, 3, (num,), generator=g).to(torch.uint8)
    if variant == "text":
        part = torch.randint(0, 4, (num, SEQ), generator=g).sort(dim=1).values
        part[:, -4:] = 3
        tokens = torch.randint(1, VOCAB, (num, SEQ), generator=g) * (part > 0)
        return {"tokens": tokens, "part": part.to(torch.uint8), "span": span}
    problem, before = (torch.randint(1, VOCAB, (num, SEQ), generator=g).to(torch.uint8) for _ in range(2))
    after = before.clone()
    after[1:, :3] = torch.randint(1, VOCAB, (num - 1, 3), generator=g).to(torch.uint8)
    left = torch.randint(0, MAX_LEFT + 1, (num,), generator=g)
    return {"problem": problem, "before": before, "after": after, "left": left, "span": span}


def toy_batch(variant: str = "symbols", seed: int = 1) -> dict[str, Tensor]:
    """Three solutions of 3, 1 and 4 steps, and four rows by themselves of which one has no label."""
    rows = random_rows(12, variant, seed)
    rows["span"][:8] = 1
    nan = float("nan")
    return rows | {
        "trajectory": torch.tensor([0, 0, 0, 1, 2, 2, 2, 2, -1, -1, -1, -1]),
        "label": torch.tensor([1.0, 0.0, 0.0, 1.0, 1.0, 1.0, 1.0, 0.0, 1.0, 0.0, 1.0, nan]),
        "outcome": torch.tensor([False, True, False]),
        "error": torch.tensor([1, 1, 3]),
    }


def run(model: RewardModel, rows: dict[str, Tensor], segments: int = 2):
    state = model.initial_state(rows)
    out = None
    for _ in range(segments):
        state, out = model(state, rows)
    assert out is not None
    return state, out


def refusal(call: Callable[[], object]) -> str:
    """The message with which a call refuses a user's value; "" where it does not. Any other error is let through."""
    try:
        call()
    except UserError as error:
        return str(error) or "refused without a word\n"
    return ""
