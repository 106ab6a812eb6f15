"""Batches of steps: always as many rows, solutions whole and in order, the same for the same step, labels that stay
true under symmetries."""

import numpy as np
import pytest
import torch

import puzzles
from hrm_net.recipes.step_scorer import solution_source
from hrm_net.reward.data import prepare as data
from hrm_net.reward.data.batches import StepBatches
from hrm_net.reward.data.solutions import build_policy, sample
from hrm_net.reward.examples import Examples, from_steps
from hrm_net.reward.heads.base import ALONE
from hrm_net.reward.inputs import GRIDS
from puzzles.steps.attempts import attempts
from puzzles.steps.labels import label_states
from puzzles.steps.rules import step_rules
from tests.recipes import reward_victim

CONFIG = reward_victim.config()
RULES = step_rules(puzzles.get("sudoku", box="2x2"))
DATA = data.make(solution_source(CONFIG, RULES))
EXAMPLES = DATA.examples()
ROWS, BUDGET = 30, CONFIG.reward.budget


def batches(found: Examples = EXAMPLES, **changes) -> StepBatches:
    return StepBatches(found, RULES.puzzle, **{"budget": BUDGET, "batch_size": ROWS, "seed": 0, **changes})


def test_a_step_always_gives_the_same_batch_and_others_differ() -> None:
    one, again, other = batches()(5), batches()(5), batches()(6)
    for name, column in one.items():
        assert torch.equal(column, again[name]) or name == "label"
        assert len(column) == ROWS or name in ("outcome", "error")
    assert torch.equal(one["label"].nan_to_num(-1), again["label"].nan_to_num(-1))
    assert not torch.equal(one["problem"], other["problem"])


@pytest.mark.parametrize("kind", ["both", "whole", "single"])
def test_solutions_are_whole_and_rows_fill_the_rest(kind: str) -> None:
    trajectories = None if kind == "single" else DATA.trajectories
    single = None if kind == "whole" else DATA.single_rows
    found = batches(from_steps(trajectories, single), augment=False)
    for step in range(20):
        batch = found(step)
        trajectory = batch["trajectory"]
        inside = trajectory[trajectory != ALONE]
        num = len(batch["outcome"])
        assert num == len(batch["error"]) == {"both": 3, "whole": 7, "single": 0}[kind]
        assert torch.equal(inside, inside.sort().values)
        assert sorted(set(inside.tolist())) == list(range(num))
        for one in range(num):
            mine = batch["before"][trajectory == one], batch["after"][trajectory == one]
            assert torch.equal(mine[0][1:], mine[1][:-1])
            assert torch.equal(batch["left"][trajectory == one], BUDGET - 1 - torch.arange(len(mine[0])))
            solved = not ((mine[1][-1] <= 1) & (batch["problem"][trajectory == one][0] == 1)).any()
            assert solved or not batch["outcome"][one]
        alone = batch["label"][trajectory == ALONE]
        assert alone.isnan().all() if kind == "whole" else not alone.isnan().any()
        assert (batch["span"][trajectory != ALONE] == 1).all()


def test_an_epoch_shows_every_solution_once() -> None:
    assert DATA.trajectories is not None
    found = batches(from_steps(DATA.trajectories, None), batch_size=BUDGET, augment=False)
    num = len(DATA.trajectories)
    seen = [found(step)["error"].item() + 10 * found(step)["outcome"].item() for step in range(num)]
    expected = DATA.trajectories.error + 10 * DATA.trajectories.outcome
    assert sorted(seen) == sorted(expected.tolist())


def test_labels_stay_true_under_the_symmetries_that_rows_are_shown_in() -> None:
    plain, shown = batches(augment=False)(0), batches()(0)
    changed = sum(int((plain[name] != shown[name]).sum()) for name in GRIDS)
    assert changed > 0
    problem, before, after = (shown[name].numpy().astype(np.uint8) for name in GRIDS)
    again = label_states(
        RULES,
        attempts(
            RULES.puzzle, problem, np.stack([before, after], axis=1), np.ones(ROWS, np.int64),
            budget=BUDGET, cells_per_step=16, regime="edit",
        ),
    )  # fmt: skip
    fine = (shown["span"] == 1).numpy()
    assert fine.sum() > 5
    np.testing.assert_array_equal(again.ok[fine, 0], shown["label"].numpy()[fine])


@pytest.mark.parametrize("share", [0.0, 0.5, 1.0])
def test_only_a_share_of_the_errors_is_told(share: float) -> None:
    found = batches(error_share=share)
    told = torch.cat([found(step)["error"] for step in range(200)]) >= 0
    assert told.float().mean().item() == pytest.approx(share, abs=0.2)
    if share in (0.0, 1.0):
        assert (told == bool(share)).all()


def test_rollouts_label_steps_and_leave_outcomes_exact() -> None:
    config = reward_victim.config({"labels": "mc_soft", "data": "trajectories", "children": 4}).reward
    problems, answers = RULES.puzzle.generate(puzzles.rng(0, "test"), 8, clues=7)
    RULES.remember(problems, answers)
    found = sample(build_policy(config, RULES), RULES, puzzles.rng(1, "test"), problems, config, num=4, rollouts=True)
    taught, exact = found.trajectories(config), found.trajectories(config, exact=True)
    np.testing.assert_array_equal(taught.outcome, exact.outcome)
    np.testing.assert_array_equal(taught.error, exact.error)
    assert set(np.unique(taught.rows.label * 4)) <= {0, 1, 2, 3, 4}
    assert taught.rows.sources[0].startswith("mc(k=4,policy=careless(")
    assert exact.rows.sources == ("exact",)
    last = taught.starts[1:] - 1
    # nothing is left to roll out after the last step of the budget, nor after the solution
    np.testing.assert_array_equal(taught.rows.label[last], exact.outcome.astype(np.float32))
    assert found.merged(config).label.tolist() == [
        label for label, first in zip(taught.rows.label, _firsts(taught.starts), strict=True) if not first
    ]


def _firsts(starts: np.ndarray) -> np.ndarray:
    firsts = np.zeros(starts[-1], bool)
    firsts[starts[:-1]] = True
    return firsts
