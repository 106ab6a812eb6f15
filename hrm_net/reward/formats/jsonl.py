"""Files of one JSON object a line. `read` is the strict reader of all text inputs; `write` writes what it reads."""

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from puzzles.atomic_write import atomic_write
from puzzles.text_input import Broken, JSONLines, read_json_lines

__all__ = ["Broken", "JSONLines", "read", "write"]

read = read_json_lines


def write(path: str | Path, rows: Iterable[dict[str, Any]]) -> None:
    """One row a line, in UTF-8; the file appears whole or not at all."""
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    with atomic_write(path) as file:
        for row in rows:
            file.write(json.dumps(row, ensure_ascii=False, allow_nan=False) + "\n")
