"""Which puzzles a run learns from: the key `data` of a run."""

from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from typing import Annotated, Any, ClassVar, Literal

from annotated_types import Ge, Gt, Le

from hrm_net.schema import check, require

Targets = dict[str, Any]


@dataclass(kw_only=True, slots=True)
class Source:
    """One kind of puzzle in a mix."""

    __pydantic_config__: ClassVar = {"extra": "forbid"}

    # Share of the batch, relative to the other sources of the same stage.
    weight: Annotated[float, Gt(0)] = 1.0
    # What the generator aims at, for example {clues: [24, 36]} or {clues: minimal}; `size`, with options of the
    # puzzle, asks for another size of it: {size: {rows: 12, columns: 12}}. A step has puzzles of one size.
    targets: Targets = field(default_factory=dict)

    def __post_init__(self) -> None:
        check(self)


@dataclass(kw_only=True, slots=True)
class Stage:
    """A part of the run with one mix of puzzles."""

    __pydantic_config__: ClassVar = {"extra": "forbid"}

    # Share of the run at which this stage ends; stages follow each other and the last ends at 1.
    until: Annotated[float, Gt(0), Le(1)] = 1.0
    # Share of the rows that data.path gives, where there is one; the others are generated as `mix` says.
    path_share: Annotated[float, Ge(0), Le(1)] = 1.0
    # Where the puzzles of this stage come from.
    mix: list[Source] = field(default_factory=lambda: [Source()])

    def __post_init__(self) -> None:
        check(self)
        require("mix", [], len(self.mix) > 0, "a list of at least one source")


@dataclass(kw_only=True, slots=True)
class DataConfig:
    """Which puzzles the model learns from."""

    __pydantic_config__: ClassVar = {"extra": "forbid"}

    # Directory in the published layout to train from, or several: data.path=[a,b]; null: generate. Made by
    # python -m puzzles.build or puzzles.sudoku.pool; the puzzle's sizes must fit. With puzzle=table a CSV or JSONL file
    # as well, which says what the puzzle is. The curriculum has an effect in stages whose path_share lies below 1.
    path: str | list[str] | None = None
    # Sources of real ARC tasks to train on (puzzle=arc), demonstrations and tests: arc1/training, arc1/evaluation,
    # arc2/training, arc2/evaluation, a folder or a file; []: none.
    tasks: list[str] = field(default_factory=list)
    # Sources of ARC tasks whose demonstrations are trained on as well, and whose tests are predicted, never trained on.
    evaluation_tasks: list[str] = field(default_factory=list)
    # Augmentations of each ARC task, fewer where fewer differ; each is a row of the puzzle table (4 bytes *
    # hidden_size).
    augmentations: Annotated[int, Ge(0)] = 1000
    # What becomes of broken files, tasks and examples among the ARC tasks: refuse them, or skip them and say how many.
    broken: Literal["refuse", "skip"] = "refuse"
    # What the directory or the tasks must be, as a hash; null: whatever they are, and the run keeps their hash.
    sha256: str | None = None
    # Number of distinct generated puzzles, the published regime; null: a stream without end.
    puzzles: Annotated[int, Ge(1)] | None = None
    # Whether a puzzle is shown under a fresh random symmetry each time; false keeps a directory's rows as they are.
    augment: bool = True
    # Stages of the run: until (the share of the run at which it ends), mix (weight, and targets for the generator) and,
    # beside data.path, path_share.
    # The puzzle's file sets what suits it.
    curriculum: list[Stage] = field(default_factory=lambda: [Stage()])

    def __post_init__(self) -> None:
        self.path = expand_home(self.path)
        self.tasks, self.evaluation_tasks = expand_home(self.tasks), expand_home(self.evaluation_tasks)
        check(self, "data")
        real = self.path is not None or self.has_tasks
        require("data.tasks", self.tasks, self.path is None or not self.has_tasks, "[] beside data.path")
        require("data.puzzles", self.puzzles, not (self.puzzles and real), "null beside data.path and data.tasks")
        require("data.sha256", self.sha256, self.sha256 is None or real, "null without data.path or data.tasks")
        ends = [stage.until for stage in self.curriculum]
        rising = all(a < b for a, b in pairwise(ends))
        good = bool(ends) and rising and ends[-1] == 1
        require(
            "data.curriculum", f"[until {', '.join(map(str, ends))}]", good, "stages with rising until, the last one 1"
        )

    @property
    def has_tasks(self) -> bool:
        """Whether real ARC tasks are trained on, in place of generated puzzles."""
        return bool(self.tasks or self.evaluation_tasks)

    @property
    def mixes(self) -> bool:
        """Whether a stage generates puzzles beside those of `path`."""
        return self.path is not None and any(stage.path_share < 1 for stage in self.curriculum)

    def last_targets(self) -> dict[str, Targets]:
        """What the puzzles of the last stage aim at, by a name for each source of its mix."""
        mix = self.curriculum[-1].mix
        return {"unseen" if len(mix) == 1 else f"unseen_{i + 1}": source.targets for i, source in enumerate(mix)}


def expand_home(path: Any) -> Any:
    """`~` at the start of a path, or of each path in a list, as the home directory, which no shell puts after `=`."""
    if isinstance(path, list):
        return [expand_home(one) for one in path]
    return str(Path(path).expanduser()) if isinstance(path, str) and path.startswith("~") else path
