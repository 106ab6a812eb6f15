"""The typed schema behind conf/: what a run of training or of evaluation is told, each key with its sentence."""

import math
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any, ClassVar, Literal

from hrm_net import schema
from hrm_net.nn.config import HRMConfig
from hrm_net.reward.config import RewardConfig
from hrm_net.reward.search.config import SearchConfig
from hrm_net.schema import require
from hrm_net.trainer.optim import OptimConfig
from hrm_net.trainer.tracking import LoggerConfig
from puzzles.errors import UserError

Device = Literal["auto", "cpu", "cuda", "mps"]
Precision = Literal["auto", "bf16", "fp32"]
Compile = Literal["auto", "true", "false"]
Targets = dict[str, Any]
TEXT = "text"  # in place of a puzzle's name


@dataclass(kw_only=True, slots=True)
class Source:
    """One kind of puzzle in a mix."""

    __pydantic_config__: ClassVar = {"extra": "forbid"}

    # Share of the batch, relative to the other sources of the same stage.
    weight: float = 1.0
    # What the generator aims at, for example {clues: [24, 36]} or {clues: minimal}.
    targets: Targets = field(default_factory=dict)

    def __post_init__(self) -> None:
        require("weight", self.weight, 0 < self.weight < math.inf, "above 0")


@dataclass(kw_only=True, slots=True)
class Stage:
    """A part of the run with one mix of puzzles."""

    __pydantic_config__: ClassVar = {"extra": "forbid"}

    # Share of the run at which this stage ends; stages follow each other and the last ends at 1.
    until: float = 1.0
    # Where the puzzles of this stage come from.
    mix: list[Source] = field(default_factory=lambda: [Source()])

    def __post_init__(self) -> None:
        require("until", self.until, 0 < self.until <= 1, "above 0 and at most 1")
        require("mix", [], len(self.mix) > 0, "a list of at least one source")


@dataclass(kw_only=True, slots=True)
class DataConfig:
    """Which puzzles the model learns from."""

    __pydantic_config__: ClassVar = {"extra": "forbid"}

    # Directory in the published layout (or a list of them) to train from in place of generated puzzles; null: generate.
    path: str | list[str] | None = None
    # Sources of real ARC tasks to train on, demonstrations and tests: arc1/training, a folder, a file; []: none.
    tasks: list[str] = field(default_factory=list)
    # Sources of ARC tasks whose demonstrations are trained on as well, and whose tests are judged.
    evaluation_tasks: list[str] = field(default_factory=list)
    # Augmentations of each ARC task, fewer where fewer differ; each is a row of the puzzle table.
    augmentations: int = 1000
    # What the directory or the tasks must be, as a hash; null: whatever they are, and the run keeps their hash.
    sha256: str | None = None
    # Number of distinct generated puzzles, the published regime; null: a stream without end.
    puzzles: int | None = None
    # Whether a puzzle is shown under a fresh random symmetry each time; false keeps a directory's rows as they are.
    augment: bool = True
    # Stages of the run, easy puzzles first where that helps; of no effect on a directory.
    curriculum: list[Stage] = field(default_factory=lambda: [Stage()])

    def __post_init__(self) -> None:
        require("data.puzzles", self.puzzles, self.puzzles is None or self.puzzles > 0, "null or at least 1")
        real = self.path is not None or self.has_tasks
        require("data.tasks", self.tasks, self.path is None or not self.has_tasks, "[] beside data.path")
        require("data.puzzles", self.puzzles, not (self.puzzles and real), "null beside data.path and data.tasks")
        require("data.sha256", self.sha256, self.sha256 is None or real, "null without data.path or data.tasks")
        require("data.augmentations", self.augmentations, self.augmentations >= 0, "at least 0")
        ends = [stage.until for stage in self.curriculum]
        rising = all(a < b for a, b in pairwise(ends))
        good = bool(ends) and rising and ends[-1] == 1
        require(
            "data.curriculum", f"[until {', '.join(map(str, ends))}]", good, "stages with rising until, the last one 1"
        )

    @property
    def has_tasks(self) -> bool:
        """Whether real ARC tasks are trained on, in place of generated puzzles."""
        return bool(self.tasks or self.evaluation_tasks)


@dataclass(kw_only=True, slots=True)
class MonitorConfig:
    """The set, cut from the training side, that tells during a run how well it goes and which checkpoint is best."""

    __pydantic_config__: ClassVar = {"extra": "forbid"}

    # Optimizer steps between two looks; 0 never looks.
    every: int = 0
    # Puzzles in each set.
    puzzles: int = 256
    # Looks in a row below the best after which the run says so, and again after as many more; 0 never does.
    patience: int = 5
    # Sets by name, each with what the generator aims at.
    targets: dict[str, Targets] = field(default_factory=dict)

    def __post_init__(self) -> None:
        require("monitor.patience", self.patience, self.patience >= 0, "at least 0")
        require("monitor.every", self.every, self.every >= 0, "at least 0")
        require("monitor.puzzles", self.puzzles, self.puzzles >= 1, "at least 1")
        require("monitor.targets", "{}", self.every == 0 or bool(self.targets), "at least one set, or monitor.every=0")


@dataclass(kw_only=True, slots=True)
class TrainConfig:
    """One training run."""

    __pydantic_config__: ClassVar = {"extra": "forbid"}

    # Name of the run; its directory is runs/NAME unless hydra.run.dir says otherwise.
    name: str
    # Every random stream of the run derives from this number.
    seed: int = 0
    # Optimizer steps of the whole run; warm-up, cosine and curriculum are counted in them.
    steps: int
    # Puzzles in a batch; of a step scorer, steps of solutions.
    batch_size: int
    # Steps between two checkpoints; the last step always writes one, 0 writes no other.
    checkpoint_every: int = 0
    # Newest checkpoints that are kept, at least 2; the best one is kept besides.
    keep_checkpoints: int = 2
    # Steps between two lines in metrics.jsonl.
    log_every: int = 10
    # Puzzles in each set of the evaluation at the end; 0 leaves it out.
    evaluate_puzzles: int = 1000
    # Those sets by name, each with what the generator aims at; {}: chosen for the puzzle.
    evaluate_sets: dict[str, Targets] = field(default_factory=dict)
    # torch.compile: auto uses it where it works, true insists, false runs eager.
    compile: Compile = "auto"
    # Where to compute: auto takes a GPU if there is one.
    device: Device = "auto"
    # bf16 or fp32 for states and matrix products (weights stay fp32); auto: bf16 where the hardware multiplies it.
    precision: Precision = "auto"
    # CPU threads; 0 leaves PyTorch's choice.
    threads: int = 0
    # Whether rows begin at different segments, so that a batch holds early and late ones (published: no).
    stagger: bool = False
    # Cross-entropy of the answer: stablemax (published) or softmax.
    loss: Literal["stablemax", "softmax"] = "stablemax"
    # The model; sizes that follow from the puzzle are filled in.
    model: HRMConfig
    # The puzzle by name, and its options.
    puzzle: dict[str, Any]
    # Which puzzles the model learns from.
    data: DataConfig = field(default_factory=DataConfig)
    # How the weights move.
    optim: OptimConfig = field(default_factory=OptimConfig)
    # Where metrics go besides metrics.jsonl.
    logger: LoggerConfig = field(default_factory=LoggerConfig)
    # How progress is measured on the way.
    monitor: MonitorConfig = field(default_factory=MonitorConfig)
    # A step scorer in place of a solver.
    reward: RewardConfig = field(default_factory=RewardConfig)

    def __post_init__(self) -> None:
        require("name", self.name, bool(self.name.strip()), "a name")
        for key in ("steps", "batch_size", "log_every"):
            require(key, getattr(self, key), getattr(self, key) >= 1, "at least 1")
        require("keep_checkpoints", self.keep_checkpoints, self.keep_checkpoints >= 2, "at least 2")
        for key in ("seed", "checkpoint_every", "evaluate_puzzles", "threads"):
            require(key, getattr(self, key), getattr(self, key) >= 0, "at least 0")

    @property
    def on_text(self) -> bool:
        """Whether texts are judged, not puzzles."""
        return self.puzzle.get("name") == TEXT

    def targets(self) -> Iterator[tuple[str, Targets]]:
        """Each target of the run with the dotted key it stands at."""
        for i, stage in enumerate(self.data.curriculum):
            for j, source in enumerate(stage.mix):
                yield f"data.curriculum.{i}.mix.{j}.targets", source.targets
        for name, targets in self.monitor.targets.items():
            yield f"monitor.targets.{name}", targets
        for name, targets in self.evaluate_sets.items():
            yield f"evaluate_sets.{name}", targets


@dataclass(kw_only=True, slots=True)
class SolverConfig:
    """What accuracy against compute is measured at; see hrm_net/evaluation/compute_curve.py."""

    __pydantic_config__: ClassVar = {"extra": "forbid"}

    # none leaves it out; curve measures it.
    name: Literal["none", "curve"] = "none"
    # Puzzles of each set that are thought about, its first ones; null: all.
    puzzles: int | None = 200
    # Segments at which a single pass is read off.
    depths: list[int] = field(default_factory=lambda: [1, 2, 4, 8, 16, 32, 64])
    # Rules that end a pass early, each measured by itself; see hrm_net/inference/stopping.py.
    stop: list[str] = field(default_factory=lambda: ["q", "q:0.98", "residual:0.3"])
    # Segments after which such a pass, or one of several over a puzzle, ends whatever the rule says.
    max_segments: int = 16
    # Numbers of passes over each puzzle, by symmetry or chance, from which one answer is selected; []: none.
    restarts: list[int] = field(default_factory=lambda: [1, 2, 4, 8])
    # How it is selected: q, residual, vote, agreement or verifier.
    select: list[str] = field(default_factory=lambda: ["q", "vote", "verifier"])

    def __post_init__(self) -> None:
        require("solver.puzzles", self.puzzles, self.puzzles is None or self.puzzles >= 1, "null or at least 1")
        require("solver.max_segments", self.max_segments, self.max_segments >= 1, "at least 1")
        for key in ("depths", "restarts"):
            values = getattr(self, key)
            require(f"solver.{key}", values, all(value >= 1 for value in values), "whole numbers of at least 1")


@dataclass(kw_only=True, slots=True)
class EvaluateConfig:
    """One evaluation."""

    __pydantic_config__: ClassVar = {"extra": "forbid"}

    # Directory of a training run; null: the weights that ship with the package.
    run: str | None = None
    # One checkpoint's directory in place of the best of a run, or a published HRM or TRM checkpoint's file.
    checkpoint: str | None = None
    # Model values that a published checkpoint's weights do not tell, for example {num_heads: 8, h_cycles: 2}.
    reference: dict[str, Any] = field(default_factory=dict)
    # CSV files or data directories to judge on; null: freshly generated sets, disjoint from training.
    data: str | list[str] | None = None
    # Where the results go as JSON, pictures beside it; null: results.json in the run's directory, or in runs/shipped.
    output: str | None = None
    # Segments of the one pass that solve_rate is measured on.
    max_segments: int = 16
    # Segments at which accuracy is read off.
    curve: list[int] = field(default_factory=lambda: [1, 2, 4, 8, 16, 32])
    # Puzzles computed at once.
    batch_size: int = 64
    # Puzzles in each generated set; of a file or of ARC's tasks, at most so many, the first ones (null: all).
    puzzles: int | None = 1000
    # Solutions of each puzzle that a step scorer ranks; null: as many as its run says.
    candidates: int | None = None
    # Augmentations of each ARC task that vote beside the task itself, of those trained on; null: all.
    augmentations: int | None = None
    # Generated sets by name, each with what the generator aims at; {}: the run's own, or chosen for the puzzle.
    sets: dict[str, Targets] = field(default_factory=dict)
    # The generated sets derive from this number.
    seed: int = 0
    # Where to compute: auto takes a GPU if there is one.
    device: Device = "auto"
    # bf16 or fp32 for states and matrix products; auto: bf16 where the hardware multiplies it.
    precision: Precision = "auto"
    # torch.compile: auto uses it where it works, true insists, false runs eager (sooner for a few puzzles).
    compile: Compile = "auto"
    # Whether to draw pictures.
    figures: bool = True
    # Accuracy against compute: stop rules, restarts, deeper passes.
    solver: SolverConfig = field(default_factory=SolverConfig)
    # Search, probes and hill climbing by the heads of a step scorer.
    search: SearchConfig = field(default_factory=SearchConfig)

    def __post_init__(self) -> None:
        for key in ("max_segments", "batch_size"):
            require(key, getattr(self, key), getattr(self, key) >= 1, "at least 1")
        for key in ("puzzles", "candidates"):
            value = getattr(self, key)
            require(key, value, value is None or value >= 1, "null or at least 1")
        few = self.augmentations is None or self.augmentations >= 0
        require("augmentations", self.augmentations, few, "null or at least 0")
        require("seed", self.seed, self.seed >= 0, "at least 0")
        require("curve", self.curve, bool(self.curve) and min(self.curve) >= 1, "a list of whole numbers of at least 1")
        if self.run is not None and self.checkpoint is not None:
            raise UserError(f"checkpoint={self.checkpoint}: give run or checkpoint, not both")
        if self.reference and self.checkpoint is None:
            raise UserError(f"reference={schema.show(self.reference)}: needs checkpoint=FILE, a published checkpoint")
