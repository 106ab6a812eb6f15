"""Checkpoints that are either whole or refused.

    checkpoints/step_000500/
        model.safetensors     the weights people use (the moving average when there is one), buffers and puzzle table
        training_state.pt     all else that the next step depends on: tensors, numbers, text, lists and dicts of these
        config.yaml           the configuration of the run
        manifest.json         size and sha256 of each file, step and versions; written last

A checkpoint is written into a hidden directory beside its place, flushed to the disk file by file, and renamed into
place: a directory called `step_*` was whole when it got its name. The manifest shows whether it has been damaged since.
"""

import contextlib
import io
import logging
import os
import re
import shutil
import socket
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import safetensors.torch
import torch
from torch import Tensor

from hrm_net.checkpoints.manifest import (
    FILES,
    CheckpointError,
    read_manifest,
    sync_directory,
    verified,
    verify,
    write_directory,
)

__all__ = ["Checkpoint", "CheckpointError", "best", "load", "load_newest", "newest", "save", "steps", "verify"]

_STEP = re.compile(r"step_(\d{6,})")
# tmp: not yet whole. old: whole, making room for another of the same step. gone: being deleted.
_HIDDEN = re.compile(r"\.(?P<name>step_\d{6,})\.(?P<kind>tmp|old|gone)-(?P<host>.+)-(?P<pid>\d+)")
_log = logging.getLogger(__name__)
T = TypeVar("T")


@dataclass(kw_only=True, slots=True)
class Checkpoint:
    """What `load` returns: all that `save` was given."""

    path: Path
    step: int
    tensors: dict[str, Tensor]
    state: dict[str, Any]
    config: str
    # Step of the best checkpoint so far.
    best: int | None


def save(
    root: Path,
    step: int,
    *,
    tensors: Mapping[str, Tensor],
    state: dict[str, Any],
    config: str,
    keep: int = 2,
    best: int | None = None,
) -> Path:
    """Write `root/step_<step>`, then delete all valid checkpoints but the newest `keep` and that of step `best`.

    CheckpointError where the disk does not allow it; the checkpoints that were under `root` before are then still
    there. A valid checkpoint of the same step is replaced; a damaged one is moved to `step_<step>.refused`. Only one
    process may write at a time: see `run_lock`.
    """
    assert keep >= 2, keep
    _assert_plain(state, "state")
    path = _path(root, step)
    # Copies, because safetensors refuses tensors that share memory, as tied weights do.
    copies = {name: tensor.detach().to("cpu", copy=True).contiguous() for name, tensor in tensors.items()}
    writers: dict[str, Callable[[Any], Any]] = {
        "model.safetensors": lambda file: file.write(safetensors.torch.save(copies)),
        "training_state.pt": lambda file: torch.save(state, file),
        "config.yaml": lambda file: file.write(config.encode()),
    }
    hidden = _hidden(path, "tmp")
    try:
        root.mkdir(parents=True, exist_ok=True)
        _tidy(root)
        try:
            write_directory(hidden, step, best, writers)
            _put_in_place(hidden, path)
        except BaseException:
            shutil.rmtree(hidden, ignore_errors=True)
            raise
    except OSError as error:
        raise CheckpointError(f"checkpoint {path}: not written: {error.strerror}; earlier ones are whole") from error
    try:
        _retain(root, keep, best)
    except OSError as error:
        _log.warning("checkpoint %s: written, but an older one was not deleted: %s", path, error.strerror)
    return path


def load(path: Path) -> Checkpoint:
    """The checkpoint at `path`, on the CPU. CheckpointError naming the file that is missing, damaged or unsafe."""
    manifest = read_manifest(path)
    content = {name: verified(path, manifest, name) for name in FILES}
    try:
        tensors = safetensors.torch.load(content["model.safetensors"])
        state = torch.load(io.BytesIO(content["training_state.pt"]), map_location="cpu", weights_only=True)
        config = content["config.yaml"].decode()
    except Exception as error:  # the checksums hold, so it was not `save` that wrote these bytes
        reason = (str(error).splitlines() or [type(error).__name__])[0]
        raise CheckpointError(f"checkpoint {path}: not readable: {reason}") from error
    step, best = manifest["step"], manifest["best"]
    return Checkpoint(path=path, step=step, tensors=tensors, state=state, config=config, best=best)


def newest(root: Path) -> Path | None:
    """The newest whole checkpoint; None where there is no checkpoint at all. A warning names each damaged one.

    CheckpointError where there are checkpoints and all are damaged: a run must not start over without being asked to.
    """
    return _first(root, lambda path: (verify(path), path)[1])


def load_newest(root: Path) -> Checkpoint | None:
    """`load` of the newest checkpoint that can be loaded; otherwise as `newest`."""
    return _first(root, load)


def best(root: Path) -> Path | None:
    """The checkpoint that the newest whole one names as the best; the newest itself where that is lost or unknown."""
    path = newest(root)
    step = None if path is None else read_manifest(path)["best"]
    if step is None:
        return path
    try:
        verify(_path(root, step))
    except CheckpointError as error:
        _log.warning("%s; the newest, %s, is used in place of the best", error, path)
        return path
    return _path(root, step)


def steps(root: Path) -> list[int]:
    """Steps of all checkpoints under `root`, whole or not, in ascending order."""
    matches = [_STEP.fullmatch(path.name) for path in root.iterdir()] if root.is_dir() else []
    return sorted(int(match[1]) for match in matches if match)


def _first(root: Path, read: Callable[[Path], T]) -> T | None:
    if root.is_dir():
        with contextlib.suppress(OSError):  # reading is possible where writing is not
            _tidy(root)
    found = steps(root)
    for step in reversed(found):
        try:
            return read(_path(root, step))
        except CheckpointError as error:
            _log.warning("%s; it is left as it is and not used", error)
    if found:
        raise CheckpointError(f"checkpoints {root}: none of {len(found)} is whole; move them away to start anew")
    return None


def _put_in_place(hidden: Path, path: Path) -> None:
    if path.exists():
        try:
            verify(path)
        except CheckpointError:
            path.rename(_free_name(path))
    old = _hidden(path, "old") if path.exists() else None
    if old is not None:
        path.rename(old)
    try:
        hidden.rename(path)
    except BaseException:
        if old is not None:
            old.rename(path)
        raise
    sync_directory(path.parent)
    if old is not None:
        shutil.rmtree(old, ignore_errors=True)


def _free_name(path: Path) -> Path:
    """`step_000500.refused`, or the first of `.refused-2`, `-3`, ... that is free."""
    free, number = path.with_name(f"{path.name}.refused"), 2
    while free.exists():
        free, number = path.with_name(f"{path.name}.refused-{number}"), number + 1
    return free


def _retain(root: Path, keep: int, best: int | None) -> None:
    """Delete what is older than the `keep` newest whole ones, except the best; damaged ones stay and do not count."""
    whole, found = 0, steps(root)
    for step in reversed(found if len(found) > keep else []):
        path = _path(root, step)
        try:
            verify(path)
        except CheckpointError:
            continue
        whole += 1
        if whole > keep and step != best:
            gone = _hidden(path, "gone")
            path.rename(gone)  # if killed while files vanish, no half of a checkpoint is left under its name
            shutil.rmtree(gone)


def _tidy(root: Path) -> None:
    """Delete what dead processes of this machine left in hidden directories, or restore it where its successor is gone.

    Nothing is known of the processes of other machines, so their directories stay.
    """
    for path in list(root.iterdir()):
        match = _HIDDEN.fullmatch(path.name)
        if match is None or match["host"] != socket.gethostname() or _alive(int(match["pid"])):
            continue
        if match["kind"] == "old" and not (root / match["name"]).exists():
            path.rename(root / match["name"])
        else:
            shutil.rmtree(path, ignore_errors=True)


def _alive(pid: int) -> bool:
    if pid == os.getpid():
        return False  # left by a save of ours that failed: a running one has made nothing hidden at this point
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except OSError:
        return True
    return True


def _path(root: Path, step: int) -> Path:
    return root / f"step_{step:06d}"


def _hidden(path: Path, kind: str) -> Path:
    return path.with_name(f".{path.name}.{kind}-{socket.gethostname()}-{os.getpid()}")


def _assert_plain(value: object, where: str) -> None:
    """The state may hold only what `torch.load(weights_only=True)` reads back unchanged."""
    if isinstance(value, dict):
        for key, item in value.items():
            assert type(key) in (str, int), f"{where}: key {key!r}"
            _assert_plain(item, f"{where}.{key}")
    elif isinstance(value, list | tuple):
        for index, item in enumerate(value):
            _assert_plain(item, f"{where}[{index}]")
    else:
        plain = value is None or type(value) in (bool, int, float, str, Tensor, torch.nn.Parameter)
        assert plain, f"{where}: {type(value).__name__} cannot be in a checkpoint"
