"""The rows that pages are made of: a JSON object for an arm and seed, or for what needs no arm; whole or not there."""

import hashlib
import json
from collections.abc import Iterable
from dataclasses import asdict
from pathlib import Path
from typing import Any

from hrm_net.atomic_write import write_text
from hrm_net.study.arms import Arm
from hrm_net.study.domains import Domain, Sizes, of_domain
from puzzles.errors import UserError

# Counted up where rows made before can no longer stand beside rows made now.
VERSION = 1
# What the row of a seed's pools is called in place of an arm.
FRAME = "frame"
Row = dict[str, Any]


def fingerprint(domain: Domain, sizes: Sizes, seed: int, arm: Arm | None) -> str:
    """Of all that the numbers of a row follow from."""
    told = [VERSION, asdict(domain), asdict(of_domain(sizes, domain)), seed, asdict(arm) if arm else FRAME]
    told[1].pop("seeds")  # further seeds change none
    return hashlib.sha256(json.dumps(told, sort_keys=True).encode()).hexdigest()[:16]


def path_of(folder: Path, domain: Domain, seed: int, arm: Arm | None) -> Path:
    return folder / f"{domain.name}-{arm.name if arm else FRAME}-{seed}.json"


def write(path: Path, row: Row) -> None:
    write_text(path, json.dumps(row, allow_nan=False) + "\n")


def read(path: Path) -> Row | None:
    """None where there is no row; ValueError for a file that is none."""
    if not path.is_file():
        return None
    try:
        row = json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise UserError(f"{path}: no JSON; delete it, and it is made again") from error
    if not isinstance(row, dict) or "hash" not in row:
        raise UserError(f"{path}: no row; delete it, and it is made again")
    return row


def collected(reports: Path, domain: Domain) -> Path:
    """The file of a domain's rows beside the pages."""
    return reports / f"{domain.name}.json"


def read_collected(path: Path) -> list[Row]:
    """[] where there is none."""
    if not path.is_file():
        return []
    try:
        return list(json.loads(path.read_text(encoding="utf-8"))["rows"])
    except (ValueError, KeyError, TypeError) as error:
        raise UserError(f"{path}: holds no rows; delete it, and `hrm-study render` makes it again") from error


def write_collected(path: Path, rows: Iterable[Row]) -> None:
    """A row a line, so that a change of one is seen as such."""
    lines = ",\n".join(json.dumps(row, allow_nan=False, sort_keys=True) for row in rows)
    write_text(path, '{"rows": [\n' + lines + "\n]}\n")
