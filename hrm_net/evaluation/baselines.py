"""What answers cost nothing to find, and how often they are right: every result on a table stands beside them."""

from collections.abc import Iterable

import numpy as np
from jaxtyping import Integer

from hrm_net.data.puzzle_sets import IGNORE, PuzzleSet, scored

Rows = Integer[np.ndarray, "num seq"]


def answer_baselines(train_labels: Rows, puzzle_set: PuzzleSet) -> dict[str, dict[str, float]]:
    """`exact_accuracy` and `cell_accuracy`, as of a model, of three answers: the most frequent one of the training
    rows, the most frequent symbol at each cell, and the question itself."""
    train, labels = scored(train_labels), scored(puzzle_set.labels)
    answers, counts = np.unique(train, axis=0, return_counts=True)
    guesses = {
        "most_frequent_answer": answers[np.argmax(counts)],
        "most_frequent_symbols": _most_frequent_symbols(train),
        "the_question": puzzle_set.inputs,
    }
    is_scored = labels != IGNORE
    found = {}
    for name, guess in guesses.items():
        right = (labels == guess) & is_scored
        found[name] = {
            "exact_accuracy": float((right | ~is_scored).all(axis=1).mean()),
            "cell_accuracy": float(right.sum() / max(1, is_scored.sum())),
        }
    return found


def _most_frequent_symbols(labels: Rows) -> Integer[np.ndarray, " seq"]:
    """The most frequent label of each cell among those that are scored."""
    size = max(1, int(labels.max()) + 1)
    counts = np.zeros((labels.shape[1], size), np.int64)
    rows, cells = np.nonzero(labels != IGNORE)
    np.add.at(counts, (cells, labels[rows, cells]), 1)
    return counts.argmax(axis=1)


def baseline_lines(name: str, found: dict[str, dict[str, float]]) -> Iterable[str]:
    """The baselines of a set in words."""
    for what, rates in found.items():
        words = what.replace("_", " ")
        yield f"{name}, always {words}: {rates['exact_accuracy']:.1%} right, {rates['cell_accuracy']:.1%} of cells"
