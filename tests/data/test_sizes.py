"""Several sizes in one run: which size a step has, and what its rows are."""

import numpy as np
import pytest
import torch

import puzzles
from hrm_net.data.config import DataConfig, Source, Stage
from hrm_net.data.generated import GeneratedBatches, MixedBatches, generated_batches
from hrm_net.data.puzzle_sets import as_batch
from hrm_net.data.sizes import SizeSchedule, other_sizes, sized
from puzzles.errors import UserError

SIX = puzzles.get("sudoku", box="2x3")
SMALL = {"size": {"box": "2x2"}, "clues": 8}
MIX = DataConfig(
    curriculum=[
        Stage(until=0.5, mix=[Source(targets=SMALL)]),
        Stage(
            mix=[
                Source(weight=2.0, targets={"clues": 20}),
                Source(weight=1.0, targets=SMALL),
                Source(weight=1.0, targets={**SMALL, "clues": 10}),
            ]
        ),
    ]
)


def schedule(seed: int = 0) -> SizeSchedule:
    return SizeSchedule(SIX, MIX, seed=seed, steps=400)


def test_each_stage_has_its_sizes_in_proportion_to_their_weights():
    sides = np.array([schedule()(step).shape[0] for step in range(400)])
    assert (sides[:200] == 4).all()
    assert 70 < (sides[200:] == 6).sum() < 130
    again = [schedule()(step).shape[0] for step in range(400)]
    assert sides.tolist() == again
    assert sides.tolist() != [schedule(seed=1)(step).shape[0] for step in range(400)]


def test_a_batch_has_one_size_and_the_mix_of_that_size():
    batches = GeneratedBatches(SIX, MIX, seed=0, steps=400, batch_size=40)
    for step in (0, *range(390, 400)):
        puzzle = schedule()(step)
        inputs = batches(step)["inputs"].numpy()
        assert inputs.shape == (40, puzzle.seq_len)
        clues = set((inputs > 1).sum(axis=1).tolist())
        assert clues == ({20} if puzzle is SIX or puzzle.shape[0] == 6 else {8} if step == 0 else {8, 10})


def test_directories_fill_steps_of_their_own_size_only():
    def read(step: int) -> dict[str, torch.Tensor]:
        rows = np.full((8, 36), 7, np.int32)
        return as_batch(rows, rows, np.zeros(8, np.int32))

    batches = MixedBatches(read, GeneratedBatches(SIX, MIX, seed=0, steps=400, batch_size=8))
    for step in range(380, 400):
        from_path = (batches(step)["inputs"] == 7).all(dim=1)
        assert from_path.all() if schedule()(step).shape[0] == 6 else not from_path.any()


def test_a_size_replaces_the_options_it_names():
    maze = puzzles.get("maze", rows=9, columns=7)
    puzzle, rest = sized(maze, {"size": {"rows": 11}, "kind": "hard"})
    assert puzzle.options == {"rows": 11, "columns": 7}
    assert rest == {"kind": "hard"}
    assert sized(maze, {"kind": "hard"}) == (maze, {"kind": "hard"})
    assert other_sizes(maze, [{}, {"size": {"rows": 9}}]) == []
    found = other_sizes(maze, [{"size": {"rows": 5}}, {"size": {"rows": 5}, "kind": "hard"}])
    assert [one.shape for one in found] == [(5, 7)]


@pytest.mark.parametrize(
    ("size", "line"),
    [
        (12, r"^size=12: must be a mapping of options of maze: rows, columns$"),
        ({}, r"^size=\{\}: must be a mapping of options of maze: rows, columns$"),
        ({"box": "2x2"}, r"^size: puzzle\.box=2x2: maze has the options rows, columns$"),
        ({"rows": 1}, r"^size: puzzle\.rows=1: must be a whole number of at least 3$"),
    ],
)
def test_a_size_that_cannot_be_is_told_in_one_line(size: object, line: str):
    with pytest.raises(UserError, match=line):
        sized(puzzles.get("maze"), {"size": size})


def test_a_fixed_set_has_one_size():
    config = DataConfig(puzzles=8, curriculum=[Stage(mix=[Source(targets=SMALL)])])
    with pytest.raises(UserError, match=r"^data\.curriculum: size=.*: must be left out beside data\.puzzles=8$"):
        generated_batches(SIX, config, seed=0, steps=10, batch_size=4)
