"""Solves puzzles with a trained model, spending compute where it is needed.

Puzzles run through a batch of fixed width until a stop rule ends each of them. With restarts, the model makes several
passes over each puzzle, and one of the answers is chosen: see `batching`, `stopping`, `restarts` and `selection` in
`hrm_net.inference`.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
from jaxtyping import Bool, Float, Integer
from torch import Tensor, nn

from hrm_net.inference.batching import Check, ContinuousBatcher, FinishedPass, PassTrace
from hrm_net.inference.restarts import Restarts
from hrm_net.inference.segments import inference
from hrm_net.inference.selection import check_selection, choose
from hrm_net.inference.stopping import check_stop, parse_stop
from hrm_net.model import HRM
from hrm_net.nn.config import HRMConfig
from hrm_net.nn.layer_config import as_json, is_number
from puzzles.base import Puzzle
from puzzles.errors import UserError

# Here the weights `sudoku_symbols` lose no accuracy against 16 segments (benchmarks/solver.py).
DEFAULT_STOP = {"halt_only": "q:0.98", "q_learning": "q", "fixed": "unchanged:2"}


@dataclass(kw_only=True, slots=True)
class Solution:
    """An answer to each puzzle.

    `solved`: right by the rules, and given with enough confidence; False everywhere where no rules can tell.
    `confidence` in [0, 1] is defined by the selection; for a single pass it is the halting head's probability that the
    answer is right. `segments` counts those of all restarts among which the answer was chosen, `computed` all rows
    times segments, idle and abandoned ones included. `abstained`: the confidence is below the bound that was asked for,
    so `answers` holds only a guess. `trace` has the chosen pass of each puzzle, segment by segment.
    """

    answers: Integer[np.ndarray, "num seq"]
    solved: Bool[np.ndarray, " num"]
    confidence: Float[np.ndarray, " num"]
    segments: Integer[np.ndarray, " num"]
    abstained: Bool[np.ndarray, " num"]
    computed: int
    trace: list[PassTrace] | None = None


@dataclass(kw_only=True, slots=True)
class Passes:
    """The end of every pass over every puzzle, with symmetries undone; `segments` is 0 where a pass did not finish."""

    answers: Integer[np.ndarray, "num restarts seq"]
    confidence: Float[np.ndarray, "num restarts"]
    residual: Float[np.ndarray, "num restarts"]
    segments: Integer[np.ndarray, "num restarts"]
    traces: dict[tuple[int, int], PassTrace]
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
    inputs: Any,
    *,
    max_segments: int = 16,
    stop: str | Sequence[str] | None = None,
    restarts: int = 1,
    restart_by: str = "auto",
    select: str = "q",
    batch_size: int = 64,
    seed: int = 0,
    puzzle_identifiers: Any = None,
    abstain_below: float | None = None,
    trace: bool = False,
    narrow: bool = True,
) -> Solution:
    """The model's answers to any number of puzzles, computed on the model's device.

    `inputs` are token ids as an integer array or tensor [num, seq], or [seq] for one puzzle; lists of these; a text
    that `puzzle.parse` reads, or a list of texts. One puzzle gives a `Solution` of one row. `puzzle_identifiers` are
    integers [num], by default 0 for every puzzle. The puzzle may have another size than those of training where the
    model's weights serve any size (`HRM.fitted`).

    A row ends when any rule of `stop` says so (see `hrm_net.inference.stopping`; None takes the rule that suits the
    model's halting head) or after `max_segments`, which may exceed the segments of training. `restarts` passes over
    each puzzle differ by `restart_by`: random (for models that start from random states or add noise), symmetry, or
    auto, which takes random where the model has it. `select` chooses among the answers (see
    `hrm_net.inference.selection`); verifier ends a puzzle at its first right answer. `narrow` halves the batch while
    its last rows are few; a compiled model compiles each width once.

    The answer to a puzzle depends on the puzzle, the seed and these settings, not on the other puzzles. UserError of
    one line, before any work, for inputs that are not puzzles and settings that model or puzzle do not offer.
    """
    model = _of_its_size(model, puzzle)
    inputs, identifiers = check_inputs(model, puzzle, inputs, puzzle_identifiers)
    if abstain_below is not None and not (is_number(abstain_below) and 0 <= abstain_below <= 1):
        raise UserError(f"abstain_below={as_json(abstain_below)}: must lie in 0..1")
    verifying = select == "verifier"
    passes = run_passes(
        model, puzzle, inputs, max_segments=max_segments, stop=stop, restarts=restarts, restart_by=restart_by,
        select=select, batch_size=batch_size, seed=seed, puzzle_identifiers=identifiers, trace=trace,
        narrow=narrow, until_verified=verifying,
    )  # fmt: skip
    num = len(inputs)
    chosen, confidence = choose_answers(puzzle, inputs, passes, select)
    rows = np.arange(num)
    answers = passes.answers[rows, chosen]
    abstained = confidence < abstain_below if abstain_below is not None else np.zeros(num, bool)
    right = rule_check(puzzle)(inputs, answers) if puzzle.verifiable else np.zeros(num, bool)
    counted = passes.segments.copy()
    if verifying:
        # Which passes beyond the verified one were under way depends on the batch.
        counted[right[:, None] & (np.arange(restarts) > chosen[:, None])] = 0
    return Solution(
        answers=answers,
        solved=right & ~abstained,
        confidence=confidence,
        segments=counted.sum(axis=1),
        abstained=abstained,
        computed=passes.computed,
        trace=[passes.traces[i, int(chosen[i])] for i in range(num)] if trace else None,
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
    """Every pass that `solve` chooses from; with `until_verified`, none after a puzzle's first verified answer.

    Residuals are infinite unless a rule, the selection, the trace or `need_residual` needs them.
    """
    config = model_config(model)
    for key, value in (("max_segments", max_segments), ("batch_size", batch_size), ("restarts", restarts)):
        if type(value) is not int:
            raise UserError(f"{key}={as_json(value)}: must be a whole number")
        if value < 1:
            raise UserError(f"{key}={value}: must be at least 1")
    if type(seed) is not int:
        raise UserError(f"seed={as_json(seed)}: must be a whole number")
    stops = parse_stop(DEFAULT_STOP[config.halting] if stop is None else stop)
    check_stop(stops, halting=config.halting, puzzle_name=puzzle.name, verifiable=puzzle.verifiable)
    check_selection(
        select, puzzle_name=puzzle.name, verifiable=puzzle.verifiable, halting=config.halting, restarts=restarts
    )
    again = Restarts(puzzle, config, restarts, restart_by, seed)
    inputs, identifiers = check_inputs(model, puzzle, inputs, puzzle_identifiers)
    num, seq_len = inputs.shape
    found = Passes(
        answers=np.zeros((num, restarts, seq_len), inputs.dtype),
        confidence=np.zeros((num, restarts)),
        residual=np.full((num, restarts), np.inf),
        segments=np.zeros((num, restarts), np.int64),
        traces={},
        computed=0,
    )
    check = rule_check(puzzle)
    first_right = np.full(num, restarts)  # the earliest pass whose answer is verified
    batcher = ContinuousBatcher(
        model, again.passes(inputs, identifiers), batch_size, max_segments=max_segments, stop=stops, check=check,
        wanted=lambda key: key[1] <= first_right[key[0]], noisy=again.random, narrow=narrow, trace=trace,
        residual=need_residual or select == "residual", device=next(model.parameters()).device,
    )  # fmt: skip
    with inference(model):
        for end in batcher.run():
            _keep(found, end, again)
            i, restart = end.key
            if until_verified and check(inputs[i : i + 1], found.answers[i, restart][None])[0]:
                first_right[i] = min(first_right[i], restart)
    found.computed = batcher.computed
    return found


def choose_answers(
    puzzle: Puzzle, inputs: Integer[np.ndarray, "num seq"], passes: Passes, select: str
) -> tuple[Integer[np.ndarray, " num"], Float[np.ndarray, " num"]]:
    """For each puzzle, the pass whose answer is given, and the confidence in it."""
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


def _keep(found: Passes, end: FinishedPass, restarts: Restarts) -> None:
    i, restart = end.key
    found.answers[i, restart] = restarts.undo(restart, end.answer[None])[0]
    found.confidence[i, restart], found.residual[i, restart] = end.confidence, end.residual
    found.segments[i, restart] = end.segments
    if end.trace is not None:
        end.trace.states = list(restarts.undo(restart, np.stack(end.trace.states)))
        found.traces[end.key] = end.trace


def rule_check(puzzle: Puzzle) -> Check:
    """The function (inputs, states of any integer type) -> which states solve their puzzle by its rules."""

    def check(inputs: np.ndarray, states: np.ndarray) -> np.ndarray:
        return puzzle.check(inputs, states.astype(inputs.dtype)).solved

    return check


def _of_its_size(model: nn.Module, puzzle: Puzzle) -> nn.Module:
    """The model, or its twin of the puzzle's size where its weights serve any size."""
    if not isinstance(model, HRM):
        return model
    try:
        return model.fitted(puzzle)
    except UserError:
        return model  # `check_inputs` names the size that it was trained on


def check_inputs(
    model: nn.Module, puzzle: Puzzle, inputs: Any, puzzle_identifiers: Any = None
) -> tuple[Integer[np.ndarray, "num seq"], Integer[np.ndarray, " num"]]:
    """Puzzles as `solve` takes them, as token ids with their identifiers; UserError for what this model cannot take."""
    config = model_config(model)
    if (puzzle.seq_len, puzzle.vocab_size) != (config.seq_len, config.vocab_size):
        raise UserError(
            f"puzzle={puzzle.name}: has {puzzle.seq_len} cells and {puzzle.vocab_size} token ids, the model was "
            f"trained on {config.seq_len} and {config.vocab_size}"
        )
    rows = _token_rows(puzzle, inputs)
    if rows.min() < 0 or rows.max() >= puzzle.vocab_size:
        row = int(np.argmax(((rows < 0) | (rows >= puzzle.vocab_size)).any(axis=1)))
        raise UserError(f"inputs[{row}]: token ids must lie in 0..{puzzle.vocab_size - 1}")
    if puzzle_identifiers is None:
        return rows, np.zeros(len(rows), np.int32)
    identifiers = _integers("puzzle_identifiers", puzzle_identifiers)
    if identifiers.shape != (len(rows),):
        shape = f"{len(identifiers)}" if identifiers.ndim == 1 else f"have the shape {identifiers.shape}"
        raise UserError(f"puzzle_identifiers: {shape} for {len(rows)} puzzles")
    if identifiers.min() < 0 or identifiers.max() >= config.num_puzzle_ids:
        raise UserError(f"puzzle_identifiers: must lie in 0..{config.num_puzzle_ids - 1}, as in the model's training")
    return rows, identifiers


def _token_rows(puzzle: Puzzle, inputs: Any) -> Integer[np.ndarray, "num seq"]:
    """Token ids of what is a text, a list of texts, or integers [seq] or [num, seq] in an array, a tensor or a list."""
    if isinstance(inputs, str):
        return puzzle.parse(inputs)[None]
    if isinstance(inputs, list | tuple) and any(isinstance(text, str) for text in inputs):
        return np.stack([_parsed(puzzle, text, i) for i, text in enumerate(inputs)])
    rows = _integers("inputs", inputs)
    rows = rows[None] if rows.ndim == 1 and len(rows) else rows
    if rows.size == 0:
        raise UserError("inputs: hold no puzzle")
    if rows.ndim != 2:
        raise UserError(f"inputs: have the shape {rows.shape}, must be [num, {puzzle.seq_len}] or [{puzzle.seq_len}]")
    if rows.shape[1] != puzzle.seq_len:
        raise UserError(f"inputs: have {rows.shape[1]} cells, {puzzle.name} has {puzzle.seq_len}")
    return rows


def _parsed(puzzle: Puzzle, text: object, index: int) -> Integer[np.ndarray, " seq"]:
    if not isinstance(text, str):
        raise UserError(f"inputs[{index}]={as_json(text)}: must be a text, as the others are")
    try:
        return puzzle.parse(text)
    except UserError as error:
        raise UserError(f"inputs[{index}]: {error}") from None


def _integers(key: str, values: Any) -> np.ndarray:
    """An array of integers; UserError for anything else."""
    bound = "must be whole numbers in an array, a tensor or a list" + (", or texts" if key == "inputs" else "")
    if isinstance(values, list | tuple):
        values = [each.cpu().numpy() if isinstance(each, Tensor) and not each.is_sparse else each for each in values]
    if isinstance(values, Tensor):
        if values.dtype == torch.bool or values.is_floating_point() or values.is_complex() or values.is_sparse:
            raise UserError(f"{key}: are a tensor of {str(values.dtype).removeprefix('torch.')}; {bound}")
        values = values.detach().cpu().numpy()
    if not isinstance(values, np.ndarray | list | tuple):
        raise UserError(f"{key}: are of type {type(values).__name__}; {bound}")
    try:
        array = np.asarray(values)
    except (ValueError, TypeError, OverflowError):  # lists of unequal length, or of things that are no numbers
        raise UserError(f"{key}: are lists of unequal length or of mixed content; {bound}") from None
    if array.size and not np.issubdtype(array.dtype, np.integer):
        raise UserError(f"{key}: are of type {array.dtype}; {bound}")
    return array if array.size else array.astype(np.int64)


def model_config(model: nn.Module) -> HRMConfig:
    """The configuration of an `HRM`, or of what stands in for one."""
    return model.config  # pyright: ignore[reportReturnType]
