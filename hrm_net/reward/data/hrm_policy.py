"""A trained HRM as a policy: it fills in a puzzle cell by cell, sampled from its probabilities."""

import numpy as np
import torch
from jaxtyping import Float, Integer, UInt8
from torch import nn

from hrm_net.inference.segments import inference
from puzzles.base import Puzzle
from puzzles.errors import UserError
from puzzles.steps.policies import check_policy
from puzzles.steps.rules import StepRules
from puzzles.steps.steps import Regime

ROWS = 2048  # computed at once
States = Integer[np.ndarray, "num seq"]


class HRMPolicy:
    """See `puzzles.steps.policies.Policy`. It draws (cell, value) pairs in proportion to
    p(value | cell)^(1 / temperature).

    So cells of which the model is confident tend to come first. In "fill" the pairs are the legal values of blank
    cells; in "edit" also other values of written cells. The model is shown the state so far where such a state is an
    input that it was trained on (`Puzzle.states_are_puzzles`, regime "fill"), else the problem alone: it would take a
    wrong value in a state as given. A row without a pair stays as it is.
    """

    def __init__(
        self,
        model: nn.Module,
        puzzle: Puzzle,
        rules: StepRules,
        *,
        temperature: float = 1.0,
        cells_per_step: int = 1,
        regime: Regime = "fill",
        segments: int = 4,
        puzzle_identifier: int = 0,
    ) -> None:
        self.regime: Regime = check_policy(cells_per_step, regime)
        if segments < 1:
            raise UserError(f"segments={segments}: must be at least 1")
        if not temperature > 0:
            raise UserError(f"temperature={temperature}: must be above 0")
        size = (model.config.seq_len, model.config.vocab_size)  # type: ignore[union-attr]
        if size != (puzzle.seq_len, puzzle.vocab_size):
            wanted = f"{puzzle.name} has {puzzle.seq_len} and {puzzle.vocab_size}"
            raise UserError(f"model: made for {size[0]} cells and {size[1]} tokens: {wanted}")
        self.model, self.rules = model, rules
        self.temperature, self.segments = float(temperature), segments
        self.cells_per_step = cells_per_step
        self.puzzle_identifier = puzzle_identifier
        self.sees_state = puzzle.states_are_puzzles and regime == "fill"
        self.name = f"hrm(temperature={temperature:g},segments={segments})"

    def __call__(
        self, rng: np.random.Generator, problems: States, states: States, left: Integer[np.ndarray, " num"]
    ) -> tuple[UInt8[np.ndarray, "num seq"], Float[np.ndarray, " num"]]:
        """(states after the step, log-probability of the edits in the order they were drawn)."""
        after, logp = np.array(states, np.uint8), np.zeros(len(states))
        for first in range(0, len(states), ROWS):
            piece = slice(first, first + ROWS)
            after[piece], logp[piece] = self._step(rng, problems[piece], after[piece])
        return after, logp

    def _step(
        self, rng: np.random.Generator, problems: np.ndarray, states: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray]:
        belief = self._belief(rng, states if self.sees_state else problems) / self.temperature
        states, logp = states.copy(), np.zeros(len(states))
        touched = np.zeros(states.shape, bool)
        for _ in range(self.cells_per_step):
            allowed = self._allowed(problems, states) & ~touched[:, :, None]
            scores = np.where(allowed, belief, -np.inf).reshape(len(states), -1)
            rows = np.flatnonzero(allowed.any((1, 2)))
            # the largest of scores plus Gumbel noise is a draw from their softmax
            noise = rng.gumbel(size=scores.shape)
            pick = (scores + noise)[rows].argmax(1)
            top = scores[rows].max(1)
            total = top + np.log(np.exp(scores[rows] - top[:, None]).sum(1))
            logp[rows] += scores[rows, pick] - total
            cell, value = pick // allowed.shape[2], pick % allowed.shape[2]
            states[rows, cell] = value
            touched[rows, cell] = True
        return states, logp

    def _allowed(self, problems: np.ndarray, states: np.ndarray) -> np.ndarray:
        """[num, seq, vocab]: the values that may be written into each cell."""
        allowed = self.rules.legal(problems, states)
        if self.regime == "fill":
            return allowed
        tokens = np.arange(allowed.shape[2])
        written = self.rules.editable(problems) & (states != self.rules.blank)
        other = np.isin(tokens, self.rules.values) & (tokens != states[:, :, None])
        return allowed | (written[:, :, None] & other)

    def _belief(self, rng: np.random.Generator, shown: np.ndarray) -> Float[np.ndarray, "num seq vocab"]:
        """log p(value | cell) after the last segment; equal inputs are run once."""
        different, place = np.unique(shown, axis=0, return_inverse=True)
        device = next(self.model.parameters()).device
        inputs = torch.from_numpy(different.astype(np.int32)).to(device)
        identifiers = torch.full((len(inputs),), self.puzzle_identifier, dtype=torch.int32, device=device)
        batch = {"inputs": inputs, "labels": torch.zeros_like(inputs), "puzzle_identifiers": identifiers}
        generator = torch.Generator(device).manual_seed(int(rng.integers(1 << 62)))
        with inference(self.model):
            carry = self.model.initial_carry(batch)  # type: ignore[operator]
            for _ in range(self.segments):
                carry, out = self.model(carry, batch, max_segments=self.segments, generator=generator)
            belief = out.logits.double().log_softmax(-1).cpu().numpy()  # pyright: ignore[reportPossiblyUnboundVariable]
        return belief[place.reshape(-1)]
