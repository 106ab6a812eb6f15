"""The kind of run `step_scorer`: heads learn to score each step of a solution of a puzzle.

One update runs some segments on a batch of steps, each segment with a loss of its own (deep supervision).
"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

import puzzles
from hrm_net.checkpoints import checkpoint, pretrained
from hrm_net.data import tables
from hrm_net.data.generated import torch_generator
from hrm_net.distributed.group import current
from hrm_net.model import HRM
from hrm_net.nn.transfer import to_device
from hrm_net.recipes import checks, solver
from hrm_net.recipes.config import TEXT, EvaluateConfig, TrainConfig
from hrm_net.recipes.model_source import ModelSource, find_model
from hrm_net.recipes.recipe import Evaluation, Run
from hrm_net.reward import objectives
from hrm_net.reward.config import RewardConfig
from hrm_net.reward.cost import scorer_cost
from hrm_net.reward.data import prepare as data
from hrm_net.reward.data.batches import StepBatches
from hrm_net.reward.data.solutions import SolutionSource, build_policy
from hrm_net.reward.heads import PAIR
from hrm_net.reward.inputs import ROW_INPUTS
from hrm_net.reward.model import RewardModel
from hrm_net.reward.model_config import RewardModelConfig
from hrm_net.reward.text.backbone import state_size
from hrm_net.reward.validation import Validation
from hrm_net.schema import require, show
from hrm_net.trainer import loop, parallel
from hrm_net.trainer.ema import EMA
from hrm_net.trainer.optim import build_optimizers
from hrm_net.trainer.throughput import RowCost
from hrm_net.trainer.tracking import LoggerConfig, Tracker
from puzzles.errors import UserError
from puzzles.steps.rules import StepRules, step_rules

if TYPE_CHECKING:
    from rich.console import Console

    from hrm_net.evaluation.results import Results

SOLVER_BATCH = 64


@dataclass(kw_only=True, slots=True)
class ScorerState(loop.LoopState):
    """All that the next step depends on besides configuration and data."""

    model: RewardModel
    cost: RowCost  # of one segment of one row
    # Losses of each step since the last record, in the order of `loss_names`.
    window: list[Tensor] = field(default_factory=list)


def load(path: Path, config: TrainConfig) -> RewardModel:
    """The scorer of a run's checkpoint, in eval mode, in fp32 on the CPU."""
    model = RewardModel(model_config(config))
    try:
        pretrained.load_state(model, checkpoint.load(path).tensors)
    except UserError as error:
        raise UserError(f"{path}: {error}") from None
    return model.eval()


def shipped_run(path: Path) -> TrainConfig | None:
    """The run that pretrained weights come from, by the overrides that their config.json names under `run`: puzzle,
    policy and labels that they are evaluated on. None where it names none; UserError for overrides that do not hold."""
    from hrm_net.recipes import compose, train_config  # the package imports this module

    changes = pretrained.read_config(path).get("run")
    if changes is None:
        return None
    if not isinstance(changes, list) or not all(isinstance(change, str) for change in changes):
        raise UserError(f"{path / pretrained.CONFIG}: run: must be a list of overrides of train.py")
    checked = compose.checked_overrides("train", changes, TrainConfig, sweep=False)
    values, _ = next(compose.compose_jobs("train", checked))
    return train_config(values)


def model_config(config: TrainConfig) -> RewardModelConfig:
    """The scorer's shape; UserError for values that no scorer can have."""
    reward = config.reward
    heads = [str(head) for head in reward.objectives]
    text, judge = config.puzzle["name"] == TEXT, heads == [PAIR]
    # a judge is not shown how many steps are left: they are equally many for both of its candidates
    left = 0 if text or judge else reward.budget
    states = text and reward.text.backbone.on
    return RewardModelConfig(
        core=config.model, objectives=heads, inputs="states" if states else "text" if text else "grids", max_left=left,
        segments=reward.segments, max_segments=reward.segments if judge else reward.deepest,
        state_size=state_size(reward.text.backbone) if states else 0,
    )  # fmt: skip


def build_state(
    config: TrainConfig, device: torch.device, precision: torch.dtype, start: HRM | None = None
) -> ScorerState:
    """A fresh scorer, or one whose core is that of the solver `start`, with its optimizers, from the run's seed."""
    generator = torch_generator(config.seed, "weights")
    if start is None:
        model = RewardModel(model_config(config), generator)
    else:
        model = RewardModel.from_solver(model_config(config), start, generator)
    parallel.shard(model, model.core, config.parallel, device)
    model = model.to(device).train()
    model.forward_dtype = precision
    ema = EMA(model, config.optim.ema) if config.optim.ema else None
    optimizers = build_optimizers(model, config.optim)
    return ScorerState(model=model, cost=scorer_cost(model.config), optimizers=optimizers, ema=ema)


def train_step(state: ScorerState, batch: dict[str, Tensor], config: TrainConfig) -> Tensor:
    """One update; the losses of the last segment, in the order of `loss_names`. FloatingPointError, before the update,
    for a loss or gradient that is not finite.

    Each of several processes computes its share of the rows, and the loss of all.
    """
    model, segments, group = state.model, config.reward.segments, current()
    own = group.rows(len(batch["span"]))
    rows = {key: batch[key][own] for key in ROW_INPUTS if key in batch}
    state.optimizers.zero_grad()
    inner = model.initial_state(rows)
    earlier = earlier_segments(config.reward, config.seed, state.step)
    with torch.no_grad():
        for _ in range(earlier):
            inner, _ = model(inner, rows)
    total = torch.zeros((), device=batch["span"].device)
    for _ in range(segments):
        inner, out = model(inner, rows)
        out = out.gathered(group)
        losses = objectives.losses(out.logits, batch, loss=config.reward.loss)
        halting = objectives.halting_loss(out.q_halt, out.logits, batch)
        loss = (torch.stack([*losses.values()]).sum() + halting) / segments
        loss.backward()
        total += loss.detach()
    loop.optimizer_step(state, model, total, optim=config.optim, steps=config.steps, seed=config.seed)
    state.step += 1
    state.work.add_rows(num := config.batch_size, state.cost, examples=num, updated=segments, read=earlier)
    return torch.stack([total, halting.detach(), *(losses[name].detach() for name in model.config.objectives)])


def earlier_segments(reward: RewardConfig, seed: int, step: int) -> int:
    """How many segments without gradient come before those that a step of training learns from.

    Half of the steps have none; the others draw from 1 to `reward.deepest - reward.segments`, all equally likely. Each
    segment up to the deepest is thus trained on states that the model itself reaches. Trained on fresh states alone,
    scores get worse with every further segment, because nothing holds the state where the heads can read it.
    """
    more = reward.deepest - reward.segments
    rng = puzzles.rng(seed, "earlier segments", step)
    return int(rng.integers(1, more + 1)) if more and rng.random() < 0.5 else 0


def loss_names(model: RewardModel) -> list[str]:
    """What `train_step` gives."""
    return ["loss", "halting_loss", *(f"{head}_loss" for head in model.config.objectives)]


class ScorerTraining(ABC):
    """Training of a step scorer, as the loop drives it. A subclass gives the batches, their hash and the validation."""

    batches: Callable[[int], dict[str, Tensor]]

    def __init__(
        self, config: TrainConfig, device: torch.device, precision: torch.dtype, start: HRM | None = None
    ) -> None:
        self.config, self.device = config, device
        self.state = build_state(config, device, precision, start)
        self.data_digest: str | None = None

    @property
    def model(self) -> RewardModel:
        return self.state.model

    def state_dict(self) -> dict[str, Any]:
        return {"window": self.state.window, "data": self.data_digest}

    def load_state_dict(self, saved: dict[str, Any], device: torch.device) -> None:
        self.state.window = [row.to(device) for row in saved["window"]]
        self.data_digest = saved["data"]

    def compile(self, graphs: bool) -> None:
        self.model.compile_blocks()

    @abstractmethod
    def setup(self) -> None:
        """Make or read the data, and set `batches`."""

    def update(self) -> None:
        batch = {key: to_device(column, self.device) for key, column in self.batches(self.state.step).items()}
        self.state.window.append(train_step(self.state, batch, self.config))

    def pop_metrics(self) -> tuple[dict[str, Any], str]:
        means = torch.stack(self.state.window).mean(dim=0).tolist()
        self.state.window.clear()
        record = dict(zip(loss_names(self.model), means, strict=True))
        return record, f"loss {record['loss']:.3f}"

    @abstractmethod
    def validate(self, tracker: Tracker) -> tuple[float, list[str]]:
        """Minus the validation loss, and lines to show."""

    def format_score(self, score: float) -> str:
        return f"a loss of {-score:.4f}"


class StepScorerTraining(ScorerTraining):
    """Training on sampled solutions of puzzles, which lie in `run_dir/steps`."""

    def __init__(
        self,
        config: TrainConfig,
        source: SolutionSource,
        run_dir: Path,
        device: torch.device,
        precision: torch.dtype,
        start: HRM | None,
    ) -> None:
        super().__init__(config, device, precision, start)
        self.source, self.run_dir = source, run_dir

    def setup(self) -> None:
        config, source = self.config, self.source
        found, digest = current().main_first(lambda: data.prepare(source, self.run_dir))
        if self.data_digest not in (None, digest):
            folder = self.run_dir / "steps"
            raise UserError(f"{folder}: holds other solutions than the run began with; choose another name=")
        self.data_digest = digest
        examples = found.examples()
        print(f"learning from {examples.describe()}", flush=True)
        self.batches = StepBatches(
            examples, source.rules.puzzle,
            budget=config.reward.budget, batch_size=config.batch_size, seed=config.seed, augment=config.data.augment,
            error_share=config.reward.error_share,
        )  # fmt: skip
        self.validation = None
        if config.validation.every:
            self.validation = Validation(source, num_puzzles=config.validation.puzzles, batch_size=config.batch_size)

    def validate(self, tracker: Tracker) -> tuple[float, list[str]]:
        assert self.validation is not None
        return self.validation(self.model, self.state.step, self.state.seconds, tracker)


@dataclass(kw_only=True, slots=True)
class ScorerInputs:
    """What a scorer's run needs: whose solutions it learns from, and the solver that its core starts from, if any."""

    source: SolutionSource
    start: HRM | None


class StepScorerRecipe:
    """See `hrm_net.recipes.recipe.Recipe`."""

    noun = "a step scorer of puzzles"
    answers_by_votes = False
    refused: Mapping[str, str] = MappingProxyType(
        {
            "data": "it scores sampled solutions of generated puzzles; see sets=",
            "solver": "it gives no answers",
            "augmentations": "augmentations vote for a solver of real ARC tasks",
        }
    )

    def owns(self, values: Mapping[str, Any]) -> bool:
        return bool(checks.section(values, "reward").get("objectives"))

    def check(self, values: dict[str, Any], *, read_data: bool = True) -> Run:
        if (table := tables.wanted(values.get("puzzle"))) is not None:
            raise UserError(f"puzzle={table.name}: has no step rules; reward=none trains a solver of it")
        config, puzzle = checks.puzzle_config(values, lambda puzzle: puzzle.num_puzzle_ids)
        data, heads = config.data, show(config.reward.objectives)
        bound = f"null for reward.objectives={heads}: its puzzles are generated"
        require("data.path", data.path, data.path is None, bound)
        bound = f"a number for reward.objectives={heads}: how many puzzles its solutions are of"
        require("data.puzzles", data.puzzles, data.puzzles is not None, bound)
        step_rules(puzzle)
        left = config.batch_size - config.reward.budget
        require("batch_size", config.batch_size, left >= 0, f"at least reward.budget={config.reward.budget}")
        return Run(config=config, inputs=scorer_inputs(config) if read_data else None)

    def train(self, run: Run, run_dir: Path) -> None:
        """Trains the solver that the scorer starts from first, if it wants one. The best scorer then lies in
        `run_dir/scorer` too, as `StepScorer.from_pretrained` reads it."""
        config, solver_dir = run.config, run_dir / "solver"
        begun = max(checkpoint.steps(run_dir / "checkpoints"), default=0) > 0
        if config.reward.solver_steps and not begun:
            wanted = solver_config(config)
            if max(checkpoint.steps(solver_dir / "checkpoints"), default=0) < wanted.steps:
                print(f"first the core learns to give whole answers, in {solver_dir}")
                solver.train(wanted, solver_dir)
        inputs = run.inputs or scorer_inputs(config)

        def build(device: torch.device, precision: torch.dtype) -> StepScorerTraining:
            start = find_model(str(solver_dir)).load() if config.reward.solver_steps and not begun else inputs.start
            # the weights of a run that has begun come from its checkpoint
            return StepScorerTraining(config, inputs.source, run_dir, device, precision, None if begun else start)

        loop.run(config.loop(), run_dir, build)
        current().on_main(lambda: export(run_dir, config))

    def check_evaluation(self, config: EvaluateConfig, source: ModelSource) -> tuple[TrainConfig, SolutionSource]:
        """The run whose solutions the scorer is evaluated on, and where they come from."""
        trained = source.config or shipped_run(source.path)
        if trained is None:
            use = f"hrm_net.reward.StepScorer.from_pretrained({source.path.name!r}) loads it"
            text = f"{source.path}: holds a step scorer without its run, which says whose solutions it is evaluated on"
            raise UserError(f"{text}; {use}")
        puzzle = puzzles.get(**trained.puzzle)
        checks.check_targets(puzzle, ((f"sets.{name}", targets) for name, targets in config.sets.items()))
        found = source.inputs if source.inputs is not None else scorer_inputs(trained, start=False)
        return trained, found.source

    def evaluate(self, evaluation: Evaluation, console: "Console") -> "Results":
        from hrm_net.recipes import step_scorer_evaluation

        return step_scorer_evaluation.evaluate(evaluation, console)

    def next_commands(self, config: TrainConfig, run_dir: Path) -> list[tuple[str, str]]:
        more = f"puzzles={config.evaluate_puzzles} candidates={4 * config.reward.evaluate_candidates}"
        return [
            (f"python evaluate.py run={run_dir} {more}", "more solutions of each puzzle"),
            (f"python evaluate.py run={run_dir} search=full", "search by each head, attempts to fool it"),
        ]


def train(config: TrainConfig, run_dir: Path) -> None:
    """Run, or resume, the training of a step scorer of puzzles in `run_dir`; see `StepScorerRecipe.train`."""
    StepScorerRecipe().train(Run(config=config), run_dir)


def scorer_inputs(config: TrainConfig, *, start: bool = True) -> ScorerInputs:
    """UserError for a scorer that cannot be: its shape, its start (unless not wanted), or the policy's solver."""
    wanted, begin = model_config(config), None
    if start and config.reward.start is not None:
        begin = find_model(config.reward.start).load()
        wanted.check_start(begin.config)
    return ScorerInputs(source=solution_source(config), start=begin)


def solution_source(config: TrainConfig, rules: StepRules | None = None) -> SolutionSource:
    """Whose solutions a run learns from; `rules` of its puzzle, where there are some that remember answers.

    UserError where the policy's solver is missing or of another puzzle.
    """
    rules = rules or step_rules(puzzles.get(**config.puzzle))
    policy, model = config.reward.policy, None
    if policy.name == "hrm":
        source = find_model(policy.solver)
        solved, asked = puzzles.get(**source.puzzle), rules.puzzle
        if (solved.name, solved.options) != (asked.name, asked.options):
            text = f"reward.policy.solver={policy.solver}: solves {solved.name} {solved.options}"
            raise UserError(f"{text}: must solve this run's puzzle, {asked.name} {asked.options}")
        model = source.load()
    return SolutionSource(
        rules=rules, policy=build_policy(config.reward, rules, model), reward=config.reward, data=config.data,
        seed=config.seed,
    )  # fmt: skip


def solver_config(config: TrainConfig) -> TrainConfig:
    """The run in which a scorer's core learns to solve: a stream of the training fold's puzzles, no validation, no end
    but `solver_steps`."""
    return replace(
        config,
        name=f"{config.name}, its solver",
        steps=config.reward.solver_steps,
        batch_size=min(config.batch_size, SOLVER_BATCH),
        stagger=True,
        data=replace(config.data, puzzles=None),
        validation=replace(config.validation, every=0),
        logger=LoggerConfig(),
        reward=RewardConfig(),
    )


def export(run_dir: Path, config: TrainConfig, **settings: Any) -> Path:
    """`run_dir/scorer`: the best checkpoint as config.json and model.safetensors; `settings` of the scorer join it."""
    best = checkpoint.best(run_dir / "checkpoints")
    assert best is not None, run_dir
    scorer = {"objective": config.reward.objectives[-1], "segments": config.reward.segments} | settings
    extra: dict[str, Any] = {"puzzle": config.puzzle, "scorer": scorer}
    if (backbone := config.reward.text.backbone).on:
        extra["backbone"] = backbone.saved()
    pretrained.save(load(best, config), run_dir / "scorer", extra)
    return run_dir / "scorer"
