"""Whether a run directory may be continued with the configuration at hand."""

from dataclasses import asdict
from pathlib import Path
from typing import Any

from hrm_net import schema
from hrm_net.checkpoints import checkpoint
from hrm_net.recipes.config import TrainConfig
from hrm_net.recipes.config_yaml import from_yaml
from puzzles.errors import UserError

# Keys that may change when a run is resumed: its length, what is written when and where, and on what it computes.
FREE_ON_RESUME = (
    "name", "steps", "checkpoint_every", "keep_checkpoints", "log_every", "evaluate_puzzles", "evaluate_sets", "logger",
    "monitor.every", "monitor.patience", "device", "compile", "threads",
    "data.path", "data.tasks", "data.evaluation_tasks",  # their content is compared by data.sha256
)  # fmt: skip


def check_resume(config: TrainConfig, run_dir: Path) -> None:
    """ValueError, with every key that differs, where the newest checkpoint was made under another configuration."""
    newest = checkpoint.newest(run_dir / "checkpoints")
    if newest is None:
        return
    path = newest / "config.yaml"
    try:
        saved = from_yaml(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise UserError(f"{path}: {error}") from None
    changed = differences(saved, config)
    if changed:
        raise UserError(
            f"run directory {run_dir} was begun with other values ({'; '.join(changed)}): "
            "use them again, or choose another name="
        )


def differences(saved: TrainConfig, current: TrainConfig) -> list[str]:
    """`key: saved value -> current value` for each key that must not change within a run."""
    before, now = _flat(asdict(saved)), _flat(asdict(current))
    found = []
    for key in sorted(before.keys() | now.keys()):
        free = any(key == name or key.startswith(f"{name}.") for name in FREE_ON_RESUME)
        if not free and before.get(key) != now.get(key):
            found.append(f"{key}: {schema.show(before.get(key))} -> {schema.show(now.get(key))}")
    return found


def _flat(values: dict[str, Any], prefix: str = "") -> dict[str, Any]:
    leaves = {}
    for key, value in values.items():
        if isinstance(value, dict) and value:
            leaves |= _flat(value, f"{prefix}{key}.")
        else:
            leaves[prefix + key] = value
    return leaves
