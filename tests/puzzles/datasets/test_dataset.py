"""Data directories: what is written is read back, both publishers find their keys, stamps hold."""

import json
import shutil
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from puzzles.datasets import dataset, stamp
from tests.examples import num_examples
from tests.puzzles.datasets.directories import HRM_KEYS, change, examples, put, split, write_both


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    """A published directory: no stamp."""
    (write_both(tmp_path / "data") / stamp.STAMP).unlink()
    return tmp_path / "data"


@pytest.fixture
def stamped(tmp_path: Path) -> Path:
    return write_both(tmp_path / "stamped")


@num_examples(20)
@given(seeds=st.lists(st.integers(0, 1000), min_size=1, max_size=3, unique=True))
def test_what_is_written_is_read_back(seeds, tmp_path_factory):
    path = tmp_path_factory.mktemp("back") / "data"
    wanted = split(*seeds)
    dataset.write(path, {"test": wanted})
    found = dataset.read(path, "test")
    assert asdict(found.metadata) == asdict(wanted.metadata)
    assert found.identifiers == wanted.identifiers
    assert list(found.sets) == list(wanted.sets)
    for name, one in found.sets.items():
        for field in dataset.FIELDS:
            assert np.array_equal(getattr(one, field), getattr(wanted.sets[name], field))


def test_both_publishers_find_their_files_and_keys(directory: Path):
    """HRM's reader wants exactly these keys and passes over others; TRM's wants total_puzzles besides."""
    metadata = json.loads((directory / "train" / "dataset.json").read_text())
    assert set(metadata) == HRM_KEYS | {"total_puzzles"}
    assert metadata["total_puzzles"] == sum(len(examples(s).puzzle_identifiers) for s in (0, 1))
    for name in metadata["sets"]:
        for field in dataset.FIELDS:
            assert np.load(directory / "train" / f"{name}__{field}.npy").dtype in (np.uint8, np.int32)
    assert json.loads((directory / "identifiers.json").read_text()) == ["<blank>", "a", "b"]


def test_hrm_directories_have_fewer_keys_and_trm_directories_more(directory: Path):
    path = directory / "train" / "dataset.json"
    metadata = json.loads(path.read_text())
    del metadata["total_puzzles"]
    path.write_text(json.dumps(metadata | {"ignore_label_id": None, "further": [1]}))
    (directory / "test_puzzles.json").write_text("{}")
    (directory / "identifiers.json").unlink()
    found = dataset.read(directory)
    assert found.metadata.total_puzzles is None
    assert found.metadata.ignore_label_id is None
    assert found.identifiers is None


def test_examples_know_their_originals_and_identifiers():
    one = examples(5)
    wanted = []
    for first in one.group_indices[:-1]:
        wanted += range(one.puzzle_indices[first], one.puzzle_indices[first + 1])
    assert one.originals().tolist() == wanted
    of_each = [
        identifier
        for p, identifier in enumerate(one.puzzle_identifiers)
        for _ in range(one.puzzle_indices[p + 1] - one.puzzle_indices[p])
    ]
    assert one.example_identifiers().tolist() == of_each


def test_a_directory_that_is_none_says_so(tmp_path: Path):
    with pytest.raises(ValueError, match="nowhere: no such directory"):
        dataset.read(tmp_path / "nowhere")
    with pytest.raises(ValueError, match=r"train/dataset.json: missing; a data directory has train/dataset.json"):
        dataset.read(tmp_path)
    with pytest.raises(ValueError, match="split=valid: must be one of train, test"):
        dataset.read(tmp_path, "valid")


def test_a_stamped_directory_must_be_as_stamped(stamped: Path):
    assert dataset.read(stamped).metadata.sets == ["set0", "set1"]
    put(stamped / "train" / "set0__labels.npy", (0, 0), 5)
    for which in stamp.SPLITS:
        with pytest.raises(ValueError, match=r"train/set0__labels.npy: is not what stamp.json says"):
            dataset.read(stamped, which)


def test_the_stamp_covers_settings_missing_and_surplus_files(stamped: Path):
    whole = stamped.with_name("whole")
    shutil.copytree(stamped, whole)
    (stamped / "test" / "set2__labels.npy").unlink()
    with pytest.raises(ValueError, match=r"test/set2__labels.npy: missing, but stamp.json names it"):
        dataset.read(stamped)
    (whole / "test" / "more__inputs.npy").write_bytes(b"")
    with pytest.raises(ValueError, match=r"test/more__inputs.npy: stamp.json does not know this file"):
        dataset.read(whole)
    (whole / "test" / "more__inputs.npy").unlink()
    dataset.read(whole)
    change(whole / "stamp.json", settings={"seed": 2})
    with pytest.raises(ValueError, match=r"stamp.json: hash: is not the hash of its files and settings"):
        dataset.read(whole)


STRAYS = ("._dataset.json", ".DS_Store", "Thumbs.db", "desktop.ini", "._set0__inputs.npy", "notes.json", "copy.npy")


@pytest.mark.parametrize("has_stamp", [True, False])
def test_files_beside_the_layout_are_ignored(stamped: Path, has_stamp: bool):
    """Archives from macOS hold a `._` file for each file; Windows and Finder leave their own."""
    wanted = dataset.read(stamped).digest()
    if not has_stamp:
        (stamped / "stamp.json").unlink()
    for folder in (stamped, stamped / "train", stamped / "test"):
        for name in STRAYS:
            (folder / name).write_bytes(b"\0\5\x16\7")
    assert dataset.read(stamped).digest() == wanted
    dataset.read(stamped, "test")


def test_a_directory_from_a_mac_is_read(shared_data: Path):
    for name in stamp.SPLITS:
        assert dataset.read(shared_data / "field" / "data_mac" / "dd_mac", name).metadata.seq_len == 81


@pytest.mark.parametrize("value", ["null", "absent"])
def test_counts_that_the_arrays_tell_may_be_left_out(directory: Path, value: str):
    path = directory / "train" / "dataset.json"
    wanted = dataset.read(directory).sets["set0"].inputs
    metadata = json.loads(path.read_text())
    for key in ("total_groups", "total_puzzles", "mean_puzzle_examples"):
        metadata[key] = None
        if value == "absent":
            del metadata[key]
    path.write_text(json.dumps(metadata), encoding="utf-8-sig")  # with a byte order mark, as Windows editors save
    (directory / "identifiers.json").write_text('["<blank>", "a", "b"]', encoding="utf-8-sig")
    assert np.array_equal(dataset.read(directory).sets["set0"].inputs, wanted)


def test_the_stamp_tells_settings_apart_and_versions_not(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    hashes = [dataset.write(tmp_path / str(i), {"train": split(0)}, settings={"seed": i // 2}) for i in range(3)]
    assert hashes[0] == hashes[1] != hashes[2]
    monkeypatch.setattr(stamp, "_version", lambda: "9.9")
    assert dataset.write(tmp_path / "newer", {"train": split(0)}, settings={"seed": 0}) == hashes[0]
    assert json.loads((tmp_path / "newer" / "stamp.json").read_text())["version"] == "9.9"


def test_the_digest_follows_content_not_place(stamped: Path, tmp_path: Path):
    before = dataset.read(stamped).digest()
    shutil.copytree(stamped, tmp_path / "moved")
    assert dataset.read(tmp_path / "moved").digest() == before
    dataset.write(tmp_path / "other", {"train": split(0, 3)})
    assert dataset.read(tmp_path / "other").digest() != before


def test_an_interrupted_write_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    saved: list[Path] = []

    def save(path: Path, *_: Any, **__: Any) -> None:
        saved.append(path)
        path.write_bytes(b"x")
        if len(saved) == 3:
            raise KeyboardInterrupt

    monkeypatch.setattr(np, "save", save)
    with pytest.raises(KeyboardInterrupt):
        dataset.write(tmp_path / "data", {"train": split()})
    assert list(tmp_path.iterdir()) == []


def test_nothing_is_written_over(stamped: Path):
    with pytest.raises(ValueError, match="exists already; choose another directory or remove it"):
        dataset.write(stamped, {"train": split()})


def test_maze_hard_is_read_as_published(shared_data: Path):
    for name, num in (("train", 1000), ("test", 500)):
        found = dataset.read(shared_data / "maze-hard", name)
        assert found.metadata.total_groups == len(found.sets["all"].inputs) == num
        assert found.identifiers == ["<blank>"]
