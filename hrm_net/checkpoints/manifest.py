"""Files that are on the disk when the call returns, and a manifest that shows later whether they are whole."""

import hashlib
import io
import json
import os
import re
from collections.abc import Callable, Mapping
from importlib import metadata
from pathlib import Path
from typing import Any

from puzzles.errors import UserError

FORMAT = 1
FILES = ("model.safetensors", "training_state.pt", "config.yaml")
MANIFEST = "manifest.json"


class CheckpointError(UserError):
    """A checkpoint that cannot be written or must not be trusted; one line that names it."""


def write_directory(path: Path, step: int, best: int | None, writers: Mapping[str, Callable[[Any], Any]]) -> None:
    """Make the directory `path` with what each writer puts into its file, and the manifest last, all on the disk."""
    path.mkdir()
    files = {name: _write_file(path / name, writers[name]) for name in FILES}
    body = {"format": FORMAT, "hrm_net": _version(), "step": step, "best": best, "files": files}
    _write_file(path / MANIFEST, lambda file: file.write(_render(body)))
    sync_directory(path)


def read_manifest(path: Path) -> dict[str, Any]:
    """`format`, `step`, `best` and `files` of the directory `path`; CheckpointError unless it is just as written."""
    if not path.is_dir():
        raise CheckpointError(f"checkpoint {path}: no such directory")
    raw = _read(path / MANIFEST)
    try:
        body = json.loads(raw)
        body.pop("sha256")
        if _render(body) != raw:
            raise ValueError
        version, files = body["format"], body["files"]
        if version == FORMAT and not (_is_step(body["step"]) and all("sha256" in files[name] for name in FILES)):
            raise ValueError
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        raise CheckpointError(f"checkpoint {path}: {MANIFEST} is damaged") from None
    if version != FORMAT:
        raise CheckpointError(f"checkpoint {path}: format {version} of hrm_net {body.get('hrm_net')}, not {FORMAT}")
    if re.fullmatch(r"step_\d+", path.name) and int(path.name[5:]) != body["step"]:
        raise CheckpointError(f"checkpoint {path}: holds step {body['step']}")
    return body


def verified(path: Path, manifest: dict[str, Any], name: str) -> bytes:
    """Content of the file `name` in `path`; CheckpointError unless it is what `manifest` says."""
    content, entry = _read(path / name), manifest["files"][name]
    if len(content) != entry["bytes"]:
        raise CheckpointError(f"checkpoint {path}: {name} has {len(content)} bytes, not {entry['bytes']}")
    if hashlib.sha256(content).hexdigest() != entry["sha256"]:
        raise CheckpointError(f"checkpoint {path}: {name} is damaged: its sha256 differs")
    return content


def verify(path: Path) -> None:
    """CheckpointError unless every file in `path` is what its manifest says."""
    manifest = read_manifest(path)
    for name in FILES:
        verified(path, manifest, name)


def sync_directory(path: Path) -> None:
    """Wait until the names in the directory `path` are on the disk."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


class _Hashing(io.RawIOBase):
    """Passes writes on to `file`, and keeps their checksum and the error that stopped them."""

    def __init__(self, file: Any) -> None:
        self.file, self.hash, self.num_bytes = file, hashlib.sha256(), 0
        self.error: OSError | None = None

    def writable(self) -> bool:
        return True

    def write(self, data: Any) -> int:
        try:
            self.file.write(data)
        except OSError as error:
            self.error = error
            raise
        self.hash.update(data)
        num_bytes = memoryview(data).nbytes
        self.num_bytes += num_bytes
        return num_bytes


def _write_file(path: Path, write: Callable[[Any], Any]) -> dict[str, Any]:
    with path.open("xb") as file:
        hashing = _Hashing(file)
        try:
            write(hashing)
        except Exception:
            if hashing.error is not None:  # torch.save turns the disk's error into its own
                raise hashing.error from None
            raise
        file.flush()
        os.fsync(file.fileno())
    return {"bytes": hashing.num_bytes, "sha256": hashing.hash.hexdigest()}


def _render(body: dict[str, Any]) -> bytes:
    """The only valid bytes of a manifest with this `body`; its last entry is the checksum of the others."""
    checksum = hashlib.sha256(json.dumps(body, sort_keys=True).encode()).hexdigest()
    return (json.dumps({**body, "sha256": checksum}, indent=2) + "\n").encode()


def _is_step(value: object) -> bool:
    return type(value) is int and value >= 0


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise CheckpointError(f"checkpoint {path.parent}: {path.name}: {error.strerror}") from error


def _version() -> str:
    try:
        return metadata.version("hrm-net")
    except metadata.PackageNotFoundError:
        return "not installed"
