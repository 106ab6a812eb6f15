"""`PairJudge`: symmetric to the last bit, as deep as it must be, and strict about what it is given."""

from typing import Any

import numpy as np
import pytest
import torch

import puzzles
from hrm_net.nn.config import HRMConfig
from hrm_net.reward import StepScorer
from hrm_net.reward.model import RewardModel
from hrm_net.reward.model_config import RewardModelConfig
from hrm_net.reward.pair import PairJudge, tournament
from hrm_net.reward.pair.games import GridGames, run_games, trace_games
from puzzles.errors import UserError
from puzzles.steps.steps import from_states
from puzzles.sudoku.domain import Sudoku
from tests.models import SMALL, VARIANTS, seeded
from tests.reward.rewarding import refusal

PUZZLE = Sudoku("2x2")
SIZES = {"vocab_size": PUZZLE.vocab_size, "seq_len": PUZZLE.seq_len}


def small_model(block: str = "symbols", seed: int = 3) -> RewardModel:
    """A judge of 4x4 Sudoku whose heads say something from the start."""
    core = HRMConfig(**{**SMALL, **VARIANTS[block], **SIZES, "num_puzzle_ids": 1, "l_cycles": 1})
    model = RewardModel(RewardModelConfig(core=core, objectives=["pair"], segments=6), seeded()).eval()
    with torch.no_grad():
        for name, param in model.named_parameters():
            if "head" in name and name.endswith("weight"):
                param.normal_(generator=seeded(seed))
    return model


def games(num: int = 24, seed: int = 0) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Problems, and two random fillings of each of some cells, right or wrong."""
    rng = puzzles.rng(seed, "test")
    problems, answers = PUZZLE.generate(rng, num, clues=7)
    sides = []
    for _ in range(2):
        wrong = rng.integers(2, PUZZLE.vocab_size, size=answers.shape)
        written = np.where(rng.random(answers.shape) < 0.8, answers, wrong)
        sides.append(np.where((problems == 1) & (rng.random(answers.shape) < 0.4), written, problems).astype(np.uint8))
    return problems.astype(np.uint8), sides[0], sides[1]


def grids(problem: np.ndarray, first: np.ndarray, second: np.ndarray) -> GridGames:
    return GridGames(problem=problem, first=first, second=second)


@pytest.fixture(scope="module")
def judge() -> PairJudge:
    """One that stops at different depths."""
    model = small_model()
    trace = trace_games(model, grids(*games()), segments=6, batch_size=64)
    stop = float(np.median(1 / (1 + np.exp(-trace.halting))))
    return PairJudge(model, PUZZLE, stop=stop, batch_size=16)


def test_both_orders_together_make_exactly_one(judge: PairJudge) -> None:
    problems, first, second = games(60)
    one, other = judge.compare(problems, first, second), judge.compare(problems, second, first)
    assert (one.probability + other.probability == 1.0).all()
    np.testing.assert_array_equal(one.segments, other.segments)
    assert len(set(one.segments.tolist()) - {0}) > 1
    both = judge.compare([*problems, *problems], [*first, *second], [*second, *first])
    assert (both.probability[:60] + both.probability[60:] == 1.0).all()
    votes = [judge.votes(problems, *pair, num=3) for pair in ((first, second), (second, first))]
    assert votes[0].probability.shape == (60, 3)
    assert (votes[0].probability + votes[1].probability == 1.0).all()


def test_equal_candidates_are_not_played(judge: PairJudge) -> None:
    problems, first, _ = games(3)
    found = judge.compare(problems, first, first)
    assert found.probability.tolist() == [0.5] * 3
    assert found.segments.tolist() == [0] * 3


def test_games_that_leave_early_say_what_they_would_say_alone(judge: PairJudge) -> None:
    """The verdict of each game is that of a pass in which no game leaves, at the segment in which it stopped."""
    problems, first, second = games()
    differ = (first != second).any(axis=1)
    problems, first, second = problems[differ], first[differ], second[differ]
    found = run_games(judge.model, grids(problems, first, second), segments=6, stop=judge.stop, batch_size=7)
    trace = trace_games(judge.model, grids(problems, first, second), segments=6, batch_size=5)
    stops = trace.stops(judge.stop)
    assert set(stops.tolist()) > {1}
    np.testing.assert_array_equal(found.segments, stops)
    np.testing.assert_allclose(found.logits, trace.at(stops), rtol=1e-4, atol=1e-5)
    alone = [judge.compare([problems[i]], [first[i]], [second[i]]) for i in range(5)]
    together = judge.compare(problems, first, second)
    np.testing.assert_allclose([one.probability[0] for one in alone], together.probability[:5], rtol=1e-5)
    thought = judge.think(problems[0], first[0], second[0])
    assert (thought.stopped_at or 6) == found.segments[0]


def test_any_form_of_a_candidate_is_the_same_candidate(judge: PairJudge) -> None:
    problems, first, second = games(1, seed=4)
    steps = list(from_states(np.stack([problems[0], first[0]])))
    texts = [f"r{c // 4 + 1}c{c % 4 + 1}={first[0, c] - 1}" for c in np.flatnonzero(first[0] != problems[0])]
    forms = [first[0], first[0].tolist(), PUZZLE.format(first[0]), torch.from_numpy(first[0]), steps, texts]
    found = {judge.compare([problems[0]], [form], [second[0]]).probability[0] for form in forms}
    assert len(found) == 1
    assert judge.compare([PUZZLE.format(problems[0])], [first[0]], [second[0]]).probability[0] in found


def test_votes_are_on_symmetric_images_and_decide_a_game(judge: PairJudge) -> None:
    problems, first, second = games(1, seed=2)
    found = judge.votes(problems, first, second, num=5)
    assert found.probability[0, 0] == pytest.approx(judge.compare(problems, first, second).probability[0])
    assert len(set(found.probability[0].round(6).tolist())) > 1
    ranking = tournament(judge, problems[0], [first[0], second[0]], votes=5)
    assert ranking.order[0] == (0 if (found.probability[0] > 0.5).sum() >= 3 else 1)
    assert ranking.segments == found.segments.sum()


def test_a_tournament_of_real_candidates(judge: PairJudge) -> None:
    rng = puzzles.rng(5, "test")
    problems, answers = PUZZLE.generate(rng, 1, clues=6)
    blank = np.flatnonzero(problems[0] == 1)
    states = [np.where(np.arange(16) == cell, answers[0], problems[0]) for cell in blank[:5]]
    found = tournament(judge, problems[0], [*states, states[0].tolist()], kind="round_robin")
    assert found.games == 10
    assert found.scores[0] == found.scores[5]


def test_what_is_saved_is_what_is_loaded(judge: PairJudge, tmp_path) -> None:
    judge.save_pretrained(tmp_path)
    again = PairJudge.from_pretrained(tmp_path)
    assert (again.segments, again.stop) == (judge.segments, judge.stop)
    problems, first, second = games(9)
    one, other = (which.compare(problems, first, second) for which in (judge, again))
    np.testing.assert_allclose(one.probability, other.probability, rtol=1e-5)
    assert PairJudge.from_pretrained(tmp_path, segments=2).segments == 2
    with pytest.raises(UserError, match="objective=pair: judges two candidates"):
        StepScorer.from_pretrained(tmp_path)


def test_what_is_not_finite_is_refused() -> None:
    model = small_model()
    with torch.no_grad():
        model.q_head.weight[0, 0] = float("nan")
    problems, first, second = games(4)
    line = "model: gives a verdict that is not finite at segment 1: its weights are damaged"
    assert refusal(lambda: PairJudge(model, PUZZLE).compare(problems, first, second)) == line


def test_mistakes_are_one_line(judge: PairJudge) -> None:
    problems, first, second = games(2)
    other = games(2, seed=7)[1]
    row = problems[0].tolist()
    cases: dict[str, Any] = {
        "first[0]: is a candidate of another problem: it changes what is given": lambda: judge.compare(
            problems, other, second
        ),
        "2 problems, 1 first, 2 second: must be equally many": lambda: judge.compare(problems, first[:1], second),
        "second[1]: has token 9 in r1c1: must be 0 to 5": lambda: judge.compare(problems, first, [second[0], [9] * 16]),
        "first[0]: of shape [4, 4] and dtype": lambda: judge.compare([row], [np.ones((4, 4), int)], [row]),
        "first[0]: is of type NoneType": lambda: judge.compare([row], [None], [row]),
        "problems[0]: ": lambda: judge.compare([[2] * 16], [row], [row]),
        "problems: is of type NoneType": lambda: judge.compare(None, [row], [row]),  # type: ignore[arg-type]
        "votes=0: must be at least 1": lambda: judge.votes(problems, first, second, num=0),
        f"votes={10**9}: must be at least 1 and at most {PUZZLE.num_symmetries:,}": lambda: judge.votes(
            problems, first, second, num=10**9
        ),
        "segments=0: must be a whole number of at least 1": lambda: PairJudge(judge.model, PUZZLE, segments=0),
        "stop=1.5: must be a probability above 0, or null": lambda: PairJudge(judge.model, PUZZLE, stop=1.5),
        "puzzle=sudoku: has 36 cells": lambda: PairJudge(judge.model, puzzles.get("sudoku", box="2x3")),
    }
    for line, call in cases.items():
        told = refusal(call)
        assert told.startswith(line), (line, told)
        assert "\n" not in told.strip()
    told = refusal(lambda: tournament(judge, problems[0], [first[0], other[0]]))
    assert told.startswith("problems[0]: candidates[1]: is a candidate of another problem")
    assert len(judge.compare([], [], []).probability) == 0
