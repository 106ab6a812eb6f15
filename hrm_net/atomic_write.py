"""Small text files that are whole or as they were before."""

from pathlib import Path


def write_text(path: Path, text: str) -> None:
    """Written beside and moved into place; directories above are made."""
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(path.name + ".part")
    part.write_text(text, encoding="utf-8")
    part.replace(path)
