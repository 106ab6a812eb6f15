"""The table that a run learns from: read as its configuration asks, before anything else is known of its puzzle."""

from collections.abc import Mapping
from typing import Any

from hrm_net.data.puzzle_sets import PuzzleSet
from puzzles import registry
from puzzles.errors import UserError
from puzzles.table import data as table_data
from puzzles.table.data import TableData
from puzzles.table.domain import Table

NAME = "held_out"  # of the rows that a run is validated or judged on


def wanted(puzzle: Any) -> type[Table] | None:
    """The domain of a run whose key `puzzle` is this, where it is a table; else None."""
    name = puzzle.get("name") if isinstance(puzzle, Mapping) else None
    if not isinstance(name, str) or name not in registry.names():
        return None  # what is wrong with it is said elsewhere
    domain = registry.domain_of(name)
    return domain if issubclass(domain, Table) else None


def read(domain: type[Table], puzzle: Mapping[str, Any], path: Any) -> TableData:
    """The table behind `data.path`; UserError where there is none."""
    if not isinstance(path, str) and not (isinstance(path, list) and all(isinstance(one, str) for one in path)):
        raise UserError(
            f"data.path={'null' if path is None else path}: must name a CSV or JSONL file or a data directory, from "
            f"which puzzle={domain.name} learns"
        )
    # what an earlier reading of the data has filled in is found again
    options = {key: value for key, value in puzzle.items() if key not in ("name", "examples")}
    return table_data.read(path, domain, **options)


def held_out(table: TableData, pair: table_data.Pair, key: str) -> PuzzleSet:
    """The rows of a fold as a set. UserError naming `key`, what asks for it, where the fold is empty."""
    inputs, labels = pair
    if len(inputs) == 0:
        num = sum(len(examples.inputs) for one in table.train for examples in one.sets.values())
        raise UserError(
            f"{key}: must be 0, or data.path must have more rows: of these none falls into the twentieth that is "
            f"held out for it, by a hash of the question ({num} are trained on)"
        )
    return PuzzleSet(NAME, table.puzzle, inputs, labels)
