"""The stamp of a data directory: sha256 of every file and of the settings that built it, in stamp.json.

A published directory has none and is taken as it is. One with a stamp must hold what the stamp says, to the bit.
"""

import functools
import hashlib
import importlib.metadata
import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from puzzles.errors import UserError

STAMP = "stamp.json"
SPLITS = ("train", "test")
_CHUNK = 1 << 22


def content(directory: Path, parts: Iterable[str] = ("", *SPLITS)) -> dict[str, str]:
    """sha256 of each .json and .npy file of the directory itself ("") and of its splits, by relative name."""
    found = [path for part in parts for pattern in ("*.json", "*.npy") for path in (directory / part).glob(pattern)]
    names = sorted(path.relative_to(directory).as_posix() for path in found if path.is_file() and path.name != STAMP)
    return {name: file_hash(directory / name) for name in names}


def digest(values: Any) -> str:
    """sha256 of plain values, whatever the order of their keys."""
    return hashlib.sha256(json.dumps(values, sort_keys=True).encode()).hexdigest()


def file_hash(path: Path) -> str:
    """sha256 of a file; computed again only when its size or time of change differs."""
    status = path.stat()
    return _file_hash(path.absolute(), status.st_size, status.st_mtime_ns, status.st_ino)


@functools.lru_cache(maxsize=1024)
def _file_hash(path: Path, _size: int, _changed: int, _inode: int) -> str:
    found = hashlib.sha256()
    with path.open("rb") as file:
        while chunk := file.read(_CHUNK):
            found.update(chunk)
    return found.hexdigest()


def write(directory: Path, settings: dict[str, Any]) -> str:
    """Stamp what lies in the directory; the hash of content and settings."""
    files = content(directory)
    whole = digest({"files": files, "settings": settings})
    stamp = {"hash": whole, "settings": settings, "version": _version(), "files": files}
    (directory / STAMP).write_text(json.dumps(stamp, indent=1) + "\n", encoding="utf-8")
    return whole


def verify(directory: Path) -> None:
    """ValueError naming the first file that is not as stamped. A directory without a stamp passes."""
    path = directory / STAMP
    if not path.exists():
        return
    stamp = _read(path)
    if stamp["hash"] != digest({"files": stamp["files"], "settings": stamp["settings"]}):
        raise UserError(f"{path}: hash: is not that of its files and settings; the stamp was edited")
    files = content(directory)
    for name in sorted(stamp["files"].keys() | files.keys()):
        if name not in files:
            raise UserError(f"{directory / name}: missing, but {STAMP} names it; build the directory again")
        if name not in stamp["files"]:
            raise UserError(f"{directory / name}: {STAMP} does not know this file; build the directory again")
        if files[name] != stamp["files"][name]:
            raise UserError(f"{directory / name}: is not what {STAMP} says; build the directory again")


def _read(path: Path) -> dict[str, Any]:
    """The stamp with keys of the expected types; ValueError otherwise."""
    stamp = read_json(path)
    if not isinstance(stamp, dict):
        raise UserError(f"{path}: must hold an object")
    for key, kind in {"hash": str, "settings": dict, "files": dict}.items():
        if not isinstance(stamp.get(key), kind):
            raise UserError(f"{path}: {key}: missing or of the wrong type; build the directory again")
    return stamp


def read_json(path: Path) -> Any:
    """What a JSON file holds; ValueError of one line where it is missing or none."""
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise UserError(f"{path}: {error.strerror}") from None
    except (ValueError, RecursionError) as error:
        raise UserError(f"{path}: is no JSON ({' '.join(str(error).split())})") from None


def _version() -> str | None:
    try:
        return importlib.metadata.version("hrm-net")
    except importlib.metadata.PackageNotFoundError:
        return None
