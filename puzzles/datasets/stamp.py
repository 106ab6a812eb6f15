"""The stamp of a data directory, stamp.json: the sha256 of every file and the settings that built it.

A published directory has no stamp and is taken as it is. One with a stamp must hold exactly the stamped bytes. Files
that do not belong to the layout, as those that macOS and Windows leave behind, count in neither case.
"""

import functools
import hashlib
import importlib.metadata
import json
from pathlib import Path
from typing import Any

from puzzles.errors import UserError
from puzzles.text_input import read_json_object

STAMP = "stamp.json"
SPLITS = ("train", "test")
_TOP_FILES = ("identifiers.json", "test_puzzles.json")
_METADATA = "dataset.json"
_CHUNK_BYTES = 1 << 22


def content(directory: Path) -> dict[str, str]:
    """The sha256 of each file of the layout, of the directory itself and of its splits, by relative name."""
    paths = [directory / name for name in _TOP_FILES]
    for split in SPLITS:
        paths += [directory / split / _METADATA, *(directory / split).glob("[!.]*__*.npy")]
    names = sorted(path.relative_to(directory).as_posix() for path in paths if path.is_file())
    return {name: file_hash(directory / name) for name in names}


def digest(values: Any) -> str:
    """The sha256 of plain values, whatever the order of their keys."""
    return hashlib.sha256(json.dumps(values, sort_keys=True).encode()).hexdigest()


def file_hash(path: Path) -> str:
    """The sha256 of a file; computed again only when its size or its time of change differs."""
    status = path.stat()
    return _file_hash(path.absolute(), status.st_size, status.st_mtime_ns, status.st_ino)


@functools.lru_cache(maxsize=1024)
def _file_hash(path: Path, _size: int, _changed: int, _inode: int) -> str:
    sha256 = hashlib.sha256()
    with path.open("rb") as file:
        while chunk := file.read(_CHUNK_BYTES):
            sha256.update(chunk)
    return sha256.hexdigest()


def write(directory: Path, settings: dict[str, Any]) -> str:
    """Stamp what lies in the directory. Returns the hash of its content and settings."""
    files = content(directory)
    whole = digest({"files": files, "settings": settings})
    stamp = {"hash": whole, "settings": settings, "version": _version(), "files": files}
    (directory / STAMP).write_text(json.dumps(stamp, indent=1) + "\n", encoding="utf-8")
    return whole


def verify(directory: Path) -> None:
    """UserError naming the first file that is not as stamped. A directory without a stamp passes."""
    path = directory / STAMP
    if not path.exists():
        return
    stamp = _read(path)
    if stamp["hash"] != digest({"files": stamp["files"], "settings": stamp["settings"]}):
        raise UserError(f"{path}: hash: is not the hash of its files and settings; the stamp was edited")
    files = content(directory)
    for name in sorted(stamp["files"].keys() | files.keys()):
        if name not in files:
            raise UserError(f"{directory / name}: missing, but {STAMP} names it; build the directory again")
        if name not in stamp["files"]:
            raise UserError(f"{directory / name}: {STAMP} does not know this file; build the directory again")
        if files[name] != stamp["files"][name]:
            raise UserError(f"{directory / name}: is not what {STAMP} says; build the directory again")


def _read(path: Path) -> dict[str, Any]:
    """The stamp with keys of the expected types; UserError otherwise."""
    stamp = read_json_object(path)
    for key, kind in {"hash": str, "settings": dict, "files": dict}.items():
        if not isinstance(stamp.get(key), kind):
            raise UserError(f"{path}: {key}: missing or of the wrong type; build the directory again")
    return stamp


def _version() -> str | None:
    try:
        return importlib.metadata.version("hrm-net")
    except importlib.metadata.PackageNotFoundError:
        return None
