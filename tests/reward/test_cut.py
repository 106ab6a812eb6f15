"""Solutions that are cut off for a scorer to learn from."""

import numpy as np
import pytest

import puzzles
from hrm_net.reward.config import PolicyConfig, RewardConfig
from hrm_net.reward.data.solutions import build_policy, policy_values, sample
from puzzles.errors import UserError
from puzzles.steps.slips import Slipping

RULES = puzzles.get("sudoku", box="2x2").step_rules()


def test_a_cut_solution_ends_its_budget_and_cannot_come_right() -> None:
    problems, answers = RULES.puzzle.generate(puzzles.rng(0, "cut"), 40, clues=8)
    RULES.remember(problems, answers)
    policy = PolicyConfig(name="full", error=0.0, correct=0.0)
    shares = {}
    for cut in (0.0, 0.5, 1.0):
        config = RewardConfig(
            objectives=["cond"], regime="fill", budget=12, cells_per_step=1, policy=policy, cut=cut, coarse="net"
        )
        found = sample(build_policy(config, RULES), RULES, puzzles.rng(1, "cut"), problems, config, num=4)
        shares[cut] = found.exact.solved.mean()
        left = found.trajectories(config).rows.left
        ends = np.cumsum(found.attempts.lengths) - 1
        assert (left[ends] == (12 - 8 if cut == 0 else 0)).all()
        cut_off = found.attempts.lengths < 8
        assert (found.exact.solved == ~cut_off).all()
        assert (found.exact.last_error[cut_off] == 0).all()  # from its first step on it cannot come right in time
    assert shares[0.0] == 1
    assert 0.4 < shares[0.5] < 0.7
    assert shares[1.0] < 0.3


def test_slips_belong_to_the_policy_that_edits_until_it_is_full() -> None:
    for wrong in ({"name": "careless", "slip": 0.1}, {"name": "full", "slip": 0.6}):
        with pytest.raises(UserError, match="slip"):
            PolicyConfig(**wrong)  # type: ignore[arg-type]
    slips = PolicyConfig(name="full", slip=0.1)
    with pytest.raises(UserError, match=r"reward\.policy\.slip"):
        RewardConfig(objectives=["orm"], regime="fill", policy=slips)
    assert isinstance(build_policy(RewardConfig(objectives=["orm"], policy=slips), RULES), Slipping)
    # Solutions that were made before there were slips are still those of a run without them.
    assert "slip" not in policy_values(RewardConfig(policy=PolicyConfig(name="full")))
    assert policy_values(RewardConfig(policy=slips))["slip"] == 0.1
