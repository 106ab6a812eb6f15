"""One step scorer for several sizes of a puzzle: shared weights, the same scores, refusals."""

import numpy as np
import pytest
import torch

import puzzles
from hrm_net.model import puzzle_sizes
from hrm_net.reward import StepScorer
from puzzles.errors import UserError
from tests.reward.rewarding import small_scorer

SMALL, LARGE = (puzzles.get("sudoku", box=box) for box in ("2x2", "2x3"))


def relational_scorer() -> StepScorer:
    sizes = puzzle_sizes(SMALL)
    return StepScorer(
        small_scorer("symbols", ("prm", "hier"), block="relational", **sizes), SMALL, "hier", fine_weight=0.5
    )


def solution(puzzle) -> tuple[np.ndarray, list[str]]:
    problems, answers = puzzle.generate(puzzles.rng(0, "sizes"), 1, clues=12 if puzzle is LARGE else 6)
    places = np.argwhere((problems[0] == 1).reshape(puzzle.shape))
    values = (answers[0] - 1).reshape(puzzle.shape)
    return problems, [f"r{row + 1}c{column + 1}={values[row, column]}" for row, column in places[:4]]


def test_a_scorer_of_another_size_has_the_same_weights_and_settings() -> None:
    scorer = relational_scorer()
    large = scorer.resized(LARGE)
    assert (large.fine_weight, large.segments, large.objective) == (0.5, scorer.segments, "hier")
    mine, theirs = dict(scorer.model.named_parameters()), dict(large.model.named_parameters())
    assert mine.keys() == theirs.keys()
    assert all(mine[name] is theirs[name] for name in mine)
    problems, steps = solution(LARGE)
    (scores,) = large.score(problems, [[steps]])
    assert len(scores[0]) == len(steps)
    assert np.isfinite(scores[0]).all()


def test_there_and_back_scores_the_same() -> None:
    scorer = relational_scorer()
    problems, steps = solution(SMALL)
    back = scorer.resized(LARGE).resized(SMALL)
    assert back.score(problems, [[steps]]) == scorer.score(problems, [[steps]])
    with torch.no_grad():
        next(scorer.model.parameters()).add_(1.0)
    assert back.score(problems, [[steps]]) == scorer.score(problems, [[steps]])


def test_other_domains_and_weights_of_one_size_are_refused() -> None:
    with pytest.raises(UserError, match=r"puzzle=maze: must be sudoku, of any size"):
        relational_scorer().resized(puzzles.get("maze"))
    fixed = StepScorer(small_scorer("symbols", ("prm",)), SMALL, "prm")
    with pytest.raises(UserError, match=r"seq_len=36.*would have to be"):
        fixed.resized(LARGE)
