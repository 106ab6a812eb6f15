"""Training and evaluation rows of ARC tasks, made from the raw pairs when they are asked for: nothing is stored.

Every (task, augmentation) is a puzzle with an identifier of its own: 0 is blank, then task after task the task as it is
and its augmentations. The answers to evaluation tasks' tests are looked at once, to withhold pairs that equal them, and
not kept.
"""

from collections.abc import Iterable, Iterator, Sequence
from copy import copy
from dataclasses import dataclass

import numpy as np
from jaxtyping import Integer, UInt8, UInt64

from puzzles.arc import canvas as arc_canvas
from puzzles.arc.augment import Augmentation, draw
from puzzles.arc.tasks import Pair, Task
from puzzles.errors import UserError

Index = Integer[np.ndarray, " num"]


@dataclass(slots=True)
class Order:
    """Which rows to make, one entry a row: what `ArcRows.rows` takes."""

    tasks: Index
    augmentations: Index
    pairs: Index
    offsets: Integer[np.ndarray, "num 2"]

    def __len__(self) -> int:
        return len(self.tasks)

    def __getitem__(self, part: slice) -> "Order":
        return Order(self.tasks[part], self.augmentations[part], self.pairs[part], self.offsets[part])


@dataclass(slots=True)
class Questions:
    """Test inputs to be answered, one entry a row: `inputs` on the canvas untranslated, made on demand in slices."""

    rows: "ArcRows"
    tasks: Index
    tests: Index
    augmentations: Index

    def __len__(self) -> int:
        return len(self.tasks)

    @property
    def puzzle_identifiers(self) -> Integer[np.ndarray, " num"]:
        return (self.rows.first_id[self.tasks] + self.augmentations).astype(np.int32)

    def inputs(self, part: slice = slice(None)) -> UInt8[np.ndarray, "num seq"]:
        return self.rows.test_inputs(self.tasks[part], self.augmentations[part], self.tests[part])

    def votes_for(self, part: slice = slice(None)) -> Iterator[tuple[str, int, Augmentation]]:
        """(task, test, augmentation) of each row, as `arc_vote.Votes.add` takes them."""
        for task, test, one in zip(self.tasks[part], self.tests[part], self.augmentations[part], strict=True):
            yield self.rows.groups[task].name, int(test), self.rows.augmentation(int(task), int(one))


class ArcRows:
    """Rows of `training` tasks (demonstrations and tests) and `evaluation` tasks (demonstrations only).

    `groups`: the tasks, training first, evaluation ones without answers. `num_puzzle_ids` counts the blank one.
    `withheld`: pairs left out because they are, up to dihedral transform and colours, another task's evaluation test
    with its answer. (A demonstration that is symmetric to its own task's test stays: the task itself gives it away.)
    UserError by name for a task that is larger than the canvas or there twice.
    """

    def __init__(
        self,
        training: Sequence[Task],
        evaluation: Sequence[Task] = (),
        *,
        num_augmentations: int = 1000,
        canvas: int = 30,
        seed: int = 0,
    ) -> None:
        arc_canvas.check_side(canvas)
        if num_augmentations < 0:
            raise UserError(f"num_augmentations={num_augmentations}: must be at least 0")
        self.canvas, self.seed, self.num_augmentations = canvas, seed, num_augmentations
        self.groups = [*training, *map(without_answers, evaluation)]
        self.num_training = len(training)
        _check_groups(self.groups, canvas)
        self.withheld: list[str] = []
        self._pack(self._examples(evaluation))
        self._augment()

    def _examples(self, evaluation: Sequence[Task]) -> list[list[Pair]]:
        """The pairs of each group that train: no test of another task in `evaluation`."""
        owners: dict[int, set[str]] = {}
        for task in evaluation:
            for hashed in _pair_hashes([pair for pair in task.test if pair.output is not None]).tolist():
                owners.setdefault(hashed, set()).add(task.name)
        found = []
        for place, task in enumerate(self.groups):
            named = [(f"train[{index}]", pair) for index, pair in enumerate(task.train)]
            if place < self.num_training:
                named += [(f"test[{i}]", pair) for i, pair in enumerate(task.test) if pair.output is not None]
            hashes = _pair_hashes([pair for _, pair in named]).tolist()
            leaks = [bool(owners.get(hashed, set()) - {task.name}) for hashed in hashes]
            self.withheld += [f"{task.name}: {where}" for (where, _), leak in zip(named, leaks, strict=True) if leak]
            found.append([pair for (_, pair), leak in zip(named, leaks, strict=True) if not leak])
        return found

    def _pack(self, examples: list[list[Pair]]) -> None:
        pairs = [pair for group in examples for pair in group]
        self.packed = arc_canvas.pack([grid for pair in pairs for grid in (pair.input, pair.output)])  # type: ignore[misc]
        self.num_pairs = np.array([len(group) for group in examples], np.int64)
        self.first_pair = np.cumsum(self.num_pairs) - self.num_pairs
        self.tall = np.maximum(self.packed.heights[::2], self.packed.heights[1::2])
        self.wide = np.maximum(self.packed.widths[::2], self.packed.widths[1::2])
        self.group_of_pair = np.repeat(np.arange(len(self.groups)), self.num_pairs)
        self._pack_tests()

    def _pack_tests(self) -> None:
        self.packed_tests = arc_canvas.pack([pair.input for task in self.groups for pair in task.test])
        self.num_tests = np.array([len(task.test) for task in self.groups], np.int64)
        self.first_test = np.cumsum(self.num_tests) - self.num_tests

    def _augment(self) -> None:
        drawn = [draw(task.name, [*task.train, *task.test], self.num_augmentations, self.seed) for task in self.groups]
        self.dihedrals = np.concatenate([np.zeros(1, np.uint8), *(dihedrals for dihedrals, _ in drawn)])
        self.colours = np.concatenate([arc_canvas.IDENTITY[None], *(colours for _, colours in drawn)])
        self.num_puzzles = np.array([len(dihedrals) for dihedrals, _ in drawn], np.int64)  # augmentations and itself
        self.first_id = 1 + np.cumsum(self.num_puzzles) - self.num_puzzles

    @property
    def num_puzzle_ids(self) -> int:
        return len(self.dihedrals)

    @property
    def rows_in_epoch(self) -> int:
        """Rows of `epoch`: every training pair once."""
        return int(self.num_pairs.sum())

    def augmentation(self, task: int, index: int) -> Augmentation:
        place = self.first_id[task] + index
        return Augmentation(int(self.dihedrals[place]), tuple(self.colours[place].tolist()), index)

    def identifiers(self, style: str = "trm") -> list[str]:
        """The name behind every identifier, as in the published identifiers.json. A million take three seconds."""
        return ["<blank>"] + [
            self.augmentation(place, index).name(task.name, style)
            for place, task in enumerate(self.groups)
            for index in range(self.num_puzzles[place])
        ]

    def room(self, tasks: Index, augmentations: Index, pairs: Index) -> Integer[np.ndarray, "num 2"]:
        """The largest offset, row and column, that each pair has under its augmentation."""
        turned = np.isin(self.dihedrals[self.first_id[tasks] + augmentations], (1, 3, 6, 7))
        at = self.first_pair[tasks] + pairs
        tall, wide = self.tall[at], self.wide[at]
        return self.canvas - np.stack([np.where(turned, wide, tall), np.where(turned, tall, wide)], axis=1)

    def epoch(self, rng: np.random.Generator) -> Order:
        """As published: groups shuffled, one random augmentation each, all its pairs, translated but for one."""
        groups = rng.permutation(len(self.groups))
        chosen = rng.integers(0, self.num_puzzles)
        order = np.lexsort((rng.random(self.rows_in_epoch), np.argsort(groups)[self.group_of_pair]))
        tasks = self.group_of_pair[order]
        pairs = order - self.first_pair[tasks]
        first = np.concatenate([np.ones(1, bool), tasks[1:] != tasks[:-1]])[: len(tasks)]
        return self._translated(rng, tasks, chosen[tasks], pairs, first)

    def batch(self, rng: np.random.Generator, num: int):
        """`num` independent rows, a group, an augmentation and a pair drawn for each: see `rows`."""
        tasks = rng.choice(np.flatnonzero(self.num_pairs), num)
        pairs = rng.integers(0, self.num_pairs[tasks])
        still = rng.random(num) < 1 / self.num_pairs[tasks]
        order = self._translated(rng, tasks, rng.integers(0, self.num_puzzles[tasks]), pairs, still)
        return self.rows(order)

    def _translated(self, rng: np.random.Generator, tasks, augmentations, pairs, still) -> Order:
        offsets = rng.integers(0, self.room(tasks, augmentations, pairs) + 1)
        offsets[still] = 0
        return Order(tasks, augmentations, pairs, offsets)

    def rows(
        self, order: Order
    ) -> tuple[UInt8[np.ndarray, "num seq"], UInt8[np.ndarray, "num seq"], Integer[np.ndarray, " num"]]:
        """(inputs, labels, puzzle_identifiers); input and label share one offset. UserError where it does not fit."""
        self._check(order)
        which = self.first_id[order.tasks] + order.augmentations
        grids = 2 * (self.first_pair[order.tasks] + order.pairs)
        inputs, labels = (
            arc_canvas.place_transformed(
                self.packed, grids + side, self.dihedrals, self.colours, which, order.offsets, self.canvas
            )
            for side in (0, 1)
        )
        return inputs, labels, which.astype(np.int32)

    def _check(self, order: Order) -> None:
        for name, values, bounds in (
            ("task", order.tasks, np.full(len(order), len(self.groups))),
            ("augmentation", order.augmentations, self.num_puzzles[order.tasks.clip(0, len(self.groups) - 1)]),
            ("pair", order.pairs, self.num_pairs[order.tasks.clip(0, len(self.groups) - 1)]),
        ):
            wrong = (values < 0) | (values >= bounds)
            if wrong.any():
                index = int(np.argmax(wrong))
                raise UserError(f"row {index}: {name} {values[index]}: there are {bounds[index]}")
        wrong = ((order.offsets < 0) | (order.offsets > self.room(order.tasks, order.augmentations, order.pairs))).any(
            1
        )
        if wrong.any():
            index = int(np.argmax(wrong))
            raise UserError(f"row {index}: offset {tuple(order.offsets[index].tolist())}: the grids do not fit there")

    def questions(self, num_augmentations: int | None = None, *, tasks: Iterable[int] | None = None) -> Questions:
        """Every test input of the evaluation tasks (or of the groups `tasks`) as it is and under up to
        `num_augmentations` of the task's augmentations, untranslated; all of them by default."""
        places = np.arange(self.num_training, len(self.groups)) if tasks is None else np.array(list(tasks), np.int64)
        for place in places:
            if self.num_tests[place] == 0:
                raise UserError(f"task {self.groups[place].name}: has no test pair")
        wanted = self.num_augmentations if num_augmentations is None else num_augmentations
        found = [
            (place, test, one)
            for place in places
            for test in range(self.num_tests[place])
            for one in range(min(1 + wanted, self.num_puzzles[place]))
        ]
        columns = np.array(found, np.int64).reshape(-1, 3).T
        return Questions(self, columns[0], columns[1], columns[2])

    def with_tests(self, tasks: Iterable[Task]) -> "ArcRows":
        """The same training rows, identifiers and augmentations; what is asked of groups called like `tasks` are the
        tests of these. UserError by name for one that is larger than the canvas."""
        asked = {task.name: task for task in tasks}
        for task in asked.values():
            if reason := arc_canvas.too_large(task, self.canvas):
                raise UserError(reason)
        other = copy(self)
        other.groups = [
            Task(group.name, group.train, without_answers(asked.get(group.name, group)).test) for group in self.groups
        ]
        other._pack_tests()
        return other

    def test_inputs(self, tasks: Index, augmentations: Index, tests: Index) -> UInt8[np.ndarray, "num seq"]:
        """The test inputs under their augmentations, in the corner of the canvas."""
        which, grids = self.first_id[tasks] + augmentations, self.first_test[tasks] + tests
        corner = np.zeros((len(tasks), 2), np.int64)
        return arc_canvas.place_transformed(
            self.packed_tests, grids, self.dihedrals, self.colours, which, corner, self.canvas
        )


def _pair_hashes(pairs: list[Pair]) -> UInt64[np.ndarray, " num"]:
    """Equal for pairs that a dihedral transform and a permutation of colours map onto each other."""
    return arc_canvas.canonical([[pair.input, pair.output] for pair in pairs if pair.output is not None])[1]


def without_answers(task: Task) -> Task:
    return Task(task.name, task.train, [Pair(pair.input, None) for pair in task.test])


def _check_groups(groups: list[Task], canvas: int) -> None:
    if not groups:
        raise UserError("there are no ARC tasks to train on")
    seen: set[str] = set()
    for task in groups:
        if task.name in seen:
            raise UserError(f"task {task.name}: is there twice; arc_leaks.without drops training tasks of that name")
        seen.add(task.name)
        for index, pair in enumerate(task.train):
            if pair.output is None:
                raise UserError(f"task {task.name}: train[{index}] has no output")
        if reason := arc_canvas.too_large(task, canvas):
            raise UserError(reason)


def fitting(tasks: Sequence[Task], canvas: int) -> list[Task]:
    """The tasks of which every grid fits the canvas."""
    return [task for task in tasks if not arc_canvas.too_large(task, canvas)]
