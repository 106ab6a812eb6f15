"""The puzzle domains by name."""

from collections.abc import Callable
from typing import Any

from puzzles.base import Puzzle
from puzzles.errors import UserError


def _arc() -> type[Puzzle]:
    from puzzles.arc.domain import Arc

    return Arc


def _maze() -> type[Puzzle]:
    from puzzles.maze.domain import Maze

    return Maze


def _table() -> type[Puzzle]:
    from puzzles.table.domain import Table

    return Table


def _sudoku() -> type[Puzzle]:
    from puzzles.sudoku.domain import Sudoku

    return Sudoku


# Each domain is imported when it is asked for, so that its kernels do not delay the start of another. Where two domains
# have the same sizes, `of_sizes` takes the earlier one.
DOMAINS: dict[str, Callable[[], type[Puzzle]]] = {"sudoku": _sudoku, "maze": _maze, "arc": _arc, "table": _table}
_REGISTERED: dict[str, type[Puzzle]] = {}


def register(name: str, domain: type[Puzzle], *, replace: bool = False) -> None:
    """Make a domain of your own known by a name, for as long as the process runs.

    `puzzles.get`, training, evaluation, `hrm-solve` and `hrm-serve` then take `puzzle.name=NAME`. `replace` allows
    another registered domain of this name.
    """
    assert issubclass(domain, Puzzle), f"{domain} does not derive from puzzles.Puzzle"
    if name in DOMAINS or not (replace or _REGISTERED.get(name, domain) is domain):
        raise UserError(f"puzzle={name}: there is a domain of this name already")
    _REGISTERED[name] = domain


def names() -> list[str]:
    """The names that `get` knows."""
    return sorted([*DOMAINS, *_REGISTERED])


def get(name: str, **options: Any) -> Puzzle:
    """The puzzle `name` built with `options`; UserError that lists what is allowed."""
    domain = domain_of(name)
    unknown = sorted(set(options) - set(domain.OPTIONS))
    if unknown:
        allowed = f"the options {', '.join(domain.OPTIONS)}" if domain.OPTIONS else "no options"
        raise UserError(f"puzzle.{unknown[0]}={options[unknown[0]]}: {name} has {allowed}")
    return domain(**options)


def of_sizes(vocab_size: int, seq_len: int) -> dict[str, Any]:
    """The name and the options of the puzzle that has these sizes: what a model solves that tells nothing else.

    UserError where no domain has them.
    """
    for name in [*DOMAINS, *_REGISTERED]:
        options = domain_of(name).options_of_sizes(vocab_size, seq_len)
        if options is not None:
            return {"name": name, **options}
    raise UserError(f"vocab_size={vocab_size}, seq_len={seq_len}: no puzzle here has such inputs")


def domain_of(name: str) -> type[Puzzle]:
    """The class of a domain; UserError that lists the names."""
    if name not in DOMAINS and name not in _REGISTERED:
        raise UserError(f"puzzle={name}: must be one of {', '.join(names())}")
    return _REGISTERED[name] if name in _REGISTERED else DOMAINS[name]()
