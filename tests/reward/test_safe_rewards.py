"""What no weights may pay for: stopping early, padding, junk, repetition. Every head, every aggregation."""

import math
from functools import cache
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

import puzzles
from hrm_net.reward import StepScorer, aggregate, reward_function, rubric_function, step_reward_function
from hrm_net.reward.aggregate import AGGREGATIONS
from hrm_net.reward.canonical import canonical
from hrm_net.reward.heads import HEADS
from puzzles.errors import UserError
from puzzles.steps.steps import from_states
from puzzles.steps.text import format_steps
from tests.examples import num_examples
from tests.models import seeded
from tests.reward.rewarding import MAX_LEFT, small_scorer

SUDOKU = puzzles.get("sudoku", box="2x2")
MAZE = puzzles.get("maze", rows=4, columns=4)
SHIPPED = puzzles.get("sudoku", box="2x3")
BUDGET = MAX_LEFT + 1


@cache
def scorers(domain: str, seed: int) -> dict[str, StepScorer]:
    """A scorer of each head: shipped weights, or random ones of which some heads are certain of all they say."""
    if domain == "shipped":
        return {head: StepScorer.from_pretrained("scorer_6x6", objective=head) for head in HEADS}
    model = small_scorer("symbols" if domain == "sudoku" else "grid")
    with torch.no_grad():
        for name, param in model.named_parameters():
            if name.startswith("heads"):
                param.normal_(0, (0.1, 30)[seed % 2], generator=seeded(seed))
    return {head: StepScorer(model, SUDOKU if domain == "sudoku" else MAZE, head) for head in HEADS}


def right_solution(domain: str, seed: int, *, corrected: bool) -> tuple[str, list[str]]:
    """(a problem, a right solution in words that writes each value once): in any order, one corrected."""
    rng = np.random.default_rng(seed)
    puzzle = {"sudoku": SUDOKU, "shipped": SHIPPED, "maze": MAZE}[domain]
    targets: dict[str, Any] = {"sudoku": {"clues": 6}, "shipped": {"clues": 20}, "maze": {"path": (3, 6)}}[domain]
    inputs, answers = puzzle.generate(rng, 1, **targets)
    problem, answer = inputs[0], answers[0]
    cells = rng.permutation(np.flatnonzero(problem != answer))
    states = [problem.astype(np.uint8)]
    for part in np.array_split(cells, min(len(cells), int(rng.integers(1, BUDGET - 2)))):
        state = states[-1].copy()
        state[part] = answer[part]
        states.append(state)
    if corrected and len(states) > 2:
        # An error beside the first step, which a step after it takes back.
        free = np.flatnonzero((states[1] == problem) & (puzzle.step_rules().editable(problem[None])[0]))
        cell, value = int(rng.choice(free)), int(rng.choice(puzzle.step_rules().values[1:]))
        if value != answer[cell]:
            states[1][cell] = value
            states.insert(2, states[1].copy())
            states[2][cell] = problem[cell]
    return puzzle.format(problem), format_steps(puzzle, from_states(np.stack(states)))


def edits(puzzle: Any) -> st.SearchStrategy[str]:
    """Any edit in words, right or wrong, and some that the rules forbid."""
    rows, columns = puzzle.shape
    values = st.sampled_from([*puzzle.step_symbols().values(), "9"])
    return st.builds("r{}c{}={}".format, st.integers(1, rows), st.integers(1, columns), values)


@st.composite
def variants(draw: st.DrawFn, puzzle: Any, steps: list[str]) -> str:
    """A prefix of a solution, or the solution with padding, junk and repetition put in, as text."""
    kind = draw(st.sampled_from(["prefix", "junk", "again", "twice", "pass", "erase", "noise", "prose"]))
    made, junk = list(steps), st.lists(edits(puzzle), min_size=1, max_size=3).map(" ".join)
    at = draw(st.integers(0, len(steps)))
    if kind == "prefix":
        made = steps[:at]
    elif kind == "junk":
        for step in draw(st.lists(junk, min_size=1, max_size=2)):
            made.insert(draw(st.integers(0, len(made))), step)
    elif kind == "again":
        made.insert(at, draw(st.sampled_from(steps)))
    elif kind == "twice":
        made = [*steps[:at], *steps]
    elif kind == "pass":
        made[at:at] = ["pass"] * draw(st.integers(1, 3))
    elif kind == "erase":
        edit = draw(st.sampled_from(" ".join(steps).split()))
        made += [edit.partition("=")[0] + "=.", edit]
    elif kind == "noise":
        return "\n".join(made) + draw(st.text(max_size=12))
    else:
        return "So.\n" + "\n".join(made) + "\nThat is it."
    return "\n".join(made)


@pytest.mark.slow
@pytest.mark.parametrize("domain", ["sudoku", "maze", "shipped"])
@num_examples(6)
@given(st.data())
def test_nothing_made_of_a_right_solution_scores_above_it(domain: str, data: st.DataObject):
    problem, steps = right_solution(domain, data.draw(st.integers(0, 10**6)), corrected=data.draw(st.booleans()))
    found = scorers(domain, data.draw(st.integers(0, 3)))
    puzzle = found["prm"].puzzle
    texts = ["\n".join(steps), *(data.draw(variants(puzzle, steps)) for _ in range(8))]
    end = last_state(found["prm"], problem, texts[0])
    # In a maze, junk may draw another shortest path: that is another solution.
    texts = [text for text in texts if last_state(found["prm"], problem, text) in (end, None) or domain != "maze"]
    # Each head with two of the aggregations, which the examples take in turn.
    first = data.draw(st.integers(0, len(AGGREGATIONS) - 1))
    turns = [AGGREGATIONS[(first + turn) % len(AGGREGATIONS)] for turn in (0, 3)]
    for head, how in ((head, how) for head in HEADS for how in turns):
        right, *others = reward_function(found[head], how)([problem] * len(texts), texts)
        assert math.isfinite(right)
        assert max(others, default=right) <= right, (head, how, texts)


def last_state(scorer: StepScorer, problem: str, text: str) -> bytes | None:
    """The state that a text ends in, if it solves the problem."""
    from hrm_net.reward.completions import solution_steps

    tokens = scorer.read_problem(problem)
    try:
        end = scorer.read_candidate(tokens, solution_steps(text) or []).states[-1]
    except UserError:
        return None
    return end.tobytes() if scorer.puzzle.check(tokens[None], end[None]).solved[0] else None


GRID = "12..3.........1."
STEPS = [
    "r1c3=3 r1c4=4", "r2c2=4 r2c3=2 r2c4=1", "r3c1=2 r3c2=1 r3c3=4 r3c4=3 r4c1=4 r4c2=3", "r4c4=2"
]  # fmt: skip
RIGHT = "\n".join(STEPS)
WRONG = RIGHT[:-1] + "3"
SHORT = "\n".join(STEPS[:3])


def fixed_budget(scorer: StepScorer, steps: list[str]) -> list[float]:
    """The scores of the steps of an attempt that was allowed no more of them."""
    problem = scorer.read_problem(GRID)
    path = scorer.read_candidate(problem, steps)
    path.budget = len(steps)
    return scorer.score_read([(problem, path)])[0]


@pytest.mark.parametrize("how", AGGREGATIONS)
@pytest.mark.parametrize("head", HEADS)
def test_a_reward_aggregates_scores_with_nothing_left_to_do(head: str, how: str):
    scorer = scorers("sudoku", 0)[head]
    right, wrong, short, none = reward_function(scorer, how)([GRID] * 4, [RIGHT, WRONG, SHORT, "?"])
    assert math.isclose(right, aggregate(fixed_budget(scorer, STEPS), how), rel_tol=1e-5)
    low, high = (BUDGET * math.log(1e-4), 0.0) if how == "sum_log" else (0.0, 1.0)
    value = aggregate(fixed_budget(scorer, [*STEPS[:3], "r4c4=3"]), how)
    assert math.isclose(wrong, low - (high - value) / 2, rel_tol=1e-5)
    assert none == short == 2 * low - high < wrong < low < right <= high
    told = reward_function(scorer, how, verify=False)([GRID] * 2, [WRONG, SHORT])
    assert told == pytest.approx([value, short], rel=1e-5)
    assert math.isfinite(none)


def test_each_head_has_its_own_default():
    names = {head: reward_function(scorer).__name__ for head, scorer in scorers("sudoku", 0).items()}
    assert names == {
        "orm": "orm_last", "prm": "prm_prod", "pqm": "pqm_prod", "hier": "hier_prod", "cond": "cond_prod"
    }  # fmt: skip
    assert all(HEADS[head].aggregation == name.partition("_")[2] for head, name in names.items())


@pytest.mark.parametrize(
    ("how", "invalid", "told"),
    [
        ("prod", 0.0, "invalid=0.0: must be a number below -0.5, the least reward of an answer by prod"),
        ("sum_log", -1, "invalid=-1: must be a number below"),
        ("min", math.nan, "invalid=nan"),
        ("last", "nothing", "invalid=nothing: .* or -inf by that name"),
        ("last", False, "invalid=False"),
    ],
)
def test_an_invalid_completion_cannot_be_paid_for(how: str, invalid: Any, told: str):
    with pytest.raises(UserError, match=told):
        reward_function(scorers("sudoku", 0)["orm"], how, invalid=invalid)


def test_minus_infinity_is_asked_for_by_name():
    scorer = scorers("sudoku", 0)["cond"]
    assert reward_function(scorer, "sum_log", invalid="-inf")([GRID], [""]) == [-math.inf]
    assert rubric_function(scorer, invalid=-7)(GRID, SHORT) == -7.0
    assert reward_function(scorer, invalid=-0.1, verify=False)([GRID], [SHORT]) == [-0.1]


@pytest.mark.parametrize("how", AGGREGATIONS)
@pytest.mark.parametrize("head", HEADS)
def test_gains_of_steps_sum_to_the_reward(head: str, how: str):
    scorer = scorers("sudoku", 0)[head]
    texts = [
        RIGHT, WRONG, SHORT, "", f"pass\n{RIGHT}\npass", f"r4c4=3\n{RIGHT}", f"{STEPS[0]}\n{RIGHT}", "r1c1=2\npass"
    ]  # fmt: skip
    gains = step_reward_function(scorer, how)([GRID] * len(texts), texts)
    rewards = reward_function(scorer, how)([GRID] * len(texts), texts)
    assert [len(each) for each in gains] == [4, 4, 3, 1, 6, 5, 5, 2]
    assert [sum(each) for each in gains] == pytest.approx(rewards, rel=1e-6)
    assert gains[4] == pytest.approx([0.0, *gains[0], 0.0])
    assert gains[5] == pytest.approx([0.0, *gains[0]])
    assert gains[2][:2] == [0.0, 0.0]


def test_scores_of_steps_are_those_as_written():
    scorer = scorers("sudoku", 0)["prm"]
    steps = ["r4c4=3", *STEPS]
    rewards = step_reward_function(scorer, kind="scores")
    found = rewards([GRID] * 3, ["\n".join(steps), SHORT, "?"])
    assert found == [pytest.approx(fixed_budget(scorer, steps), rel=1e-5), [-1.0] * 3, [-1.0]]
    with pytest.raises(UserError, match="kind=sum: must be one of gains, scores"):
        step_reward_function(scorer, kind="sum")  # pyright: ignore[reportArgumentType]


def test_a_value_written_twice_leaves_the_least_value():
    """Whether it repeats a step before it or comes ahead of one, nothing tells; so neither order may be paid for."""
    scorer = scorers("sudoku", 0)["prm"]
    ahead = f"r4c4=2\n{RIGHT}"
    right, again, ahead, erased = reward_function(scorer)(
        [GRID] * 4, [RIGHT, f"{RIGHT}\nr4c4=2", ahead, f"{RIGHT}\nr4c4=.\nr4c4=2"]
    )
    assert right > again == ahead == erased == 0.0


@given(st.integers(0, 10**6))
def test_the_canonical_form_is_its_own(seed: int):
    rng = np.random.default_rng(seed)
    states = rng.integers(1, 4, (int(rng.integers(2, 7)), 5)).astype(np.uint8)
    short, kept = canonical(states)
    assert (short[0] == states[0]).all()
    assert (short[-1] == states[-1]).all()
    assert len(short) == len(kept) + 1
    changes = short[1:] != short[:-1]
    assert (changes.sum(axis=0) <= 1).all()
    assert changes.any(axis=1).all() or (states[0] == states[-1]).all()
    assert all((states[t + 1][changed] == states[-1][changed]).all() for t, changed in zip(kept, changes, strict=True))
    again, places = canonical(short)
    assert (again == short).all()
    assert places == tuple(range(len(kept)))


def test_a_maze_whose_ends_touch_is_solved_by_doing_nothing():
    scorer = scorers("maze", 0)["prm"]
    rewards = reward_function(scorer)
    maze = "SG  " + " " * 12
    assert 0 < rewards([maze], ["pass"])[0] <= 1
    assert -0.5 <= rewards([maze], ["r2c1=o"])[0] <= 0


def test_a_longer_way_through_a_maze_is_an_answer_and_a_broken_one_is_not():
    scorer = scorers("maze", 0)["prm"]
    maze = "S  G" + " " * 12
    shortest, longer, broken = reward_function(scorer)(
        [maze] * 3, ["r1c2=o r1c3=o", "r2c1=o r2c2=o r2c3=o\nr2c4=o", "r1c2=o r2c3=o"]
    )
    assert 1 >= shortest > 0 >= longer >= -0.5
    assert broken == -1.0


def test_an_outline_is_complete_once_a_whole_grid_is_closed():
    arc = puzzles.get("arc", canvas=4)
    scorer = StepScorer(small_scorer("grid", ("prm",), vocab_size=12), arc)
    problem = [2, 1, 0, 0, 1, *[0] * 11]
    rewards = reward_function(scorer)
    closed = "r1c1=3 r1c2=4 r2c1=eos r2c2=eos r1c3=eos"
    whole, opened, torn = rewards([""] * 3, [closed, "r1c1=3 r1c2=4", closed + " r4c4=3"], problem=[problem] * 3)
    assert 0 < whole <= 1
    assert opened == torn == -1.0
