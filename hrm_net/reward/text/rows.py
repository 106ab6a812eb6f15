"""What a step scorer over text is shown: the published examples out of PRM800K records, as bytes of a fixed length."""

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, fields

import numpy as np
from jaxtyping import Bool, Float32, Int16, Int64, Integer, UInt8

from hrm_net.reward.formats.prm800k import Neutral, Record, label_of
from hrm_net.reward.formats.records import TextSolution
from puzzles.errors import UserError

SEPARATOR = "\n\n"  # between steps; a merged step is two steps with it between them, as published
FINE, COARSE = 1, 2
PAD, QUESTION, PREVIOUS, CURRENT = range(4)


@dataclass(frozen=True, kw_only=True, slots=True)
class TextExample:
    """One step to be judged: the problem, the steps before, the step itself (or two merged: span 2), its label."""

    problem: str
    previous: tuple[str, ...]
    current: str
    label: float
    span: int


def published_examples(records: Iterable[Record], *, neutral: Neutral, coarse: bool) -> list[TextExample]:
    """The training examples that HRM-reward (arXiv 2503.13551) makes of PRM800K, in its released code's reading.

    Fine: each rated completion after the steps taken so far. Coarse: from the second step on, the step taken before
    merged with the completion, labelled as the completion is. Records given up, completions without a rating and those
    that people wrote make none. A prefix taken is never wrong in this data, so no merged step mends an error.
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
                    merged = path[t - 1] + SEPARATOR + one.text
                    found.append(TextExample(previous=path[: t - 1], current=merged, span=COARSE, **known))
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


@dataclass(kw_only=True, slots=True)
class TextRows:
    """One row an example: what a scorer over text is shown and should say. `label` NaN: none.

    `part` tells for each token what it belongs to: 0 padding, 1 the question, 2 steps before, 3 the step to be judged.
    `group` is the same for equal questions, so that splits by it do not leak.
    """

    tokens: Int16[np.ndarray, "rows length"]
    part: UInt8[np.ndarray, "rows length"]
    span: UInt8[np.ndarray, " rows"]
    label: Float32[np.ndarray, " rows"]
    group: Int64[np.ndarray, " rows"]

    def __len__(self) -> int:
        return len(self.tokens)

    def take(self, which: Integer[np.ndarray, " chosen"] | Bool[np.ndarray, " rows"]) -> "TextRows":
        """These rows, in this order."""
        return TextRows(**{field.name: getattr(self, field.name)[which] for field in fields(self)})

    @staticmethod
    def concatenate(parts: Sequence["TextRows"]) -> "TextRows":
        """All of them, one after another."""
        joined = {
            field.name: np.concatenate([getattr(part, field.name) for part in parts]) for field in fields(TextRows)
        }
        return TextRows(**joined)


@dataclass(kw_only=True, slots=True)
class TextTrajectories:
    """The fine rows of whole solutions, one after another: solution i has rows starts[i] to starts[i + 1].

    `error` is its first wrong step, or its number of steps where there is none.
    """

    rows: TextRows
    starts: Int64[np.ndarray, " bounds"]
    outcome: Bool[np.ndarray, " num"]
    error: Int64[np.ndarray, " num"]


def encode(
    problem: str, previous: Sequence[str], current: str, length: int
) -> tuple[Int16[np.ndarray, " length"], UInt8[np.ndarray, " length"]]:
    """Tokens and parts of one example.

    Where all of it is longer than `length`, the step to be judged keeps its end, the question its beginning, and the
    steps before their end. The step goes first, but leaves a quarter to each of the others.
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
    """The same number for the same question whatever its white space."""
    told = " ".join(problem.split()).encode()
    return int.from_bytes(hashlib.sha256(told).digest()[:8], "little", signed=True)


def rows_of(examples: Sequence[TextExample], length: int) -> TextRows:
    """The rows of examples, in their order."""
    tokens, part = np.zeros((len(examples), length), np.int16), np.zeros((len(examples), length), np.uint8)
    for i, one in enumerate(examples):
        tokens[i], part[i] = encode(one.problem, one.previous, one.current, length)
    return TextRows(
        tokens=tokens,
        part=part,
        span=np.array([one.span for one in examples], np.uint8),
        label=np.array([one.label for one in examples], np.float32),
        group=np.array([question_group(one.problem) for one in examples], np.int64),
    )


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
                label=labels[t], span=COARSE,
            )
            for t in range(1, len(steps))
        ]  # fmt: skip
    return found


def trajectories_of(solved: Sequence[TextSolution], length: int) -> TextTrajectories:
    """The rows of whole solutions. ValueError for one whose outcome is not known."""
    starts, errors, examples = [0], [], []
    for one in solved:
        if one.outcome is None:
            raise UserError("outcome=null: a solution to learn an outcome from must have one")
        wrong = [t for t, label in enumerate(one.labels or []) if label == 0]
        errors.append(len(one.steps) if not wrong else wrong[0])
        examples += step_examples(one, coarse=False)
        starts.append(len(examples))
    return TextTrajectories(
        rows=rows_of(examples, length),
        starts=np.array(starts, np.int64),
        outcome=np.array([one.outcome for one in solved], bool),
        error=np.array(errors, np.int64),
    )
