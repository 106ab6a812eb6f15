"""`TextJudge`: which of two candidate solutions in words is the better one, with more thought for harder comparisons.

    judge = TextJudge.from_pretrained("runs/judge_language_model")
    found = judge.compare(["1 + 2?"], ["It is 3."], [["1 + 2 = 4", "It is 4."]])
    found.probability[0], found.segments[0]  # that the first is better, and how long it took to say so

It is `hrm_net.reward.pair.PairJudge` for texts: the same `compare`, and `hrm_net.reward.pair.tournament` takes it.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch

from hrm_net.checkpoints import pretrained
from hrm_net.checkpoints.hub import Published
from hrm_net.inference.segments import sigmoid
from hrm_net.reward.candidates import read_list
from hrm_net.reward.heads import PAIR
from hrm_net.reward.model import RewardModel
from hrm_net.reward.model_config import TEXTS
from hrm_net.reward.pair.games import run_games, trace_games
from hrm_net.reward.pair.judge import SETTINGS, Comparison, Thought, checked_depth
from hrm_net.reward.text.backbone import Backbone
from hrm_net.reward.text.config import BackboneConfig
from hrm_net.reward.text.examples import SEPARATOR
from hrm_net.reward.text.games import ByteReader, Candidate, Reader, StateReader, TextGames
from hrm_net.reward.text.scorer import saved_backbone
from puzzles.errors import UserError

Game = tuple[Candidate, Candidate]


class TextJudge(Published):
    """A judge of texts: anything with `compare` serves `hrm_net.reward.pair.tournament`.

    A candidate is a text, which is split at the separator, or a list of steps. A game runs until the halting head gives
    a probability of at least `stop` (None: never), and `segments` segments at most. Equal candidates are not played.
    """

    def __init__(
        self, model: RewardModel, backbone: Backbone | None = None, *, segments: int | None = None,
        stop: float | None = None, batch_size: int = 64, untrained_depth: bool = False,
    ) -> None:  # fmt: skip
        """`backbone` is the language model whose states the model reads, None for a model that reads bytes. `segments`
        None: as many as in training; `untrained_depth` allows more than that. UserError for a model that is not a judge
        of texts, a backbone that is not the model's, and settings out of bounds."""
        config = model.config
        if config.objectives != [PAIR] or config.inputs not in TEXTS:
            what = f"its heads are {', '.join(config.objectives)}, its inputs {config.inputs}"
            raise UserError(f"model: {what}: must be pair over text or states, a judge of texts")
        if (config.inputs == "states") != (backbone is not None):
            needs = "a language model" if backbone is None else "none: it reads bytes"
            raise UserError(f"backbone: inputs={config.inputs} of this model needs {needs}")
        if backbone is not None and backbone.size != config.state_size:
            raise UserError(f"backbone: has states of width {backbone.size}, the model reads {config.state_size}")
        segments = checked_depth(config, segments, stop, batch_size, untrained_depth)
        self.model, self.backbone = model, backbone
        self.segments, self.stop, self.batch_size = segments, stop, batch_size
        self.separator = SEPARATOR if backbone is None else backbone.separator

    @property
    def reader(self) -> Reader:
        """What turns candidates into the rows that the model reads."""
        length = self.model.config.core.seq_len
        return ByteReader(length=length) if self.backbone is None else StateReader(self.backbone, length)

    def compare(self, problems: Any, first: Any, second: Any) -> Comparison:
        """Whether first[i] is a better solution of problems[i] than second[i].

        Swapping the two gives exactly 1 minus the probability: each game is computed once, in an order of its own.
        UserError of one line, which names the place, for lists of different lengths, what is not a text or a list of
        steps, and a candidate without a step or too long for the language model.
        """
        games = self._games(problems, first, second)
        ordered = [(min(game), max(game)) for game in games]
        different = [game for game in dict.fromkeys(ordered) if game[0] != game[1]]
        shown = self._shown(different)
        found = run_games(self.model, shown, segments=self.segments, stop=self.stop, batch_size=self.batch_size)
        said = dict(zip(different, zip(sigmoid(found.logits), found.segments, strict=True), strict=True))
        probability, segments = np.full(len(games), 0.5), np.zeros(len(games), np.int64)
        for i, (game, order) in enumerate(zip(games, ordered, strict=True)):
            if order in said:
                p, segments[i] = said[order]
                # In floating point p + (1 - p) is exactly 1 for every p from 0 to 1.
                probability[i] = p if game == order else 1 - p
        return Comparison(probability=probability, segments=segments)

    def think(self, problem: str, first: Any, second: Any, segments: int | None = None) -> Thought:
        """One game segment by segment, on to the last one even where the judge stops before. UserError as `compare`."""
        segments = self.segments if segments is None else segments
        trace = trace_games(
            self.model, self._shown(self._games([problem], [first], [second])), segments=segments, batch_size=1
        )
        halting = sigmoid(trace.halting[0])
        stops = np.flatnonzero(halting >= (2.0 if self.stop is None else self.stop))
        return Thought(
            probability=sigmoid(trace.logits[0]), halting=halting, stopped_at=int(stops[0]) + 1 if len(stops) else None
        )

    def read(self, problem: Any, candidates: Any) -> tuple[str, list[list[str]]]:
        """The problem, and the candidates as lists of steps. UserError as `compare`."""
        read = [self._candidate(f"candidates[{j}]", problem, one) for j, one in enumerate(candidates)]
        return problem, [list(one.steps) for one in read]

    def _games(self, problems: Any, first: Any, second: Any) -> list[Game]:
        named = (("problems", problems), ("first", first), ("second", second))
        read = []
        for what, values in named:
            try:
                read.append(read_list(values, "texts" if what == "problems" else "texts or lists of steps"))
            except UserError as error:
                raise UserError(f"{what}: {error}") from None
        if len({len(values) for values in read}) > 1:
            lengths = ", ".join(f"{len(values)} {what}" for (what, _), values in zip(named, read, strict=True))
            raise UserError(f"{lengths}: must be equally many")
        for i, problem in enumerate(read[0]):
            if not isinstance(problem, str):
                raise UserError(f"problems[{i}]: is of type {type(problem).__name__}: must be a text")
        sides = [
            [
                self._candidate(f"{name}[{i}]", problem, one)
                for i, (problem, one) in enumerate(zip(read[0], values, strict=True))
            ]
            for name, values in zip(("first", "second"), read[1:], strict=True)
        ]
        return list(zip(*sides, strict=True))

    def _candidate(self, name: str, problem: str, given: Any) -> Candidate:
        """A text or a list of steps as a candidate. UserError, with its name, for anything else."""
        if not isinstance(problem, str):
            raise UserError(f"problem: is of type {type(problem).__name__}: must be a text")
        if isinstance(given, str):
            steps = [part.strip() for part in given.split(self.separator) if part.strip()]
        elif isinstance(given, Sequence) and all(isinstance(step, str) for step in given):
            steps = list(given)
        else:
            raise UserError(
                f"{name}: is of type {type(given).__name__}: must be a text or a list of steps, which are texts"
            )
        if not steps:
            raise UserError(f"{name}: has no step: must hold at least one")
        if self.backbone is not None:
            try:
                self.backbone.encode(problem, steps)
            except UserError as error:
                raise UserError(f"{name}: {error}") from None
        return Candidate(problem=problem, steps=tuple(steps))

    def _shown(self, games: Sequence[Game]) -> TextGames:
        known: dict[Candidate, int] = {}
        places = [[known.setdefault(side, len(known)) for side in game] for game in games]
        first, second = np.array(places, np.int64).reshape(-1, 2).T
        return TextGames(sides=self.reader.read(list(known)), first=first, second=second)

    def save_pretrained(self, directory: str | Path, **about: Any) -> None:
        """As `RewardModel.save_pretrained`, with the settings and the place of the language model in config.json.

        UserError where the language model was not loaded by `Backbone.load`.
        """
        settings = {"segments": self.segments, "stop": self.stop}
        source = None if self.backbone is None else self.backbone.source
        if self.backbone is not None and source is None:
            raise UserError(
                "backbone: was not loaded from a named place, so nothing would say what to load; use Backbone.load"
            )
        named = {} if source is None else {"backbone": source.saved()}
        puzzle = {"name": "text", "length": self.model.config.core.seq_len}
        pretrained.save(self.model, Path(directory), {"puzzle": puzzle, "judge": settings, **named}, **about)

    @classmethod
    def from_pretrained(
        cls, source: str | Path, *, revision: str | None = None, device: torch.device | str = "cpu", **settings: Any
    ) -> "TextJudge":
        """The judge of a training run (`runs/NAME`), or what `save_pretrained` wrote; `settings` replace those saved.

        The language model, where there is one, is loaded from where training found it. `source`, `revision` and errors
        as in `RewardModel.from_pretrained`.
        """
        directory = Path(source).expanduser()
        if not (directory / pretrained.CONFIG).is_file() and (directory / "judge" / pretrained.CONFIG).is_file():
            directory /= "judge"
        else:
            directory = pretrained.find(source, revision)
        model = RewardModel.from_pretrained(directory)
        path, saved = directory / pretrained.CONFIG, pretrained.read_config(directory).get("judge", {})
        unknown = sorted(saved.keys() - set(SETTINGS)) if isinstance(saved, dict) else ["no object"]
        if unknown:
            raise UserError(f"{path}: judge.{unknown[0]}: must be one of {', '.join(SETTINGS)}")
        named: BackboneConfig | None = saved_backbone(directory)
        backbone = None if named is None else Backbone.load(named, device)
        return cls(model.to(device), backbone, **{**saved, **settings})
