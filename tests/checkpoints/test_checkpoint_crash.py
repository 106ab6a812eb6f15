"""Checkpoints when the disk is full, a write is refused or the process killed, at every operation of a save."""

import errno
import io
import itertools
import os
import re
import resource
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from hrm_net.checkpoints import checkpoint
from hrm_net.checkpoints.checkpoint import CheckpointError
from tests.checkpoints.test_checkpoint import assert_whole, listing, save

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def two(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("two")
    for step in (3, 4):
        save(root, step)
    return root


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


@pytest.mark.slow
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
