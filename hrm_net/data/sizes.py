"""Puzzles of several sizes in one run: the key `size` among a generator's targets.

`{size: {rows: 12, columns: 12}, path: [20, null]}` means puzzles of the run's domain with those options in place of the
run's own. A batch has one size, drawn for each step in proportion to the weights of the sources of that size.
"""

import json
from collections.abc import Iterable, Mapping
from functools import lru_cache

import numpy as np

import puzzles
from hrm_net.data.config import DataConfig, Source, Stage, Targets
from hrm_net.schema import show
from puzzles.base import Puzzle
from puzzles.errors import UserError

SIZE = "size"


def sized(puzzle: Puzzle, targets: Targets) -> tuple[Puzzle, Targets]:
    """The puzzle that `targets` mean, and what is left for its generator; UserError for a size it cannot have."""
    if SIZE not in targets:
        return puzzle, targets
    options = targets[SIZE]
    if not isinstance(options, Mapping) or not options:
        allowed = ", ".join(puzzle.OPTIONS)
        raise UserError(f"{SIZE}={show(options)}: must be a mapping of options of {puzzle.name}: {allowed}")
    rest = {key: value for key, value in targets.items() if key != SIZE}
    try:
        return _get(puzzle.name, json.dumps(dict(puzzle.options) | dict(options), sort_keys=True)), rest
    except UserError as error:
        raise UserError(f"{SIZE}: {error}") from None


@lru_cache
def _get(name: str, options: str) -> Puzzle:
    return puzzles.get(name, **json.loads(options))


def size_key(puzzle: Puzzle) -> str:
    """A name of the puzzle's size, equal for equal options."""
    return json.dumps(puzzle.options, sort_keys=True)


def other_sizes(puzzle: Puzzle, targets: Iterable[Targets]) -> list[Puzzle]:
    """The sizes among `targets` that are not the puzzle's own, each once."""
    found = {size_key(one): one for one, _ in (sized(puzzle, wanted) for wanted in targets)}
    found.pop(size_key(puzzle), None)
    return list(found.values())


class SizeSchedule:
    """The size of the puzzles at each step, as a pure function of (seed, step), the same on every rank."""

    def __init__(self, puzzle: Puzzle, config: DataConfig, *, seed: int, steps: int) -> None:
        self.puzzle, self.config, self.seed, self.steps = puzzle, config, seed, steps

    def stage(self, step: int) -> Stage:
        """The curriculum's stage at a step."""
        return next(stage for stage in self.config.curriculum if step < stage.until * self.steps or stage.until == 1)

    def mix(self, step: int) -> tuple[Puzzle, list[Source]]:
        """The puzzle at a step, and the sources of that size; their targets name no size any more."""
        by_size: dict[str, tuple[Puzzle, list[Source]]] = {}
        for source in self.stage(step).mix:
            puzzle, targets = sized(self.puzzle, source.targets)
            _, sources = by_size.setdefault(size_key(puzzle), (puzzle, []))
            sources.append(Source(weight=source.weight, targets=targets))
        found = list(by_size.values())
        if len(found) == 1:
            return found[0]
        weights = np.array([sum(source.weight for source in sources) for _, sources in found])
        drawn = puzzles.rng(self.seed, SIZE, step).choice(len(found), p=weights / weights.sum())
        return found[drawn]

    def __call__(self, step: int) -> Puzzle:
        """The puzzle at a step."""
        return self.mix(step)[0]


def only_one_size(key: str, targets: Iterable[Targets], why: str) -> None:
    """UserError where a target names a size."""
    for wanted in targets:
        if SIZE in wanted:
            raise UserError(f"{key}: {SIZE}={show(wanted[SIZE])}: must be left out {why}")
