"""Checkpoints under every fault: what was whole stays whole, what is damaged is refused by name, nothing is deleted."""

import errno
import io
import itertools
import json
import os
import pickle
import re
import resource
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

from hrm_net import checkpoint, manifest
from hrm_net.checkpoint import CheckpointError
from hrm_net.runs.run_lock import run_lock

NAMES = [*manifest.FILES, manifest.MANIFEST]
REPO = Path(__file__).resolve().parent.parent


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


@pytest.fixture(scope="module")
def two(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("two")
    for step in (3, 4):
        save(root, step)
    return root


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


class Hooked(io.FileIO):
    """A file that calls `hook` before it writes or flushes."""

    def __init__(self, path: Path, mode: str, hook: Callable[[], None]) -> None:
        super().__init__(path, mode)
        self.hook = hook

    def write(self, data: Any) -> int:
        self.hook()
        return super().write(data)

    def flush(self) -> None:
        if not self.closed:
            self.hook()


@pytest.fixture
def at_each_write(monkeypatch: pytest.MonkeyPatch) -> Callable[[Callable[[int], None]], None]:
    """Install a function to be called, with a running number, before each operation of `save` that changes the disk."""

    def install(call: Callable[[int], None]) -> None:
        count = itertools.count()

        def hook() -> None:
            call(next(count))

        def wrap(owner: Any, name: str) -> None:
            real = getattr(owner, name)

            def hooked(*args: Any, **kwargs: Any) -> Any:
                if name == "open":
                    return Hooked(args[0], "xb", hook) if args[1:] == ("xb",) else real(*args, **kwargs)
                hook()
                return real(*args, **kwargs)

            monkeypatch.setattr(owner, name, hooked)

        for owner, name in ((Path, "mkdir"), (Path, "open"), (Path, "rename"), (os, "fsync")):
            wrap(owner, name)

    return install


@pytest.mark.parametrize("again", [False, True])
def test_a_full_disk_at_any_write_leaves_the_earlier_ones_whole(
    again: bool, two: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, at_each_write: Any
) -> None:
    """`again`: the step is saved a second time, over a whole checkpoint of it."""
    step, point, refusals = 4 if again else 5, 0, []
    while True:
        root, reached = tmp_path / str(point), []
        shutil.copytree(two, root)
        before = listing(root)

        def fail(number: int, at: int = point, reached: list[int] = reached) -> None:
            if number == at:
                reached.append(number)
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

        at_each_write(fail)
        try:
            save(root, step)
        except CheckpointError as error:
            refusals.append(str(error))
        monkeypatch.undo()
        if not reached:
            break
        assert_whole(checkpoint.load_newest(root), max(checkpoint.steps(root)))
        if checkpoint.steps(root) == [3, 4]:
            assert listing(root) == before
        else:  # the new one was in its place already
            assert checkpoint.steps(root) in ([4, 5], [3, 4, 5])
        save(root, 6)
        assert not [path for path in root.iterdir() if path.name.startswith(".")]
        point += 1
    one_line = re.compile(
        rf"checkpoint .*step_00000{step}: not written: No space left on device; earlier ones are whole"
    )
    assert all(one_line.fullmatch(refusal) for refusal in refusals)
    assert len(refusals) >= 20  # four files opened, written and flushed; directories made, flushed and renamed
    assert_whole(checkpoint.load_newest(root), step)


@pytest.mark.parametrize("again", [False, True])
def test_a_kill_at_any_write_loses_at_most_the_one_being_written(
    again: bool, two: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, at_each_write: Any
) -> None:
    """What stands before each write is what a killed process leaves: each such picture loads and takes a new save."""
    root, step = tmp_path / "run", 4 if again else 5
    shutil.copytree(two, root)
    at_each_write(lambda number: subprocess.run(["cp", "-a", root, tmp_path / f"killed{number}"], check=True))
    save(root, step)
    monkeypatch.undo()
    pictures = sorted(tmp_path.glob("killed*"))
    assert len(pictures) >= 15
    for picture in pictures:
        found = checkpoint.load_newest(picture)
        assert found is not None
        assert found.step in {4, step}
        assert_whole(found, found.step)
        save(picture, 6)
        assert_whole(checkpoint.load_newest(picture), 6)
        assert not [path for path in picture.iterdir() if path.name.startswith(".")]
        assert len(checkpoint.steps(picture)) == 2


def test_a_write_that_the_system_refuses_half_way_is_one_line(two: Path, tmp_path: Path) -> None:
    root = tmp_path / "run"
    shutil.copytree(two, root)
    before, limits = listing(root), resource.getrlimit(resource.RLIMIT_FSIZE)
    try:
        resource.setrlimit(resource.RLIMIT_FSIZE, (1000, limits[1]))
        with pytest.raises(CheckpointError, match="step_000005: not written: File too large; earlier ones are whole"):
            save(root, 5)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert listing(root) == before


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


HOLD = """
import sys, time
from pathlib import Path
from hrm_net.runs.run_lock import run_lock
with run_lock(Path(sys.argv[1])):
    print("held", flush=True)
    time.sleep(60)
"""


def test_a_second_process_is_refused_until_the_first_is_gone_however_it_ended(tmp_path: Path) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", HOLD, tmp_path], cwd=REPO, stdout=subprocess.PIPE, text=True
    ) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == "held\n"
        refused = pytest.raises(ValueError, match=rf"^run directory .*: in use by process {holder.pid} on .*; stop it")
        with refused as caught, run_lock(tmp_path):
            pass
        assert "\n" not in str(caught.value)
        holder.kill()
    with run_lock(tmp_path), pytest.raises(ValueError, match=f"process {os.getpid()} "), run_lock(tmp_path):
        pass
    with run_lock(tmp_path):
        pass
