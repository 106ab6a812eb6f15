"""A model without weights that solves each puzzle at a segment known beforehand, row by row as its carry says."""

from typing import Any

import numpy as np
import torch
from torch import nn

from hrm_net.model import Carry, Output
from hrm_net.nn.config import HRMConfig

NEVER = 10_000


class Solving(nn.Module):
    """Shows a puzzle as it is until its segment, then its answer for good.

    The halting head's logit is `before` until then and `after` from then on. The state is one number a row: 1 until
    the answer is shown, then 1 + 1/t^2. Puzzles are known by their text, so it sees no symmetry.
    """

    def __init__(self, puzzle: Any, known: dict[bytes, tuple[np.ndarray, int]], **config: Any) -> None:
        super().__init__()
        self.config = HRMConfig(
            vocab_size=puzzle.vocab_size, seq_len=puzzle.seq_len, **{"halting": "halt_only", **config}
        )
        self.scale = nn.Parameter(torch.ones(()))
        self.known, self.before, self.after = known, -4.0, 4.0
        self.shapes: set[tuple[int, ...]] = set()
        self.calls = self.busy = 0

    def initial_carry(self, batch):
        num = len(batch["inputs"])
        return Carry(
            z_H=torch.zeros(num, 1),
            z_L=torch.zeros(num, 1),
            steps=torch.zeros(num, dtype=torch.int32),
            halted=torch.ones(num, dtype=torch.bool),
            **{key: torch.zeros_like(batch[key]) for key in ("inputs", "labels", "puzzle_identifiers")},
        )

    def forward(self, carry, batch, *, max_segments=None, generator=None):
        assert not self.training
        assert not torch.is_grad_enabled()
        self.calls += 1
        self.shapes.add(tuple(batch["inputs"].shape))
        inputs = torch.where(carry.halted[:, None], batch["inputs"], carry.inputs)
        steps = carry.steps.masked_fill(carry.halted, 0) + 1
        states, shown = inputs.clone().long(), []
        for row, tokens in enumerate(inputs.numpy().astype(np.uint8)):
            answer, at = self.known.get(tokens.tobytes(), (tokens, NEVER))
            shown.append(int(steps[row]) >= at)
            if shown[-1]:
                states[row] = torch.from_numpy(answer.astype(np.int64))
        right = torch.tensor(shown)
        q = torch.where(right, self.after, self.before)
        state = torch.where(right, 1.0 + 1.0 / steps.float() ** 2, steps.float())[:, None]
        next_carry = Carry(
            z_H=state, z_L=state, steps=steps, halted=torch.zeros(len(steps), dtype=torch.bool), inputs=inputs,
            labels=carry.labels, puzzle_identifiers=carry.puzzle_identifiers,
        )  # fmt: skip
        logits = nn.functional.one_hot(states, self.config.vocab_size).float() * self.scale
        return next_carry, Output(logits=logits, q_halt=q, q_continue=torch.zeros_like(q))

    def wants_to_halt(self, out):
        return out.q_halt > 0


def solving(puzzle: Any, times: list[int], seed: int = 0, **config: Any) -> tuple[Solving, np.ndarray, np.ndarray]:
    """(model, inputs, labels) of fresh puzzles that the model solves at these segments."""
    inputs, labels = puzzle.generate(np.random.default_rng(seed), len(times))
    known = {row.tobytes(): (label, at) for row, label, at in zip(inputs, labels, times, strict=True)}
    return Solving(puzzle, known, **config), inputs, labels
