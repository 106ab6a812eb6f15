"""Damaged data directories: one line that names file, place, value and bound, and no code is run."""

import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from puzzles.datasets import dataset, stamp
from tests.examples import num_examples
from tests.puzzles.datasets.directories import HRM_KEYS, change, put, split, write_both


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    """A published directory: no stamp."""
    (write_both(tmp_path / "data") / stamp.STAMP).unlink()
    return tmp_path / "data"


class Code:
    """Leaves a trace where a pickle is run."""

    def __reduce__(self) -> tuple:
        return (Path.touch, (Path("ran"),))


FAULTS = {
    "metadata missing": (lambda d: (d / "dataset.json").unlink(), "train/dataset.json: missing; it has the split test"),
    "metadata no JSON": (lambda d: (d / "dataset.json").write_text("{"), "dataset.json:1: is not JSON at column 2: "),
    "metadata no object": (lambda d: (d / "dataset.json").write_text("[]"), "json:1: is a list: must be a JSON object"),
    "vocabulary": (lambda d: change(d / "dataset.json", vocab_size=1), "vocab_size=1: must be .* at least 2"),
    "vocabulary is text": (lambda d: change(d / "dataset.json", vocab_size="6"), "vocab_size='6': must be a whole"),
    "truth is no number": (lambda d: change(d / "dataset.json", seq_len=True), "seq_len=True: must be a whole number"),
    "padding": (lambda d: change(d / "dataset.json", pad_id=1), "pad_id=1: must be 0"),
    "blank": (lambda d: change(d / "dataset.json", blank_identifier_id=3), "blank_identifier_id=3: must be below .*=3"),
    "mean": (lambda d: change(d / "dataset.json", mean_puzzle_examples=9), "=9: .* examples of"),
    "mean infinite": (lambda d: change(d / "dataset.json", mean_puzzle_examples=float("inf")), "Infinity is not"),
    "groups": (lambda d: change(d / "dataset.json", total_groups=9), "total_groups=9: the sets have 8"),
    "puzzles": (lambda d: change(d / "dataset.json", total_puzzles=1), "total_puzzles=1: the sets have"),
    "no sets": (lambda d: change(d / "dataset.json", sets=[]), r"sets=\[\]: must be a list"),
    "set elsewhere": (lambda d: change(d / "dataset.json", sets=["../x"]), "sets=.*: must be a list"),
    "set twice": (lambda d: change(d / "dataset.json", sets=["set0", "set0"]), "different names"),
    "set missing": (lambda d: change(d / "dataset.json", sets=["other"]), "other__inputs.npy: missing"),
    "length of rows": (lambda d: change(d / "dataset.json", seq_len=9), r"inputs.npy: shape \[\d+, 8\]: .* \[num, 9\]"),
    "names": (lambda d: (d.parent / "identifiers.json").write_text('["x"]'), "has 1 names: num_puzzle_identifiers=3"),
    "labels shorter": (
        lambda d: np.save(d / "set0__labels.npy", np.load(d / "set0__labels.npy")[:, :7]),
        r"labels.npy: shape \[\d+, 7\]: must be \[\d+, 8\] as inputs",
    ),
    "labels fewer": (
        lambda d: np.save(d / "set0__labels.npy", np.load(d / "set0__labels.npy")[1:]),
        r"labels.npy: shape \[\d+, 8\]: must be \[\d+, 8\] as inputs",
    ),
    "file missing": (lambda d: (d / "set1__group_indices.npy").unlink(), "set1__group_indices.npy: missing"),
    "floats": (lambda d: np.save(d / "set0__inputs.npy", np.ones((2, 8))), "inputs.npy: dtype float64: must be"),
    "flat": (lambda d: np.save(d / "set0__inputs.npy", np.ones(8, int)), r"inputs.npy: shape \[8\]: must be \[num"),
    "empty": (lambda d: np.save(d / "set0__inputs.npy", np.ones((0, 8), int)), "inputs.npy: "),
    "token": (lambda d: put(d / "set0__inputs.npy", (1, 2), 6), r"npy\[1, 2\]=6: must be 0 to 5, below vocab_size=6"),
    "label": (lambda d: put(d / "set1__labels.npy", (0, 7), -100), r"labels.npy\[0, 7\]=-100: must be 0 to 5"),
    "identifier": (lambda d: put(d / "set0__puzzle_identifiers.npy", 0, 3), r"\[0\]=3: must be 0 to 2, below num"),
    "identifiers fewer": (
        lambda d: np.save(d / "set0__puzzle_identifiers.npy", np.zeros(2, int)),
        "puzzle_indices.npy: has .* offsets: must be 3, one more than puzzles",
    ),
    "start": (lambda d: put(d / "set0__puzzle_indices.npy", 0, 1), r"puzzle_indices.npy\[0\]=1: must be 0"),
    "not rising": (lambda d: put(d / "set0__group_indices.npy", 2, 0), r"indices.npy\[2\]=0: must be above the offset"),
    "end": (lambda d: put(d / "set0__puzzle_indices.npy", -1, 99), r"=99: must be \d+, the number of examples"),
    "group end": (lambda d: put(d / "set0__group_indices.npy", -1, 99), r"=99: must be \d+, the number of puzzles"),
    "truncated": (
        lambda d: (d / "set0__inputs.npy").write_bytes((d / "set0__inputs.npy").read_bytes()[:-1]),
        "inputs.npy: is not a complete npy file",
    ),
    "header only": (lambda d: (d / "set0__labels.npy").write_bytes(b"\x93NUMPY"), "is not a complete npy file"),
    "LFS pointer": (
        lambda d: (d / "set0__labels.npy").write_text("version https://git-lfs.github.com/spec/v1\noid sha256:0\n"),
        "labels.npy: is a Git LFS pointer",
    ),
    "doubled key": (
        lambda d: (d / "dataset.json").write_text('{"seq_len": 8,\n"seq_len": 9}'),
        'dataset.json:2: is not JSON at column 1: the key "seq_len" stands twice',
    ),
    "archive": (
        lambda d: (np.savez(d / "x.npz", labels=np.ones((2, 8), int)), (d / "x.npz").rename(d / "set0__labels.npy")),
        "labels.npy: is a zip archive",
    ),
    "pickle": (
        lambda d: (d / "set0__labels.npy").write_bytes(pickle.dumps(Code())),
        "labels.npy: is not a complete npy file",
    ),
    "pickled objects": (
        lambda d: np.save(d / "set0__labels.npy", np.array([[Code()]], object), allow_pickle=True),
        "labels.npy: is not a complete npy file",
    ),
}  # fmt: skip


@pytest.mark.parametrize("fault", FAULTS)
def test_every_fault_is_one_line_with_its_place(fault: str, directory: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.chdir(directory)
    damage, message = FAULTS[fault]
    damage(directory / "train")
    with pytest.raises(ValueError, match=message) as caught:
        dataset.read(directory)
    assert "\n" not in str(caught.value)
    assert not Path("ran").exists()
    dataset.read(directory, "test") if fault != "names" else None


def test_ignored_labels_may_lie_outside_of_the_vocabulary(directory: Path):
    put(directory / "test" / "set2__labels.npy", (0, 0), -100)
    with pytest.raises(ValueError, match=r"\[0, 0\]=-100"):
        dataset.read(directory, "test")
    change(directory / "test" / "dataset.json", ignore_label_id=-100)
    assert dataset.read(directory, "test").sets["set2"].labels[0, 0] == -100


FILES = sorted(
    {f"train/{name}__{field}.npy" for name in ("set0", "set1") for field in dataset.FIELDS}
    | {"train/dataset.json", "identifiers.json", "stamp.json"}
)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(10**12), 10**12) | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=5,
)


def survives(path: Path) -> None:
    """Either it reads, or the error is one line of ours."""
    message = str(path)
    try:
        dataset.read(path)
    except ValueError as error:
        message = str(error)
    assert "\n" not in message
    assert str(path) in message


@num_examples(150)
@given(data=st.data())
def test_damaged_files_read_or_are_refused_in_one_line(data: st.DataObject, tmp_path_factory):
    path = tmp_path_factory.mktemp("damaged") / "data"
    dataset.write(path, {"train": split(0, 1)})
    name = data.draw(st.sampled_from(FILES))
    if name != "stamp.json" and data.draw(st.booleans()):
        (path / "stamp.json").unlink()
    whole = (path / name).read_bytes()
    how = data.draw(st.sampled_from(["flip", "cut", "replace", "insert"]))
    at = data.draw(st.integers(0, len(whole) - 1))
    if how == "flip":
        damaged = whole[:at] + bytes([whole[at] ^ (1 << data.draw(st.integers(0, 7)))]) + whole[at + 1 :]
    elif how == "cut":
        damaged = whole[:at]
    elif how == "insert":
        damaged = whole[:at] + data.draw(st.binary(min_size=1, max_size=4)) + whole[at:]
    else:
        damaged = data.draw(st.binary(max_size=60))
    (path / name).write_bytes(damaged)
    survives(path)


@num_examples(150)
@given(key=st.sampled_from(sorted(HRM_KEYS | {"total_puzzles"})), value=JSON)
def test_any_metadata_value_reads_or_is_refused_in_one_line(key: str, value: Any, tmp_path_factory):
    path = tmp_path_factory.mktemp("metadata") / "data"
    dataset.write(path, {"train": split(0)})
    (path / "stamp.json").unlink()
    change(path / "train" / "dataset.json", **{key: value})
    survives(path)
