"""Files of one JSON object a line. `read` is the strict reader of all text inputs; `write` writes what it reads."""

import json
import os
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from puzzles.text_input import Broken, JSONLines, read_json_lines

__all__ = ["Broken", "JSONLines", "read", "write"]

read = read_json_lines


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
