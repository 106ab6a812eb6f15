"""Rows of directories beside generated ones: `path_share` of a stage."""

from pathlib import Path

import numpy as np
import pytest
import torch

import puzzles
from hrm_net.data.config import DataConfig, Source, Stage
from hrm_net.data.directory_batches import DirectoryBatches
from hrm_net.data.generated import GeneratedBatches, MixedBatches
from puzzles.datasets import dataset
from puzzles.datasets.build import build

SUDOKU = puzzles.get("sudoku", box="2x2")


@pytest.fixture
def batches(tmp_path: Path) -> MixedBatches:
    """Puzzles of 8 clues on disk, of 12 from the generator: none, then half from disk, then all."""
    build(tmp_path / "data", puzzle=SUDOKU, targets={"clues": 8}, train_puzzles=50, test_puzzles=5)
    stages = [Stage(until=until, path_share=share, mix=[Source(targets={"clues": 12})]) for until, share in
              ((0.25, 0.0), (0.5, 0.5), (1.0, 1.0))]  # fmt: skip
    config = DataConfig(path=str(tmp_path / "data"), curriculum=stages)
    assert config.mixes
    found = [dataset.read(tmp_path / "data")]
    read = DirectoryBatches(SUDOKU, found, augment=True, seed=3, batch_size=40)
    return MixedBatches(read, GeneratedBatches(SUDOKU, config, seed=3, steps=40, batch_size=40))


def from_disk(batch: dict[str, torch.Tensor]) -> np.ndarray:
    clues = (batch["inputs"] > 1).sum(dim=1)
    assert set(clues.tolist()) <= {8, 12}
    return (clues == 8).numpy()


def test_each_stage_takes_its_share_from_the_directory(batches: MixedBatches):
    shares = [np.mean([from_disk(batches(step)) for step in range(first, first + 10)]) for first in (0, 10, 30)]
    assert shares[0] == 0
    assert 0.4 < shares[1] < 0.6
    assert shares[2] == 1


def test_a_batch_depends_on_its_step_alone_and_answers_fit(batches: MixedBatches):
    batch, again = batches(15), batches(15)
    assert all(torch.equal(batch[key], again[key]) for key in batch)
    assert SUDOKU.check(batch["inputs"].numpy(), batch["labels"].numpy()).solved.all()
    rows = np.arange(40) % 3 == 0
    some = batches(15, rows)
    assert torch.equal(some["inputs"][rows], batch["inputs"][rows])


def test_without_a_share_below_one_the_directory_alone_is_read():
    assert not DataConfig(path="anywhere").mixes
    assert not DataConfig(curriculum=[Stage(path_share=0.5)]).mixes


@pytest.mark.parametrize("share", [-0.1, 1.5])
def test_a_share_lies_between_none_and_all(share: float):
    with pytest.raises(ValueError, match=r"path_share"):
        Stage(path_share=share)
