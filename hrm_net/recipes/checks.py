"""What the kinds of run check alike: sizes filled in from the puzzle, targets of generators, an evaluation's values."""

from collections.abc import Callable, Iterable, Mapping
from inspect import signature
from typing import Any

import puzzles
from hrm_net import schema
from hrm_net.data.config import Targets
from hrm_net.data.sizes import sized
from hrm_net.distributed.group import current
from hrm_net.model import puzzle_sizes
from hrm_net.recipes.config import EvaluateConfig, TrainConfig
from hrm_net.schema import require
from puzzles.errors import UserError

# Sizes whose default of 0 says that they were not given, as in a model that was configured in Python.
NOT_GIVEN_AS_ZERO = ("grid_width", "box_rows")


def section(values: Mapping[str, Any], key: str) -> Mapping[str, Any]:
    """The values below a key; empty where they are not a mapping, which the schema will say."""
    found = values.get(key)
    return found if isinstance(found, Mapping) else {}


def texts(value: Any) -> bool:
    """Whether a value is a list of texts."""
    return isinstance(value, list) and all(isinstance(one, str) for one in value)


def build(values: dict[str, Any]) -> TrainConfig:
    """The configuration that `values` make by the schema alone. UserError where the processes of this run cannot share
    its batches out equally."""
    config = schema.build(TrainConfig, _with_compile_as_text(values))
    several = config.hypotheses > 1
    current().rows(config.batch_size // config.hypotheses, "batch_size / hypotheses" if several else "batch_size")
    if config.puzzle_table == "sharded":
        heads, every, ids = config.reward.objectives, config.validation.every, config.model.num_puzzle_ids
        require(
            "puzzle_table", "sharded", not heads, "replicated for step scorers and judges, which have no such table"
        )
        require("puzzle_table", "sharded", every == 0, f"replicated for validation.every={every}, which needs all rows")
        require("puzzle_table", "sharded", ids > 1, "replicated for a table of one row")
    return config


def puzzle_config(
    values: dict[str, Any], num_puzzle_ids: Callable[[puzzles.Puzzle], Any], *, sizes: bool = False
) -> tuple[TrainConfig, puzzles.Puzzle]:
    """The configuration of a run over puzzles, with the model's sizes taken from the puzzle and its targets checked.

    `num_puzzle_ids` gives the identifiers of the puzzle, or of the data that the run has instead. `sizes`: whether
    targets may ask for other sizes of the puzzle.
    """
    wanted, model = values.get("puzzle"), values.get("model")
    if isinstance(wanted, dict) and isinstance(model, dict):  # else the schema says what is wrong with them
        if not isinstance(wanted.get("name"), str):
            shown = schema.show(wanted.get("name"))
            raise UserError(f"puzzle.name={shown}: must be one of {', '.join(puzzles.names())}")
        puzzle = puzzles.get(**wanted)
        filled = puzzle_sizes(puzzle) | {"num_puzzle_ids": num_puzzle_ids(puzzle)}
        for key, size in filled.items():
            given = model.get(key, size)
            if given != size and not (given == 0 and key in NOT_GIVEN_AS_ZERO):
                bound = f"{size}, as the puzzle has it; leave the key out"
                raise UserError(f"model.{key}={schema.show(model[key])}: must be {bound}")
        values = values | {"model": model | filled}
    config = build(values)
    puzzle = puzzles.get(**config.puzzle)
    require("reward.text.path", config.reward.text.path, config.reward.text.path is None, "null unless puzzle=text")
    check_targets(puzzle, config.targets(), sizes=sizes)
    return config, puzzle


def evaluate_config(values: dict[str, Any]) -> EvaluateConfig:
    """The checked configuration of an evaluation; its sets are checked once the model's puzzle is known."""
    return schema.build(EvaluateConfig, _with_compile_as_text(values))


def check_targets(puzzle: puzzles.Puzzle, targets: Iterable[tuple[str, Targets]], *, sizes: bool = False) -> None:
    """UserError, before any work, for a generator's target that is unknown or out of reach.

    `sizes`: whether the key `size` may ask for another size of the puzzle (hrm_net.data.sizes).
    """
    parameters = signature(puzzle.generate).parameters
    allowed = [name for name, p in parameters.items() if p.kind is p.KEYWORD_ONLY]
    open_ended = any(p.kind is p.VAR_KEYWORD for p in parameters.values())  # then generate says what it takes
    for key, wanted in targets:
        try:
            meant, rest = sized(puzzle, wanted) if sizes else (puzzle, wanted)
        except UserError as error:
            raise UserError(f"{key}.{error}") from None
        unknown = sorted(set(rest) - set(allowed))
        if unknown and not open_ended:
            text = f"{key}.{unknown[0]}={schema.show(rest[unknown[0]])}"
            raise UserError(f"{text}: unknown target; {puzzle.name} has {', '.join(allowed)}")
        try:
            meant.generate(puzzles.rng(0, "check of targets"), 0, **rest)
        except UserError as error:
            raise UserError(f"{key}.{error}") from None


def _with_compile_as_text(values: dict[str, Any]) -> dict[str, Any]:
    """YAML reads `true` and `false` as truth values; the schema has them as words beside `auto`."""
    request = values.get("compile")
    return values | {"compile": str(request).lower()} if isinstance(request, bool) else values
