"""What a step scorer over text learns from and is judged on, and its batches as a pure function of (seed, step)."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Float32, Int64, Integer
from torch import Tensor

import puzzles
from hrm_net.reward.formats import jsonl, prm800k
from hrm_net.reward.heads.cond import known_errors
from hrm_net.reward.text import rows as text_rows
from hrm_net.reward.text.config import TextConfig
from hrm_net.reward.text.rows import TextRows, TextTrajectories
from puzzles.errors import UserError

ALONE = -1
PUBLISHED = "https://github.com/openai/prm800k/raw/main/prm800k/data/phase1_test.jsonl"
TRAIN, VALIDATION, TEST = "train", "validation", "test"


@dataclass(kw_only=True, slots=True)
class TextSet:
    """Rated steps by themselves (single and merged), and whole solutions."""

    lone: TextRows
    trajectories: TextTrajectories

    @property
    def rows(self) -> TextRows:
        """The rows of the whole solutions, then those by themselves."""
        return TextRows.concatenate([self.trajectories.rows, self.lone])

    def notes(self, name: str) -> list[str]:
        """Sentences on what this set, called `name`, cannot teach or measure because one kind of label is missing."""
        label, outcome = self.lone.label, self.trajectories.outcome
        found = []
        for what, right in (("steps", label[~np.isnan(label)] >= 0.5), ("solutions", outcome)):
            if right.all() or not right.any():
                kind = "right" if right.all() else "wrong"
                found.append(
                    f"the {name} set holds only {kind} {what}: a scorer cannot learn from it to tell them apart, and "
                    f"AUROC of {what} and first-error F1 are not defined on it"
                )
        return found

    def describe(self) -> str:
        """How much there is, in words."""
        fine = int((self.lone.span == text_rows.FINE).sum())
        solutions = f"{len(self.trajectories.outcome):,} solutions ({self.trajectories.outcome.mean():.0%} right)"
        return f"{fine:,} single and {len(self.lone) - fine:,} merged steps, {solutions}"


def read(config: TextConfig, length: int, seed: int) -> tuple[dict[str, TextSet], list[str]]:
    """The sets train, validation and test, which share no question, and sentences for the user: on lines that were left
    out, and on what a set cannot teach or measure.

    UserError where the file is missing or broken, or a set would be empty.
    """
    path = check_path(config)
    try:
        found = jsonl.read(path, prm800k.parse, broken=config.broken)
    except UserError as error:
        raise UserError(f"reward.text.path={error}; reward.text.broken=skip leaves broken lines out") from None
    names = (TRAIN, VALIDATION, TEST)
    sets = {name: _text_set(name, found.items, config, length, seed) for name in names}
    notes = [f"left out: {fault}" for fault in found.faults] + _contradictions(path, found)
    return sets, notes + [note for name, one in sets.items() for note in one.notes(name)]


def _contradictions(path: Path, found: jsonl.JSONLines[prm800k.Record]) -> list[str]:
    """A sentence on the steps that one line rates right and another wrong, after the same steps of the same problem.

    They stay: two people may disagree, and the published data hold questions that several people rated.
    """
    lines: list[str] = []
    rated: dict[tuple[str, ...], tuple[int, int]] = {}
    for number, record in zip(found.numbers, found.items, strict=True):
        before = [record.problem]
        for step in record.steps:
            for one in step.completions or []:
                if not one.rating:
                    continue
                rating, line = rated.setdefault((*before, one.text), (one.rating, number))
                if rating != one.rating:
                    lines.append(f"line {number} rates {one.text[:40]!r} {one.rating}, line {line} rates it {rating}")
            if step.taken is None:
                break
            before.append(step.taken.text)
    if not lines:
        return []
    return [f"{path}: {len(lines)} steps are rated both right and wrong by different lines; the first: {lines[0]}"]


def check_path(config: TextConfig) -> Path:
    """The file; UserError that says where to get one if it is missing."""
    assert config.path is not None
    path = Path(config.path)
    if not path.is_file():
        raise UserError(f"reward.text.path={path}: no such file; curl -L -o {path.name} {PUBLISHED} gets a small one")
    return path


def _text_set(name: str, records: list[prm800k.Record], config: TextConfig, length: int, seed: int) -> TextSet:
    mine = [record for record in records if fold(record.problem, config.held_out) == name]
    examples = text_rows.published_examples(mine, neutral=config.neutral, coarse=True)
    rng = puzzles.rng(seed, f"wrong turns, {name}")
    whole = text_rows.solutions(mine, rng, neutral=config.neutral, negatives=config.negatives)
    if not examples or not whole:
        text = f"reward.text.path={config.path}: {len(mine)} of its {len(records)} records fall to the {name} set"
        raise UserError(f"{text}, without a rated step or without a finished solution; needs more records")
    return TextSet(lone=text_rows.rows_of(examples, length), trajectories=text_rows.trajectories_of(whole, length))


def fold(problem: str, held_out: float) -> str:
    """The set that a question belongs to, always the same one."""
    place = (text_rows.question_group(problem) % 2**64) / 2**64
    return TRAIN if place >= held_out else VALIDATION if place >= held_out / 2 else TEST


def columns(rows: TextRows) -> dict[str, Integer[np.ndarray, "rows ..."]]:
    """What a model is shown."""
    return {name: getattr(rows, name).astype(np.int32) for name in ("tokens", "part", "span")}


class TextBatches:
    """Epoch after epoch over whole solutions, and over rows by themselves, each in a fresh order.

    Half of a batch is whole solutions where there are rows of both kinds, as many as go in; those with more steps than
    that never do (`too_long` of them). `batches(step)` gives, with `rows` = `batch_size`: tokens, part
    `[rows, length]`, span, label (NaN: none), trajectory (the solution of the batch that a row belongs to; -1: none)
    `[rows]`, and of those solutions outcome and error `[num]` (error -1: not told). Rows that fill up the end have no
    label.
    """

    def __init__(
        self,
        lone: TextRows | None,
        trajectories: TextTrajectories | None,
        *,
        batch_size: int,
        seed: int,
        error_share: float = 1.0,
    ) -> None:
        assert lone is not None or trajectories is not None
        self.lone, self.trajectories, self.batch_size, self.seed = lone, trajectories, batch_size, seed
        self.room = batch_size if lone is None else batch_size // 2
        self.fitting, self.too_long = np.zeros(0, np.int64), 0
        self._begins: list[int] = [0]
        self._packed: dict[int, list[Int64[np.ndarray, " chosen"]]] = {}
        if trajectories is not None:
            lengths = np.diff(trajectories.starts)
            self.fitting = np.flatnonzero(lengths <= self.room)
            self.too_long = len(lengths) - len(self.fitting)
            if len(self.fitting) == 0:
                raise UserError(f"batch_size={batch_size}: must be at least {2 * int(lengths.min())}, for one solution")
            self.error = known_errors(trajectories.error, error_share, puzzles.rng(seed, "errors that are told"))

    def __call__(self, step: int) -> dict[str, Tensor]:
        """The batch of a step."""
        parts: list[TextRows] = []
        chosen = np.zeros(0, np.int64)
        outcome, error = np.zeros(0, bool), np.zeros(0, np.int64)
        if self.trajectories is not None:
            chosen = self._solutions(step)
            parts.append(self.trajectories.rows.take(_rows_of(self.trajectories.starts, chosen)))
            outcome, error = self.trajectories.outcome[chosen], self.error[chosen]
        whole = len(parts[0]) if parts else 0
        if self.lone is not None:
            parts.append(self.lone.take(self._alone(step, self.batch_size - self.room if parts else self.batch_size)))
        rows = TextRows.concatenate(parts)
        missing = self.batch_size - len(rows)
        batch = {name: torch.from_numpy(_padded(column, missing)) for name, column in columns(rows).items()}
        batch["span"].clamp_(min=text_rows.FINE)
        label: Float32[np.ndarray, " rows"] = np.pad(rows.label, (0, missing), constant_values=np.nan)
        trajectory = np.full(self.batch_size, ALONE, np.int64)
        if self.trajectories is not None:
            trajectory[:whole] = np.repeat(np.arange(len(chosen)), np.diff(self.trajectories.starts)[chosen])
        told = {"label": label, "trajectory": trajectory, "outcome": outcome, "error": error}
        return batch | {name: torch.from_numpy(column) for name, column in told.items()}

    def _alone(self, step: int, num: int) -> Int64[np.ndarray, " num"]:
        assert self.lone is not None
        epoch, place = np.divmod(np.arange(step * num, (step + 1) * num), len(self.lone))
        found = np.empty(num, np.int64)
        for one in np.unique(epoch).tolist():
            order = puzzles.rng(self.seed, "epoch of text rows", one).permutation(len(self.lone))
            found[epoch == one] = order[place[epoch == one]]
        return found

    def _solutions(self, step: int) -> Int64[np.ndarray, " chosen"]:
        """Those of a step: of each epoch's order, as many one after another as there is room for."""
        epoch = int(np.searchsorted(self._begins, step, side="right")) - 1
        while epoch == len(self._begins) - 1:
            packs = self._pack(epoch)
            self._begins.append(self._begins[epoch] + len(packs))
            if step >= self._begins[-1]:
                epoch += 1
            else:
                break
        return self._pack(epoch)[step - self._begins[epoch]]

    def _pack(self, epoch: int) -> list[Int64[np.ndarray, " chosen"]]:
        assert self.trajectories is not None
        if epoch not in self._packed:
            order = self.fitting[
                puzzles.rng(self.seed, "epoch of text solutions", epoch).permutation(len(self.fitting))
            ]
            lengths = np.diff(self.trajectories.starts)[order]
            cuts, used = [], 0
            for i, num in enumerate(lengths.tolist()):
                if used + num > self.room:
                    cuts.append(i)
                    used = 0
                used += num
            self._packed = {epoch: np.split(order, cuts)}  # only the epoch at hand
        return self._packed[epoch]


def _rows_of(
    starts: Int64[np.ndarray, " bounds"], chosen: Integer[np.ndarray, " chosen"]
) -> Int64[np.ndarray, " rows"]:
    bounds = starts.tolist()
    return np.concatenate([np.arange(bounds[i], bounds[i + 1]) for i in chosen.tolist()])


def _padded(column: np.ndarray, missing: int) -> np.ndarray:
    return np.pad(column, ((0, missing), *((0, 0),) * (column.ndim - 1)))


def batch_of(text_set: TextSet) -> dict[str, Tensor]:
    """All of a set as what the losses look at: the rows of `TextSet.rows`."""
    trajectories = text_set.trajectories
    label, span = text_set.rows.label, text_set.rows.span
    lengths = np.diff(trajectories.starts)
    trajectory = np.full(len(label), ALONE, np.int64)
    trajectory[: lengths.sum()] = np.repeat(np.arange(len(lengths)), lengths)
    told = {
        "label": label, "span": span.astype(np.int32), "trajectory": trajectory, "outcome": trajectories.outcome,
        "error": trajectories.error,
    }  # fmt: skip
    return {name: torch.from_numpy(column) for name, column in told.items()}
