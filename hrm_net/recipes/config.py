"""The typed schema behind conf/: every key of training and of evaluation with its meaning and its default, and the text
of a configuration that lies beside checkpoints."""

import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from pathlib import PurePosixPath
from typing import Annotated, Any, ClassVar, Literal

from annotated_types import Ge

from hrm_net import schema
from hrm_net.data.config import DataConfig, Targets, expand_home
from hrm_net.evaluation.config import ComputeCurveConfig, ValidationConfig
from hrm_net.nn.config import HRMConfig
from hrm_net.policy.config import PolicyRunConfig
from hrm_net.reward.config import RewardConfig
from hrm_net.reward.search.config import SearchConfig
from hrm_net.schema import check, require
from hrm_net.trainer.auxiliary import AuxiliaryConfig
from hrm_net.trainer.device import GRAPHS
from hrm_net.trainer.loop import LoopConfig
from hrm_net.trainer.optim import OptimConfig
from hrm_net.trainer.tracking import LoggerConfig
from puzzles.errors import UserError

Device = Literal["auto", "cpu", "cuda", "mps"]
Precision = Literal["auto", "bf16", "fp32"]
Parallel = Literal["ddp", "fsdp"]
Compile = Literal["auto", "true", "false"]
CompileTraining = Literal["auto", "true", "false", "graphs"]
TEXT = "text"  # in place of a puzzle's name


@dataclass(kw_only=True, slots=True)
class TrainConfig:
    """One training run."""

    __pydantic_config__: ClassVar = {"extra": "forbid"}

    # Name of the run; its directory is runs/NAME unless hydra.run.dir says otherwise, and the same command resumes what
    # lies there. The puzzle's file sets one.
    name: str = "unnamed"
    # Every random stream of the run derives from this number.
    seed: Annotated[int, Ge(0)] = 0
    # Optimizer steps of the whole run; warm-up, cosine and curriculum are counted in them.
    steps: Annotated[int, Ge(1)] = 800
    # Puzzles in a batch; of a step scorer, steps of solutions; of a policy, puzzles that are attempted.
    batch_size: Annotated[int, Ge(1)] = 64
    # Weights that a fresh run starts from: those of a run, of a directory with config.json and model.safetensors, or of
    # a name that ships with the package; null starts from random ones. Their model must be that of this run.
    start_from: str | None = None
    # Steps between two checkpoints; the last step always writes one, 0 writes no other.
    checkpoint_every: Annotated[int, Ge(0)] = 500
    # Newest checkpoints that are kept, at least 2; the best one is kept besides.
    keep_checkpoints: Annotated[int, Ge(2)] = 2
    # Steps between two lines in metrics.jsonl.
    log_every: Annotated[int, Ge(1)] = 10
    # Puzzles in each set of the evaluation at the end; 0 leaves it out.
    evaluate_puzzles: Annotated[int, Ge(0)] = 1000
    # Those sets by name, each with targets for the generator; {}: chosen for the puzzle.
    evaluate_sets: dict[str, Targets] = field(default_factory=dict)
    # torch.compile: auto uses it where it works and says so where it does not, true insists, false runs eager; graphs
    # (solvers on an NVIDIA GPU): whole segments as CUDA graphs, which pays where launching kernels takes the time.
    compile: CompileTraining = "auto"
    # Where to compute: auto (a GPU if there is one), cpu, cuda or mps.
    device: Device = "auto"
    # bf16 or fp32 for states and matrix products (weights stay fp32); auto: bf16 where the hardware multiplies it.
    precision: Precision = "auto"
    # Several processes (torchrun). ddp: each has the whole model, and gradients are summed; fsdp: weights, gradients,
    # optimizer state and average are divided over the processes, and gathered block by block to compute (FSDP2).
    parallel: Parallel = "ddp"
    # The puzzle table on several processes. replicated: each has all rows; sharded: each has some and fetches others.
    puzzle_table: Literal["replicated", "sharded"] = "replicated"
    # CPU threads; 0 leaves PyTorch's choice.
    threads: Annotated[int, Ge(0)] = 0
    # Whether rows begin at different segments, so that a batch holds early and late ones; published runs begin
    # together, and so do those with auxiliary.causal.
    stagger: bool = True
    # Rows of a batch that share a puzzle and start from different random states. After each segment only the one with
    # the lowest loss learns, and the others go on from its z_H (winner takes all). 1: each row has a puzzle of its own.
    hypotheses: Annotated[int, Ge(1)] = 1
    # Cross-entropy of the answer: stablemax (published) or softmax.
    loss: Literal["stablemax", "softmax"] = "softmax"
    # Whether the cells that an answer changes count as much as those that it keeps, however few they are.
    balance: bool = False
    # The model; sizes that follow from the puzzle are filled in.
    model: HRMConfig
    # The puzzle by name, and its options.
    puzzle: dict[str, Any]
    # Which puzzles the model learns from.
    data: DataConfig = field(default_factory=DataConfig)
    # Further questions about every cell that help it learn, in training only.
    auxiliary: AuxiliaryConfig = field(default_factory=AuxiliaryConfig)
    # The update rule, its learning rate over the steps, and the moving average of the weights.
    optim: OptimConfig = field(default_factory=OptimConfig)
    # Where metrics go besides metrics.jsonl.
    logger: LoggerConfig = field(default_factory=LoggerConfig)
    # How well it goes on the way, on puzzles never trained on.
    validation: ValidationConfig = field(default_factory=ValidationConfig)
    # A step scorer in place of a solver.
    reward: RewardConfig = field(default_factory=RewardConfig)
    # A policy that acts step by step in place of a solver.
    policy: PolicyRunConfig = field(default_factory=PolicyRunConfig)

    def __post_init__(self) -> None:
        check(self)
        path = PurePosixPath(self.name.strip())
        inside = bool(path.parts) and not path.is_absolute() and ".." not in path.parts
        bound = "a directory below runs/, not one above or beside it; hydra.run.dir=DIR takes any"
        require("name", self.name, inside, bound)
        fits = self.start_from is None or not self.reward.objectives
        bound = "null for step scorers and judges, which start from a solver of their own"
        require("start_from", self.start_from, fits, bound)
        if self.compile == GRAPHS:
            self._check_graphs()
        if self.hypotheses > 1:
            several, state = f"hypotheses={self.hypotheses}", self.model.state
            require(
                "hypotheses",
                self.hypotheses,
                self.batch_size % self.hypotheses == 0,
                f"a divisor of batch_size={self.batch_size}",
            )
            require("model.state", state, state == "random", f"random for {several}: equal rows would stay equal")
            require(
                "auxiliary.overtime", self.auxiliary.overtime, self.auxiliary.overtime is None, f"null for {several}"
            )

    def _check_graphs(self) -> None:
        where, noise = f"for compile={GRAPHS}", self.model.noise
        heads = self.reward.objectives
        require("reward.objectives", heads, not heads, f"[] {where}: only solvers have static shapes throughout")
        require("policy.reward", self.policy.reward, not self.policy.on, f"null {where}: attempts differ in length")
        require("model.noise", noise, not noise, f"0 {where}: noise is drawn on the host")
        require("parallel", self.parallel, self.parallel == "ddp", f"ddp {where}: fsdp gathers weights in a segment")

    def loop(self) -> LoopConfig:
        """The part that the training loop needs."""
        return LoopConfig(
            steps=self.steps, log_every=self.log_every, validate_every=self.validation.every,
            checkpoint_every=self.checkpoint_every, keep_checkpoints=self.keep_checkpoints,
            patience=self.validation.patience, compile=self.compile, device=self.device, precision=self.precision,
            threads=self.threads, logger=self.logger, text=to_yaml(self),
        )  # fmt: skip

    def targets(self) -> Iterator[tuple[str, Targets]]:
        """Each target of the run with the dotted key it stands at."""
        for i, stage in enumerate(self.data.curriculum):
            for j, source in enumerate(stage.mix):
                yield f"data.curriculum.{i}.mix.{j}.targets", source.targets
        for name, targets in self.validation.targets.items():
            yield f"validation.targets.{name}", targets
        for name, targets in self.evaluate_sets.items():
            yield f"evaluate_sets.{name}", targets


@dataclass(kw_only=True, slots=True)
class EvaluateConfig:
    """One evaluation."""

    __pydantic_config__: ClassVar = {"extra": "forbid"}

    # Directory of a training run; null: the weights that ship with the package.
    run: str | None = None
    # One checkpoint's directory in place of the best of a run, or a published HRM or TRM checkpoint's file.
    checkpoint: str | None = None
    # Model values that a published checkpoint's weights do not tell: '+reference.num_heads=8'; an all_config.yaml
    # beside it tells them too, and a data directory the length.
    reference: dict[str, Any] = field(default_factory=dict)
    # CSV file of puzzles or data directory to evaluate on, or several: data=[a.csv,b.csv]; null: generated sets,
    # disjoint from training.
    data: str | list[str] | None = None
    # Where the results go as JSON, pictures beside it; null: results.json in the run's directory, or in runs/shipped.
    output: str | None = None
    # Segments of the one pass that solve_rate is measured on.
    max_segments: Annotated[int, Ge(1)] = 16
    # Segments at which accuracy is read off.
    curve: list[Annotated[int, Ge(1)]] = field(default_factory=lambda: [1, 2, 4, 8, 16, 32])
    # Puzzles computed at once.
    batch_size: Annotated[int, Ge(1)] = 64
    # Puzzles in each generated set; of a file or of ARC's tasks, at most so many, the first ones (null: all, 1000
    # generated).
    puzzles: Annotated[int, Ge(1)] | None = 1000
    # Solutions of each puzzle that a step scorer ranks; null: as many as its run says.
    candidates: Annotated[int, Ge(1)] | None = None
    # Augmentations of each ARC task that vote beside the task itself, of those trained on; null: all.
    augmentations: Annotated[int, Ge(0)] | None = None
    # Generated sets by name, each with targets for the generator: '+sets.thirty.clues=30'; {}: the run's own, or chosen
    # for the puzzle.
    sets: dict[str, Targets] = field(default_factory=dict)
    # The generated sets derive from this number.
    seed: Annotated[int, Ge(0)] = 0
    # Where to compute: auto (a GPU if there is one), cpu, cuda or mps.
    device: Device = "auto"
    # bf16 or fp32 for states and matrix products; auto: bf16 where the hardware multiplies it.
    precision: Precision = "auto"
    # torch.compile: auto uses it where it works, true insists, false runs eager (sooner for a few puzzles).
    compile: Compile = "auto"
    # Whether to draw pictures.
    figures: bool = True
    # Accuracy against compute: stop rules, restarts, deeper passes.
    solver: ComputeCurveConfig = field(default_factory=ComputeCurveConfig)
    # Search, probes and hill climbing by the heads of a step scorer.
    search: SearchConfig = field(default_factory=SearchConfig)

    def data_files(self) -> list[str]:
        """What `data` names: no file, one or several."""
        return [] if self.data is None else [self.data] if isinstance(self.data, str) else self.data

    def __post_init__(self) -> None:
        self.run, self.checkpoint, self.output = map(expand_home, (self.run, self.checkpoint, self.output))
        self.data = expand_home(self.data)
        check(self)
        require("curve", self.curve, bool(self.curve), "a list of at least one number of segments")
        if self.run is not None and self.checkpoint is not None:
            raise UserError(f"checkpoint={self.checkpoint}: give run or checkpoint, not both")
        if self.reference and self.checkpoint is None:
            raise UserError(f"reference={schema.show(self.reference)}: needs checkpoint=FILE, a published checkpoint")


def to_yaml(config: TrainConfig | EvaluateConfig) -> str:
    """Every key with its value; `from_yaml` reads a run's text back."""
    import yaml

    # through JSON, because YAML knows no tuples; not through OmegaConf, to which a symbol $ of a puzzle means something
    values = json.loads(json.dumps(asdict(config)))
    if isinstance(config, TrainConfig) and not config.policy.on:
        del values["policy"]  # which runs from before there were policies do not have either
    return yaml.safe_dump(values, default_flow_style=False, allow_unicode=True, sort_keys=False)


def from_yaml(text: str) -> TrainConfig:
    """The configuration that `to_yaml` wrote; UserError of one line where it is none."""
    import yaml

    try:
        values = yaml.safe_load(text)
    except yaml.YAMLError as error:
        raise UserError(f"not YAML: {' '.join(str(error).split())}") from None
    if not isinstance(values, dict):
        raise UserError("not a configuration: a mapping of keys is expected")
    return schema.build(TrainConfig, values)
