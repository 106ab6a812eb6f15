"""Solves puzzles with a trained model: compute that follows difficulty, and more of it where asked.

Puzzles stream through a batch of fixed width until a stop rule ends each; with restarts each is thought about several
times, and one answer chosen: `slots`, `stopping`, `restarts` and `selection` in `hrm_net.solving`.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Bool, Float, Integer
from torch import nn

from hrm_net.inference.batching import Check, Finished, Slots, Steps
from hrm_net.inference.restarts import Restarts
from hrm_net.inference.segments import inference
from hrm_net.inference.selection import check_selection, choose
from hrm_net.inference.stopping import check_stop, parse_stop
from hrm_net.nn.config import HRMConfig
from puzzles.base import Puzzle
from puzzles.errors import UserError

# Where the shipped weights lose no accuracy against 16 segments (benchmarks/solver.py).
SURE = "q:0.98"
DEFAULT_STOP = {"halt_only": SURE, "q_learning": "q", "fixed": "unchanged:2"}


@dataclass(kw_only=True, slots=True)
class Solution:
    """An answer to each puzzle.

    `solved`: right by the rules, and given with enough confidence; nowhere where no rules can tell. `confidence` in
    [0, 1] is what the selection makes of it: a single pass has the halting head's probability of being right.
    `segments` counts those of all restarts that had a say; `computed` all rows times segments, idle and abandoned ones
    included. `abstained`: the confidence lies below the bound that was asked for, so `answers` holds a guess only.
    `trace` has the chosen pass of each puzzle, segment by segment.
    """

    answers: Integer[np.ndarray, "num seq"]
    solved: Bool[np.ndarray, " num"]
    confidence: Float[np.ndarray, " num"]
    segments: Integer[np.ndarray, " num"]
    abstained: Bool[np.ndarray, " num"]
    computed: int
    trace: list[Steps] | None = None


@dataclass(kw_only=True, slots=True)
class Passes:
    """The end of every pass over every puzzle, in the puzzle's own orientation. `segments` 0: not run to its end."""

    answers: Integer[np.ndarray, "num restarts seq"]
    confidence: Float[np.ndarray, "num restarts"]
    residual: Float[np.ndarray, "num restarts"]
    segments: Integer[np.ndarray, "num restarts"]
    steps: dict[tuple[int, int], Steps]
    computed: int

    def first(self, num: int) -> "Passes":
        """Only the first `num` passes over each puzzle."""
        return replace(
            self,
            answers=self.answers[:, :num],
            confidence=self.confidence[:, :num],
            residual=self.residual[:, :num],
            segments=self.segments[:, :num],
        )


def solve(
    model: nn.Module,
    puzzle: Puzzle,
    inputs: Integer[np.ndarray, "num seq"],
    *,
    max_segments: int = 16,
    stop: str | Sequence[str] | None = None,
    restarts: int = 1,
    restart_by: str = "auto",
    select: str = "q",
    batch_size: int = 64,
    seed: int = 0,
    puzzle_identifiers: Integer[np.ndarray, " identifiers"] | None = None,
    abstain_below: float | None = None,
    trace: bool = False,
    narrow: bool = True,
) -> Solution:
    """The model's answers to any number of puzzles, on the model's device.

    A row ends when any rule of `stop` says so (see `hrm_net.inference.stopping`; None: what suits the model's halting
    head) or after `max_segments`, which may exceed the segments of training. `restarts` passes over each puzzle differ
    by `restart_by`: random (models that start from random states or add noise), symmetry, or auto: the former where
    the model has it. `select` chooses among them (see `hrm_net.inference.selection`); verifier ends a puzzle at its
    first right answer. `narrow` halves the batch while its last rows are few; a compiled model compiles each width
    once.

    The answer to a puzzle depends on the puzzle, the seed and these settings, not on its neighbours or its place.
    ValueError of one line for settings that model or puzzle cannot serve, before any work.
    """
    check_bound(abstain_below)
    verifying = select == "verifier"
    passes = run_passes(
        model, puzzle, inputs, max_segments=max_segments, stop=stop, restarts=restarts, restart_by=restart_by,
        select=select, batch_size=batch_size, seed=seed, puzzle_identifiers=puzzle_identifiers, trace=trace,
        narrow=narrow, until_verified=verifying,
    )  # fmt: skip
    num = len(inputs)
    chosen, confidence = choose_answers(puzzle, inputs, passes, select)
    rows = np.arange(num)
    answers = passes.answers[rows, chosen]
    abstained = confidence < abstain_below if abstain_below is not None else np.zeros(num, bool)
    right = rule_check(puzzle)(inputs, answers) if puzzle.verifiable else np.zeros(num, bool)
    had_say = passes.segments.copy()
    if verifying:
        # passes beyond the verified one were under way or not, as the batch had it
        had_say[right[:, None] & (np.arange(restarts) > chosen[:, None])] = 0
    return Solution(
        answers=answers,
        solved=right & ~abstained,
        confidence=confidence,
        segments=had_say.sum(axis=1),
        abstained=abstained,
        computed=passes.computed,
        trace=[passes.steps[i, int(chosen[i])] for i in range(num)] if trace else None,
    )


def run_passes(
    model: nn.Module,
    puzzle: Puzzle,
    inputs: Integer[np.ndarray, "num seq"],
    *,
    max_segments: int = 16,
    stop: str | Sequence[str] | None = None,
    restarts: int = 1,
    restart_by: str = "auto",
    select: str = "q",
    batch_size: int = 64,
    seed: int = 0,
    puzzle_identifiers: Integer[np.ndarray, " identifiers"] | None = None,
    trace: bool = False,
    narrow: bool = True,
    until_verified: bool = False,
    need_residual: bool = False,
) -> Passes:
    """Every pass that `solve` chooses from. `until_verified`: none after a puzzle's first verified answer.

    Residuals are infinite unless a rule, the selection, the trace or `need_residual` wants them.
    """
    config = model_config(model)
    for key, value in (("max_segments", max_segments), ("batch_size", batch_size)):
        if value < 1:
            raise UserError(f"{key}={value}: must be at least 1")
    stops = parse_stop(DEFAULT_STOP[config.halting] if stop is None else stop)
    check_stop(stops, halting=config.halting, puzzle_name=puzzle.name, verifiable=puzzle.verifiable)
    check_selection(
        select, puzzle_name=puzzle.name, verifiable=puzzle.verifiable, halting=config.halting, restarts=restarts
    )
    again = Restarts(puzzle, config, restarts, restart_by, seed)
    identifiers = np.zeros(len(inputs), np.int32) if puzzle_identifiers is None else puzzle_identifiers
    check_inputs(model, puzzle, inputs, identifiers)
    num, seq_len = inputs.shape
    found = Passes(
        answers=np.zeros((num, restarts, seq_len), inputs.dtype),
        confidence=np.zeros((num, restarts)),
        residual=np.full((num, restarts), np.inf),
        segments=np.zeros((num, restarts), np.int64),
        steps={},
        computed=0,
    )
    check = rule_check(puzzle)
    first_right = np.full(num, restarts)  # the earliest pass known to be right
    slots = Slots(
        model, again.jobs(inputs, identifiers), batch_size, max_segments=max_segments, stop=stops, check=check,
        wanted=lambda key: key[1] <= first_right[key[0]], noisy=again.random, narrow=narrow, trace=trace,
        residual=need_residual or select == "residual", device=next(model.parameters()).device,
    )  # fmt: skip
    with inference(model):
        for end in slots.run():
            _keep(found, end, again)
            i, restart = end.key
            if until_verified and check(inputs[i : i + 1], found.answers[i, restart][None])[0]:
                first_right[i] = min(first_right[i], restart)
    found.computed = slots.computed
    return found


def choose_answers(
    puzzle: Puzzle, inputs: Integer[np.ndarray, "num seq"], passes: Passes, select: str
) -> tuple[Integer[np.ndarray, " num"], Float[np.ndarray, " num"]]:
    """(pass whose answer to give, confidence in it) of each puzzle."""
    check, num = rule_check(puzzle), len(inputs)
    chosen, confidence = np.zeros(num, np.int64), np.zeros(num)
    for i in range(num):
        ran = np.flatnonzero(passes.segments[i])

        def verified(answers: np.ndarray, i: int = i) -> np.ndarray:
            return check(np.repeat(inputs[i : i + 1], len(answers), axis=0), answers)

        best, confidence[i] = choose(
            select, passes.answers[i, ran], passes.confidence[i, ran], passes.residual[i, ran], verified
        )
        chosen[i] = ran[best]
    return chosen, confidence


def _keep(found: Passes, end: Finished, again: Restarts) -> None:
    i, restart = end.key
    found.answers[i, restart] = again.back(restart, end.answer[None])[0]
    found.confidence[i, restart], found.residual[i, restart] = end.confidence, end.residual
    found.segments[i, restart] = end.segments
    if end.steps is not None:
        end.steps.states = list(again.back(restart, np.stack(end.steps.states)))
        found.steps[end.key] = end.steps


def rule_check(puzzle: Puzzle) -> Check:
    """(inputs, states of any integer type) -> solved by the rules."""

    def check(inputs: np.ndarray, states: np.ndarray) -> np.ndarray:
        return puzzle.check(inputs, states.astype(inputs.dtype)).solved

    return check


def check_inputs(
    model: nn.Module,
    puzzle: Puzzle,
    inputs: Integer[np.ndarray, "num seq"],
    puzzle_identifiers: Integer[np.ndarray, " identifiers"],
) -> None:
    """ValueError for puzzles that are none of the model's, or none at all."""
    config = model_config(model)
    if (puzzle.seq_len, puzzle.vocab_size) != (config.seq_len, config.vocab_size):
        raise UserError(
            f"puzzle={puzzle.name}: has {puzzle.seq_len} cells and {puzzle.vocab_size} token ids, the model was "
            f"trained on {config.seq_len} and {config.vocab_size}"
        )
    if inputs.shape[0] == 0:
        raise UserError("inputs: hold no puzzle")
    if inputs.shape[1] != puzzle.seq_len:
        raise UserError(f"inputs: have {inputs.shape[1]} cells, {puzzle.name} has {puzzle.seq_len}")
    if inputs.min() < 0 or inputs.max() >= puzzle.vocab_size:
        row = int(np.argmax(((inputs < 0) | (inputs >= puzzle.vocab_size)).any(axis=1)))
        raise UserError(f"inputs[{row}]: token ids must lie in 0..{puzzle.vocab_size - 1}")
    if len(puzzle_identifiers) != len(inputs):
        raise UserError(f"puzzle_identifiers: {len(puzzle_identifiers)} for {len(inputs)} puzzles")
    if puzzle_identifiers.min() < 0 or puzzle_identifiers.max() >= config.num_puzzle_ids:
        raise UserError(f"puzzle_identifiers: must lie in 0..{config.num_puzzle_ids - 1}, as in the model's training")


def model_config(model: nn.Module) -> HRMConfig:
    """The configuration of an `HRM`, or of what stands in for one."""
    return model.config  # pyright: ignore[reportReturnType]


def check_bound(abstain_below: float | None) -> None:
    if abstain_below is not None and not 0 <= abstain_below <= 1:
        raise UserError(f"abstain_below={abstain_below}: must lie in 0..1")
