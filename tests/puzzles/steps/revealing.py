"""A model without weights whose answers are known beforehand, so that metrics can be checked exactly."""

from types import SimpleNamespace

import numpy as np
import torch
from torch import nn

import puzzles
from hrm_net.data.puzzle_sets import PuzzleSet

NEVER = 0


class Revealing(nn.Module):
    """Shows the puzzle as it is until the segment that its puzzle identifier gives, from then on its label.

    It wants to halt exactly when it shows the label, and is strict about how it is called.
    """

    def __init__(self, vocab_size: int, dtype: torch.dtype = torch.float32, sure: float = 4.0) -> None:
        super().__init__()
        self.scale = nn.Parameter(torch.ones((), dtype=dtype))
        self.vocab_size, self.sure = vocab_size, sure
        self.shapes: set[tuple[int, ...]] = set()
        self.calls = 0

    def initial_carry(self, batch):
        assert not self.training
        return SimpleNamespace(steps=0)

    def forward(self, carry, batch, *, max_segments=None, generator=None):
        assert not self.training
        assert not torch.is_grad_enabled()
        assert carry.steps < max_segments, "asked to go on after every row has halted"
        self.calls += 1
        self.shapes.add(tuple(batch["inputs"].shape))
        steps = carry.steps + 1
        at = batch["puzzle_identifiers"]
        shown = (at != NEVER) & (at <= steps)
        state = torch.where(shown[:, None], batch["labels"].clamp(min=0), batch["inputs"]).long()
        logits = nn.functional.one_hot(state, self.vocab_size).to(self.scale.dtype) * self.scale
        q_halt = torch.where(shown, self.sure, -self.sure).to(self.scale.dtype)
        return SimpleNamespace(steps=steps), SimpleNamespace(
            logits=logits, q_halt=q_halt, q_continue=torch.zeros_like(q_halt)
        )

    def wants_to_halt(self, out):
        return out.q_halt > out.q_continue


def revealed(times: list[int], box: str = "2x2") -> PuzzleSet:
    """A set whose puzzles the model above solves at these segments."""
    puzzle = puzzles.get("sudoku", box=box)
    inputs, labels = puzzle.generate(np.random.default_rng(0), len(times))
    return PuzzleSet("revealed", puzzle, inputs, labels, np.array(times))
