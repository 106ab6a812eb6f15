"""Prefixes that look alike: equal counts, no broken rule, labels as by trying every completion; and the full policy."""

from functools import cache

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import puzzles
from puzzles.errors import UserError
from puzzles.steps.full import FullSolver
from puzzles.steps.policies import sample_states, solved
from puzzles.steps.prefixes import Prefixes, sample_pairs, sample_prefixes
from puzzles.steps.rules import StepRules, step_rules
from puzzles.steps.visible import counts_and_rules, faults, visible_rules
from puzzles.sudoku.domain import Sudoku
from tests.examples import num_examples
from tests.puzzles.steps.steps import shortest_paths
from tests.reward.test_search import Slate

SEEDS = st.integers(0, 2**32)
SETTINGS = {
    "sudoku": ({"box": "2x2"}, {"clues": [4, 5]}, 2, 7),
    "maze": ({"rows": 9, "columns": 9}, {"kind": "dfs", "braid": 0.5, "path": [12, 16]}, 3, 6),
    "arc": ({"canvas": 7}, {"family": "outline", "translate": False}, 10, 5),
}


def setting(name: str, regime: str = "fill", num: int = 6, seed: int = 0, error: float = 0.15):
    """(rules, problems, policy, budget)."""
    options, targets, cells, budget = SETTINGS[name]
    puzzle = puzzles.get(name, **options)
    rules = step_rules(puzzle)
    problems, answers = puzzle.generate(puzzles.rng(seed, "prefixes"), num, **targets)
    rules.remember(problems, answers)
    correct = 0.3 if regime == "edit" else 0.0
    return rules, problems, FullSolver(rules, error=error, correct=correct, cells_per_step=cells, regime=regime), budget


@cache
def drawn(name: str, regime: str) -> tuple[StepRules, np.ndarray, Prefixes]:
    rules, problems, policy, budget = setting(name, regime)
    rng = puzzles.rng(0, "drawn")
    return rules, problems, sample_prefixes(policy, rules, rng, problems, steps=2, budget=budget, candidates=4)


def completions(problem: np.ndarray, state: np.ndarray) -> bool:
    """Whether a 4x4 grid can be filled so that every row, column and box holds four digits, by trying all."""
    grid = state.reshape(4, 4)
    for r in range(4):
        for c in range(4):
            if grid[r, c] == 1:
                box = grid[r // 2 * 2 : r // 2 * 2 + 2, c // 2 * 2 : c // 2 * 2 + 2]
                held = {*grid[r].tolist(), *grid[:, c].tolist(), *box.reshape(-1).tolist()}
                for digit in {2, 3, 4, 5} - held:
                    filled = state.copy()
                    filled[r * 4 + c] = digit
                    if completions(problem, filled):
                        return True
                return False
    return True


@pytest.mark.parametrize(("name", "regime"), [("sudoku", "fill"), ("maze", "fill"), ("arc", "fill"), ("maze", "edit")])
def test_prefixes_of_a_problem_look_alike(name: str, regime: str) -> None:
    rules, problems, found = drawn(name, regime)
    assert (found.problem == problems[found.place]).all()
    assert 0 < found.alive.mean() < 1
    for i, problem in enumerate(found.problem):
        rows = np.repeat(problem[None], found.alive.shape[1], 0)
        blanks = (rules.editable(rows)[:, None] & (found.states[i] == rules.blank)).sum(2)
        assert (blanks == blanks[0]).all()
        assert len(np.unique(found.states[i, :, -1], axis=0)) == len(rows)
        for t in range(1, found.steps + 1):
            assert (faults(rules, rows, found.states[i, :, t]) == 0).all()
    assert found.left == found.budget - 2 > 0
    assert len(found.attempts(rules)) == found.alive.size


def test_sudoku_labels_are_those_of_trying_every_completion() -> None:
    _, _, found = drawn("sudoku", "fill")
    for problem, states, alive in zip(found.problem, found.states, found.alive, strict=True):
        assert [completions(problem, state) for state in states[:, -1]] == alive.tolist()


@pytest.mark.parametrize("regime", ["fill", "edit"])
def test_maze_labels_are_those_of_every_shortest_path(regime: str) -> None:
    rules, _, found = drawn("maze", regime)
    left = found.left * found.cells_per_step
    for problem, states, alive in zip(found.problem, found.states, found.alive, strict=True):
        paths = shortest_paths(problem, 9, 9)
        for state, told in zip(states[:, -1], alive, strict=True):
            marks = set(np.flatnonzero((state != problem) & (state != rules.blank)).tolist())
            if regime == "fill":
                assert told == any(marks <= path and len(path - marks) <= left for path in paths)
            else:
                assert told == any(len(path ^ marks) <= left for path in paths)


def test_games_are_of_one_prefix_that_can_come_right_and_one_that_cannot() -> None:
    rules, problems, policy, budget = setting("maze", num=10)
    rng = puzzles.rng(0, "games")
    found = sample_pairs(policy, rules, rng, problems, steps=2, budget=budget, pairs=3)
    assert (np.bincount(found.place, minlength=10) <= 3).all()
    assert 0 < found.first_alive.mean() < 1
    targets = [rules.targets(found.problem, side, side) for side in (found.first, found.second)]
    agree = [
        ((side == rules.blank) | (side == target) | (side == found.problem)).all(1)
        for side, target in zip((found.first, found.second), targets, strict=True)
    ]
    assert (agree[0] == found.first_alive).all()
    assert (agree[1] == ~found.first_alive).all()


def test_the_share_that_comes_right_is_as_asked_for() -> None:
    rules, problems, policy, budget = setting("maze", num=20, error=0.2)
    found = sample_prefixes(
        policy, rules, puzzles.rng(1, "share"), problems, steps=2, budget=budget, candidates=32, share=0.1
    )
    assert 0.05 < found.alive.mean() < 0.16
    again = sample_prefixes(
        policy, rules, puzzles.rng(1, "share"), problems, steps=2, budget=budget, candidates=32, share=0.1
    )
    assert (again.states == found.states).all()


@pytest.mark.parametrize("name", ["sudoku", "maze", "arc"])
@pytest.mark.parametrize("regime", ["fill", "edit"])
@num_examples(4)
@given(seed=SEEDS)
def test_attempts_of_the_full_policy_end_full_right_or_wrong(name: str, regime: str, seed: int) -> None:
    rules, problems, policy, budget = setting(
        name, regime, num=8, seed=seed % 100, error=0.01 if name == "arc" else 0.1
    )
    problems = np.repeat(problems, 6, 0)
    states, lengths = sample_states(policy, rules, puzzles.rng(seed, "full"), problems, budget)
    targets = rules.targets(problems, states[:, -1], states[:, -1])
    editable = rules.editable(problems)
    written = [(editable & (grid != rules.blank)).sum(1) for grid in (states[:, -1], targets)]
    assert (written[0] == written[1]).all()
    if regime == "fill":
        assert (lengths == -(-written[1] // policy.cells_per_step)).all()
        assert (solved(rules, problems, states[:, -1])).any()
        assert not (solved(rules, problems, states[:, -1])).all()
    changed = (states[:, 1:] != states[:, :-1]).sum(2)
    assert (changed <= policy.cells_per_step).all()


@num_examples(30)
@given(seed=SEEDS)
def test_faults_of_a_sudoku_are_counted_as_by_hand(seed: int) -> None:
    rng = puzzles.rng(seed, "faults")
    rules, problems, _, _ = setting("sudoku", num=3)
    states = np.where(
        rules.editable(problems) & (rng.random(problems.shape) < 0.5), rng.integers(1, 6, problems.shape), problems
    )
    states = states.astype(np.uint8)
    assert isinstance(rules.puzzle, Sudoku)
    units = rules.puzzle.board.units
    legal = rules.legal(problems, states)
    for state, allowed, told in zip(states, legal, faults(rules, problems, states), strict=True):
        pairs = sum(state[a] == state[b] > 1 for unit in units for i, a in enumerate(unit) for b in unit[:i])
        stuck = sum(state[cell] == 1 and not allowed[cell].any() for cell in range(16))
        missing = sum(
            digit not in state[unit] and not allowed[unit, digit].any() for unit in units for digit in range(2, 6)
        )
        assert told == pairs + stuck + missing


def test_features_are_the_same_for_every_renaming_of_digits() -> None:
    rules, _, found = drawn("sudoku", "fill")
    from puzzles.steps.labels import label_states
    from puzzles.steps.rows import rows_of

    made = found.attempts(rules)
    rows = rows_of(made, label_states(rules, made))
    names = np.array([0, 1, 4, 2, 5, 3], np.uint8)
    renamed = rows.take(slice(None))
    renamed.problem, renamed.before, renamed.after = names[rows.problem], names[rows.before], names[rows.after]
    assert (counts_and_rules(rules, rows) == counts_and_rules(rules, renamed)).all()


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"steps": 0}, "steps=0: must be from 1 to"),
        ({"steps": 6}, "steps=6: must be from 1 to budget - 1 = 5"),
        ({"share": 2.0}, "share=2.0: must be from 0 to 1"),
        ({"candidates": 4096}, "no problem has prefixes that only the solution tells"),
    ],
)
def test_mistakes_are_one_line(changes: dict, message: str) -> None:
    rules, problems, policy, budget = setting("maze", num=1)
    values = {"steps": 2, "budget": budget, "candidates": 4, "share": 0.5, "proposals": 16, **changes}
    with pytest.raises(UserError, match=message):
        sample_prefixes(policy, rules, puzzles.rng(0, "mistakes"), problems, **values)


def test_a_domain_without_faults_is_refused() -> None:
    with pytest.raises(UserError, match="puzzle=sudoku: has no faults and counts"):
        visible_rules(Slate())
