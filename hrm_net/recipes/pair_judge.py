"""The kind of run `pair_judge`: a judge learns which of two candidates for a puzzle is the better one.

At first it learns verdicts, after every segment of a random number of them. Then its halting head learns when to stop,
in the way that `reward.pair.halting` names; the price of a segment follows validation.
"""

import math
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

import puzzles
from hrm_net.checkpoints import checkpoint, pretrained
from hrm_net.distributed.group import current
from hrm_net.model import HRM
from hrm_net.nn.transfer import to_device
from hrm_net.recipes import checks, solver, step_scorer
from hrm_net.recipes.config import TEXT, EvaluateConfig, TrainConfig
from hrm_net.recipes.model_source import ModelSource, find_model
from hrm_net.recipes.recipe import Evaluation, Run
from hrm_net.reward.data.solutions import SolutionSource
from hrm_net.reward.heads import PAIR
from hrm_net.reward.model import RewardModel
from hrm_net.reward.pair import objectives
from hrm_net.reward.pair.batches import PairBatches
from hrm_net.reward.pair.data import prepare
from hrm_net.reward.pair.games import game_rows, verdicts
from hrm_net.reward.pair.judge import PairJudge
from hrm_net.reward.pair.validation import Validation
from hrm_net.schema import require
from hrm_net.trainer import loop, parallel
from hrm_net.trainer.tracking import Tracker
from puzzles.errors import UserError
from puzzles.steps.rules import step_rules
from puzzles.steps.visible import visible_rules

if TYPE_CHECKING:
    from rich.console import Console

    from hrm_net.evaluation.results import Results

EPOCHS = 2  # updates on the same rollouts (grpo)
LOSSES = ("loss", "accuracy", "halting_loss", "expected_segments")


class PairTraining:
    """Training of a judge, as `hrm_net.trainer.loop.Trainable` has it."""

    def __init__(
        self, config: TrainConfig, source: SolutionSource, run_dir: Path, device: torch.device, precision: torch.dtype,
        start: HRM | None,
    ) -> None:  # fmt: skip
        self.config, self.source, self.run_dir, self.device = config, source, run_dir, device
        self.pair, self.segments = config.reward.pair, config.reward.segments
        self.state = step_scorer.build_state(config, device, precision, start)
        self.price = config.reward.pair.price
        self.warmup_steps = round(config.steps * self.pair.warmup)
        # The judge at the end of the warm-up, from which `grpo` is not to stray.
        self.before: RewardModel | None = None
        self.data_digest: str | None = None

    @property
    def model(self) -> RewardModel:
        return self.state.model

    @property
    def halting(self) -> bool:
        """Whether the warm-up is over."""
        return self.state.step >= self.warmup_steps

    def state_dict(self) -> dict[str, Any]:
        before = None if self.before is None else pretrained.state(self.before)
        return {"window": self.state.window, "data": self.data_digest, "price": self.price, "before": before}

    def load_state_dict(self, saved: dict[str, Any], device: torch.device) -> None:
        self.state.window = [row.to(device) for row in saved["window"]]
        self.data_digest, self.price = saved["data"], saved["price"]
        if saved["before"] is not None:
            self._keep_before()
            assert self.before is not None
            pretrained.load_state(self.before, saved["before"])

    def compile(self, graphs: bool) -> None:
        self.model.compile_blocks()

    def setup(self) -> None:
        config = self.config
        pairs, digest = current().main_first(lambda: prepare(self.source, self.run_dir))
        if self.data_digest not in (None, digest):
            folder = self.run_dir / "pairs"
            raise UserError(f"{folder}: holds other games than the run began with; choose another name=")
        self.data_digest = digest
        print(f"learning from {pairs.describe()}", flush=True)
        self.batches = PairBatches(
            pairs, self.source.rules.puzzle, batch_size=config.batch_size, seed=config.seed, augment=config.data.augment
        )
        self.validation = None
        if config.validation.every:
            self.validation = Validation(self.source, config.validation.puzzles, batch_size=config.batch_size)

    def update(self) -> None:
        if not self.halting:
            self._learn_verdicts()
        elif self.pair.halting == "grpo":
            self._learn_by_rollouts()
        else:
            self._learn_halting()
        self.state.step += 1

    def _learn_verdicts(self) -> None:
        """Every segment has a gradient of its own; how many there are is drawn for each update, so that deeper thought
        than usual does no harm."""
        rows, better = self._rows(self.batches(self.state.step))
        rng = puzzles.rng(self.config.seed, "depth", self.state.step)
        depth = int(rng.integers(1, self.segments + 1))
        self.state.optimizers.zero_grad()
        inner, total, d = self.model.initial_state(rows), torch.zeros((), device=self.device), None
        for _ in range(depth):
            inner, out = self.model(inner, rows)
            d = current().gather(verdicts(out)[0])
            loss = objectives.verdict_loss(d, better) / depth
            loss.backward()
            total += loss.detach()
        self._step(total)
        self._count(len(better), updated=depth)
        assert d is not None
        zero = torch.zeros((), device=self.device)
        self._log(total, d.detach(), better, zero, zero)

    def _learn_halting(self) -> None:
        rows, better = self._rows(self.batches(self.state.step))
        self.state.optimizers.zero_grad()
        d, q = self._think(self.model, rows)
        if self.pair.halting == "closed":
            halting = objectives.closed_loss(d, q, better)
        else:
            halting = objectives.exact_loss(d, q, better, self.price)
        total = objectives.verdict_loss(d, better) + halting
        total.backward()
        self._step(total.detach())
        self._count(len(better), updated=self.segments)
        self._log(total.detach(), d[-1].detach(), better, halting.detach(), _mean_stop(q))

    def _learn_by_rollouts(self) -> None:
        pair, step = self.pair, self.state.step
        if self.before is None:
            self._keep_before()
        assert self.before is not None
        rows, better = self._rows(self.batches(step, pair.rollouts))
        seed = int(puzzles.rng(self.config.seed, "rollouts", step).integers(1 << 62))
        with torch.no_grad():
            d, q = self._think(self.model, rows)
            d_before, q_before = self._think(self.before, rows)
        generator = torch.Generator(self.device).manual_seed(seed)
        rollouts = objectives.sample(d, q, better, self.price, pair.rollouts, generator)
        for _ in range(EPOCHS):
            self.state.optimizers.zero_grad()
            d, q = self._think(self.model, rows)
            total = objectives.grpo_loss(
                d, q, rollouts, d_before=d_before, q_before=q_before, clip=pair.clip, kl=pair.kl
            )
            total.backward()
            self._step(total.detach())
        self._count(len(better), read=2 * self.segments, updated=EPOCHS * self.segments)
        self._log(total.detach(), d[-1].detach(), better, total.detach(), _mean_stop(q))

    def _think(self, model: RewardModel, rows: dict[str, Tensor]) -> tuple[Tensor, Tensor]:
        """(d, q) after every segment, [segments, games]; of the games of all processes, with gradients to one's own."""
        inner, found = model.initial_state(rows), []
        for _ in range(self.segments):
            inner, out = model(inner, rows)
            found.append(verdicts(out))
        d, q = ([current().gather(values) for values in column] for column in zip(*found, strict=True))
        return torch.stack(d), torch.stack(q)

    def _rows(self, batch: dict[str, Tensor]) -> tuple[dict[str, Tensor], Tensor]:
        """(the rows of this process's games, which candidate is the better one in all games)."""
        problem, first, second, better = (
            to_device(batch[name], self.device) for name in ("problem", "first", "second", "better")
        )
        own = current().rows(len(better))
        return game_rows(problem[own], first[own], second[own]), better

    def _step(self, loss: Tensor) -> None:
        config = self.config
        loop.optimizer_step(self.state, self.model, loss, optim=config.optim, steps=config.steps, seed=config.seed)

    def _count(self, games: int, *, updated: int, read: int = 0) -> None:
        """Count an update on games, of two rows each: segments with a backward pass, and those without."""
        self.state.work.add_rows(2 * games, self.state.cost, examples=games, updated=updated, read=read)

    def _log(self, loss: Tensor, d: Tensor, better: Tensor, halting: Tensor, segments: Tensor) -> None:
        accuracy = ((d > 0) == better).float().mean()
        self.state.window.append(torch.stack([loss, accuracy, halting, segments]))

    def _keep_before(self) -> None:
        self.before = parallel.whole_copy(self.model).eval().requires_grad_(False)

    def pop_metrics(self) -> tuple[dict[str, Any], str]:
        means = torch.stack(self.state.window).mean(dim=0).tolist()
        self.state.window.clear()
        record = dict(zip(LOSSES, means, strict=True)) | {"price": self.price}
        return record, f"loss {record['loss']:.3f}, {record['accuracy']:.0%} right"

    def validate(self, tracker: Tracker) -> tuple[float, list[str]]:
        """The accuracy on validation games: where the halting head stops, once it has learned to, else after the last
        segment, less 1, so that no checkpoint of the warm-up is the best one in the end. Moves the price."""
        assert self.validation is not None
        found = self.validation(self.model, self.segments, self.pair.mean_segments)
        if self.halting and self.pair.halting != "closed":
            gap = found.sampled_segments - self.pair.mean_segments
            self.price = min(0.5, max(1e-4, self.price * math.exp(0.3 * gap)))
        tracker.log(
            self.state.step, kind="validation", seconds=self.state.seconds, accuracy=found.accuracy,
            by_segment=found.by_segment, stop=found.stop, segments=found.segments, price=self.price,
        )  # fmt: skip
        curve = ", ".join(f"{found.by_segment[m - 1]:.1%} after {m}" for m in _shown(self.segments))
        line = f"  step {self.state.step}: right on validation games: {curve} segments"
        if not self.halting:
            return found.by_segment[-1] - 1, [line]
        return found.accuracy, [f"{line}; {found.accuracy:.1%} at a mean of {found.segments:.1f}"]

    def format_score(self, score: float) -> str:
        return f"{score if score >= 0 else 1 + score:.1%} right"


class PairJudgeRecipe:
    """See `hrm_net.recipes.recipe.Recipe`."""

    noun = "a judge of two candidates"
    answers_by_votes = False
    refused: Mapping[str, str] = MappingProxyType(
        {
            "data": "it judges sampled candidates of generated puzzles; see sets=",
            "solver": "it gives no answers",
            "search": "search is by step scorers",
            "candidates": "reward.pair.games says how many games a puzzle has",
            "augmentations": "augmentations vote for a solver of real ARC tasks",
        }
    )

    def owns(self, values: Mapping[str, Any]) -> bool:
        texts = checks.section(values, "puzzle").get("name") == TEXT
        return checks.section(values, "reward").get("objectives") == [PAIR] and not texts

    def check(self, values: dict[str, Any], *, read_data: bool = True) -> Run:
        config, puzzle = checks.puzzle_config(values, lambda puzzle: puzzle.num_puzzle_ids)
        reward, bound = config.reward, f"for reward.objectives=[{PAIR}]"
        require("data.path", config.data.path, config.data.path is None, f"null {bound}: its puzzles are generated")
        require("data.puzzles", config.data.puzzles, config.data.puzzles is not None, f"a number {bound}")
        require("reward.regime", reward.regime, reward.regime == "fill", f"fill {bound}: a prefix cannot be mended")
        longest = reward.pair.steps[1]
        require("reward.pair.steps", reward.pair.steps, longest < reward.budget, f"below reward.budget={reward.budget}")
        most = reward.segments
        require("reward.pair.mean_segments", reward.pair.mean_segments, reward.pair.mean_segments <= most,
                f"at most reward.segments={most}")  # fmt: skip
        if reward.pair.halting == "grpo":
            least = reward.pair.rollouts
            require(
                "batch_size", config.batch_size, config.batch_size >= least, f"at least reward.pair.rollouts={least}"
            )
        visible_rules(step_rules(puzzle))
        return Run(config=config, inputs=step_scorer.scorer_inputs(config) if read_data else None)

    def train(self, run: Run, run_dir: Path) -> None:
        """Trains the solver that the judge starts from first, if it wants one. The best judge then lies in
        `run_dir/judge`, as `PairJudge.from_pretrained` reads it."""
        config, solver_dir = run.config, run_dir / "solver"
        begun = max(checkpoint.steps(run_dir / "checkpoints"), default=0) > 0
        if config.reward.solver_steps and not begun:
            wanted = step_scorer.solver_config(config)
            if max(checkpoint.steps(solver_dir / "checkpoints"), default=0) < wanted.steps:
                print(f"first the core learns to give whole answers, in {solver_dir}")
                solver.train(wanted, solver_dir)
        inputs = run.inputs or step_scorer.scorer_inputs(config)

        def build(device: torch.device, precision: torch.dtype) -> PairTraining:
            start = find_model(str(solver_dir)).load() if config.reward.solver_steps and not begun else inputs.start
            # the weights of a run that has begun come from its checkpoint
            return PairTraining(config, inputs.source, run_dir, device, precision, None if begun else start)

        loop.run(config.loop(), run_dir, build)
        current().on_main(lambda: export(run_dir, config, inputs.source))

    def check_evaluation(self, config: EvaluateConfig, source: ModelSource) -> SolutionSource:
        trained = source.config
        if trained is None:
            use = f"hrm_net.reward.pair.PairJudge.from_pretrained({source.path.name!r}) loads it"
            text = f"{source.path}: holds a judge without its run, which says what it is evaluated on"
            raise UserError(f"{text}; {use}")
        puzzle = puzzles.get(**trained.puzzle)
        checks.check_targets(puzzle, ((f"sets.{name}", targets) for name, targets in config.sets.items()))
        return (
            source.inputs.source
            if source.inputs is not None
            else step_scorer.scorer_inputs(trained, start=False).source
        )

    def evaluate(self, evaluation: Evaluation, console: "Console") -> "Results":
        from hrm_net.recipes import pair_judge_evaluation

        return pair_judge_evaluation.evaluate(evaluation, console)

    def next_commands(self, config: TrainConfig, run_dir: Path) -> list[tuple[str, str]]:
        return [
            (f"python evaluate.py run={run_dir} puzzles={4 * config.evaluate_puzzles}", "games of more puzzles"),
            (f"hrm-rank --by pair --run {run_dir / 'judge'} candidates.jsonl", "candidates of your own, best first"),
        ]


def export(run_dir: Path, config: TrainConfig, source: SolutionSource) -> Path:
    """`run_dir/judge`: the best checkpoint as config.json and model.safetensors, set on validation games to the mean
    number of segments that the run asks for."""
    best = checkpoint.best(run_dir / "checkpoints")
    assert best is not None, run_dir
    model, reward = step_scorer.load(best, config), config.reward
    validation = Validation(source, config.validation.puzzles, batch_size=config.batch_size)
    stop = validation(model, reward.segments, reward.pair.mean_segments).stop
    PairJudge(model, puzzles.get(**config.puzzle), segments=reward.segments, stop=stop).save_pretrained(
        run_dir / "judge"
    )
    return run_dir / "judge"


def find_judge(run: str, *, segments: int | None = None, stop: float | None = None) -> PairJudge:
    """The judge of a run, of a directory of `save_pretrained`, or of weights that ship with the package, by name.
    `segments` and `stop` replace what it is set to. UserError where there is none."""
    given = {"segments": segments, "stop": stop}
    settings = {key: value for key, value in given.items() if value is not None}
    path = pretrained.shipped(run) or Path(run).expanduser()
    for directory in (path, path / "judge"):
        if (directory / pretrained.CONFIG).is_file():
            if pretrained.read_config(directory)["model"].get("objectives") != [PAIR]:
                raise UserError(f"{run}: holds no judge of two candidates; experiment=pair_sudoku_6x6 trains one")
            return PairJudge.from_pretrained(directory, **settings)
    source = find_model(run)
    if source.config is None or source.heads != [PAIR]:
        raise UserError(f"{run}: holds no judge of two candidates; experiment=pair_sudoku_6x6 trains one")
    model = step_scorer.load(source.path, source.config)
    return PairJudge(model, puzzles.get(**source.puzzle), **settings)


def _mean_stop(q: Tensor) -> Tensor:
    """The expected segment at which games stop."""
    segment = torch.arange(1, len(q) + 1, device=q.device)[:, None]
    return (objectives.log_stop(q.detach()).exp() * segment).sum(dim=0).mean()


def _shown(segments: int) -> list[int]:
    """1, 2, 4, ... and the last."""
    return sorted({segments, *(1 << i for i in range(segments.bit_length()) if 1 << i <= segments)})
