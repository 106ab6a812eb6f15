"""Files of rows and attempts: read back to the bit, whole or not at all, and broken ones named."""

from contextlib import suppress

import numpy as np
import pytest

from puzzles.steps import files as step_files
from puzzles.steps.labels import label_states
from puzzles.steps.rows import COLUMNS, rows_of, trajectories_of
from tests.puzzles.steps.steps import build

CASE = {"seed": 5, "name": "maze", "steps": 6, "cells": 2, "spare": 2, "fill": False, "right": 0.6}


@pytest.fixture
def examples():
    rules, made = build(CASE)
    labels = label_states(rules, made)
    labels.provenance["net"] = "mc(k=5,policy=zufällig)"
    rows = rows_of(made, labels, fine="ok", coarse="net")
    rows.label[3] = np.nan
    return rows, trajectories_of(made, labels)


def same(one, other):
    for name in COLUMNS:
        mine, yours = getattr(one, name), getattr(other, name)
        assert mine.dtype == yours.dtype
        assert np.array_equal(mine, yours, equal_nan=name == "label")
    assert one.sources == other.sources


def test_files_are_read_back(tmp_path, examples):
    rows, whole = examples
    step_files.save(tmp_path / "rows.npz", rows)
    same(step_files.load_rows(tmp_path / "rows.npz"), rows)
    step_files.save(tmp_path / "whole.npz", whole)
    back = step_files.load_trajectories(tmp_path / "whole.npz")
    same(back.rows, whole.rows)
    for name in step_files.ATTEMPT_COLUMNS:
        assert np.array_equal(getattr(back, name), getattr(whole, name))
    same(step_files.load_rows(tmp_path / "whole.npz"), whole.rows)
    none = rows.take(slice(0))
    step_files.save(tmp_path / "rows.npz", none)
    same(step_files.load_rows(tmp_path / "rows.npz"), none)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["rows.npz", "whole.npz"]


def test_an_interrupted_write_leaves_what_was_there(tmp_path, examples, monkeypatch):
    rows, _ = examples
    path = tmp_path / "rows.npz"
    step_files.save(path, rows)
    before = path.read_bytes()

    def broken(file, **columns):
        file.write(b"half")
        raise KeyboardInterrupt

    monkeypatch.setattr(np, "savez_compressed", broken)
    with pytest.raises(KeyboardInterrupt):
        step_files.save(path, rows.take(slice(2)))
    assert path.read_bytes() == before
    assert [one.name for one in tmp_path.iterdir()] == ["rows.npz"]


def complaint(path, load=step_files.load_rows):
    with pytest.raises(ValueError, match="npz") as caught:
        load(path)
    assert str(caught.value).startswith(f"{path}: ")
    assert "\n" not in str(caught.value)
    return str(caught.value)


def test_broken_files_are_named(tmp_path, examples):
    rows, whole = examples
    path = tmp_path / "rows.npz"
    assert "No such file" in complaint(path)
    step_files.save(path, rows)
    assert "has no error, outcome, starts" in complaint(path, step_files.load_trajectories)
    good = path.read_bytes()
    for cut in (0, 10, len(good) // 2, len(good) - 1):
        path.write_bytes(good[:cut])
        assert "is not a file of steps" in complaint(path)
    for place in range(0, len(good) // 2, 97):  # within the columns: any flipped byte is seen
        path.write_bytes(good[:place] + bytes([good[place] ^ 255]) + good[place + 1 :])
        with suppress(ValueError):
            same(step_files.load_rows(path), rows)
    path.write_text("version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 1\n")
    assert "is a Git LFS pointer, not the file itself; run git lfs pull" in complaint(path)
    np.save(tmp_path / "one.npz", np.zeros(3))
    (tmp_path / "one.npz.npy").rename(path)
    assert "is not a file of steps" in complaint(path)

    columns = {name: getattr(rows, name) for name in COLUMNS} | {"sources": np.array(rows.sources)}
    for changes, message in (
        ({"label": rows.label + 2}, "must be from 0 to 1"),
        ({"label": rows.label.astype(np.float64)}, "label is float64 with 1 axes: must be float32 with 1"),
        ({"problem": rows.problem[0]}, "problem is uint8 with 1 axes: must be uint8 with 2"),
        ({"group": rows.group[:-1]}, "rows have columns of"),
        (
            {"after": rows.after[:, :-1]},
            "rows have cells of 20 (problem), 20 (before), 19 (after): must be equally many",
        ),
        ({"sources": np.array(["exact"], object)}, "is not a file of steps"),
        ({"sources": np.array([1])}, "sources is int64"),
    ):
        np.savez(path, **{**columns, **changes})
        assert message in complaint(path)
    more = {name: getattr(whole, name) for name in step_files.ATTEMPT_COLUMNS}
    columns = {name: getattr(whole.rows, name) for name in COLUMNS} | {"sources": np.array(whole.rows.sources), **more}
    for changes, message in (
        ({"error": whole.error + 99}, "trajectory 0: error="),
        ({"outcome": whole.error}, "outcome is int64 with 1 axes: must be bool with 1"),
        ({"starts": whole.starts[:-1]}, "attempts with"),
    ):
        np.savez(path, **{**columns, **changes})
        assert message in complaint(path, step_files.load_trajectories)
