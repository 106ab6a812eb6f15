"""`PairJudge`: which of two candidates for a puzzle is the better one, with more thought for harder comparisons.

    judge = PairJudge.from_pretrained("pair_sudoku_6x6")
    found = judge.compare([problem], [one], [another])
    found.probability[0], found.segments[0]  # that `one` is better, and how long it took to say so

A candidate is a state of the puzzle: a partly or wholly filled grid, as text or token ids, or the steps that lead to
it.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float64, Int64, UInt8

import puzzles
from hrm_net.checkpoints import pretrained
from hrm_net.checkpoints.hub import Published
from hrm_net.inference.segments import sigmoid
from hrm_net.nn.layer_config import as_json, is_number
from hrm_net.reward.candidates import read_candidate, read_list, read_problem
from hrm_net.reward.heads import PAIR
from hrm_net.reward.model import RewardModel
from hrm_net.reward.model_config import RewardModelConfig
from hrm_net.reward.pair.games import GridGames, Grids, run_games, trace_games
from puzzles.base import Puzzle
from puzzles.errors import UserError
from puzzles.steps.checks import as_rows
from puzzles.steps.rules import step_rules
from puzzles.steps.steps import Step, Trajectory
from puzzles.symmetry import Symmetric

SETTINGS = ("segments", "stop")
MOST_KNOWN = 100_000  # problems remembered as sound


@dataclass(kw_only=True, slots=True)
class Comparison:
    """What a judge says of some games. With votes, both have an axis of votes behind that of games."""

    # That the first candidate is the better one. 1 minus this, exactly, when the candidates swap sides.
    probability: Float64[np.ndarray, "games *votes"]
    # Segments that were run; 0 for equal candidates, between which the probability is 1/2.
    segments: Int64[np.ndarray, "games *votes"]


@dataclass(kw_only=True, slots=True)
class Thought:
    """One game segment by segment: the probability that the first is better, the halting probability, and the segment,
    from 1, after which the judge stops (None: after the last)."""

    probability: Float64[np.ndarray, " segments"]
    halting: Float64[np.ndarray, " segments"]
    stopped_at: int | None


def checked_depth(
    config: RewardModelConfig, segments: int | None, stop: float | None, batch_size: int, untrained_depth: bool
) -> int:
    """The number of segments that a judge thinks at most: `segments`, or None for as many as the model names.

    UserError for the first setting that is out of bounds, and, unless `untrained_depth`, for more segments than were
    trained.
    """
    depth = config.segments if segments is None else segments
    for key, value in (("segments", depth), ("batch_size", batch_size)):
        if type(value) is not int or value < 1:
            raise UserError(f"{key}={as_json(value)}: must be a whole number of at least 1")
    if stop is not None and not (is_number(stop) and 0 < stop <= 1):
        raise UserError(f"stop={as_json(stop)}: must be a probability above 0, or null")
    if not untrained_depth:
        config.check_depth(depth, "; untrained_depth=True allows more")
    return depth


class PairJudge(Published):
    """A judge of one kind of puzzle: anything with `compare` serves `hrm_net.reward.pair.tournament`.

    A game runs until the halting head gives a probability of at least `stop` (None: never), and `segments` segments at
    most. Equal candidates are not played.
    """

    def __init__(
        self, model: RewardModel, puzzle: Puzzle, *, segments: int | None = None, stop: float | None = None,
        batch_size: int = 512, untrained_depth: bool = False,
    ) -> None:  # fmt: skip
        """UserError for a model that is not a judge, a puzzle that is not the model's, and settings out of bounds.
        `segments` None: as many as in training; `untrained_depth` allows more than that."""
        config = model.config
        if config.objectives != [PAIR]:
            heads = ", ".join(config.objectives)
            raise UserError(f"model: its heads are {heads}: must be pair; hrm_net.reward.StepScorer scores by them")
        if config.inputs != "grids":
            raise UserError(f"model: inputs={config.inputs}: judges texts; hrm_net.reward.TextJudge compares by it")
        if (puzzle.seq_len, puzzle.vocab_size) != (config.core.seq_len, config.core.vocab_size):
            raise UserError(
                f"puzzle={puzzle.name}: has {puzzle.seq_len} cells and {puzzle.vocab_size} token ids, the judge was "
                f"trained on {config.core.seq_len} and {config.core.vocab_size}"
            )
        segments = checked_depth(config, segments, stop, batch_size, untrained_depth)
        self.model, self.puzzle = model, puzzle
        self.segments, self.stop, self.batch_size = segments, stop, batch_size
        self.rules = step_rules(puzzle)
        self._sound: set[bytes] = set()

    def compare(self, problems: Any, first: Any, second: Any) -> Comparison:
        """Whether first[i] is a better candidate for problems[i] than second[i].

        Swapping the two gives exactly 1 minus the probability: each game is computed once, in an order of its own.
        UserError of one line, which names the place, for lists of different lengths, an unsound problem, and a
        candidate of another problem, of another size or with unknown values.
        """
        return self._compare(*self._read_games(problems, first, second))

    def votes(self, problems: Any, first: Any, second: Any, *, num: int, seed: int = 0) -> Comparison:
        """`compare` on `num` different symmetric images of all games, the games themselves first. UserError for more
        than the puzzle has."""
        puzzle = self.puzzle
        if not isinstance(puzzle, Symmetric):
            raise UserError(f"votes={num}: must be 1, {puzzle.name} has no symmetries to vote over")
        if not 1 <= num <= puzzle.num_symmetries:
            most = f"{puzzle.num_symmetries:,}, the symmetries of this {puzzle.name}"
            raise UserError(f"votes={num}: must be at least 1 and at most {most}")
        games = self._read_games(problems, first, second)
        images = puzzle.symmetries(puzzles.rng(seed, "votes"), num)
        found = self._compare(*(np.concatenate([image.apply(grid) for image in images]) for grid in games))
        shape = (num, len(games[0]))
        return Comparison(
            probability=np.ascontiguousarray(found.probability.reshape(shape).T),
            segments=np.ascontiguousarray(found.segments.reshape(shape).T),
        )

    def think(self, problem: Any, first: Any, second: Any, segments: int | None = None) -> Thought:
        """One game segment by segment, on to the last one even where the judge stops before. UserError as `compare`."""
        grids = self._read_games([problem], [first], [second])
        games = GridGames(problem=grids[0], first=grids[1], second=grids[2])
        segments = self.segments if segments is None else segments
        trace = trace_games(self.model, games, segments=segments, batch_size=1)
        halting = sigmoid(trace.halting[0])
        stops = np.flatnonzero(halting >= (2.0 if self.stop is None else self.stop))
        return Thought(
            probability=sigmoid(trace.logits[0]), halting=halting, stopped_at=int(stops[0]) + 1 if len(stops) else None
        )

    def read(self, problem: Any, candidates: Any) -> tuple[UInt8[np.ndarray, "seq"], list[np.ndarray]]:
        """Token ids of a problem and of candidates for it. UserError as `compare`."""
        row = self._problem(problem)
        states = np.stack([self._named(f"candidates[{j}]", row, one) for j, one in enumerate(candidates)])
        self._check_states("candidates", np.repeat(row[None], len(states), axis=0), states)
        return row, list(states)

    def _read_games(self, problems: Any, first: Any, second: Any) -> tuple[Grids, Grids, Grids]:
        named = (("problems", problems), ("first", first), ("second", second))
        read = []
        for what, values in named:
            try:
                read.append(read_list(values, "texts or token ids"))
            except UserError as error:
                raise UserError(f"{what}: {error}") from None
        if len({len(values) for values in read}) > 1:
            lengths = ", ".join(f"{len(values)} {what}" for (what, _), values in zip(named, read, strict=True))
            raise UserError(f"{lengths}: must be equally many")
        if not read[0]:
            empty = np.zeros((0, self.puzzle.seq_len), np.uint8)
            return empty, empty, empty
        rows = []
        for i, problem in enumerate(read[0]):
            try:
                rows.append(self._problem(problem))
            except UserError as error:
                raise UserError(f"problems[{i}]: {error}") from None
        stacked = np.stack(rows)
        sides = []
        for name, values in zip(("first", "second"), read[1:], strict=True):
            states = np.stack([self._named(f"{name}[{i}]", rows[i], one) for i, one in enumerate(values)])
            self._check_states(name, stacked, states)
            sides.append(states)
        return stacked, *sides

    def _problem(self, problem: Any) -> UInt8[np.ndarray, "seq"]:
        """The problem's token ids; what was found sound is not solved again."""
        if isinstance(problem, np.ndarray) and problem.dtype == np.uint8 and problem.tobytes() in self._sound:
            return problem
        row = read_problem(self.puzzle, problem)
        if len(self._sound) >= MOST_KNOWN:
            self._sound.clear()
        self._sound.add(row.tobytes())
        return row

    def _named(self, name: str, problem: UInt8[np.ndarray, "seq"], candidate: Any) -> UInt8[np.ndarray, "seq"]:
        try:
            return self._state(problem, candidate)
        except UserError as error:
            raise UserError(f"{name}: {str(error).removeprefix('states[0] ')}") from None

    def _state(self, problem: UInt8[np.ndarray, "seq"], candidate: Any) -> UInt8[np.ndarray, "seq"]:
        """The state that a candidate is, or that its steps lead to."""
        if isinstance(candidate, str):
            return self.puzzle.parse_answer(candidate, problem).astype(np.uint8)
        if isinstance(candidate, Trajectory) or _is_steps(candidate):
            most = max(1, len(candidate.steps) if isinstance(candidate, Trajectory) else len(candidate))
            if isinstance(candidate, Trajectory):
                most = max(most, candidate.budget)
            return read_candidate(self.rules, problem, candidate, budget=most, most=most).states[-1]
        try:
            tokens = np.asarray(candidate.tolist() if hasattr(candidate, "tolist") else candidate)
        except (TypeError, ValueError):
            raise UserError(f"is of type {type(candidate).__name__}: must be a text, token ids or steps") from None
        if tokens.dtype == object:
            raise UserError(f"is of type {type(candidate).__name__}: must be a text, token ids or steps")
        if tokens.ndim != 1 or not np.issubdtype(tokens.dtype, np.integer):
            raise UserError(
                f"of shape {list(tokens.shape)} and dtype {tokens.dtype}: must be a text, token ids or steps"
            )
        return as_rows(self.puzzle, tokens[None], "states")[0]

    def _check_states(self, name: str, problems: Grids, states: Grids) -> None:
        """UserError for the first state that changes what the problem gives, or holds an unknown value."""
        start, editable = self.rules.start(problems), self.rules.editable(problems)
        lost = ((states != start) & ~editable).any(axis=1)
        if lost.any():
            raise UserError(
                f"{name}[{int(np.argmax(lost))}]: is a candidate of another problem: it changes what is given"
            )
        unknown = (~np.isin(states, self.rules.values) & editable).any(axis=1)
        if unknown.any():
            raise UserError(f"{name}[{int(np.argmax(unknown))}]: holds a value that no step writes")

    def _compare(self, problem: Grids, first: Grids, second: Grids) -> Comparison:
        """Each different game once, its candidates in the order of their token ids."""
        swap = _comes_later(first, second)[:, None]
        games = np.concatenate([problem, np.where(swap, second, first), np.where(swap, first, second)], axis=1)
        words = np.ascontiguousarray(games, np.uint8).view(np.dtype((np.void, games.shape[1])))[:, 0]
        _, places, back = np.unique(words, return_index=True, return_inverse=True)
        different, lower, upper = np.split(games[places], 3, axis=1)
        probability, segments = np.full(len(places), 0.5), np.zeros(len(places), np.int64)
        plays = (lower != upper).any(axis=1)
        games = GridGames(problem=different[plays], first=lower[plays], second=upper[plays])
        found = run_games(self.model, games, segments=self.segments, stop=self.stop, batch_size=self.batch_size)
        probability[plays], segments[plays] = sigmoid(found.logits), found.segments
        # In floating point p + (1 - p) is exactly 1 for every p from 0 to 1.
        return Comparison(
            probability=np.where(swap[:, 0], 1 - probability[back], probability[back]), segments=segments[back]
        )

    def save_pretrained(self, directory: str | Path, **about: Any) -> None:
        """As `RewardModel.save_pretrained`, with the puzzle and the settings in config.json."""
        puzzle = {"name": self.puzzle.name, **self.puzzle.options}
        settings = {"segments": self.segments, "stop": self.stop}
        pretrained.save(self.model, Path(directory), {"puzzle": puzzle, "judge": settings}, **about)

    @classmethod
    def from_pretrained(cls, source: str | Path, *, revision: str | None = None, **settings: Any) -> "PairJudge":
        """What `save_pretrained` wrote; `settings` replace those saved.

        `source`, `revision` and errors as in `RewardModel.from_pretrained`.
        """
        directory = pretrained.find(source, revision)
        model = RewardModel.from_pretrained(directory)
        config, path = pretrained.read_config(directory), directory / pretrained.CONFIG
        if model.config.inputs != "grids":
            raise UserError(f"{source}: judges texts; hrm_net.reward.TextJudge.from_pretrained loads it")
        puzzle, saved = config.get("puzzle"), config.get("judge", {})
        if not isinstance(puzzle, dict) or not isinstance(puzzle.get("name"), str):
            raise UserError(f"{path}: has no object `puzzle` with a name, so nothing says what it judges")
        unknown = sorted(saved.keys() - set(SETTINGS)) if isinstance(saved, dict) else ["no object"]
        if unknown:
            raise UserError(f"{path}: judge.{unknown[0]}: must be one of {', '.join(SETTINGS)}")
        return cls(model, puzzles.get(**puzzle), **{**saved, **settings})


def _is_steps(candidate: Any) -> bool:
    return isinstance(candidate, list | tuple) and (not candidate or isinstance(candidate[0], str | Step))


def _comes_later(first: Grids, second: Grids) -> np.ndarray:
    """Whether the first of two grids comes after the second in the order of their token ids."""
    place = (first != second).argmax(axis=1)
    rows = np.arange(len(first))
    return first[rows, place] > second[rows, place]
