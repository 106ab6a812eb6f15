"""What benchmarks/language_model_scorer.py measures on: three public files as `Study`.

prm800k    PRM800K's test file: rated completions of each step. Contests are the completions of one step.
prmbench   PRMBench: all steps of solutions into which errors were written. No contests.
gsm8k      GSM8K's model_solutions: four models' solutions of each question, known to be right or wrong. Measured is
           the last step; contests are the four solutions.
"""

import json
import math
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from language_model_fits import Study

import puzzles
from hrm_net.reward.examples import Examples
from hrm_net.reward.formats import jsonl, prm800k, prmbench
from hrm_net.reward.formats.candidates import Candidates
from hrm_net.reward.formats.records import TextSolution
from hrm_net.reward.inputs import CURRENT
from hrm_net.reward.text.examples import (
    TextExample,
    examples_of,
    published_examples,
    question_group,
    solutions,
    step_examples,
)
from hrm_net.reward.text.games import StateSides
from hrm_net.reward.text.ranking import Answers, read_answers
from hrm_net.reward.text.state_windows import StateRows
from puzzles.steps.rows import FINE

# The keys of the four solutions in GSM8K's file, from the weakest model to the strongest.
MODELS = ("6b_finetuning", "6b_verification", "175b_finetuning", "175b_verification")


class LastStates:
    """Rows of the last `window` of the states that `shown` gives; its cache serves all smaller windows."""

    def __init__(self, shown: StateRows, window: int) -> None:
        self.shown, self.window = shown, window

    def inputs(self, rows: Sequence[TextExample]) -> dict[str, np.ndarray]:
        """As `hrm_net.reward.text.state_windows.StateRows`."""
        parts = [self.shown.inputs(rows[first : first + 1000]) for first in range(0, len(rows), 1000)]
        cut = {"states": self.window, "part": self.window}
        return {
            key: np.concatenate([part[key][:, -cut[key] :] if key in cut else part[key] for part in parts])
            for key in parts[0]
        }

    def ends(self, rows: Sequence[TextExample]) -> StateSides:
        """The states at the last tokens of the whole text up to each row."""
        ids = [self.shown.backbone.encode(row.problem, [*row.previous, *row.parts])[0] for row in rows]
        states = np.zeros((len(rows), self.window, self.shown.backbone.size), np.float16)
        known = np.zeros((len(rows), self.window), bool)
        places: dict[tuple[int, ...], list[int]] = {}
        for i, one in enumerate(ids):
            places.setdefault(one, []).append(i)
        for one, window in self.shown.windows(places):
            last = window[-self.window :]
            for i in places[one]:
                states[i, self.window - len(last) :], known[i, self.window - len(last) :] = last, True
        return StateSides(states=states, shown=known)


def counts_of(rows: Sequence[TextExample]) -> np.ndarray:
    """Length and position of steps."""
    return np.array([[math.log1p(len(row.current)), math.log1p(len(row.previous))] for row in rows])


def first_questions(problems: Sequence[str], num: int | None) -> set[int]:
    """The first `num` questions in the order of their hashes; None: all."""
    return set(sorted({question_group(problem) for problem in problems})[:num])


def read_prm800k(paths: list[Path], shown: LastStates, num: int | None) -> Study:
    records = [one for path in paths for one in jsonl.read(path, prm800k.parse).items]
    chosen = first_questions([one.problem for one in records if one.usable], num)
    records = [one for one in records if question_group(one.problem) in chosen]
    single = published_examples(records, neutral="drop", coarse=True)
    whole = solutions(records, puzzles.rng(0, "wrong turns"), neutral="drop", negatives=4)
    examples = examples_of(single, whole, shown)
    fine = np.array([i for i, row in enumerate(single) if row.span == FINE])
    rows = [single[i] for i in fine]
    contests: dict[tuple, list[int]] = {}
    for i, row in enumerate(rows):
        contests.setdefault((row.problem, row.previous), []).append(i)
    return _study(examples, int(examples.starts[-1]) + fine, rows, contests, shown)


def read_prmbench(paths: list[Path], shown: LastStates, num: int | None) -> Study:
    found = [one for path in paths for one in jsonl.read(path, prmbench.parse, broken="skip").items]
    chosen = first_questions([one.question for one in found], num)
    fitting = [
        one for one in found
        if question_group(one.question) in chosen and shown.shown.backbone.fits(one.problem, one.steps)
    ]  # fmt: skip
    rows = [row for one in fitting for row in step_examples(one, coarse=False)]
    group = np.array([question_group(one.question) for one in fitting for _ in one.steps], np.int64)
    examples = replace(examples_of(rows, [], shown), group=group)
    return _study(examples, np.arange(len(rows)), rows, {}, None)


def read_gsm8k(paths: list[Path], shown: LastStates, num: int | None) -> Study:
    attempts, contests = [], {}
    for i, one in enumerate(_gsm8k_lines(paths, num)):
        for model in MODELS:
            steps = [line.strip() for line in one[model]["solution"].splitlines() if line.strip()]
            attempts.append(
                TextSolution(problem=one["question"], steps=steps, outcome=one[model]["is_correct"], source=model)
            )
        contests[i,] = list(range(4 * i, 4 * i + 4))
    examples = examples_of([], attempts, shown)
    rows = [step_examples(one, coarse=False)[-1] for one in attempts]
    study = _study(examples, examples.starts[1:] - 1, rows, contests, shown)
    return replace(study, right=examples.outcome)


def gsm8k_answers(paths: list[Path], num: int | None) -> list[Answers]:
    """The final answers of the solutions of each question, in the order of `read_gsm8k`."""
    found = []
    for one in _gsm8k_lines(paths, num):
        texts = [one[model]["solution"] for model in MODELS]
        listed = [{"text": text} for text in texts]
        line = Candidates(problem=one["question"], answer=None, steps=[[text] for text in texts], rows=listed, rest={})
        found.append(replace(read_answers(line), right=[one[model]["is_correct"] for model in MODELS]))
    return found


def _gsm8k_lines(paths: list[Path], num: int | None) -> list[dict[str, Any]]:
    found = [json.loads(line) for path in paths for line in path.read_text(encoding="utf-8").splitlines()]
    chosen = first_questions([one["question"] for one in found], num)
    return [one for one in found if question_group(one["question"]) in chosen]


def _study(
    examples: Examples, measured: np.ndarray, rows: list[TextExample], contests: dict[tuple, list[int]],
    shown: LastStates | None,
) -> Study:  # fmt: skip
    assert (examples.inputs["part"][measured, -1] == CURRENT).all()
    return Study(
        examples=examples, measured=measured, right=examples.label[measured] >= 0.5, counts=counts_of(rows),
        contests=[np.array(one) for one in contests.values() if len(one) > 1],
        ends=None if shown is None else shown.ends(rows),
    )  # fmt: skip


READERS = {"prm800k": read_prm800k, "prmbench": read_prmbench, "gsm8k": read_gsm8k}
