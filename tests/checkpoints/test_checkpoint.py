"""Checkpoints under every fault: what was whole stays whole, what is damaged is refused by name, nothing is deleted."""

import json
import os
import pickle
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import safetensors.torch
import torch
from hypothesis import given
from hypothesis import strategies as st

from hrm_net.checkpoints import checkpoint, manifest
from hrm_net.checkpoints.checkpoint import CheckpointError
from hrm_net.trainer.session import run_lock

NAMES = [*manifest.FILES, manifest.MANIFEST]


def content(step: int) -> dict[str, Any]:
    generator = torch.Generator().manual_seed(step)
    weight = torch.randn(3, 4, generator=generator)
    state = {
        "model": {"weight": weight, "half": weight.bfloat16()},
        "optim": [{"step": step, "betas": (0.9, 0.95), "lr": 0.1 * step}, None, True],
        "rng": generator.get_state(),
        0: "integer keys, as optimizers have",
    }
    return {"tensors": {"weight": weight, "tied": weight, "ids": torch.arange(step)}, "state": state}


def save(root: Path, step: int, **options: Any) -> Path:
    return checkpoint.save(root, step, **content(step), config=f"name: step {step}\n", **options)


def assert_equal(found: Any, expected: Any) -> None:
    assert type(found) is type(expected)
    if isinstance(expected, dict):
        assert list(found) == list(expected)
        for key in expected:
            assert_equal(found[key], expected[key])
    elif isinstance(expected, list | tuple):
        assert len(found) == len(expected)
        for one, other in zip(found, expected, strict=True):
            assert_equal(one, other)
    elif isinstance(expected, torch.Tensor):
        assert found.dtype == expected.dtype
        assert torch.equal(found, expected)
    else:
        assert found == expected


def assert_whole(found: checkpoint.Checkpoint | None, step: int) -> None:
    assert found is not None
    assert found.step == step
    assert_equal(dict(sorted(found.tensors.items())), dict(sorted(content(step)["tensors"].items())))
    assert_equal(found.state, content(step)["state"])
    assert found.config == f"name: step {step}\n"


def listing(root: Path) -> dict[str, bytes]:
    return {str(path.relative_to(root)): path.read_bytes() for path in sorted(root.rglob("*")) if path.is_file()}


def test_what_was_saved_comes_back_to_the_bit(tmp_path: Path) -> None:
    path = save(tmp_path / "checkpoints", 7)
    assert path == tmp_path / "checkpoints" / "step_000007"
    assert sorted(file.name for file in path.iterdir()) == sorted(NAMES)
    assert_whole(checkpoint.load(path), 7)
    assert_whole(checkpoint.load_newest(path.parent), 7)
    assert safetensors.torch.load_file(path / "model.safetensors").keys() == content(7)["tensors"].keys()


def test_the_newest_and_the_best_stay_and_the_others_go(tmp_path: Path) -> None:
    for step in range(1, 7):
        save(tmp_path, step, best=2 if step >= 2 else None)
    assert checkpoint.steps(tmp_path) == [2, 5, 6]
    assert checkpoint.newest(tmp_path) == tmp_path / "step_000006"
    assert checkpoint.best(tmp_path) == tmp_path / "step_000002"
    save(tmp_path, 7, best=6, keep=3)
    assert checkpoint.steps(tmp_path) == [5, 6, 7]
    assert not [path for path in tmp_path.iterdir() if path.name.startswith(".")]


def test_the_newest_stands_in_for_a_best_that_is_unknown_or_lost(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    assert checkpoint.newest(tmp_path / "nothing") is None
    assert checkpoint.best(tmp_path) is None
    assert checkpoint.load_newest(tmp_path) is None
    path = save(tmp_path, 1)
    assert checkpoint.best(tmp_path) == path
    path = save(tmp_path, 2, best=1)
    shutil.rmtree(tmp_path / "step_000001")
    assert checkpoint.best(tmp_path) == path
    assert "step_000001: no such directory" in caplog.text


def test_steps_beyond_six_digits_sort_as_numbers(tmp_path: Path) -> None:
    for step in (999_999, 1_000_000, 10_000_000):
        save(tmp_path, step, keep=3)
    assert_whole_tail = checkpoint.newest(tmp_path)
    assert assert_whole_tail == tmp_path / "step_10000000"


def truncate(path: Path) -> None:
    os.truncate(path, path.stat().st_size // 2)


def empty(path: Path) -> None:
    os.truncate(path, 0)


def lengthen(path: Path) -> None:
    path.write_bytes(path.read_bytes() + b" ")


def flip(path: Path) -> None:
    raw = bytearray(path.read_bytes())
    raw[len(raw) // 2] ^= 4
    path.write_bytes(raw)


def replace_by_directory(path: Path) -> None:
    path.unlink()
    path.mkdir()


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("harm", [truncate, empty, lengthen, flip, Path.unlink, replace_by_directory])
def test_a_damaged_one_is_refused_by_name_and_the_previous_used(
    name: str, harm: Callable[[Path], None], tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    for step in (1, 2):
        save(tmp_path, step)
    harm(tmp_path / "step_000002" / name)
    before = listing(tmp_path)
    with pytest.raises(CheckpointError, match=rf"step_000002.*{name}"):
        checkpoint.load(tmp_path / "step_000002")
    assert checkpoint.newest(tmp_path) == tmp_path / "step_000001"
    assert_whole(checkpoint.load_newest(tmp_path), 1)
    assert caplog.text.count("step_000002") >= 2
    assert listing(tmp_path) == before


@pytest.fixture(scope="module")
def one(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save(tmp_path_factory.mktemp("one"), 3)


@given(st.sampled_from(NAMES), st.floats(0, 1, exclude_max=True), st.integers(0, 7))
def test_any_flipped_bit_is_seen(one: Path, name: str, place: float, bit: int) -> None:
    raw = (one / name).read_bytes()
    flipped = bytearray(raw)
    flipped[int(place * len(raw))] ^= 1 << bit
    try:
        (one / name).write_bytes(flipped)
        with pytest.raises(CheckpointError):
            checkpoint.verify(one)
    finally:
        (one / name).write_bytes(raw)
    checkpoint.verify(one)


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text() | st.sampled_from(["format", "files", "sha256"]), inner),
)
texts = st.binary() | json_values.map(lambda value: json.dumps(value).encode()) | st.just(b"[" * 100_000)


@given(texts)
def test_any_other_manifest_is_refused(one: Path, text: bytes) -> None:
    raw = (one / manifest.MANIFEST).read_bytes()
    try:
        (one / manifest.MANIFEST).write_bytes(text)
        with pytest.raises(CheckpointError, match="damaged"):
            checkpoint.verify(one)
    finally:
        (one / manifest.MANIFEST).write_bytes(raw)


def resealed(path: Path, change: Callable[[dict[str, Any]], None]) -> None:
    """Give the manifest of `path` a right checksum of its own after `change`."""
    body = json.loads((path / manifest.MANIFEST).read_text())
    del body["sha256"]
    change(body)
    (path / manifest.MANIFEST).write_bytes(manifest._render(body))


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (lambda body: body.update(format=2), "format 2"),
        (lambda body: body.update(step=9), "holds step 9"),
        (lambda body: body.update(step="1"), "damaged"),
        (lambda body: body["files"].pop("config.yaml"), "damaged"),
        (lambda body: body.update(files=[]), "damaged"),
        (lambda body: body["files"]["config.yaml"].update(bytes=1), "config.yaml"),
    ],
)
def test_a_manifest_that_says_something_else_is_refused(
    change: Callable[[dict[str, Any]], None], reason: str, tmp_path: Path
) -> None:
    path = save(tmp_path, 1)
    resealed(path, change)
    with pytest.raises(CheckpointError, match=reason):
        checkpoint.load(path)
    with pytest.raises(CheckpointError, match="none of 1 is whole"):
        checkpoint.newest(tmp_path)


class Evil:
    def __init__(self, marker: Path) -> None:
        self.marker = marker

    def __reduce__(self) -> tuple[Any, ...]:
        return os.mkdir, (str(self.marker),)


@pytest.mark.parametrize("form", ["torch", "pickle"])
def test_code_in_a_pickle_is_refused_and_not_run_even_under_a_right_manifest(form: str, tmp_path: Path) -> None:
    save(tmp_path, 1)
    path, marker = save(tmp_path, 2), tmp_path / "ran"
    state = path / "training_state.pt"
    if form == "torch":
        torch.save({"model": Evil(marker)}, state)
    else:
        state.write_bytes(pickle.dumps(Evil(marker)))
    with pytest.raises(CheckpointError, match="training_state"):
        checkpoint.load(path)
    raw = state.read_bytes()
    entry = {"bytes": len(raw), "sha256": manifest.hashlib.sha256(raw).hexdigest()}
    resealed(path, lambda body: body["files"].update({"training_state.pt": entry}))
    with pytest.raises(CheckpointError, match="step_000002: not readable"):
        checkpoint.load(path)
    assert_whole(checkpoint.load_newest(tmp_path), 1)
    assert not marker.exists()


def test_what_a_safe_load_could_not_read_back_is_not_written(tmp_path: Path) -> None:
    for bad in (Path(), {1.5: 0}, [np.float64(1)], {"a": {1}}, b"bytes"):
        with pytest.raises(AssertionError, match=r"state\.x"):
            checkpoint.save(tmp_path, 1, tensors={}, state={"x": bad}, config="")
    assert not list(tmp_path.iterdir())


def test_a_damaged_one_makes_room_for_its_step_and_is_kept(tmp_path: Path) -> None:
    for number in range(3):
        path = save(tmp_path, 5)
        assert_whole(checkpoint.load(path), 5)
        flip(path / "config.yaml")
        assert len(list(tmp_path.glob("step_000005.refused*"))) == number


def test_damaged_ones_are_neither_deleted_nor_counted(tmp_path: Path) -> None:
    for step in (1, 2, 3):
        save(tmp_path, step, keep=3)
    flip(tmp_path / "step_000003" / "model.safetensors")
    save(tmp_path, 4)
    assert checkpoint.steps(tmp_path) == [2, 3, 4]


def test_what_other_machines_and_living_processes_left_hidden_stays(tmp_path: Path) -> None:
    save(tmp_path, 1)
    here = checkpoint.socket.gethostname()
    gone = subprocess.Popen([sys.executable, "-c", ""])
    gone.wait()
    dead = tmp_path / f".step_000002.tmp-{here}-{gone.pid}"
    kept = [tmp_path / ".step_000002.tmp-elsewhere-1", tmp_path / f".step_000002.tmp-{here}-{os.getppid()}"]
    for path in (dead, *kept):
        path.mkdir()
    save(tmp_path, 3)
    assert not dead.exists()
    assert all(path.exists() for path in kept)


def test_a_place_that_cannot_be_written_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(CheckpointError, match="step_000001: not written: Not a directory"):
        save(tmp_path / "file" / "checkpoints", 1)
    with (
        pytest.raises(ValueError, match=r"run directory .*: cannot be written: Not a directory"),
        run_lock(tmp_path / "file" / "run"),
    ):
        pass
