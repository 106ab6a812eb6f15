"""Checkpoints that are either whole or refused.

    checkpoints/step_000500/
        model.safetensors     the weights people use (the moving average when there is one), buffers and puzzle table
        training_state.pt     all else that the next step depends on: tensors, numbers, text, lists and dicts of these
        config.yaml           the configuration of the run
        manifest.json         size and sha256 of each file, step and versions; written last

A checkpoint is written into a hidden sibling directory, flushed to disk file by file, and renamed into place, so a
directory called `step_*` was complete when it got its name. What happens to it afterwards shows in the manifest.
"""

import hashlib
import io
import json
import logging
import os
import re
import shutil
import socket
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import Any, BinaryIO, TypeVar

import safetensors.torch
import torch
from torch import Tensor

FORMAT = 1
FILES = ("model.safetensors", "training_state.pt", "config.yaml")
_STEP = re.compile(r"step_(\d{6,})")
_HIDDEN = re.compile(r"\.step_\d{6,}\.(?:tmp|old)-(?P<host>.+)-(?P<pid>\d+)")
_log = logging.getLogger(__name__)


T = TypeVar("T")


class CheckpointError(ValueError):
    """A checkpoint that cannot be written or must not be trusted; one line that names it."""


@dataclass(kw_only=True, slots=True)
class Checkpoint:
    """What `save` was given."""

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
    """Write `root/step_<step>`, then delete all valid ones but the newest `keep` and that of step `best`.

    CheckpointError when the disk refuses: what stood under `root` before still stands. A valid checkpoint of the same
    step is replaced; a damaged one is moved to `step_<step>.refused`.
    """
    assert keep >= 2, keep
    _assert_plain(state, "state")
    path = root / f"step_{step:06d}"
    try:
        root.mkdir(parents=True, exist_ok=True)
        _remove_leftovers(root)
        hidden = _hidden(path, "tmp")
        try:
            _write(hidden, step, tensors, state, config, best)
            _put_in_place(hidden, path)
        except BaseException:
            shutil.rmtree(hidden, ignore_errors=True)
            raise
        _retain(root, keep, best)
    except OSError as error:
        raise CheckpointError(f"checkpoint {path}: not written: {error.strerror}; earlier ones are whole") from error
    return path


def load(path: Path) -> Checkpoint:
    """The checkpoint at `path`, on the CPU. CheckpointError naming the file that is missing, damaged or unsafe."""
    manifest = _manifest(path)
    content = {name: _verified(path / name, entry) for name, entry in manifest["files"].items()}
    try:
        tensors = safetensors.torch.load(content["model.safetensors"])
        state = torch.load(io.BytesIO(content["training_state.pt"]), map_location="cpu", weights_only=True)
        config = content["config.yaml"].decode()
    except Exception as error:  # Checksums hold, so these bytes were written so: by something else than `save`.
        reason = (str(error).splitlines() or [type(error).__name__])[0]
        raise CheckpointError(f"checkpoint {path}: not readable: {reason}") from error
    step, best = manifest["step"], manifest["best"]
    return Checkpoint(path=path, step=step, tensors=tensors, state=state, config=config, best=best)


def verify(path: Path) -> None:
    """CheckpointError unless every file at `path` is what its manifest says."""
    for name, entry in _manifest(path)["files"].items():
        _verified(path / name, entry)


def newest(root: Path) -> Path | None:
    """The newest valid checkpoint; None where there is none at all. Damaged ones are named in a warning and left alone.

    CheckpointError where there are some and all are damaged: starting over must be asked for.
    """
    return _first(root, lambda path: (verify(path), path)[1])


def load_newest(root: Path) -> Checkpoint | None:
    """`load` of the newest checkpoint that loads, else as `newest`."""
    return _first(root, load)


def best(root: Path) -> Path | None:
    """The best checkpoint by the word of the newest valid one, which stands in where the best is lost or unknown."""
    path = newest(root)
    step = None if path is None else _manifest(path)["best"]
    if step is None:
        return path
    try:
        verify(root / f"step_{step:06d}")
    except CheckpointError as error:
        _log.warning("%s; the newest, %s, is used in place of the best", error, path)
        return path
    return root / f"step_{step:06d}"


def steps(root: Path) -> list[int]:
    """Steps of all checkpoints under `root`, valid or not, ascending."""
    matches = [_STEP.fullmatch(path.name) for path in root.iterdir()] if root.is_dir() else []
    return sorted(int(match[1]) for match in matches if match)


def _first(root: Path, read: Callable[[Path], T]) -> T | None:
    found = steps(root)
    for step in reversed(found):
        try:
            return read(root / f"step_{step:06d}")
        except CheckpointError as error:
            _log.warning("%s; it is left as it is and not used", error)
    if found:
        raise CheckpointError(f"checkpoints {root}: none of {len(found)} is whole; move them away to start anew")
    return None


def _write(
    path: Path, step: int, tensors: Mapping[str, Tensor], state: dict[str, Any], config: str, best: int | None
) -> None:
    # Copies, because safetensors refuses tensors that share memory, as tied weights do.
    copies = {name: tensor.detach().to("cpu", copy=True).contiguous() for name, tensor in tensors.items()}
    writers: dict[str, Callable[[BinaryIO], Any]] = {
        "model.safetensors": lambda file: file.write(safetensors.torch.save(copies)),
        "training_state.pt": lambda file: torch.save(state, file),
        "config.yaml": lambda file: file.write(config.encode()),
    }
    path.mkdir()
    files = {name: _write_file(path / name, writers[name]) for name in FILES}
    body = {"format": FORMAT, "hrm_net": _version(), "step": step, "best": best, "files": files}
    _write_file(path / "manifest.json", lambda file: file.write(_render(body)))
    _sync_directory(path)


class _Hashing(io.RawIOBase):
    """Passes writes on to `file`, keeping their checksum and the error that stopped them."""

    def __init__(self, file: BinaryIO) -> None:
        self.file, self.hash, self.bytes, self.error = file, hashlib.sha256(), 0, None

    def writable(self) -> bool:
        return True

    def write(self, data: Any) -> int:
        try:
            self.file.write(data)
        except OSError as error:
            self.error = error
            raise
        self.hash.update(data)
        self.bytes += len(memoryview(data).cast("B"))
        return len(memoryview(data).cast("B"))


def _write_file(path: Path, write: Callable[[Any], Any]) -> dict[str, Any]:
    with path.open("xb") as file:
        hashing = _Hashing(file)
        try:
            write(hashing)
        except Exception:
            # torch.save turns the disk's error into its own.
            if hashing.error is not None:
                raise hashing.error from None
            raise
        file.flush()
        os.fsync(file.fileno())
    return {"bytes": hashing.bytes, "sha256": hashing.hash.hexdigest()}


def _render(body: dict[str, Any]) -> bytes:
    """The manifest's only valid bytes for `body`: its last entry is the checksum of the others."""
    checksum = hashlib.sha256(json.dumps(body, sort_keys=True).encode()).hexdigest()
    return (json.dumps({**body, "sha256": checksum}, indent=2) + "\n").encode()


def _manifest(path: Path) -> dict[str, Any]:
    if not path.is_dir():
        raise CheckpointError(f"checkpoint {path}: no such directory")
    raw = _read(path / "manifest.json")
    try:
        body = json.loads(raw)
        body.pop("sha256")
        version, intact = body["format"], _render(body) == raw
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        raise CheckpointError(f"checkpoint {path}: manifest.json is damaged") from None
    if not intact:
        raise CheckpointError(f"checkpoint {path}: manifest.json is damaged")
    if version != FORMAT:
        raise CheckpointError(f"checkpoint {path}: format {version} (hrm_net {body.get('hrm_net')}), not {FORMAT}")
    named = _STEP.fullmatch(path.name)
    if named and int(named[1]) != body["step"]:
        raise CheckpointError(f"checkpoint {path}: holds step {body['step']}")
    assert set(body["files"]) == set(FILES), body["files"]
    return body


def _verified(path: Path, entry: dict[str, Any]) -> bytes:
    content = _read(path)
    if len(content) != entry["bytes"]:
        raise CheckpointError(f"checkpoint {path.parent}: {path.name} has {len(content)} bytes, not {entry['bytes']}")
    if hashlib.sha256(content).hexdigest() != entry["sha256"]:
        raise CheckpointError(f"checkpoint {path.parent}: {path.name} is damaged: its sha256 is another")
    return content


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise CheckpointError(f"checkpoint {path.parent}: {path.name}: {error.strerror}") from error


def _put_in_place(hidden: Path, path: Path) -> None:
    old = None
    if path.exists():
        try:
            verify(path)
            old = _hidden(path, "old")
            path.rename(old)
        except CheckpointError:
            path.rename(_free_name(path))
    hidden.rename(path)
    _sync_directory(path.parent)
    if old is not None:
        shutil.rmtree(old)


def _free_name(path: Path) -> Path:
    """`step_000500.refused`, or the first of `.refused-2`, `-3`, ... that is free."""
    free, number = path.with_name(f"{path.name}.refused"), 2
    while free.exists():
        free, number = path.with_name(f"{path.name}.refused-{number}"), number + 1
    return free


def _retain(root: Path, keep: int, best: int | None) -> None:
    """Delete what is older than the `keep` newest valid ones, save the best; damaged ones stay and do not count."""
    valid, found = 0, steps(root)
    for step in reversed(found if len(found) > keep else []):
        path = root / f"step_{step:06d}"
        try:
            verify(path)
        except CheckpointError:
            continue
        valid += 1
        if valid > keep and step != best:
            old = _hidden(path, "old")
            path.rename(old)  # A kill while files vanish then leaves no half of a checkpoint under its name.
            shutil.rmtree(old)


def _hidden(path: Path, kind: str) -> Path:
    return path.with_name(f".{path.name}.{kind}-{socket.gethostname()}-{os.getpid()}")


def _remove_leftovers(root: Path) -> None:
    """Remove what dead processes of this machine left half written or half deleted. Others may be at work elsewhere."""
    for path in root.iterdir():
        match = _HIDDEN.fullmatch(path.name)
        if match and match["host"] == socket.gethostname() and not _alive(int(match["pid"])):
            shutil.rmtree(path, ignore_errors=True)


def _alive(pid: int) -> bool:
    if pid == os.getpid():
        return False  # Ours, from a save that failed: a save that runs has not made its directory yet.
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except OSError:
        return True
    return True


def _sync_directory(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _version() -> str:
    try:
        return metadata.version("hrm-net")
    except metadata.PackageNotFoundError:
        return "not installed"


def _assert_plain(value: object, where: str) -> None:
    """Only what `torch.load(weights_only=True)` reads back as it was."""
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
