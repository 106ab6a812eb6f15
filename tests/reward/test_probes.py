"""Probes are what they say by the oracle's labels, and tell scorers that see through them from those that don't."""

from inspect import signature

import numpy as np
import pytest

import puzzles
from hrm_net.reward.search import probes
from hrm_net.reward.search.probes import climb
from puzzles.steps.attempts import attempts
from puzzles.steps.labels import label_states
from puzzles.steps.policies import CarelessSolver, sample_states
from puzzles.steps.rules import step_rules

BUDGET = 14


def _sampled(puzzle, problems, **options):
    rules = step_rules(puzzle)
    rows = np.repeat(problems, 12, 0)
    policy = CarelessSolver(rules, regime="edit", **options)
    states, lengths = sample_states(policy, rules, np.random.default_rng(1), rows, BUDGET)
    some = attempts(
        puzzle, rows, states, lengths, budget=BUDGET, cells_per_step=options["cells_per_step"], regime="edit"
    )
    return rules, some


@pytest.fixture(scope="module", params=["sudoku", "maze"])
def sampled(request):
    """(rules, honest attempts): solved and failed ones at each puzzle, many mended on the way."""
    if request.param == "maze":
        puzzle = puzzles.get("maze", rows=7, columns=7)
        problems, _ = puzzle.generate(np.random.default_rng(0), 10, kind="dfs", braid=0.8, path=[6, None])
        return _sampled(puzzle, problems, error=0.3, correct=0.3, cells_per_step=1)
    puzzle = puzzles.get("sudoku", box="2x2")
    problems, _ = puzzle.generate(np.random.default_rng(0), 10, clues=6)
    return _sampled(puzzle, problems, error=0.3, correct=0.3, cells_per_step=1)


@pytest.fixture(scope="module")
def solved(sampled):
    rules, some = sampled
    right = label_states(rules, some).solved
    assert right.any()
    assert not right.all()
    return some.take(right)


class Judge:
    """Scores by the truth: the step's own label `ok`, or whether the state can still be finished (`alive`)."""

    def __init__(self, rules, kind):
        self.rules, self.kind = rules, kind

    def score_rows(self, rows):
        targets = self.rules.targets(rows.problem, rows.before, rows.after)
        editable = self.rules.editable(rows.problem)
        if self.kind == "alive":
            later = self.rules.targets(rows.problem, rows.after, rows.after)
            good = (editable & (rows.after != later)).sum(1) <= rows.left
        else:
            changed = rows.before != rows.after
            good = ~(
                changed & (rows.after != targets) & ~((rows.after == self.rules.blank) & (rows.before != targets))
            ).any(1)
        return np.where(good, 0.9, 0.1)


def test_padding_does_nothing_until_the_budget_ends(sampled, solved):
    rules, _ = sampled
    keep = solved.lengths // 2
    made = probes.no_op_padding(solved, keep)
    labels = label_states(rules, made)
    assert (made.lengths == BUDGET).all()
    assert not labels.solved.any()
    changed = (made.states[:, 1:] != made.states[:, :-1]).any(2)
    assert not changed[np.arange(BUDGET) >= keep[:, None]].any()
    for before, after, kept in zip(solved.states, made.states, keep.tolist(), strict=True):
        assert (before[: kept + 1] == after[: kept + 1]).all()


def test_loops_erase_and_refill_the_cell_written_last(sampled, solved):
    rules, _ = sampled
    made = probes.erase_refill(solved, rules, solved.lengths // 2)
    assert 0 < len(made) <= len(solved)
    assert not made.fill.any()
    labels = label_states(rules, made)  # checks chains, cells per step and values
    changed = (made.states[:, 1:] != made.states[:, :-1]).sum(2)
    last = changed[:, -4:]
    assert (last == 1).all()
    assert (made.states[:, -1] == made.states[:, -3]).all()
    assert (made.states[:, -2] == made.states[:, -4]).all()
    blank = (made.states[:, -2:] == rules.blank).sum(2)
    assert (np.abs(blank[:, 0] - blank[:, 1]) == 1).all()
    assert not labels.solved.any()


def test_huge_steps_end_in_the_same_state_with_time_left(sampled):
    rules, some = sampled
    made = probes.few_huge_steps(some, 3)
    assert made.lengths.tolist() == [-(-length // 3) for length in some.lengths.tolist()]
    rows = np.arange(len(some))
    assert (made.states[rows, made.lengths] == some.states[rows, some.lengths]).all()
    assert (label_states(rules, made).solved == label_states(rules, some).solved).all()
    same = probes.few_huge_steps(some, 1)
    assert (same.lengths == some.lengths).all()
    assert all((a[: n + 1] == b[: n + 1]).all() for a, b, n in zip(same.states, some.states, some.lengths, strict=True))
    with pytest.raises(ValueError, match="merge=0"):
        probes.few_huge_steps(some, 0)


@pytest.mark.parametrize("gap", [0, 2])
def test_mended_errors_are_one_wrong_step_more_and_end_solved(sampled, solved, gap):
    rules, _ = sampled
    clean = solved.take(((label_states(rules, solved).ok == 1) | ~solved.live).all(1))
    made = probes.error_then_fix(solved, rules, np.random.default_rng(0), gap=gap)
    assert len(made) > 3
    assert not made.fill.any()
    labels = label_states(rules, made)
    assert labels.solved.all()
    made = probes.error_then_fix(clean, rules, np.random.default_rng(0), gap=gap)
    assert len(made) > 0
    ok = label_states(rules, made).ok == 1
    wrong = ~ok & made.live
    assert (wrong.sum(1) == 1).all()
    at = wrong.argmax(1)
    rows = np.arange(len(made))
    erred = made.states[rows, at + 1] != made.states[rows, at]
    assert (erred.sum(1) == 1).all()
    mending = made.states[rows, at + 2 + gap] != made.states[rows, at + 1 + gap]
    assert (mending == erred).all()


def test_a_wrong_value_in_place_of_a_right_one_is_put_right_in_one_step_more():
    puzzle = puzzles.get("sudoku", box="2x2")
    problems, _ = puzzle.generate(np.random.default_rng(0), 10, clues=6)
    rules, some = _sampled(puzzle, problems, error=0.3, correct=0.3, cells_per_step=4)
    clean = some.take((label_states(rules, some).ok == 1)[:, :3].all(1) & label_states(rules, some).solved)
    assert (clean.lengths == 3).all()
    clean.budget[:] = 4
    clean.budget[0] = 3  # no room
    assert len(probes.error_then_fix(clean, rules, np.random.default_rng(0))) == 0
    made = probes.wrong_then_right(clean, rules, np.random.default_rng(0))
    assert 3 < len(made) < len(clean)
    labels = label_states(rules, made)  # no cell more a step
    assert labels.solved.all()
    wrong = (labels.ok < 1) & made.live
    assert (made.lengths == 4).all()
    assert (wrong.sum(1) == 1).all()
    at, rows = wrong.argmax(1), np.arange(len(made))
    mending = made.states[rows, at + 2] != made.states[rows, at + 1]
    assert (mending.sum(1) == 1).all()
    assert (made.states[rows, at][mending] == rules.blank).all()
    clean.budget[:] = 4
    seen = probes.probe(Judge(rules, "alive"), rules, np.random.default_rng(0), clean)
    assert seen["error_then_fix"]["num"] > 3
    assert seen["error_then_fix"]["solved"] == 1.0


@pytest.mark.parametrize(
    "probed",
    [probes.no_op_padding, probes.erase_refill, probes.few_huge_steps, probes.error_then_fix, probes.wrong_then_right],
)
def test_of_no_attempts_none_is_made(sampled, probed):
    rules, some = sampled
    none = some.take(np.zeros(0, np.int64))
    given = {"attempts": none, "rules": rules, "rng": np.random.default_rng(0), "keep": np.zeros(0, np.int64)}
    arguments = {name: given[name] for name in signature(probed).parameters if name in given}
    assert len(probed(**arguments)) == 0


def test_probes_tell_a_scorer_that_is_fooled_from_one_that_is_not(sampled):
    rules, some = sampled
    seen = probes.probe(Judge(rules, "alive"), rules, np.random.default_rng(0), some)
    fooled = probes.probe(Judge(rules, "ok"), rules, np.random.default_rng(0), some)
    assert seen["no_op_padding"]["beats_solved"]["last"] == 0.0
    assert seen["no_op_padding"]["ok"] == 1.0
    assert fooled["no_op_padding"]["beats_solved"]["min"] >= 0.5  # never a wrong step
    assert fooled["no_op_padding"]["beats_failed"]["mean"] > 0.9
    assert seen["error_then_fix"]["beats_failed"]["last"] == 1.0
    assert seen["error_then_fix"]["solved"] == 1.0
    assert not seen["few_huge_steps"]["solved"] > 0  # NaN where every end could still be finished
    assert seen["failed"]["beats_failed"]["prod"] == pytest.approx(0.5)
    assert seen["failed"]["num"] == int((~label_states(rules, some).solved).sum())


def test_climbing_finds_the_truth_of_an_honest_score_and_only_score_of_another(sampled):
    rules, some = sampled
    problems = some.problems[::12]

    class Agreement:
        def __init__(self, sign):
            self.sign = sign

        def score_rows(self, rows):
            assert (rows.left == 0).all()
            targets = rules.targets(rows.problem, rows.after, rows.after)
            return (rows.after == targets).mean(1) if self.sign else (rows.after != targets).mean(1)

    up = climb(Agreement(True), rules, np.random.default_rng(0), problems, iterations=60, proposals=24)
    down = climb(Agreement(False), rules, np.random.default_rng(0), problems, iterations=20, proposals=8)
    for curve in (up, down):
        assert curve["score"] == sorted(curve["score"])
        assert curve["score"][-1] > curve["score"][0]
    assert len(up["score"]) == 61
    assert up["right"][-1] > up["right"][0]
    assert down["right"][-1] < down["right"][0]
    assert down["solved"][-1] == 0.0


def test_huge_steps_take_part_only_where_their_end_is_lost(sampled):
    rules, some = sampled
    failed = some.take(~label_states(rules, some).solved)
    huge = probes.few_huge_steps(failed)
    lost = probes.lost(rules, huge)
    end = huge.states[np.arange(len(huge)), huge.lengths]
    differing = (rules.targets(huge.problems, end, end) != end).sum(1)
    left = (huge.budget - huge.lengths) * huge.cells_per_step
    assert (lost == (differing > left)).all()
    judge = Judge(rules, "alive")
    told = probes.probe(judge, rules, np.random.default_rng(0), some)
    assert told["few_huge_steps"]["num"] == lost.sum()
    assert not lost.all()  # nearly every end could still be finished, so that calling it alive is right


def test_an_end_at_the_budget_is_lost_exactly_where_it_is_not_solved(sampled):
    rules, some = sampled
    done = some.take(some.lengths == some.budget)
    assert (probes.lost(rules, done) == ~label_states(rules, done).solved).all()
