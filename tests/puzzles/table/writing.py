"""Tables as files, for tests."""

import csv
import io
import json
from collections.abc import Iterable
from pathlib import Path

Pairs = Iterable[tuple[str, str]]


def write(path: Path, pairs: Pairs) -> Path:
    """A CSV or a JSONL file, by the path's suffix."""
    if path.suffix == ".jsonl":
        lines = [json.dumps({"question": question, "answer": answer, "more": 1}) for question, answer in pairs]
        path.write_text("\n".join(lines), encoding="utf-8")
        return path
    text = io.StringIO()
    rows = csv.writer(text)
    rows.writerow(("question", "answer"))
    rows.writerows(pairs)
    path.write_text(text.getvalue(), encoding="utf-8")
    return path


def copies(num: int, length: int = 4, symbols: str = "abc") -> list[tuple[str, str]]:
    """`num` different questions, each its own answer."""
    base = len(symbols)
    assert num <= base**length
    words = ["".join(symbols[i // base**place % base] for place in range(length)) for i in range(num)]
    return [(word, word) for word in words]
