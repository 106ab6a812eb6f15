"""Files of one JSON object a line: a broken line is told by file and number, and harms no other."""

import json
import os
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from puzzles.errors import UserError

Broken = Literal["refuse", "skip"]


@dataclass(kw_only=True, slots=True)
class Lines:
    """What the good lines were read as, the number of each in the file, and a sentence for each bad one."""

    items: list[Any]
    numbers: list[int]
    faults: list[str]


def read(path: str | Path, parse: Callable[[dict[str, Any]], Any], *, broken: Broken = "refuse") -> Lines:
    """Every line through `parse`, which raises ValueError for one that is none of its kind; empty lines do not count.

    `broken`: refuse raises ValueError naming file and line of the first bad one; skip leaves bad ones to `faults`.
    ValueError also for a file that is missing or has no good line.
    """
    path = Path(path)
    try:
        data = path.read_bytes()
    except OSError as error:
        raise UserError(f"{path}: {error.strerror}") from None
    found = Lines(items=[], numbers=[], faults=[])
    for number, line in enumerate(data.removeprefix(b"\xef\xbb\xbf").split(b"\n"), start=1):
        if not line.strip():
            continue
        try:
            item = parse(_object(line))
        except ValueError as error:
            found.faults.append(f"{path}:{number}: {' '.join(str(error).split())}")
            continue
        found.items.append(item)
        found.numbers.append(number)
    if found.faults and broken == "refuse":
        more = f" (and {len(found.faults) - 1} more broken lines)" if len(found.faults) > 1 else ""
        raise UserError(found.faults[0] + more)
    if not found.items:
        raise UserError(found.faults[0] if found.faults else f"{path}: holds no line")
    return found


def _object(line: bytes) -> dict[str, Any]:
    try:
        row = json.loads(line.decode("utf-8"), parse_constant=_no_number)
    except UnicodeDecodeError:
        raise UserError("is no UTF-8 text") from None
    except RecursionError:
        raise UserError("no JSON: nested too deeply") from None
    except json.JSONDecodeError as error:
        raise UserError(f"no JSON: {error.msg} at column {error.colno}") from None
    if not isinstance(row, dict):
        raise UserError(f"is a JSON {type(row).__name__}: must be an object")
    return row


def _no_number(name: str) -> None:
    raise UserError(f"no JSON: {name} is no number")


def write(path: str | Path, rows: Iterable[dict[str, Any]]) -> None:
    """One row a line, in UTF-8; the file appears whole or not at all."""
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        with part.open("w", encoding="utf-8", newline="\n") as file:
            for row in rows:
                file.write(json.dumps(row, ensure_ascii=False, allow_nan=False) + "\n")
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)
