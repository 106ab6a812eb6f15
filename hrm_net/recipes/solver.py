"""The kind of run `solver`: a model learns to give whole answers, from generated puzzles or data directories."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor

import puzzles
from hrm_net.checkpoints import pretrained
from hrm_net.data import directories, tables
from hrm_net.data.config import expand_home
from hrm_net.data.directory_batches import DirectoryBatches
from hrm_net.data.generated import GeneratedBatches, MixedBatches, generated_batches, own_rows, torch_generator
from hrm_net.data.puzzle_sets import Batch
from hrm_net.data.sizes import SizeSchedule, other_sizes, size_key
from hrm_net.distributed.group import current
from hrm_net.model import HRM, Carry
from hrm_net.nn.losses import SegmentLoss, segment_loss
from hrm_net.nn.row_noise import share_noise
from hrm_net.nn.transfer import Reading, to_device
from hrm_net.recipes import checks
from hrm_net.recipes.config import EvaluateConfig, TrainConfig
from hrm_net.recipes.model_source import ModelSource, find_model
from hrm_net.recipes.recipe import Evaluation, Run
from hrm_net.schema import require
from hrm_net.trainer import loop, parallel, winners
from hrm_net.trainer.auxiliary import Auxiliary, HostPuzzles, Trained
from hrm_net.trainer.ema import EMA
from hrm_net.trainer.metric_window import MetricWindow
from hrm_net.trainer.optim import build_optimizers
from hrm_net.trainer.throughput import update_flops
from hrm_net.trainer.tracking import Tracker
from puzzles.base import Puzzle
from puzzles.datasets.dataset import Dataset
from puzzles.errors import UserError
from puzzles.table.data import TableData

if TYPE_CHECKING:
    from rich.console import Console

    from hrm_net.evaluation.results import Results
    from hrm_net.evaluation.validation import Validation

Batches = Callable[[int, np.ndarray | None], Batch]


@dataclass(kw_only=True, slots=True)
class TrainState(loop.LoopState):
    """All that the next step depends on besides the configuration.

    `carries`: the rows in work, for each size of puzzles that the run has met. `halted`: which of them have halted, on
    its way to the host since before the backward pass, so that it can make new puzzles while a GPU goes on.
    """

    model: HRM
    auxiliary: Auxiliary
    carries: dict[str, Carry] = field(default_factory=dict)
    halted: dict[str, Reading] = field(default_factory=dict)
    window: MetricWindow = field(default_factory=MetricWindow)


def build_state(config: TrainConfig, device: torch.device, precision: torch.dtype) -> TrainState:
    """A fresh model with its optimizers, from the run's seed."""
    model = HRM(config.model, torch_generator(config.seed, "weights"))
    if config.start_from is not None:
        pretrained.load_state(model, starting_weights(model, config.start_from))
    parallel.shard(model, model, config.parallel, device)
    if config.puzzle_table == "sharded":
        parallel.shard_table(model, device)
    model = model.to(device).train()
    model.forward_dtype = precision
    ema = EMA(model, config.optim.ema) if config.optim.ema else None
    puzzle = puzzles.get(**config.puzzle)
    auxiliary = Auxiliary(config.auxiliary, puzzle, model, torch_generator(config.seed, "auxiliary")).to(device)
    optimizers = build_optimizers(Trained(model, auxiliary), config.optim)
    return TrainState(model=model, auxiliary=auxiliary, optimizers=optimizers, ema=ema)


def starting_weights(model: HRM, start_from: str) -> dict[str, Tensor]:
    """The weights that `start_from` names, by the model's names; UserError where there are none, or they do not fit.

    Only shapes are compared: `model.gradient` or the number of cycles may differ from those that made the weights.
    """
    try:
        weights = pretrained.state(find_model(start_from).load())
        pretrained.check_fits(model, weights)
    except UserError as error:
        raise UserError(f"start_from={start_from}: {str(error).removeprefix(f'run={start_from}: ')}") from None
    return weights


def train_step(
    state: TrainState,
    batch: dict[str, Tensor],
    config: TrainConfig,
    puzzle: Puzzle,
    known: HostPuzzles | None = None,
) -> SegmentLoss:
    """One segment and one update (deep supervision) on puzzles of the size of `puzzle`; `batch` and the loss are this
    process's share. `known`: the puzzles of the rows after this batch, where the host knows them. FloatingPointError,
    as `loop.optimizer_step` has it, for a loss or gradient that is not finite."""
    group, model, key = current(), state.model.fitted(puzzle), size_key(puzzle)
    own, num_puzzles = group.rows(config.batch_size), config.batch_size // config.hypotheses
    generator = share_noise(torch_generator(config.seed, "model noise", state.step), own, config.batch_size)
    state.optimizers.zero_grad()
    if model.segment_options is not None:
        torch.compiler.cudagraph_mark_step_begin()  # what graphs have left of the step before may be overwritten
    before = state.carries.get(key)
    carry, out = model(model.initial_carry(batch) if before is None else before, batch, generator=generator)
    if config.stagger and before is None and not config.auxiliary.causal:  # then segments must count what was computed
        puzzle_numbers = torch.arange(own.start, own.stop, device=carry.steps.device) // config.hypotheses
        carry.steps += puzzle_numbers % config.model.max_segments
    judged = carry
    if config.hypotheses > 1:
        rows = winners.winners(out, carry.labels, config.loss, config.hypotheses)
        out, judged = winners.only(out, carry, rows)
        winners.follow(carry, rows, config.hypotheses)
    asked, whole = state.auxiliary.labels(model, puzzle, judged, known)
    chance = torch_generator(config.seed, "give up", state.step)
    state.auxiliary.give_up(carry, whole, share_noise(chance, group.rows(num_puzzles), num_puzzles))
    state.halted[key] = Reading(carry.halted)
    loss = segment_loss(out, judged.labels, config.loss, asked, judged.inputs if config.balance else None)
    further = state.auxiliary(model, puzzle, judged, out, known)
    total = loss.total if further is None else loss.total + further.total
    (total / num_puzzles).backward()
    loop.optimizer_step(state, state.model, total, optim=config.optim, steps=config.steps, seed=config.seed)
    state.window.add(loss, judged, further)
    state.carries[key] = carry
    state.step += 1
    return loss


class SolverTraining:
    """Training on whole answers, as the loop drives it; `build_data` gives the batches and the validation, if any."""

    def __init__(
        self,
        config: TrainConfig,
        build_data: "Callable[[], tuple[Batches, Validation | None]]",
        device: torch.device,
        precision: torch.dtype,
    ) -> None:
        self.config, self.make_data, self.device = config, build_data, device
        self.state = build_state(config, device, precision)
        self.state.work.unit = "puzzles"
        self.flops: dict[str, int] = {}  # of an update of one row, for each size of puzzles that the run has met
        self.known: dict[str, HostPuzzles] = {}  # where the host is asked about them
        self.sizes = SizeSchedule(puzzles.get(**config.puzzle), config.data, seed=config.seed, steps=config.steps)

    @property
    def model(self) -> HRM:
        return self.state.model

    def state_dict(self) -> dict[str, Any]:
        carries = {
            key: {name: current().gather(tensor) for name, tensor in carry.tensors().items()}
            for key, carry in self.state.carries.items()
        }
        auxiliary = self.state.auxiliary.state_dict()
        return {"carries": carries, "auxiliary": dict(auxiliary), **self.state.window.state_dict()}

    def load_state_dict(self, saved: dict[str, Any], device: torch.device) -> None:
        for key, tensors in saved["carries"].items():
            own = current().rows(self.config.batch_size)
            carry = Carry(**{name: tensor[own].to(device) for name, tensor in tensors.items()})
            self.state.carries[key], self.state.halted[key] = carry, Reading(carry.halted)
        self.state.auxiliary.load_state_dict(saved["auxiliary"])
        self.state.window.load_state_dict(saved, device)

    def compile(self, graphs: bool) -> None:
        self.model.compile_blocks()
        if graphs:
            self.model.compile_segment(mode="reduce-overhead")

    def setup(self) -> None:
        batches, self.validation = self.make_data()
        num = self.config.batch_size // self.config.hypotheses
        self.batches = own_rows(batches, num, current().rows(num))

    def update(self) -> None:
        state, puzzle = self.state, self.sizes(self.state.step)
        key = size_key(puzzle)
        each = self.config.hypotheses
        halted = winners.puzzles_wanted(state.halted[key].array(), each) if key in state.halted else None
        batch = self.batches(state.step, halted)
        known = self._known(key, batch, halted) if state.auxiliary.reads_puzzles else None
        rows = {name: to_device(values, self.device) for name, values in winners.repeated(batch, each).items()}
        train_step(state, rows, self.config, puzzle, known)
        if key not in self.flops:
            self.flops[key] = update_flops(self.model.fitted(puzzle).config)
        num = self.config.batch_size
        state.work.add(segments=num, flops=num * self.flops[key])

    def _known(self, key: str, batch: Batch, halted: np.ndarray | None) -> HostPuzzles:
        """The puzzles that the rows of one size work on once they have taken a batch."""
        if halted is None:
            self.known[key] = HostPuzzles(inputs=batch["inputs"].numpy(), labels=batch["labels"].numpy())
        else:
            if key not in self.known:  # the rows come from a checkpoint
                self.known[key] = HostPuzzles.of(self.state.carries[key], self.config.hypotheses)
            self.known[key] = self.known[key].taking(batch, halted)
        return self.known[key]

    def pop_metrics(self) -> tuple[dict[str, Any], str]:
        record, work = self.state.window.pop(), self.state.work
        work.examples = (record["halted"] or 0.0) * work.segments / self.config.hypotheses
        halting = f", {record['exact_accuracy']:.0%} right when halting" if record["halted"] else ""
        return record, f"loss {record['loss']:.3f}{halting}"

    def validate(self, tracker: Tracker) -> tuple[float, list[str]]:
        assert self.validation is not None
        return self.validation(self.model, self.state.step, self.state.seconds, tracker)

    def format_score(self, score: float) -> str:
        return f"{score:.1%}"


@dataclass(kw_only=True, slots=True)
class SolverInputs:
    """What a solver's run learns from: the training splits of `data.path`, or (None) generated puzzles.

    `table`: the table that they are the rows of, with those that are held out.
    """

    puzzle: Puzzle
    datasets: list[Dataset] | None
    table: TableData | None = None


class SolverRecipe:
    """See `hrm_net.recipes.recipe.Recipe`."""

    noun = "a solver"
    answers_by_votes = False
    refused: Mapping[str, str] = MappingProxyType(
        {
            "search": "search needs a step scorer of puzzles",
            "candidates": "candidates are ranked by a step scorer of puzzles",
            "augmentations": "augmentations vote for a solver of real ARC tasks",
        }
    )

    def owns(self, values: Mapping[str, Any]) -> bool:
        return True

    def check(self, values: dict[str, Any], *, read_data: bool = True) -> Run:
        path = expand_home(checks.section(values, "data").get("path"))
        table, domain = None, tables.wanted(values.get("puzzle"))
        if domain is not None and read_data:
            table = tables.read(domain, values["puzzle"], path)
            values = values | {"puzzle": {"name": domain.name, **table.puzzle.options}}

        def num_puzzle_ids(puzzle: Puzzle) -> Any:
            if table is not None:
                return table.train[0].metadata.num_puzzle_identifiers
            if not (isinstance(path, str) or checks.texts(path)):
                return puzzle.num_puzzle_ids  # nothing to read, or the schema says what is wrong with it
            if not read_data:
                return values["model"].get("num_puzzle_ids", puzzle.num_puzzle_ids)
            return directories.num_identifiers(path, puzzle)

        config, puzzle = checks.puzzle_config(values, num_puzzle_ids, sizes=True)
        config.auxiliary.check_fits(puzzle)
        with torch.device("meta"):
            model = HRM(config.model)
            others = other_sizes(puzzle, (targets for _, targets in config.targets()))
            bound = "ddp where puzzles have several sizes, whose models share weights"
            require("parallel", config.parallel, config.parallel == "ddp" or not others, bound)
            for other in others:
                model.fitted(other)
        if config.start_from is not None:
            starting_weights(model, config.start_from)
        if not read_data:
            return Run(config=config)
        inputs = solver_inputs(config, puzzle, table)
        if inputs.datasets is not None:
            found = directories.digest(inputs.datasets) if table is None else table.sha256
            require("data.sha256", config.data.sha256, config.data.sha256 in (None, found), f"{found}, the data's")
            config.data.sha256 = found
        return Run(config=config, inputs=inputs)

    def train(self, run: Run, run_dir: Path) -> None:
        config, inputs = run.config, run.inputs
        if inputs is None:
            inputs = solver_inputs(config, puzzles.get(**config.puzzle))

        def build(device: torch.device, precision: torch.dtype) -> SolverTraining:
            return SolverTraining(config, lambda: build_data(config, inputs), device, precision)

        loop.run(config.loop(), run_dir, build)

    def check_evaluation(self, config: EvaluateConfig, source: ModelSource) -> Any:
        from hrm_net.recipes import solver_evaluation  # tables and pictures load when they are needed

        return solver_evaluation.check(config, source, source.inputs)

    def evaluate(self, evaluation: Evaluation, console: "Console") -> "Results":
        from hrm_net.recipes import solver_evaluation

        return solver_evaluation.evaluate(evaluation, console)

    def next_commands(self, config: TrainConfig, run_dir: Path) -> list[tuple[str, str]]:
        return [(f"python evaluate.py run={run_dir} data=FILE.csv", "your own puzzles, in a column `question`")]


def train(config: TrainConfig, run_dir: Path) -> None:
    """Run, or resume, the training of a solver in `run_dir`; see `loop.run`."""
    SolverRecipe().train(Run(config=config), run_dir)


def solver_inputs(config: TrainConfig, puzzle: Puzzle, table: TableData | None = None) -> SolverInputs:
    """Reads what `data.path` names, where it names something; `table`: what was read already."""
    path = config.data.path
    if path is None:
        return SolverInputs(puzzle=puzzle, datasets=None)
    _check_identifiers(config, puzzle)
    if (domain := tables.wanted(config.puzzle)) is None:
        return SolverInputs(puzzle=puzzle, datasets=directories.read_training(path, puzzle))
    table = table or tables.read(domain, config.puzzle, path)
    require("data.curriculum", "a path_share below 1", not config.data.mixes, "1 throughout: a table's rows are stored")
    if config.validation.every:
        tables.held_out(table, table.validation, f"validation.every={config.validation.every}")
    if config.evaluate_puzzles and not any(directories.has_test(name) for name in directories.names(path)):
        tables.held_out(table, table.evaluation, f"evaluate_puzzles={config.evaluate_puzzles}")
    return SolverInputs(puzzle=table.puzzle, datasets=table.train, table=table)


def _check_identifiers(config: TrainConfig, puzzle: Puzzle) -> None:
    """Identifiers of a directory name its own puzzles, and single augmentations: no fresh symmetry and no generated
    puzzle has such a name."""
    named = config.model.num_puzzle_ids > 1
    augment, every = config.data.augment, config.validation.every
    mixed = named and config.data.mixes
    require("data.curriculum", "a path_share below 1", not mixed, "1 throughout: the data names its puzzles")
    require("data.augment", augment, not (named and augment), "false: the data names its puzzles")
    if named or puzzle.num_puzzle_ids > 1:
        require("validation.every", every, not every, "0: the data names puzzles")
        tested = any(directories.has_test(name) for name in directories.names(config.data.path or []))
        fits = not config.evaluate_puzzles or tested
        require("evaluate_puzzles", config.evaluate_puzzles, fits, "0: the data names puzzles and has no test split")


def build_data(config: TrainConfig, inputs: SolverInputs) -> "tuple[Batches, Validation | None]":
    from hrm_net.evaluation.validation import Validation

    puzzle, seed, batch_size = inputs.puzzle, config.seed, config.batch_size // config.hypotheses
    seen = None
    if inputs.datasets is not None:
        batches = DirectoryBatches(
            puzzle, inputs.datasets, augment=config.data.augment, seed=seed, batch_size=batch_size
        )
        if config.data.mixes:
            generated = GeneratedBatches(puzzle, config.data, seed=seed, steps=config.steps, batch_size=batch_size)
            batches = MixedBatches(batches, generated)
        if inputs.table is None and config.validation.every:
            seen = directories.originals(inputs.datasets)
    else:
        batches = generated_batches(puzzle, config.data, seed=seed, steps=config.steps, batch_size=batch_size)
    if not config.validation.every:
        return batches, None
    if inputs.table is not None:
        held = tables.held_out(inputs.table, inputs.table.validation, "validation.every")
        return batches, Validation([held.first(config.validation.puzzles)], batch_size=batch_size, seed=seed)
    validation = Validation.of_generated(
        puzzle, config.validation.targets or config.data.last_targets(), num_puzzles=config.validation.puzzles,
        batch_size=batch_size, seed=seed, seen=seen,
    )  # fmt: skip
    return batches, validation
