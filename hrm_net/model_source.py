"""Where a trained model comes from: a run, one of its checkpoints, a `save_pretrained` directory, or the package."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import puzzles
from hrm_net import checkpoint, pretrained
from hrm_net.config import TrainConfig, from_yaml
from hrm_net.model import HRM

SHIPPED = Path(__file__).parent / "weights" / "sudoku_9x9"


@dataclass(kw_only=True, slots=True)
class ModelSource:
    """A place that holds weights, and what is known without reading them. `config`: the run's, if one is behind it."""

    path: Path
    puzzle: dict[str, Any]
    config: TrainConfig | None
    run_dir: Path | None

    def load(self) -> HRM:
        """The model in eval mode, in fp32 on the CPU."""
        if self.config is None:
            return HRM.from_pretrained(self.path)
        model = HRM(self.config.model)
        try:
            pretrained.load_state(model, checkpoint.load(self.path).tensors)
        except ValueError as error:
            raise ValueError(f"{self.path}: {error}") from None
        return model.eval()


def find_model(run: str | None = None, checkpoint_dir: str | None = None) -> ModelSource:
    """The best checkpoint of a run, a checkpoint of one's choice, or the shipped weights; ValueError without any."""
    if checkpoint_dir is not None:
        return _from_checkpoint(Path(checkpoint_dir), "checkpoint")
    if run is None:
        if not (SHIPPED / pretrained.CONFIG).is_file():
            raise ValueError("run=null: this installation ships no weights; give the directory of a training run")
        return _from_pretrained(SHIPPED, None)
    path = Path(run)
    if not path.is_dir():
        raise ValueError(f"run={run}: no such directory; a run of `python train.py` makes runs/NAME")
    if (path / pretrained.CONFIG).is_file():
        return _from_pretrained(path, path)
    found = checkpoint.best(path / "checkpoints")
    if found is None:
        raise ValueError(f"run={run}: holds no checkpoint; has its training begun?")
    return _from_checkpoint(found, "run", path)


def export(run: str | Path, directory: str | Path) -> None:
    """Write a run's best weights as config.json and model.safetensors, the form in which the package ships them."""
    source = find_model(str(run))
    pretrained.save(source.load(), Path(directory), {"puzzle": source.puzzle})


def _from_checkpoint(path: Path, key: str, run_dir: Path | None = None) -> ModelSource:
    if not path.is_dir():
        raise ValueError(f"{key}={path}: no such directory")
    checkpoint.verify(path)
    try:
        config = from_yaml((path / "config.yaml").read_text(encoding="utf-8"))
    except ValueError as error:
        raise ValueError(f"{path / 'config.yaml'}: {error}") from None
    return ModelSource(path=path, puzzle=config.puzzle, config=config, run_dir=run_dir)


def _from_pretrained(path: Path, run_dir: Path | None) -> ModelSource:
    puzzle = pretrained.read_config(path).get("puzzle")
    if not isinstance(puzzle, dict) or not isinstance(puzzle.get("name"), str):
        raise ValueError(
            f"{path / pretrained.CONFIG}: has no object `puzzle` with a name, so nothing says what it solves"
        )
    puzzles.get(**puzzle)
    return ModelSource(path=path, puzzle=puzzle, config=None, run_dir=run_dir)
