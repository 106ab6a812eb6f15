"""Whether a run directory may be continued with the configuration at hand."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import yaml

from hrm_net import schema
from hrm_net.checkpoints import checkpoint
from puzzles.errors import UserError

# Keys that may change when a run is resumed: its length, what is written when and where, and on what it computes.
FREE_ON_RESUME = (
    "name", "steps", "checkpoint_every", "keep_checkpoints", "log_every", "evaluate_puzzles", "evaluate_sets", "logger",
    "validation.every", "validation.patience", "device", "compile", "threads", "parallel", "puzzle_table",
    "data.path", "data.tasks", "data.evaluation_tasks",  # their content is compared by data.sha256
    "puzzle.examples",  # rows of that content
)  # fmt: skip


def check_resume(config: str, run_dir: Path) -> None:
    """UserError, with every key that differs, where the newest checkpoint was made under another configuration.

    `config` is the configuration at hand as the text that a run keeps beside its checkpoints.
    """
    newest = checkpoint.newest(run_dir / "checkpoints")
    if newest is None:
        return
    path = newest / "config.yaml"
    try:
        saved = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, yaml.YAMLError) as error:
        raise UserError(f"{path}: cannot be read: {' '.join(str(error).split())}") from None
    if not isinstance(saved, dict):
        raise UserError(f"{path}: is not a configuration: a mapping of keys is expected")
    changed = differences(saved, yaml.safe_load(config))
    if changed:
        raise UserError(
            f"run directory {run_dir} was begun with other values ({'; '.join(changed)}): "
            "use them again, or choose another name="
        )


def differences(saved: dict[str, Any], current: dict[str, Any]) -> list[str]:
    """`key: saved value -> current value` for each key that must not change within a run."""
    before, after = _flat(saved), _flat(current)
    found = []
    for key in sorted(before.keys() | after.keys()):
        free = any(key == name or key.startswith(f"{name}.") for name in FREE_ON_RESUME)
        if not free and before.get(key) != after.get(key):
            what = " (the content of data.path has changed)" if key == "data.sha256" else ""
            found.append(f"{key}: {schema.show(before.get(key))} -> {schema.show(after.get(key))}{what}")
    return found


def explain(first: Sequence[str], other: Sequence[str]) -> str:
    """How the (configuration, run directory) of another process differ from those of the first."""
    if first[1] != other[1]:
        return f"its run directory is {other[1]}, not {first[1]}"
    before, after = (_flat(yaml.safe_load(text)) for text, _ in (first, other))
    keys = sorted(key for key in before.keys() | after.keys() if before.get(key) != after.get(key))
    return "; ".join(f"{key}: {schema.show(before.get(key))} -> {schema.show(after.get(key))}" for key in keys)


def _flat(values: dict[str, Any], prefix: str = "") -> dict[str, Any]:
    leaves = {}
    for key, value in values.items():
        if isinstance(value, dict) and value:
            leaves |= _flat(value, f"{prefix}{key}.")
        else:
            leaves[prefix + key] = value
    return leaves
