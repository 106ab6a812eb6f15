"""Where a trained model comes from: a run, a checkpoint, a published file, a `save_pretrained` directory, or here."""

from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import puzzles
from hrm_net.checkpoints import checkpoint, pretrained
from hrm_net.checkpoints.card import RESULTS
from hrm_net.checkpoints.reference import UnknownValuesError, load_reference
from hrm_net.model import HRM
from hrm_net.nn.losses import CROSS_ENTROPY
from hrm_net.recipes.config import TEXT, TrainConfig, from_yaml
from hrm_net.reward.heads import PAIR
from puzzles import registry
from puzzles.errors import UserError

# Of the weights that ship with the package: those of the default job, which are evaluated where no run is named, and
# the strongest ones, which solve where none is named.
DEFAULT, STRONGEST = "sudoku_9x9", "sudoku_extreme"


@dataclass(kw_only=True, slots=True)
class ModelSource:
    """A place that holds weights, and what is known about them.

    `config`: the run's, if one is behind it. `heads`: those of a step scorer; a solver has none. `loss`: the
    cross-entropy that the weights were trained by. `model`: a published checkpoint, which tells its puzzle only once it
    is read. `inputs`: what the run's recipe read and built, where this very command trained it.
    """

    path: Path
    puzzle: dict[str, Any]
    config: TrainConfig | None
    run_dir: Path | None
    loss: str
    heads: list[str] = field(default_factory=list)
    model: HRM | None = None
    inputs: Any = None

    @property
    def values(self) -> dict[str, Any]:
        """The values of its run, or as many of them as say which kind of run it was."""
        if self.config is not None:
            return asdict(self.config)
        return {"puzzle": self.puzzle, "reward": {"objectives": self.heads}}

    def check_solver(self) -> "ModelSource":
        """Itself; UserError, with the command that takes it, where it is not a solver."""
        if self.config is not None and self.config.policy.on:
            use = f"python evaluate.py run={self.run_dir or self.path} evaluates it"
            raise UserError(f"{self.path}: holds a policy, which acts step by step and gives no answer at once; {use}")
        if self.heads:
            name = self.run_dir or self.path
            where = name if self.config is not None or self.run_dir is not None else name.name
            use = f"hrm-rank --run {where} FILE ranks solutions by it"
            if self.puzzle["name"] != TEXT:
                use = f"python evaluate.py run={where} evaluates it"
                if self.config is None:
                    use = f"hrm_net.reward.StepScorer.from_pretrained({str(where)!r}) loads it"
            if self.heads == [PAIR]:
                use = f"hrm-rank --by pair --run {where} FILE ranks candidates by it"
                raise UserError(f"{self.path}: holds a judge of two candidates, which solves nothing; {use}")
            raise UserError(f"{self.path}: holds a step scorer, which scores solutions and solves nothing; {use}")
        return self

    def load(self) -> HRM:
        """The solver in eval mode, in fp32 on the CPU; UserError where the run trained a step scorer."""
        self.check_solver()
        if self.model is not None:
            return self.model
        if self.config is None:
            return HRM.from_pretrained(self.path)
        model = HRM(self.config.model)
        try:
            pretrained.load_state(model, checkpoint.load(self.path).tensors)
        except UserError as error:
            raise UserError(f"{self.path}: {error}") from None
        return model.eval()


def find_model(
    run: str | None = None, checkpoint_path: str | None = None, reference: dict[str, Any] | None = None
) -> ModelSource:
    """The best checkpoint of a run, a checkpoint of one's choice, or weights that ship with the package, by name or by
    default; UserError without any.

    A checkpoint is a run's directory step_N, or a published file, of which `reference` tells what its weights do not.
    """
    if checkpoint_path is not None:
        path = Path(checkpoint_path).expanduser()
        if path.is_file():
            return _from_published(path, reference or {})
        return _from_checkpoint(path, "checkpoint")
    if run is None:
        found = pretrained.shipped(DEFAULT)
        if found is None:
            raise UserError("run=null: this installation ships no weights; give the directory of a training run")
        return _from_pretrained(found, None)
    if shipped := pretrained.shipped(run):
        return _from_pretrained(shipped, None)
    path = Path(run).expanduser()
    if not path.is_dir():
        raise UserError(f"run={run}: no such directory; a run of `python train.py` makes runs/NAME")
    if (path / pretrained.CONFIG).is_file():
        return _from_pretrained(path, path)
    found = checkpoint.best(path / "checkpoints")
    if found is None:
        raise UserError(f"run={run}: holds no checkpoint; has its training begun?")
    return _from_checkpoint(found, "run", path)


def find_solver(run: str | None = None) -> ModelSource:
    """`find_model`, by default the strongest weights that ship; UserError where what is there is not a solver."""
    return find_model(STRONGEST if run is None else run).check_solver()


def export(run: str | Path, directory: str | Path) -> None:
    """Write a run's best weights as `save_pretrained` does, the form in which the package ships them.

    config.json and the card name the puzzle and the run's data; results.json of the run goes along, where it was
    evaluated.
    """
    source = find_solver(str(run))
    extra: dict[str, Any] = {"puzzle": source.puzzle, "loss": source.loss}
    if source.config is not None:
        extra["data"] = asdict(source.config.data)
    results = None if source.run_dir is None else source.run_dir / RESULTS
    if results is not None and not results.is_file():
        results = None
    pretrained.save(source.load(), Path(directory), extra, results=results)


def _from_published(path: Path, known: dict[str, Any]) -> ModelSource:
    try:
        model = load_reference(path, **known)
    except UnknownValuesError as error:
        how = " (checkpoint=FILE takes them as '+reference.KEY=VALUE')"
        raise UnknownValuesError(error.keys, f"checkpoint={path}: ", how) from None
    except UserError as error:
        raise UserError(f"checkpoint={path}: {error}") from None
    puzzle = registry.of_sizes(model.config.vocab_size, model.config.seq_len)
    return ModelSource(path=path, puzzle=puzzle, config=None, run_dir=None, loss="stablemax", model=model)


def _from_checkpoint(path: Path, key: str, run_dir: Path | None = None) -> ModelSource:
    if not path.is_dir():
        raise UserError(f"{key}={path}: no such directory")
    checkpoint.verify(path)
    try:
        config = from_yaml((path / "config.yaml").read_text(encoding="utf-8"))
    except (UserError, UnicodeDecodeError) as error:
        raise UserError(f"{path / 'config.yaml'}: {error}") from None
    heads = [str(head) for head in config.reward.objectives]
    return ModelSource(path=path, puzzle=config.puzzle, config=config, run_dir=run_dir, loss=config.loss, heads=heads)


def _from_pretrained(path: Path, run_dir: Path | None) -> ModelSource:
    config = pretrained.read_config(path)
    puzzle, loss = config.get("puzzle"), config.get("loss", "stablemax")
    if not isinstance(puzzle, dict) or not isinstance(puzzle.get("name"), str):
        raise UserError(
            f"{path / pretrained.CONFIG}: has no object `puzzle` with a name, so nothing says what it solves"
        )
    if loss not in CROSS_ENTROPY:
        raise UserError(f"{path / pretrained.CONFIG}: loss={loss}: must be one of {', '.join(CROSS_ENTROPY)}")
    if puzzle["name"] != TEXT:
        puzzles.get(**puzzle)
    heads = config["model"].get("objectives", [])
    return ModelSource(path=path, puzzle=puzzle, config=None, run_dir=run_dir, loss=loss, heads=heads)
