"""What a head is worth, where the answer is known: scores that are the truth, its opposite, or nothing."""

import math

import numpy as np
import pytest

import puzzles
from hrm_net.reward.aggregate import COMPARED
from hrm_net.reward.data.solutions import build_policy, sample
from hrm_net.reward.labelled_solutions import (
    Choices,
    LabelledSolutions,
    best_fine_weight,
    clash_free,
    combined_scores,
    head_metrics,
)
from hrm_net.reward.metrics import ranking as metrics
from puzzles.steps.rows import StepRows
from puzzles.steps.rules import step_rules
from tests.recipes import reward_victim

CONFIG = reward_victim.config().reward
RULES = step_rules(puzzles.get("sudoku", box="2x2"))
NUM = 6


def make(seed: int) -> LabelledSolutions:
    problems, answers = RULES.puzzle.generate(puzzles.rng(seed, "test"), 12, clues=6)
    RULES.remember(problems, answers)
    policy = build_policy(CONFIG, RULES)
    found = [
        sample(policy, RULES, puzzles.rng(seed, "test of judging", part), problems[part::2], CONFIG, num=NUM)
        for part in range(2)
    ]
    return LabelledSolutions.of("test", found, CONFIG, NUM)


TEST, VALIDATION = make(0), make(1)


def test_an_exam_holds_each_puzzles_solutions_side_by_side() -> None:
    assert TEST.solved.shape == (12, NUM)
    assert 0.1 < TEST.solved.mean() < 0.9
    problems = TEST.trajectories.rows.problem[TEST.trajectories.starts[:-1]].reshape(12, NUM, -1)
    assert (problems == problems[:, :1]).all()
    solution = RULES.targets(problems[:, 0], problems[:, 0], problems[:, 0])
    np.testing.assert_array_equal((TEST.ends.reshape(12, NUM, -1) == solution[:, None]).all(axis=2), TEST.solved)


def test_merged_pairs_come_in_the_order_of_the_steps_that_end_them() -> None:
    has = np.ones(len(TEST.ok), bool)
    has[TEST.trajectories.starts[:-1]] = False
    np.testing.assert_array_equal(TEST.merged.after, TEST.trajectories.rows.after[has])
    np.testing.assert_array_equal(TEST.merged.before, TEST.trajectories.rows.before[np.flatnonzero(has) - 1])


def test_the_combination_is_fixed_where_it_tells_most() -> None:
    truth = VALIDATION.ok.astype(float)
    merged = VALIDATION.merged.label.astype(float)
    noise = puzzles.rng(0, "noise").random(len(truth))
    assert best_fine_weight(VALIDATION, noise, merged) == 0.0
    assert best_fine_weight(VALIDATION, truth, 1 - merged) == 1.0
    np.testing.assert_array_equal(combined_scores(VALIDATION, truth, noise[: len(merged)], 1.0), truth)


@pytest.mark.parametrize("how", COMPARED)
def test_the_truth_judges_everything_rightly(how: str) -> None:
    truth = TEST.ok.astype(float)
    choices = Choices.on(VALIDATION, VALIDATION.ok.astype(float))
    found = head_metrics(TEST, truth, choices, puzzles.rng(0, "bootstrap"))
    assert found["steps"]["auroc"] == found["steps"]["auroc_within"] == 1.0
    assert found["calibration"]["ece"] == found["calibration"]["brier"] == 0.0
    assert all(cell["accuracy"] == 1.0 for cell in found["quadrants"].values() if cell["num"])
    curve = found["best_of_n"][how]
    assert curve["accuracy"][0] == pytest.approx(TEST.solved.mean())
    if how in ("prod", "min"):
        # a solution without a wrong step came right, and most that did have one were mended
        assert (TEST.aggregated(truth, how).max(axis=1)[~TEST.solved.any(axis=1)] < 1).all()
        assert curve["accuracy"][-1] > curve["accuracy"][0]


def test_the_opposite_of_the_truth_judges_nothing_rightly() -> None:
    wrong = 1 - TEST.ok.astype(float)
    choices = Choices.on(VALIDATION, VALIDATION.ok.astype(float))
    found = head_metrics(TEST, wrong, choices, puzzles.rng(0, "bootstrap"))
    assert found["steps"]["auroc"] == 0.0
    assert found["calibration"]["ece"] == 1.0
    assert all(cell["accuracy"] == 0.0 for cell in found["quadrants"].values() if cell["num"])


def test_a_clash_check_knows_nothing_of_a_policy_that_avoids_clashes() -> None:
    clash = clash_free(RULES, TEST.trajectories.rows)
    assert metrics.auroc(clash, TEST.ok) == pytest.approx(0.5, abs=0.1)


def test_a_clash_check_sees_a_clash_and_nothing_else() -> None:
    problem = np.array([[2, 1, 1, 1, *[1] * 12]], np.uint8)  # a 1 in the corner
    after = np.repeat(problem, 4, axis=0)
    after[0, 1], after[1, 1], after[2, 4] = 2, 3, 2
    before = np.repeat(problem, 4, axis=0)
    before[3, 5] = after[3, 5] = 2  # clashed before: not this step's doing
    rows = StepRows(
        problem=np.repeat(problem, 4, axis=0), before=before, after=after, left=np.zeros(4, np.int32),
        span=np.ones(4, np.uint8), label=np.full(4, np.nan, np.float32), group=np.zeros(4, np.int64),
        source=np.zeros(4, np.uint8), sources=("none",),
    )  # fmt: skip
    assert clash_free(RULES, rows).tolist() == [0.0, 1.0, 0.0, 1.0]


def test_thresholds_come_from_validation_alone() -> None:
    scores = puzzles.rng(3, "scores").random(len(VALIDATION.ok))
    one, two = Choices.on(VALIDATION, scores), Choices.on(VALIDATION, 0.5 + 0.5 * scores)
    assert two.threshold == pytest.approx(0.5 + 0.5 * one.threshold)
    assert one.fine_weight is None
    assert one.how in COMPARED
    assert not math.isnan(one.threshold_last)


def test_the_aggregation_is_the_best_over_the_whole_curve_and_no_tie_goes_to_the_product() -> None:
    # Every aggregation picks a solved candidate out of all of them, and the product of these scores fails for few.
    scores = np.full(len(VALIDATION.ok), 0.5)
    last = VALIDATION.trajectories.starts[1:] - 1
    scores[last] = np.where(VALIDATION.trajectories.outcome, 0.9, 0.1)
    assert Choices.on(VALIDATION, scores).how == "last"
    constant = np.full(len(VALIDATION.ok), 1.0)  # every aggregation gives every solution the same
    assert Choices.on(VALIDATION, constant).how == "last"
