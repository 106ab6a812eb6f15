"""Greedy and beam search against plain loops over all hypotheses, and what they cost."""

import math
from itertools import pairwise, product

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import puzzles
from hrm_net.reward.aggregate import COMPARED
from hrm_net.reward.search import guided as search
from puzzles.steps.policies import CarelessSolver, Policy, RandomPolicy
from puzzles.steps.rules import StepRules, step_rules
from tests.examples import num_examples

VALUES = (2, 3, 4)


class Slate(StepRules):
    """Rules of a puzzle of three cells that are written one after another; 2 3 4 is the solution."""

    puzzle = puzzles.get("sudoku", box="2x2")  # not looked at
    blank = 1
    values = (1, *VALUES)
    unique = True

    def start(self, problems):
        return np.ones_like(problems, np.uint8)

    def editable(self, problems):
        return np.ones(problems.shape, bool)

    def legal(self, problems, states):
        raise NotImplementedError

    def complete(self, problems, states):
        return (states > 1).all(axis=1)

    def remember(self, problems, answers):
        raise NotImplementedError

    def targets(self, problems, before, after):
        return np.repeat(np.array([[2, 3, 4]], np.uint8), len(problems), 0)


class Writer(Policy):
    """Writes a random value into the first blank cell."""

    name, cells_per_step, regime = "writer", 1, "fill"

    def __init__(self):
        self.seen = []

    def __call__(self, rng, problems, states, left):
        self.seen.append((len(states), left.copy()))
        after = states.copy()
        after[np.arange(len(after)), (after == 1).argmax(1)] = rng.choice(VALUES, len(after))
        return after, np.full(len(after), np.nan)


class Table:
    """Each (problem, before, after) has a score of its own; rows are counted."""

    def __init__(self, seed):
        self.seed, self.calls = seed, []

    def one(self, problem, before, after, span=1):
        key = (self.seed, *map(int, problem), *map(int, before), *map(int, after), span)
        return float(np.random.default_rng(key).random())

    def score_rows(self, rows):
        self.calls.append((len(rows), rows.span.copy(), rows.left.copy()))
        columns = zip(rows.problem, rows.before, rows.after, rows.span.tolist(), strict=True)
        return np.array([self.one(*row) for row in columns])


def _value(scores, how):
    return {"prod": math.prod(scores), "min": min(scores), "last": scores[-1], "mean": sum(scores) / 3}[how]


def _steps(path):
    states = [np.array([*path[:t], *[1] * (3 - t)]) for t in range(4)]
    return list(pairwise(states)), states


@pytest.mark.parametrize("how", COMPARED)
def test_a_wide_beam_finds_the_best_of_all_paths(how):
    problems, table = np.array([[5, 5, 5], [6, 6, 6]], np.uint8), Table(0)
    found = search.beam(
        table, Writer(), Slate(), np.random.default_rng(0), problems, width=27, expand=40, budget=3, how=how
    )
    for i, problem in enumerate(problems):
        every = {
            path: _value([table.one(problem, *step) for step in _steps(path)[0]], how)
            for path in product(VALUES, repeat=3)
        }
        best = tuple(found.states[i, -1].tolist())
        assert every[best] == max(every.values())  # the least of three scores may be the same of several paths
        assert (found.states[i] == np.array(_steps(best)[1])).all()
        expected = math.log(every[best]) if how == "prod" else every[best]
        assert found.value[i] == pytest.approx(expected)
        assert found.solved[i] == (best == VALUES)
    assert found.steps.tolist() == [3, 3]


def test_a_beam_of_merged_pairs_weighs_both_scores():
    problem, table, weight = np.array([[9, 8, 7]], np.uint8), Table(3), 0.3
    found = search.beam(
        table, Writer(), Slate(), np.random.default_rng(0), problem, width=27, expand=40, budget=3, fine_weight=weight
    )

    def value(path):
        steps, states = _steps(path)
        fine = [table.one(problem[0], *step) for step in steps]
        pair = [table.one(problem[0], states[t - 2], states[t], 2) for t in (2, 3)]
        return fine[0] * math.prod(weight * a + (1 - weight) * b for a, b in zip(fine[1:], pair, strict=True))

    best = max(product(VALUES, repeat=3), key=value)
    assert tuple(found.states[0, -1].tolist()) == best
    assert found.value[0] == pytest.approx(math.log(value(best)))
    assert found.scorer_calls == sum(num for num, _, _ in table.calls)
    assert {int(span) for _, spans, _ in table.calls for span in spans} == {1, 2}


def test_greedy_appends_the_best_scored_step():
    problem, table = np.array([[5, 6, 7]], np.uint8), Table(1)
    writer = Writer()
    found = search.greedy(table, writer, Slate(), np.random.default_rng(0), problem, candidates=60, budget=3)
    state = np.array([1, 1, 1])
    for t in range(3):
        tries = [np.array([*state[:t], value, *state[t + 1 :]]) for value in VALUES]
        state = max(tries, key=lambda after: table.one(problem[0], state, after))
    assert found.states[0, -1].tolist() == state.tolist()
    assert found.policy_calls == found.scorer_calls == 180
    assert [num for num, _ in writer.seen] == [60, 60, 60]
    assert [left.tolist() for _, left in writer.seen] == [[left] * 60 for left in (3, 2, 1)]
    assert [set(left.tolist()) for _, _, left in table.calls] == [{2}, {1}, {0}]


def test_the_start_gets_as_many_continuations_as_a_full_beam_and_states_appear_once():
    table, writer = Table(2), Writer()
    found = search.beam(
        table, writer, Slate(), np.random.default_rng(0), np.array([[5, 5, 5]], np.uint8), width=4, expand=20, budget=3
    )
    # 80 tries from the start leave the three different states, each of them is tried 20 times
    assert [num for num, _ in writer.seen] == [80, 60, 80]
    assert (found.policy_calls, found.scorer_calls) == (220, 220)


class Truth:
    """Knows which states agree with the solution."""

    def __init__(self, rules, sign=1):
        self.rules, self.sign = rules, sign

    def score_rows(self, rows):
        targets = self.rules.targets(rows.problem, rows.before, rows.after)
        wrong = ((rows.after != targets) & (rows.after != self.rules.blank)).any(1)
        return np.where(wrong == (self.sign < 0), 0.9, 0.1)


@pytest.fixture(scope="module")
def sudoku():
    puzzle = puzzles.get("sudoku", box="2x2")
    problems, _ = puzzle.generate(np.random.default_rng(0), 12, clues=6)
    return step_rules(puzzle), problems


def _search(sudoku, scorer, seed=0, **options):
    rules, problems = sudoku
    policy = CarelessSolver(rules, error=0.5, cells_per_step=2)
    return search.beam(scorer, policy, rules, np.random.default_rng(seed), problems, budget=5, **options)


def test_a_scorer_that_knows_solves_and_one_that_lies_does_not(sudoku):
    rules, problems = sudoku
    found = _search(sudoku, Truth(rules), width=2, expand=20)
    assert found.solved.all()
    assert rules.puzzle.check(problems, found.states[:, -1]).solved.all()
    assert (found.states[:, 0] == problems).all()
    assert (found.steps == 5).all()
    assert not _search(sudoku, Truth(rules, -1), width=2, expand=8).solved.any()


@num_examples(20)
@given(st.integers(0, 1000), st.sampled_from(COMPARED), st.integers(1, 3), st.integers(1, 3))
def test_reports_hold_paths_of_the_policy(sudoku, seed, how, width, expand):
    rules, problems = sudoku
    found = _search(sudoku, Table(0), seed, width=width, expand=expand, how=how)
    assert found.solved.tolist() == rules.puzzle.check(problems, found.states[:, -1]).solved.tolist()
    changed = (found.states[:, 1:] != found.states[:, :-1]).sum(2)
    assert changed.max() <= 2
    assert (changed[np.arange(5) >= found.steps[:, None]] == 0).all()
    assert found.policy_calls == found.scorer_calls <= 12 * 5 * width * expand
    assert np.isfinite(found.value).all()


def test_what_is_solved_takes_no_more_calls(sudoku):
    rules, problems = sudoku
    policy = CarelessSolver(rules, error=0.0, cells_per_step=5)
    found = search.beam(Truth(rules), policy, rules, np.random.default_rng(0), problems, width=1, expand=3, budget=9)
    assert found.solved.all()
    assert (found.steps == 2).all()  # ten blank cells
    assert found.policy_calls == 12 * 2 * 3
    full = rules.targets(problems, problems, problems)
    again = search.greedy(Truth(rules), policy, rules, np.random.default_rng(0), full, candidates=2, budget=3)
    assert (again.policy_calls, again.steps.tolist(), again.solved.all()) == (0, [0] * 12, True)


def test_edits_and_mazes_can_be_searched():
    puzzle = puzzles.get("maze", rows=7, columns=7)
    problems, _ = puzzle.generate(np.random.default_rng(1), 4, kind="dfs", braid=0.5)
    rules = step_rules(puzzle)
    policy = RandomPolicy(rules, cells_per_step=2, regime="edit")
    found = search.beam(Truth(rules), policy, rules, np.random.default_rng(0), problems, width=4, expand=16, budget=20)
    assert found.solved.tolist() == puzzle.check(problems, found.states[:, -1]).solved.tolist()
    assert found.solved.any()


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"width": 0, "expand": 1}, "width=0: must be at least 1"),
        ({"width": 1, "expand": 0}, "expand=0"),
        ({"width": 1, "expand": 1, "how": "max"}, "how=max: must be one of prod, min, last, mean"),
        ({"width": 1, "expand": 1, "fine_weight": 1.5}, r"fine_weight=1\.5: must be from 0 to 1"),
    ],
)
def test_bad_settings_are_named_before_work(sudoku, options, words):
    with pytest.raises(ValueError, match=words):
        _search(sudoku, Table(0), **options)


def test_scores_that_are_no_numbers_are_told(sudoku):
    class Broken:
        def score_rows(self, rows):
            return np.full(len(rows), np.nan)

    with pytest.raises(ValueError, match="scorer: its scores are NaN"):
        _search(sudoku, Broken(), width=1, expand=2, how="last")
