"""What an evaluation set shares with the tasks trained on: names, examples, questions."""

from collections.abc import Sequence
from dataclasses import dataclass

from puzzles.arc import canvas as arc_canvas
from puzzles.arc.tasks import Pair, Task


@dataclass(frozen=True, slots=True)
class Leaks:
    """Names are those of evaluation tasks, in their order."""

    ids: list[str]  # a training task has the same name
    tasks: dict[str, list[str]]  # the training tasks that hold one of its pairs, demonstration or test
    tests: dict[str, list[str]]  # the training tasks that hold one of its tests, answer included where it is known

    def __bool__(self) -> bool:
        return bool(self.ids or self.tasks)


def leaks(training: Sequence[Task], evaluation: Sequence[Task], *, symmetric: bool = True) -> Leaks:
    """By name and by content, the latter up to dihedral transforms and permutations of colours 1-9 (augmentation makes
    those) unless `symmetric` is False. A pair without a known output counts by its input."""
    held = [(task.name, pair) for task in training for pair in [*task.train, *task.test]]
    held += [(name, Pair(pair.input, None)) for name, pair in held if pair.output is not None]
    holders: dict[object, set[str]] = {}
    for (name, _), key in zip(held, keys([pair for _, pair in held], symmetric), strict=True):
        holders.setdefault(key, set()).add(name)
    asked = [(task.name, pair, test) for task in evaluation for test in (False, True) for pair in _part(task, test)]
    tasks: dict[str, set[str]] = {}
    tests: dict[str, set[str]] = {}
    for (name, _, test), key in zip(asked, keys([pair for _, pair, _ in asked], symmetric), strict=True):
        for found in (tasks, tests) if test else (tasks,):
            if key in holders:
                found.setdefault(name, set()).update(holders[key])
    names = {task.name for task in training}
    ids = [task.name for task in evaluation if task.name in names]
    return Leaks(ids, *({name: sorted(found) for name, found in kind.items()} for kind in (tasks, tests)))


def _part(task: Task, test: bool) -> list[Pair]:
    return task.test if test else task.train


def keys(pairs: Sequence[Pair], symmetric: bool) -> list[object]:
    """Equal for equal pairs, or (64-bit hashes) for symmetric ones; a pair without an output only equals such pairs."""
    grids = [[pair.input] if pair.output is None else [pair.input, pair.output] for pair in pairs]
    if not symmetric:
        return [tuple((grid.shape, grid.tobytes()) for grid in group) for group in grids]
    found: list[object] = [None] * len(pairs)
    for count in (1, 2):
        places = [place for place, group in enumerate(grids) if len(group) == count]
        hashes = arc_canvas.canonical([grids[place] for place in places])[1].tolist()
        for place, hashed in zip(places, hashes, strict=True):
            found[place] = (count, hashed)
    return found


def without(training: Sequence[Task], found: Leaks) -> list[Task]:
    """The training tasks that share nothing with the evaluation set."""
    sharing = {*found.ids, *(name for names in found.tasks.values() for name in names)}
    return [task for task in training if task.name not in sharing]
