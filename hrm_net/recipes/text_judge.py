"""The kind of run `text_judge`: a judge learns which of two candidate solutions in words is the better one."""

import hashlib
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from jaxtyping import Float64
from torch import Tensor

from hrm_net.checkpoints import checkpoint, pretrained
from hrm_net.distributed.group import current
from hrm_net.inference.segments import sigmoid
from hrm_net.nn.transfer import to_device
from hrm_net.provenance import provenance
from hrm_net.recipes import checks, step_scorer
from hrm_net.recipes.config import TEXT, EvaluateConfig, TrainConfig
from hrm_net.recipes.judge_training import JudgeTraining
from hrm_net.recipes.model_source import ModelSource, find_model
from hrm_net.recipes.recipe import Evaluation, Run
from hrm_net.recipes.text_scorer import TextScorerRecipe
from hrm_net.reward.heads import PAIR
from hrm_net.reward.inputs import Rows
from hrm_net.reward.pair.games import trace_games
from hrm_net.reward.pair.validation import Validated, choose_stop, validated
from hrm_net.reward.text import preferences
from hrm_net.reward.text.backbone import Backbone
from hrm_net.reward.text.data import TEST, TRAIN, VALIDATION
from hrm_net.reward.text.games import ByteReader, Candidate, Reader, StateReader
from hrm_net.reward.text.judge import TextJudge
from hrm_net.reward.text.preferences import JudgedGames
from hrm_net.schema import require
from hrm_net.trainer import loop
from hrm_net.trainer.device import resolve_device, resolve_precision
from puzzles.errors import UserError

if TYPE_CHECKING:
    from rich.console import Console

    from hrm_net.evaluation.results import Results

DEEPER = 2  # times the trained depth, to which the evaluation thinks


class TextPairTraining(JudgeTraining):
    """Training on the games of one file."""

    def setup(self) -> None:
        reward = self.config.reward
        reader = text_reader(self.config, self.device)
        digest = hashlib.sha256(Path(str(reward.text.path)).read_bytes()).hexdigest()
        if isinstance(reader, StateReader):
            digest += reader.states.backbone.digest()
        if self.data_digest not in (None, digest):
            raise UserError(
                f"reward.text.path={reward.text.path}: this file, or the language model, is another than the run began "
                "with; choose another name="
            )
        self.data_digest = digest
        self.sets, sentences = preferences.read(reward.text, reader, most=reward.pair.games, seed=self.config.seed)
        for sentence in sentences:
            print(sentence, flush=True)
        print(f"learning from {self.sets[TRAIN].describe()}", flush=True)

    def games(self, step: int, images: int = 1) -> tuple[Rows, Tensor]:
        rows, better = self.sets[TRAIN].batch(self.config.seed, step, self.config.batch_size, images)
        # first candidates' rows, then second ones': those of this process's games lie in both halves
        own, num = current().rows(len(better)), len(better)
        both = {key: torch.cat([column[:num][own], column[num:][own]]) for key, column in rows.items()}
        mine = {key: to_device(column, self.device) for key, column in both.items()}
        return mine, to_device(better, self.device)

    def validated(self) -> Validated:
        held_out = self.sets[VALIDATION]
        return validated(
            self.model, held_out.games, held_out.better, segments=self.segments, mean=self.pair.mean_segments,
            batch_size=self.config.batch_size,
        )  # fmt: skip


def text_reader(config: TrainConfig, device: torch.device) -> Reader:
    """What turns the texts of a run into rows: their bytes, or the hidden states of its language model."""
    backbone, length = config.reward.text.backbone, config.model.seq_len
    if not backbone.on:
        return ByteReader(length=length)
    return StateReader(Backbone.load(backbone, device), length, backbone.cache)


class TextJudgeRecipe(TextScorerRecipe):
    """See `hrm_net.recipes.recipe.Recipe`. Its file and its sizes are those of a step scorer of texts."""

    noun = "a judge of two texts"
    refused: Mapping[str, str] = MappingProxyType({**TextScorerRecipe.refused, "candidates": "hrm-rank --by pair"})

    def owns(self, values: Mapping[str, Any]) -> bool:
        return super().owns(values) and checks.section(values, "reward").get("objectives") == [PAIR]

    def check(self, values: dict[str, Any], *, read_data: bool = True) -> Run:
        length = checks.section(values, "puzzle").get("length")
        if isinstance(length, int) and length % 2 and checks.section(values, "reward").get("text"):
            require("puzzle.length", length, False, f"even for reward.objectives=[{PAIR}], half for each candidate")
        run = super().check(values, read_data=read_data)
        reward, size = run.config.reward, run.config.batch_size
        bound = f"at most reward.segments={reward.segments}"
        require("reward.pair.mean_segments", reward.pair.mean_segments, reward.pair.mean_segments <= reward.segments,
                bound)  # fmt: skip
        if reward.pair.halting == "grpo":
            least = reward.pair.rollouts
            require("batch_size", size, size >= least, f"at least reward.pair.rollouts={least}")
        return run

    def train(self, run: Run, run_dir: Path) -> None:
        """The best judge then lies in `run_dir/judge`, as `TextJudge.from_pretrained` reads it."""
        config = run.config
        loop.run(config.loop(), run_dir, lambda device, precision: TextPairTraining(config, device, precision))
        current().on_main(lambda: export(run_dir, config))

    def check_evaluation(self, config: EvaluateConfig, source: ModelSource) -> None:
        if source.config is None:
            raise UserError(
                f"{source.path}: holds a judge of texts without its run, which says what it is evaluated on; "
                f"hrm-rank --by pair --run {source.run_dir or source.path} FILE ranks candidates by it"
            )
        super().check_evaluation(config, source)

    def evaluate(self, evaluation: Evaluation, console: "Console") -> "Results":
        """Judge the games of questions never trained on, print the table, write the JSON file."""
        from rich.table import Table

        from hrm_net.evaluation.results import Results

        config, source = evaluation.config, evaluation.source
        trained = source.config
        assert trained is not None
        device = resolve_device(config.device)
        model = step_scorer.load(source.path, trained).to(device)
        model.forward_dtype = resolve_precision(config.precision, device)
        reward = trained.reward
        reader = text_reader(trained, device)
        sets, _ = preferences.read(reward.text, reader, most=reward.pair.games, seed=trained.seed)
        depth = reward.segments
        size = max(config.batch_size, trained.batch_size)
        on_validation = trace_games(model, sets[VALIDATION].games, segments=depth, batch_size=size)
        stop = choose_stop(on_validation, reward.pair.mean_segments)
        held_out = sets[TEST]
        trace = trace_games(model, held_out.games, segments=DEEPER * depth, batch_size=size)
        stops = trace.stops(stop, depth)
        right = (trace.at(stops) > 0) == held_out.better
        found = {
            "games": len(held_out),
            "accuracy": float(right.mean()),
            "segments": float(stops.mean()),
            "stop": stop,
            "by_segment": ((trace.logits > 0) == held_out.better[:, None]).mean(axis=0).tolist(),
            "counts_only": float(counted(sets, held_out).mean()),
            "brier": float(np.mean((sigmoid(trace.at(stops)) - held_out.better) ** 2)),
            "trained_segments": depth,
        }
        results = Results(sets={TEST: found}, **provenance(config.seed))
        table = Table(title=f"{held_out.describe()}, none trained on: right verdicts", title_justify="left")
        for name in ("after 1", f"after {depth}", f"after {DEEPER * depth}", "by itself", "segments", "counts only"):
            table.add_column(name, justify="right")
        curve = found["by_segment"]
        shares = (curve[0], curve[depth - 1], curve[-1], found["accuracy"])
        table.add_row(*(f"{one:.1%}" for one in shares), f"{found['segments']:.2f}", f"{found['counts_only']:.1%}")
        console.print(table)
        results.write(evaluation.output)
        print(f"results: {evaluation.output}")
        return results

    def next_commands(self, config: TrainConfig, run_dir: Path) -> list[tuple[str, str]]:
        return [(f"hrm-rank --by pair --run {run_dir} candidates.jsonl", "solutions of your own, best first")]


def counted(sets: Mapping[str, JudgedGames], held_out: JudgedGames) -> np.ndarray:
    """Which games are right by a logistic regression, without an intercept, on the differences in length and number of
    steps, fitted to the training games."""
    from hrm_net.reward.pair.evaluation import fit  # it loads what draws tables, which solving does not need

    weights = fit(_differences(sets[TRAIN]), sets[TRAIN].better)
    return (_differences(held_out) @ weights > 0) == held_out.better


def _differences(games: JudgedGames) -> Float64[np.ndarray, "games features"]:
    def counts(one: Candidate) -> list[float]:
        return [np.log1p(sum(map(len, one.steps))), float(len(one.steps))]

    all_counts = np.array([counts(one) for one in games.candidates])
    return all_counts[games.games.first] - all_counts[games.games.second]


def export(run_dir: Path, config: TrainConfig) -> Path:
    """`run_dir/judge`: the best checkpoint as config.json and model.safetensors, set on validation games to the mean
    number of segments that the run asks for."""
    best = checkpoint.best(run_dir / "checkpoints")
    assert best is not None, run_dir
    model, reward = step_scorer.load(best, config), config.reward
    reader = text_reader(config, torch.device("cpu"))
    sets, _ = preferences.read(reward.text, reader, most=reward.pair.games, seed=config.seed)
    held_out = sets[VALIDATION]
    found = validated(
        model, held_out.games, held_out.better, segments=reward.segments, mean=reward.pair.mean_segments,
        batch_size=config.batch_size,
    )  # fmt: skip
    backbone = reader.states.backbone if isinstance(reader, StateReader) else None
    TextJudge(model, backbone, segments=reward.segments, stop=found.stop).save_pretrained(run_dir / "judge")
    return run_dir / "judge"


def find_text_judge(run: str, *, device: torch.device | str = "cpu", **settings: Any) -> TextJudge:
    """The judge of a run over texts, or of a directory of `save_pretrained`, with its language model where it has one;
    `settings` replace what it is set to. UserError where there is none."""
    path = Path(run).expanduser()
    for directory in (path, path / "judge"):
        if (directory / pretrained.CONFIG).is_file():
            return TextJudge.from_pretrained(directory, device=device, **settings)
    source = find_model(run)
    if source.config is None or source.heads != [PAIR] or source.puzzle["name"] != TEXT:
        raise UserError(f"{run}: holds no judge of texts; experiment=judge_language_model trains one")
    backbone = source.config.reward.text.backbone
    model = step_scorer.load(source.path, source.config).to(device)
    return TextJudge(model, Backbone.load(backbone, device) if backbone.on else None, **settings)
