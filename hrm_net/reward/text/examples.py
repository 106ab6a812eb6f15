"""Examples for a step scorer of texts: the published ones from PRM800K records, as bytes of a fixed length or as the
hidden states of a language model.

The input `part` says for each token what it belongs to: 0 padding, 1 the question, 2 the steps before, 3 the step to be
scored.
"""

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Protocol, runtime_checkable

import numpy as np
from jaxtyping import Int16, UInt8

from hrm_net.reward.examples import Examples
from hrm_net.reward.formats.prm800k import Neutral, Record, label_of
from hrm_net.reward.formats.records import TextSolution
from puzzles.errors import UserError
from puzzles.steps.rows import COARSE, FINE

SEPARATOR = "\n\n"  # between steps; a merged step is two steps with it between them, as published
PAD, QUESTION, PREVIOUS, CURRENT = range(4)


@dataclass(frozen=True, kw_only=True, slots=True)
class TextExample:
    """One step to be scored: the problem, the steps before, the step itself (or two merged: span 2), its label."""

    problem: str
    previous: tuple[str, ...]
    current: str
    label: float
    span: int
    # The first of the two steps that are merged.
    first: str | None = field(default=None, compare=False)

    @property
    def parts(self) -> tuple[str, ...]:
        """The step by itself, or the two steps that are merged."""
        if self.first is None:
            return (self.current,)
        return self.first, self.current[len(self.first) + len(SEPARATOR) :]


@runtime_checkable
class RowInputs(Protocol):
    """What turns examples into what a model is shown of them: columns over the examples."""

    def inputs(self, rows: Sequence[TextExample]) -> dict[str, np.ndarray]: ...


def published_examples(records: Iterable[Record], *, neutral: Neutral, coarse: bool) -> list[TextExample]:
    """The training examples that HRM-reward (arXiv 2503.13551) makes of PRM800K, in its released code's reading.

    Fine: each rated completion after the steps taken so far. Coarse: from the second step on, the step taken before
    merged with the completion, labelled as the completion is. Records that were given up, completions without a rating
    and those that people wrote give none. A prefix taken is never wrong in this data, so no merged step corrects an
    error.
    """
    found = []
    for record in records:
        if not record.usable:
            continue
        path = tuple(one.text for one in record.path())
        for t, step in enumerate(record.steps[: len(path) + 1]):
            for one in step.completions or []:
                label = label_of(one.rating, neutral)
                if label is None:
                    continue
                known: dict = {"problem": record.problem, "label": label}
                found.append(TextExample(previous=path[:t], current=one.text, span=FINE, **known))
                if coarse and t:
                    first = path[t - 1]
                    merged = {"current": first + SEPARATOR + one.text, "span": COARSE, "first": first}
                    found.append(TextExample(previous=path[: t - 1], **merged, **known))
    return found


def solutions(
    records: Iterable[Record], rng: np.random.Generator, *, neutral: Neutral, negatives: int
) -> list[TextSolution]:
    """Whole solutions for the objectives that need an outcome: of each finished record the path taken, and at most
    `negatives` that leave it for a completion rated wrong and end there, drawn evenly from all of those.

    Not as published (arXiv 2503.13551 recombines the wrong completions of several steps): here the steps before the
    first error are those that people took, so the error's place is known.
    """
    found = []
    for record in records:
        if record.finish_reason != "solution":
            continue
        path = record.path()
        texts = [one.text for one in path]
        labels = [
            1.0 if one is step.human else label_of(one.rating, neutral)
            for one, step in zip(path, record.steps, strict=False)
        ]
        known: dict = {"problem": record.problem, "answer": record.answer, "source": "prm800k"}
        if texts and record.finished:
            found.append(TextSolution(steps=texts, labels=labels, outcome=True, **known))
        wrong = [
            (t, one.text)
            for t, step in enumerate(record.steps[: len(path) + 1])
            for one in step.completions or []
            if one.rating == -1
        ]
        for which in sorted(rng.permutation(len(wrong))[:negatives].tolist()):
            t, text = wrong[which]
            found.append(TextSolution(steps=[*texts[:t], text], labels=[*labels[:t], 0.0], outcome=False, **known))
    return found


def encode(
    problem: str, previous: Sequence[str], current: str, length: int
) -> tuple[Int16[np.ndarray, " length"], UInt8[np.ndarray, " length"]]:
    """Tokens and parts of one example.

    Where all of it is longer than `length`, the step to be scored keeps its end, the question its beginning, and the
    steps before keep their end. The step has priority, but leaves a quarter of the length to each of the others.
    """
    texts = [problem.encode(), SEPARATOR.join(previous).encode(), current.encode()]
    share = length // 4
    kept_current = min(len(texts[2]), length - sum(min(len(text), share) for text in texts[:2]))
    kept_question = min(len(texts[0]), length - kept_current - min(len(texts[1]), share))
    kept_previous = min(len(texts[1]), length - kept_current - kept_question)
    pieces = [texts[0][:kept_question], _end(texts[1], kept_previous), _end(texts[2], kept_current)]
    tokens, part = np.zeros(length, np.int16), np.zeros(length, np.uint8)
    at = 0
    for which, piece in zip((QUESTION, PREVIOUS, CURRENT), pieces, strict=True):
        tokens[at : at + len(piece)] = np.frombuffer(piece, np.uint8).astype(np.int16) + 1
        part[at : at + len(piece)] = which
        at += len(piece)
    return tokens, part


def _end(text: bytes, num: int) -> bytes:
    return text[len(text) - num :]


def question_group(problem: str) -> int:
    """The same number for the same question, whatever its white space."""
    words = " ".join(problem.split()).encode()
    return int.from_bytes(hashlib.sha256(words).digest()[:8], "little", signed=True)


def step_examples(solution: TextSolution, *, coarse: bool) -> list[TextExample]:
    """Every step of a solution, and with `coarse` every step from the second on merged with the one before, after all
    fine ones. The label of a merged step is that of its second half; NaN where there is none."""
    labels = [np.nan if label is None else label for label in solution.labels or [None] * len(solution.steps)]
    steps = tuple(solution.steps)
    found = [
        TextExample(problem=solution.problem, previous=steps[:t], current=steps[t], label=labels[t], span=FINE)
        for t in range(len(steps))
    ]
    if coarse:
        found += [
            TextExample(
                problem=solution.problem, previous=steps[: t - 1], current=steps[t - 1] + SEPARATOR + steps[t],
                label=labels[t], span=COARSE, first=steps[t - 1],
            )
            for t in range(1, len(steps))
        ]  # fmt: skip
    return found


class ByteRows:
    """Examples as rows of `length` bytes."""

    def __init__(self, length: int) -> None:
        self.length = length

    def inputs(self, rows: Sequence[TextExample]) -> dict[str, np.ndarray]:
        """tokens and part [rows, length], span [rows]."""
        tokens, part = np.zeros((len(rows), self.length), np.int16), np.zeros((len(rows), self.length), np.uint8)
        for i, one in enumerate(rows):
            tokens[i], part[i] = encode(one.problem, one.previous, one.current, self.length)
        return {"tokens": tokens, "part": part, "span": np.array([one.span for one in rows], np.uint8)}


def examples_of(single: Sequence[TextExample], solved: Sequence[TextSolution], shown: int | RowInputs) -> Examples:
    """Rows as `shown` makes them, or of so many bytes: the steps of whole solutions, then single rows in their order.

    The error of a solution is its first wrong step. UserError for a solution whose outcome is not known.
    """
    lengths, errors, rows = [], [], []
    for one in solved:
        if one.outcome is None:
            raise UserError("outcome=null: a solution to learn an outcome from must have one")
        wrong = [t for t, label in enumerate(one.labels or []) if label == 0]
        errors.append(wrong[0] if wrong else len(one.steps))
        lengths.append(len(one.steps))
        rows += step_examples(one, coarse=False)
    rows += single
    return Examples(
        inputs=(ByteRows(shown) if isinstance(shown, int) else shown).inputs(rows),
        label=np.array([one.label for one in rows], np.float32),
        group=np.array([question_group(one.problem) for one in rows], np.int64),
        starts=np.cumsum([0, *lengths]).astype(np.int64),
        outcome=np.array([one.outcome for one in solved], bool),
        error=np.array(errors, np.int64),
    )
