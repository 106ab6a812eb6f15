"""Games for a judge of texts: two candidates for one problem, of which one is known to be better, from one file.

A line is, by the key that it has,

    candidates   as `hrm-rank` reads them: each right one plays against each wrong one. `correct` (true or false) of a
                 candidate says which it is, else its final answer beside the line's `answer`
    chosen       a preference pair, {"prompt", "chosen", "rejected"}
    label        a record of PRM800K: each completion rated 1 plays against each rated -1 of the same step, both with
                 the steps before
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from jaxtyping import Bool

import puzzles
from hrm_net.reward.formats import candidates as candidate_format
from hrm_net.reward.formats import jsonl, pairs, prm800k
from hrm_net.reward.inputs import Rows
from hrm_net.reward.pair.batches import draw_games
from hrm_net.reward.text.config import TextConfig
from hrm_net.reward.text.data import TEST, TRAIN, VALIDATION, check_path, fold
from hrm_net.reward.text.equivalence import AnswerChecker
from hrm_net.reward.text.examples import question_group
from hrm_net.reward.text.games import Candidate, Reader, TextGames
from hrm_net.reward.text.ranking import read_answers
from puzzles.errors import UserError

KEYS = ("candidates", "chosen", "label")


@dataclass(frozen=True, kw_only=True, slots=True)
class Preference:
    """Two candidates for one problem, the better one first."""

    better: Candidate
    worse: Candidate


@dataclass(kw_only=True, slots=True)
class JudgedGames:
    """Games, of which the first candidate is the better one exactly where `better` holds."""

    games: TextGames
    candidates: list[Candidate]
    better: Bool[np.ndarray, " games"]

    def __len__(self) -> int:
        return len(self.better)

    def describe(self) -> str:
        """How much there is, in words."""
        questions = len({question_group(one.problem) for one in self.candidates})
        return f"{len(self):,} games between {len(self.candidates):,} candidates to {questions:,} questions"

    def batch(self, seed: int, step: int, batch_size: int, images: int = 1) -> tuple[Rows, torch.Tensor]:
        """(the rows of the games of a step, which candidate is the better one), a pure function of seed and step. With
        `images` above 1, each of fewer games so many times, beside each other: texts have no symmetric images."""
        num = max(1, batch_size // images)
        places = draw_games(seed, step, num, batch_size=batch_size, available=len(self)).repeat(images)
        return self.games.rows(places), torch.from_numpy(self.better[places])


def read(config: TextConfig, reader: Reader, *, most: int, seed: int) -> tuple[dict[str, JudgedGames], list[str]]:
    """The sets train, validation and test, which share no question, with at most `most` games of each question; and
    sentences for the user on lines that were left out. UserError where the file is missing or broken, or a set would be
    empty."""
    path = check_path(config)
    checker = AnswerChecker()
    try:
        found = jsonl.read(path, lambda row: list(_preferences(row, checker)), broken=config.broken)
    except UserError as error:
        raise UserError(f"reward.text.path={error}; reward.text.broken=skip leaves broken lines out") from None
    by_question: dict[int, list[Preference]] = {}
    for one in (one for line in found.items for one in line):
        by_question.setdefault(question_group(one.better.problem), []).append(one)
    mine: dict[str, list[Preference]] = {TRAIN: [], VALIDATION: [], TEST: []}
    for group, games in by_question.items():
        rng = puzzles.rng(seed, "games of a question", group % 2**32)
        chosen = [games[i] for i in sorted(rng.permutation(len(games))[:most].tolist())]
        mine[fold(games[0].better.problem, config.held_out)] += chosen
    for name, games in mine.items():
        if not games:
            text = (
                f"reward.text.path={path}: of its {len(found.items)} lines with games of {len(by_question)} questions"
            )
            raise UserError(
                f"{text}, none fall to the {name} set; needs more questions with a right and a wrong candidate"
            )
    sets = {name: judged(games, reader, puzzles.rng(seed, f"sides, {name}")) for name, games in mine.items()}
    return sets, [f"left out: {fault}" for fault in found.faults]


def judged(games: list[Preference], reader: Reader, rng: np.random.Generator) -> JudgedGames:
    """The games with their candidates read once each, the better one on a side drawn by `rng`."""
    known: dict[Candidate, int] = {}
    places = [[known.setdefault(side, len(known)) for side in (one.better, one.worse)] for one in games]
    good, bad = np.array(places, np.int64).T
    better = rng.random(len(games)) < 0.5
    sides = reader.read(list(known))
    shown = TextGames(sides=sides, first=np.where(better, good, bad), second=np.where(better, bad, good))
    return JudgedGames(games=shown, candidates=list(known), better=better)


def _preferences(row: dict[str, Any], checker: AnswerChecker) -> Iterator[Preference]:
    """The games of a line; UserError for a line of no known kind."""
    kind = next((key for key in KEYS if key in row), None)
    if kind is None:
        raise UserError(f"has none of the keys {', '.join(KEYS)}, which say what kind of line it is")
    if kind == "candidates":
        yield from _of_candidates(row, checker)
    elif kind == "chosen":
        pair = pairs.parse(row)
        yield _preference(
            pair.prompt, candidate_format.split_steps(pair.chosen), candidate_format.split_steps(pair.rejected)
        )
    else:
        yield from _of_record(prm800k.parse(row))


def _of_candidates(row: dict[str, Any], checker: AnswerChecker) -> Iterator[Preference]:
    line = candidate_format.parse(row)
    answers = read_answers(line, checker.same)
    sides: dict[bool, list[list[str]]] = {True: [], False: []}
    for i, (one, steps) in enumerate(zip(line.rows, line.steps, strict=True)):
        said = one.get("correct")
        if said is not None and not isinstance(said, bool):
            raise UserError(f"candidates[{i}].correct={said!r}: must be true or false, or null where it is not known")
        if said is None and answers.right is None:
            raise UserError(f"candidates[{i}]: has no `correct`, and the line has no `answer` to compare it with")
        right = said if answers.right is None or said is not None else answers.right[i]
        assert right is not None
        if steps in sides[not right]:
            raise UserError(f"candidates[{i}]: is called right and, as another candidate, wrong")
        if steps not in sides[right]:
            sides[right].append(steps)
    for good in sides[True]:
        for bad in sides[False]:
            yield _preference(line.problem, good, bad)


def _of_record(record: prm800k.Record) -> Iterator[Preference]:
    if not record.usable:
        return
    before: list[str] = []
    for step in record.steps:
        rated = {rating: [one.text for one in step.completions or [] if one.rating == rating] for rating in (1, -1)}
        for good in dict.fromkeys(rated[1]):
            for bad in dict.fromkeys(rated[-1]):
                yield _preference(record.problem, [*before, good], [*before, bad])
        if step.taken is None:
            return
        before.append(step.taken.text)


def _preference(problem: str, better: list[str], worse: list[str]) -> Preference:
    sides = (Candidate(problem=problem, steps=tuple(steps)) for steps in (better, worse))
    good, bad = sides
    return Preference(better=good, worse=bad)
