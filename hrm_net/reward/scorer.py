"""`StepScorer`: a process reward model for puzzles. It scores every step of candidate solutions.

    scorer = StepScorer.from_pretrained("scorer_6x6")
    scores = scorer.score([puzzle_text], [[["r1c2=3", "r4c4=1"], ["r1c2=5"]]])  # [problem][candidate][step]
    best = aggregate(scores, "prod")  # [problem][candidate]

Every score lies in [0, 1], and higher is better, whatever the head. What it is the probability of depends on the head
(`hrm_net.reward.heads`): `prm` and `hier`, that the step is right; `cond`, that the solution does not go wrong at this
step; `orm`, that the solution is right, read at its last step; `pqm` ranks and is not calibrated.
"""

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from types import NoneType
from typing import Any, TypeVar

import numpy as np
from jaxtyping import Float, Float64, UInt8

import puzzles
from hrm_net.checkpoints import pretrained
from hrm_net.checkpoints.hub import Published
from hrm_net.reward.candidates import Path as States
from hrm_net.reward.candidates import read_candidate, read_list, read_problem
from hrm_net.reward.heads import HEADS, PAIR
from hrm_net.reward.inputs import GRID_INPUTS
from hrm_net.reward.model import RewardModel
from hrm_net.reward.scoring import RowLogits, run_rows, to_log_scores, to_scores
from puzzles.base import Puzzle
from puzzles.errors import UserError
from puzzles.steps.rows import COARSE, FINE, StepRows
from puzzles.steps.rules import step_rules

Read = TypeVar("Read")
# The settings that are saved: the types that a file may give them, and how a message calls these.
SAVED = {
    "objective": ((str,), "a name"),
    "fine_weight": ((int, float), "a number"),
    "segments": ((int,), "a whole number"),
    "stop": ((int, float, NoneType), "a number or null"),
}


class Scores(list):
    """Scores in [0, 1] as plain lists `[problem][candidate][step]`, higher is better."""

    # Nested alike: the logarithms of the scores, exact where a score rounds to 1; of `cond` log(1 - h(t)).
    log_rewards: list[list[list[float]]]
    # Nested alike: the segments that were run on each single step.
    segments: list[list[list[int]]]


class StepScorer(Published):
    """One head of a model, on one puzzle.

    The score of a step is the sigmoid of the head's logit; `cond` gives 1 - h(t), so that the product over steps is
    S(T). `hier` gives `fine_weight` times the score of the step itself plus the rest times that of the step merged with
    the one before it; a first step has no such pair. Each row runs `segments` segments (None: as many as in training),
    at most `model.config.max_segments`, to which the model was trained, unless `untrained_depth` allows more. With
    `stop`, a row ends earlier once the halting head gives a probability of at least `stop` that the scores are already
    right. Scores depend on the step, the puzzle and these settings, not on the rest of the batch.
    """

    def __init__(
        self,
        model: RewardModel,
        puzzle: Puzzle,
        objective: str | None = None,
        *,
        fine_weight: float = 1.0,
        segments: int | None = None,
        stop: float | None = None,
        batch_size: int = 256,
        untrained_depth: bool = False,
    ) -> None:
        """UserError for a puzzle or head that is not the model's, and for settings out of bounds. `objective` None: the
        model's only head."""
        config = model.config
        heads = ", ".join(config.objectives)
        if objective is None and len(config.objectives) == 1:
            objective = config.objectives[0]
        if objective not in config.objectives:
            raise UserError(f"objective={objective}: the model's heads are {heads}")
        if objective == PAIR:
            raise UserError("objective=pair: judges two candidates at a time; hrm_net.reward.pair.PairJudge loads it")
        if config.inputs != "grids":
            raise UserError(f"inputs={config.inputs}: the model scores texts, not puzzles")
        if (puzzle.seq_len, puzzle.vocab_size) != (config.core.seq_len, config.core.vocab_size):
            raise UserError(
                f"puzzle={puzzle.name}: has {puzzle.seq_len} cells and {puzzle.vocab_size} token ids, the scorer was "
                f"trained on {config.core.seq_len} and {config.core.vocab_size}"
            )
        segments = config.segments if segments is None else segments
        _check_numbers(fine_weight=fine_weight, stop=stop, segments=segments, batch_size=batch_size)
        if not 0 <= fine_weight <= 1 or (fine_weight != 1 and not HEADS[objective].scores_pairs):
            raise UserError(f"fine_weight={fine_weight}: must lie in 0..1, and be 1 for a head of single steps alone")
        if stop is not None and not 0 < stop <= 1:
            raise UserError(f"stop={stop}: must be a probability above 0, or null")
        for key, value in (("segments", segments), ("batch_size", batch_size)):
            if value < 1:
                raise UserError(f"{key}={value}: must be at least 1")
        if not untrained_depth:
            config.check_depth(segments, "; untrained_depth=True allows more")
        self.model, self.puzzle, self.objective = model, puzzle, objective
        self.fine_weight, self.segments, self.stop, self.batch_size = fine_weight, segments, stop, batch_size
        self.rules = step_rules(puzzle)

    def resized(self, puzzle: Puzzle) -> "StepScorer":
        """This scorer for puzzles of another size of its domain, with the same weights and settings.

        UserError for another domain, and where the shape of a weight depends on the size.
        """
        if puzzle.name != self.puzzle.name:
            raise UserError(f"puzzle={puzzle.name}: must be {self.puzzle.name}, of any size")
        settings: dict[str, Any] = {
            key: getattr(self, key) for key in ("fine_weight", "segments", "stop", "batch_size")
        }
        model = self.model.resized(puzzle)
        return StepScorer(model, puzzle, self.objective, **settings, untrained_depth=True)

    @property
    def budget(self) -> int:
        """The largest number of steps of a candidate, and the budget of candidates that name none."""
        return self.model.config.max_left + 1

    def score(self, problems: Any, outputs: Any) -> Scores:
        """The score of every step of every candidate: of `outputs[i]`, solutions of `problems[i]`.

        A problem is its text or its token ids (a list, array or tensor); a candidate is a Trajectory, a list of Steps,
        or a list of their texts (`r1c2=3`). UserError of one line that names problem, candidate and step:
        `hrm_net.reward.candidates` says what is refused.
        """
        texts = _named("problems", read_list, problems, "puzzles")
        candidates = _named("outputs", read_list, outputs, "lists of candidates, one for each problem")
        if len(texts) != len(candidates):
            raise UserError(f"outputs: candidates of {len(candidates)} problems for {len(texts)} problems")
        read = [self._read(i, *pair) for i, pair in enumerate(zip(texts, candidates, strict=True))]
        paths = [(problem, path) for problem, found in read for path in found]
        scores, log_rewards, segments = self._score_paths(paths)
        lengths = [[len(path.states) - 1 for path in found] for _, found in read]
        nested = Scores(_nest(scores, lengths))
        nested.log_rewards, nested.segments = _nest(log_rewards, lengths), _nest(segments, lengths)
        return nested

    def score_rows(self, rows: StepRows) -> Float64[np.ndarray, " rows"]:
        """The score of each row by itself, of merged steps as such; equal rows pass the model once."""
        return to_scores(self.objective, self._run(rows).logits[self.objective])

    def read_problem(self, problem: Any) -> UInt8[np.ndarray, "seq"]:
        """Token ids of a problem; UserError as in `score`."""
        return read_problem(self.puzzle, problem)

    def read_candidate(self, problem: UInt8[np.ndarray, "seq"], candidate: Any) -> States:
        """The states of a candidate for a problem that was read; UserError as in `score`."""
        return read_candidate(self.rules, problem, candidate, budget=self.budget, most=self.budget)

    def score_read(self, read: Sequence[tuple[UInt8[np.ndarray, "seq"], States]]) -> list[list[float]]:
        """The scores of the steps of candidates that were read, each beside its problem."""
        lengths = [[len(path.states) - 1 for _, path in read]]
        return _nest(self._score_paths(list(read))[0], lengths)[0]

    def _read(self, i: int, problem: Any, candidates: Any) -> tuple[np.ndarray, list[States]]:
        tokens = _named(f"problems[{i}]", self.read_problem, problem)
        listed = _named(f"outputs[{i}]", read_list, candidates, "candidates")
        if len(listed) == 0:
            raise UserError(f"outputs[{i}]: has no candidate")
        return tokens, [_named(f"outputs[{i}][{j}]", self.read_candidate, tokens, one) for j, one in enumerate(listed)]

    def _score_paths(self, paths: list[tuple[np.ndarray, States]]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """(scores, log-rewards, segments) of all steps of all paths, one after another."""
        if not paths:
            return np.zeros(0), np.zeros(0), np.zeros(0, np.int64)
        fine = StepRows.concatenate([_rows(problem, path, FINE) for problem, path in paths])
        found = self._run(fine)
        logits = found.logits[self.objective]
        scores, log_rewards = to_scores(self.objective, logits), to_log_scores(self.objective, logits)
        if self.fine_weight < 1:
            second = np.concatenate([np.arange(len(path.states) - 1) > 0 for _, path in paths])
            coarse = self.score_rows(StepRows.concatenate([_rows(problem, path, COARSE) for problem, path in paths]))
            scores[second] = self.fine_weight * scores[second] + (1 - self.fine_weight) * coarse
            with np.errstate(divide="ignore"):
                log_rewards[second] = np.log(scores[second])
        return scores, log_rewards, found.segments

    def _run(self, rows: StepRows) -> RowLogits:
        config = self.model.config
        if rows.problem.shape[1] != config.core.seq_len:
            raise UserError(f"rows have {rows.problem.shape[1]} cells: the scorer was trained on {config.core.seq_len}")
        grids = (rows.problem, rows.before, rows.after)
        if len(rows) and max(int(grid.max()) for grid in grids) >= config.core.vocab_size:
            raise UserError(f"rows hold token ids beyond {config.core.vocab_size - 1}")
        if len(rows) and not 0 <= int(rows.left.min()) <= int(rows.left.max()) <= config.max_left:
            raise UserError(f"left={rows.left.min()}..{rows.left.max()}: must lie in 0..{config.max_left}")
        left = np.ascontiguousarray(rows.left).view(np.uint8).reshape(len(rows), 4)
        keys = np.concatenate([*grids, left, rows.span[:, None]], axis=1)
        _, places, back = np.unique(_as_words(keys), return_index=True, return_inverse=True)
        shown = {key: getattr(rows, key)[places] for key in GRID_INPUTS}
        found = run_rows(self.model, shown, segments=self.segments, stop=self.stop, batch_size=self.batch_size)
        logits = {name: values[back] for name, values in found.logits.items()}
        return RowLogits(logits=logits, segments=found.segments[back])

    def save_pretrained(self, directory: str | Path, **about: Any) -> None:
        """As `RewardModel.save_pretrained`, with the puzzle and the settings in config.json."""
        settings = {key: getattr(self, key) for key in SAVED}
        puzzle = {"name": self.puzzle.name, **self.puzzle.options}
        pretrained.save(self.model, Path(directory), {"puzzle": puzzle, "scorer": settings}, **about)

    @classmethod
    def from_pretrained(cls, source: str | Path, *, revision: str | None = None, **settings: Any) -> "StepScorer":
        """What `save_pretrained` wrote; `settings` replace those saved.

        `source`, `revision` and errors as in `RewardModel.from_pretrained`.
        """
        directory = pretrained.find(source, revision)
        model = RewardModel.from_pretrained(directory)
        config, path = pretrained.read_config(directory), directory / pretrained.CONFIG
        puzzle, saved = config.get("puzzle"), config.get("scorer", {})
        if not isinstance(puzzle, dict) or not isinstance(puzzle.get("name"), str):
            raise UserError(f"{path}: has no object `puzzle` with a name, so nothing says what it scores")
        unknown = sorted(saved.keys() - set(SAVED)) if isinstance(saved, dict) else ["no object"]
        if unknown:
            raise UserError(f"{path}: scorer.{unknown[0]}: must be one of {', '.join(SAVED)}")
        for key, value in saved.items():
            types, words = SAVED[key]
            if not isinstance(value, types) or isinstance(value, bool):
                raise UserError(f"{path}: scorer.{key}={json.dumps(value)}: must be {words}")
        chosen = {**saved, **settings}
        head = HEADS.get(str(chosen.get("objective")))
        if not (head and head.scores_pairs) and "fine_weight" not in settings:
            chosen["fine_weight"] = 1.0
        allowed = {*SAVED, "batch_size", "untrained_depth"}
        if unknown := sorted(settings.keys() - allowed):
            raise UserError(f"{unknown[0]}={settings[unknown[0]]}: must be one of {', '.join(sorted(allowed))}")
        return cls(model, puzzles.get(**puzzle), **chosen)


def _check_numbers(**settings: Any) -> None:
    """UserError for a setting that is not a number of the kind that `SAVED` says."""
    for key, value in settings.items():
        types, words = SAVED.get(key, ((int,), "a whole number"))
        if not isinstance(value, types) or isinstance(value, bool):
            raise UserError(f"{key}={value!r}: must be {words}")


def _named(name: str, read: Callable[..., Read], *arguments: Any) -> Read:
    """What `read` gives; its UserError with the name of the input in front."""
    try:
        return read(*arguments)
    except UserError as error:
        raise UserError(f"{name}: {error}") from None


def _rows(problem: np.ndarray, path: States, span: int) -> StepRows:
    """The steps of a path, or its pairs of steps."""
    states = path.states
    num = max(0, len(states) - span)
    return StepRows(
        problem=np.repeat(problem[None], num, axis=0),
        before=states[:num],
        after=states[span:] if num else states[:0],
        left=(path.budget - span - np.arange(num)).astype(np.int32),
        span=np.full(num, span, np.uint8),
        label=np.full(num, np.nan, np.float32),
        group=np.zeros(num, np.int64),
        source=np.zeros(num, np.uint8),
        sources=("none",),
    )


def _as_words(keys: np.ndarray) -> np.ndarray:
    """Each row of bytes as one value that sorts."""
    return np.ascontiguousarray(keys).view(np.dtype((np.void, keys.shape[1])))[:, 0]


def _nest(values: Float[np.ndarray, " steps"] | np.ndarray, lengths: list[list[int]]) -> list[list[list[Any]]]:
    flat = iter(values.tolist())
    return [[[next(flat) for _ in range(length)] for length in candidates] for candidates in lengths]
