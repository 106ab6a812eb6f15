"""The pool command: seeded, resumable, its bad input in one line."""

from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import puzzles
from puzzles import splits
from puzzles.datasets import dataset
from puzzles.sudoku import hard, islands, pool


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    """Chains of a second: easier rungs, fewer puzzles."""
    monkeypatch.setattr(pool, "RUNGS", ([2.0, 3.0], [5, 5]))
    monkeypatch.setattr(pool, "CHAINS", 4)
    monkeypatch.setattr(pool, "SURPLUS", 1)
    size = islands.Size(founders=4, climb=200, members=8, proposals=4000, floors=(-30.0,), quota=60, shallow=True)
    monkeypatch.setattr(islands, "evolve", partial(islands.evolve, size=size))


@pytest.mark.usefixtures("small")
def test_stopped_in_the_middle_it_goes_on_to_the_same_pool(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    whole = pool.write_pool(tmp_path / "whole", num=100, num_test=20, deep=0.7)
    climb, calls = hard.climb, []

    def failing(seeds: np.ndarray, *rungs: Any, **options: Any):
        if len(seeds):
            calls.append(len(seeds))
            if len(calls) == 2:
                raise KeyboardInterrupt
        return climb(seeds, *rungs, **options)

    monkeypatch.setattr(hard, "climb", failing)
    with pytest.raises(KeyboardInterrupt):
        pool.write_pool(tmp_path / "again", num=100, num_test=20, deep=0.7)
    assert not (tmp_path / "again").exists()
    written = []
    save = pool._save
    monkeypatch.setattr(pool, "_save", lambda path, part: (written.append(path.name), save(path, part)))
    assert pool.write_pool(tmp_path / "again", num=100, num_test=20, deep=0.7) == whole
    assert written
    assert "train_000000.npz" not in written
    assert not (tmp_path / ".again.building").exists()
    sudoku, parts = puzzles.get("sudoku"), {}
    for split, fold, num in (("train", splits.TRAIN, 100), ("test", splits.EVALUATION, 20)):
        examples = dataset.read(tmp_path / "again", split).sets["all"]
        assert len(examples.inputs) == num
        assert sudoku.check(examples.inputs, examples.labels).solved.all()
        parts[split] = hard.lineages((examples.labels - 1).astype(np.uint8))
        low, high = splits.bounds(fold)
        assert ((splits.place(parts[split]) >= low) & (splits.place(parts[split]) < high)).all()
        assert (splits.fold(sudoku, examples.inputs) == splits.TRAIN).all() or split == "test"
    assert not np.isin(parts["test"], parts["train"]).any()


@pytest.mark.usefixtures("small")
def test_what_is_left_of_a_run_is_checked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    monkeypatch.setattr(pool, "_mixed", lambda *_: (_ for _ in ()).throw(KeyboardInterrupt))
    with pytest.raises(SystemExit) as stopped:
        pool.main([str(tmp_path / "pool"), "--puzzles", "100"])
    assert stopped.value.code == 130
    assert capsys.readouterr().err.splitlines()[-1] == "stopped; the same command goes on from here"

    def error(*more: str) -> str:
        with pytest.raises(SystemExit) as refused:
            pool.main([str(tmp_path / "pool"), "--puzzles", "100", *more])
        assert refused.value.code == 2
        (line,) = capsys.readouterr().err.splitlines()
        return line

    assert "settings.json: seed=0: this command has 1; give the same, or remove " in error("--seed", "1")
    old = pool.VERSION
    monkeypatch.setattr(pool, "VERSION", 99)
    assert f"settings.json: pool={old}: this command has 99; " in error()
    monkeypatch.setattr(pool, "VERSION", old)
    path = tmp_path / ".pool.building" / "train_000000.npz"
    good, part = path.read_bytes(), pool._read(path)
    path.write_bytes(good[: len(good) // 2])
    assert "train_000000.npz: is damaged (" in error()
    part.ratings[0] += 1
    np.savez(path, puzzles=part.puzzles, solutions=part.solutions, ratings=part.ratings, lineages=part.lineages,
             digest=np.array("0" * 64))  # fmt: skip
    assert "train_000000.npz: is damaged (digest 00000000 is not that of its puzzles)" in error()


@pytest.mark.usefixtures("small")
def test_puzzles_of_a_file_are_left_out(tmp_path: Path):
    pool.write_pool(tmp_path / "first", num=100)
    inputs = dataset.read(tmp_path / "first").sets["all"].inputs
    sudoku = puzzles.get("sudoku")
    turned, _ = sudoku.transform(puzzles.rng(0, "test"), inputs[:3], inputs[:3])
    path = tmp_path / "seen.csv"
    path.write_text("question\n" + "".join(f"{sudoku.format(row)}\n" for row in turned))
    pool.write_pool(tmp_path / "second", num=100, unlike=[path])
    left = dataset.read(tmp_path / "second").sets["all"].inputs
    assert len(left) == 97
    assert not splits.seen_in(sudoku, left, turned).any()


@pytest.mark.usefixtures("small")
def test_no_islands_are_made_unless_asked_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(islands, "evolve", lambda *_, **__: pytest.fail("islands were made"))
    pool.write_pool(tmp_path / "pool", num=100)
    inputs = dataset.read(tmp_path / "pool").sets["all"].inputs
    assert len(inputs) == 100
    # 80 of chains were rated 2 and more when they were kept; a second rating may be a little lower.
    assert (hard.rate((inputs - 1).astype(np.uint8)) >= 1.5).sum() >= 80


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--deep", "0.81"], "error: deep=0.81: must be a number from 0 to 0.8"),
        (["--deep", "nan"], "error: deep=nan: must be a number from 0 to 0.8"),
        (["--deep", "x"], "error: argument --deep: invalid float value: 'x'"),
        (["--puzzles", "5"], "error: argument --puzzles: 5: must be a whole number of at least 100"),
        (["--unlike", "nowhere.csv"], "error: --unlike nowhere.csv: no such file"),
        (["--seed", "x"], "error: argument --seed: x: must be a whole number of at least 0"),
    ],
)
def test_bad_arguments(tmp_path: Path, capsys: pytest.CaptureFixture[str], arguments: list[str], message: str):
    with pytest.raises(SystemExit) as refused:
        pool.main([str(tmp_path / "pool"), *arguments])
    assert refused.value.code == 2
    assert capsys.readouterr().err == message + "\n"


def test_shares_are_kept_as_far_as_there_are_enough():
    shares, there = np.array([0.5, 0.3, 0.2, 0.0]), np.array([100, 4, 100, 50])
    assert pool.shares_within(shares, there, 20).tolist() == [11, 4, 5, 0]
    assert pool.shares_within(shares, np.array([100, 100, 100, 0]), 10).tolist() == [5, 3, 2, 0]
    assert pool.shares_within(shares, there, 204).tolist() == [100, 4, 100, 0]
    with pytest.raises(ValueError, match=r"^--puzzles 205: only 204 are there to choose from$"):
        pool.shares_within(shares, there, 205)
