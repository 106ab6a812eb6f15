"""The kind of run `pair_judge`: a judge learns which of two candidates for a puzzle is the better one."""

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
from hrm_net.recipes.judge_training import JudgeTraining
from hrm_net.recipes.model_source import ModelSource, find_model
from hrm_net.recipes.recipe import Evaluation, Run
from hrm_net.reward.data.solutions import SolutionSource
from hrm_net.reward.heads import PAIR
from hrm_net.reward.inputs import Rows
from hrm_net.reward.pair.batches import GRIDS, PairBatches
from hrm_net.reward.pair.data import prepare
from hrm_net.reward.pair.games import game_rows
from hrm_net.reward.pair.judge import PairJudge
from hrm_net.reward.pair.validation import Validated, Validation
from hrm_net.schema import require
from hrm_net.trainer import loop
from puzzles.errors import UserError
from puzzles.steps.rules import step_rules
from puzzles.steps.visible import visible_rules

if TYPE_CHECKING:
    from rich.console import Console

    from hrm_net.evaluation.results import Results


class PairTraining(JudgeTraining):
    """Training on candidates for generated puzzles, whose games lie in `run_dir/pairs`."""

    def __init__(
        self, config: TrainConfig, source: SolutionSource, run_dir: Path, device: torch.device, precision: torch.dtype,
        start: HRM | None,
    ) -> None:  # fmt: skip
        super().__init__(config, device, precision, start)
        self.source, self.run_dir = source, run_dir

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

    def games(self, step: int, images: int = 1) -> tuple[Rows, Tensor]:
        batch = {name: to_device(column, self.device) for name, column in self.batches(step, images).items()}
        own = current().rows(len(batch["better"]))
        return game_rows(*(batch[name][own] for name in GRIDS)), batch["better"]

    def validated(self) -> Validated:
        assert self.validation is not None
        return self.validation(self.model, self.segments, self.pair.mean_segments)


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
    if source.puzzle["name"] == TEXT:
        raise UserError(f"{run}: holds a judge of texts; hrm_net.reward.TextJudge.from_pretrained loads it")
    model = step_scorer.load(source.path, source.config)
    return PairJudge(model, puzzles.get(**source.puzzle), **settings)
