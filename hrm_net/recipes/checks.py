"""From composed values to a configuration that can run: sizes filled in, data and targets looked at before any work."""

from collections.abc import Iterable
from inspect import signature
from typing import Any

import puzzles
from hrm_net import schema
from hrm_net.data import arc_tasks as arc_data
from hrm_net.data import directories as data_directories
from hrm_net.recipes.config import TEXT, DataConfig, EvaluateConfig, Targets, TrainConfig
from hrm_net.reward.text.config import TEXT_VOCAB_SIZE
from hrm_net.schema import require
from puzzles.errors import UserError


def train_config(values: dict[str, Any], *, read_data: bool = True) -> TrainConfig:
    """The checked configuration of a run; ValueError of one line for the first mistake.

    The directories of `data.path`, or the tasks, are read and their hash filled in; not so with read_data=False, where
    `model.num_puzzle_ids` must be known, as it is of a run that has begun.
    """
    values = _with_sizes(_with_compile_as_text(values), read_data)
    config = schema.build(TrainConfig, values)
    if config.on_text:
        _check_text(config, read_data)
        return config
    require("reward.text.path", config.reward.text.path, config.reward.text.path is None, "null unless puzzle=text")
    puzzle = puzzles.get(**config.puzzle)
    check_targets(puzzle, config.targets())
    if config.data.path is not None and read_data:
        _check_identifiers(config, puzzle)
        found = data_directories.digest(data_directories.read_training(config.data.path, puzzle))
        require("data.sha256", config.data.sha256, config.data.sha256 in (None, found), f"{found}, the data's")
        config.data.sha256 = found
    if config.data.has_tasks:
        _check_tasks(config, read_data)
    if config.reward.on:
        _check_reward(config, puzzle)
    return config


def _check_reward(config: TrainConfig, puzzle: puzzles.Puzzle) -> None:
    """What a step scorer needs: generated puzzles of a known number, in a domain that has steps."""
    from puzzles.steps.rules import step_rules

    data, heads = config.data, schema.show(config.reward.objectives)
    require("data.path", data.path, data.path is None, f"null for reward.objectives={heads}: its puzzles are generated")
    require("data.tasks", data.tasks, not data.has_tasks, f"[] for reward.objectives={heads}")
    bound = f"a number for reward.objectives={heads}: how many puzzles its solutions are of"
    require("data.puzzles", data.puzzles, data.puzzles is not None, bound)
    step_rules(puzzle)
    left = config.batch_size - config.reward.budget
    require("batch_size", config.batch_size, left >= 0, f"at least reward.budget={config.reward.budget}")


def _check_text(config: TrainConfig, read_data: bool) -> None:
    """What a step scorer over text needs: heads and a file; it has no puzzles, no policy, no solver to start from."""
    reward = config.reward
    bound = "heads for puzzle=text, which a solver can't be trained on (reward=text has them)"
    require("reward.objectives", schema.show(reward.objectives), reward.on, bound)
    require("reward.text.path", reward.text.path, reward.text.path is not None, "a file for puzzle=text")
    require("reward.start", reward.start, reward.start is None, "null for puzzle=text")
    require("reward.solver_steps", reward.solver_steps, reward.solver_steps == 0, "0 for puzzle=text")
    for key in ("path", "puzzles"):
        value = getattr(config.data, key)
        require(f"data.{key}", value, value is None, "null for puzzle=text")
    require("data.tasks", config.data.tasks, not config.data.has_tasks, "[] for puzzle=text")
    if read_data:
        from hrm_net.reward.text import data as text_data

        text_data.check_path(reward.text)


def _check_identifiers(config: TrainConfig, puzzle: puzzles.Puzzle) -> None:
    """Identifiers of a directory name its own puzzles, and single augmentations: no fresh symmetry, no generated puzzle
    goes by such a name."""
    named = config.model.num_puzzle_ids > 1
    require(
        "data.augment", config.data.augment, not (named and config.data.augment), "false: the data names its puzzles"
    )
    if named or puzzle.num_puzzle_ids > 1:
        require("monitor.every", config.monitor.every, not config.monitor.every, "0: the data names puzzles")
        tested = any(data_directories.has_test(name) for name in data_directories.names(config.data.path or []))
        fits = not config.evaluate_puzzles or tested
        require("evaluate_puzzles", config.evaluate_puzzles, fits, "0: the data names puzzles and has no test split")


def _check_tasks(config: TrainConfig, read_data: bool) -> None:
    """Every task of such a run is trained on or judged: nothing is left to monitor by."""
    require("data.tasks", config.data.tasks, config.puzzle["name"] == "arc", f"[] for puzzle={config.puzzle['name']}")
    require("monitor.every", config.monitor.every, config.monitor.every == 0, "0: real tasks leave none to monitor by")
    judged = bool(config.data.evaluation_tasks) or config.evaluate_puzzles == 0
    require("evaluate_puzzles", config.evaluate_puzzles, judged, "0 without data.evaluation_tasks")
    if read_data:
        training, evaluation = arc_data.load(config.data.tasks, config.data.evaluation_tasks)
        arc_data.check_canvas([*training, *evaluation], config.puzzle.get("canvas", 30))
        found = arc_data.digest(training, evaluation)
        require("data.sha256", config.data.sha256, config.data.sha256 in (None, found), f"{found}, the tasks' own")
        config.data.sha256 = found


def evaluate_config(values: dict[str, Any]) -> EvaluateConfig:
    """The checked configuration of an evaluation; its sets are checked once the model's puzzle is known."""
    return schema.build(EvaluateConfig, _with_compile_as_text(values))


def check_targets(puzzle: puzzles.Puzzle, targets: Iterable[tuple[str, Targets]]) -> None:
    """ValueError, before any work, for a generator's target that is unknown or out of reach."""
    parameters = signature(puzzle.generate).parameters
    allowed = [name for name, p in parameters.items() if p.kind is p.KEYWORD_ONLY]
    open_ended = any(p.kind is p.VAR_KEYWORD for p in parameters.values())  # then generate says what it takes
    for key, wanted in targets:
        unknown = sorted(set(wanted) - set(allowed))
        if unknown and not open_ended:
            text = f"{key}.{unknown[0]}={schema.show(wanted[unknown[0]])}"
            raise UserError(f"{text}: unknown target; {puzzle.name} has {', '.join(allowed)}")
        try:
            puzzle.generate(puzzles.rng(0, "check of targets"), 0, **wanted)
        except ValueError as error:
            raise UserError(f"{key}.{error}") from None


def _with_compile_as_text(values: dict[str, Any]) -> dict[str, Any]:
    """YAML reads `true` and `false` as what they are; the schema has them as words beside `auto`."""
    request = values.get("compile")
    return values | {"compile": str(request).lower()} if isinstance(request, bool) else values


def _with_sizes(values: dict[str, Any], read_data: bool) -> dict[str, Any]:
    """The same values with the model's sizes taken from the puzzle, and its identifiers from the data if there are."""
    wanted, model = values.get("puzzle"), values.get("model")
    if not isinstance(wanted, dict) or not isinstance(model, dict):
        return values  # the schema says what is wrong with them
    if not isinstance(wanted.get("name"), str):
        raise UserError(f"puzzle.name={schema.show(wanted.get('name'))}: must be one of {', '.join(puzzles.names())}")
    if wanted["name"] == TEXT:
        return _with_text_sizes(values, wanted, model)
    puzzle = puzzles.get(**wanted)
    sizes = {
        "vocab_size": puzzle.vocab_size,
        "seq_len": puzzle.seq_len,
        "grid_width": puzzle.shape[1],
        "num_puzzle_ids": _num_puzzle_ids(values, puzzle, read_data),
    }
    for key, size in sizes.items():
        if model.get(key, size) != size:
            raise UserError(
                f"model.{key}={schema.show(model[key])}: must be {size}, as the puzzle has it; leave the key out"
            )
    return values | {"model": model | sizes}


def _with_text_sizes(values: dict[str, Any], wanted: dict[str, Any], model: dict[str, Any]) -> dict[str, Any]:
    unknown = sorted(set(wanted) - {"name", "length"})
    if unknown:
        raise UserError(f"puzzle.{unknown[0]}={schema.show(wanted[unknown[0]])}: unknown key; text has length")
    length = wanted.get("length")
    if not isinstance(length, int) or isinstance(length, bool) or length < 16:
        raise UserError(f"puzzle.length={schema.show(length)}: must be a whole number of at least 16, of bytes")
    sizes = {"vocab_size": TEXT_VOCAB_SIZE, "seq_len": length, "grid_width": 0, "num_puzzle_ids": 1}
    return values | {"model": model | sizes}


def _num_puzzle_ids(values: dict[str, Any], puzzle: puzzles.Puzzle, read_data: bool) -> Any:
    """The identifiers of the data directory, or of the tasks, or without them of the puzzle; as saved where neither is
    to be read."""
    data = values.get("data")
    if not isinstance(data, dict):
        return puzzle.num_puzzle_ids  # the schema says what is wrong with it, here and below
    path, tasks, evaluation = data.get("path"), data.get("tasks") or [], data.get("evaluation_tasks") or []
    if not ((path is None or isinstance(path, str) or _texts(path)) and _texts(tasks) and _texts(evaluation)):
        return puzzle.num_puzzle_ids
    real_tasks = bool(tasks or evaluation) and puzzle.name == "arc"
    if path is None and not real_tasks:
        return puzzle.num_puzzle_ids
    if not read_data:
        return values["model"].get("num_puzzle_ids", puzzle.num_puzzle_ids)
    if path is not None and not real_tasks:
        return data_directories.num_identifiers(path, puzzle)
    augmentations = data.get("augmentations", DataConfig().augmentations)
    found = arc_data.load(tasks, evaluation)
    return arc_data.num_identifiers(sum(map(len, found)), augmentations if type(augmentations) is int else 0)


def _texts(value: Any) -> bool:
    return isinstance(value, list) and all(isinstance(one, str) for one in value)
