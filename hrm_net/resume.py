"""Whether a run directory may be continued with the configuration at hand."""

from pathlib import Path

from hrm_net import checkpoint
from hrm_net.config import TrainConfig, differences, from_yaml


def check_resume(config: TrainConfig, run_dir: Path) -> None:
    """ValueError, with every key that differs, where the newest checkpoint was made under another configuration."""
    newest = checkpoint.newest(run_dir / "checkpoints")
    if newest is None:
        return
    path = newest / "config.yaml"
    try:
        saved = from_yaml(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise ValueError(f"{path}: {error}") from None
    changed = differences(saved, config)
    if changed:
        raise ValueError(
            f"run directory {run_dir} was begun with other values ({'; '.join(changed)}): "
            "use them again, or choose another name="
        )
