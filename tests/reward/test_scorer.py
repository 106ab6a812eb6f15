"""Scores of whole candidates: shapes, independence of the batch, arithmetic, files, and every bad input."""

import math
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import example, given
from hypothesis import strategies as st

import puzzles
from hrm_net.reward import StepScorer, aggregate
from hrm_net.reward.scorer import Scores
from hrm_net.reward.scoring import run_rows
from puzzles.steps.rows import StepRows
from puzzles.steps.steps import Step, Trajectory, from_states
from puzzles.steps.text import format_steps
from tests.reward.rewarding import MAX_LEFT, random_rows, refusal, small_scorer

SUDOKU = puzzles.get("sudoku", box="2x2")
BUDGET = MAX_LEFT + 1


@cache
def scorer_of(objective: str, **settings) -> StepScorer:
    return StepScorer(small_scorer("symbols", ("orm", "prm", "pqm", "hier", "cond")), SUDOKU, objective, **settings)


def some_puzzles(num: int, seed: int = 0):
    return SUDOKU.generate(puzzles.rng(seed, "test"), num, clues=6)


def walk(rng: np.random.Generator, problem: np.ndarray, num: int) -> list[Step]:
    """Random writing into cells that are not given, erasing included."""
    states = [problem]
    for _ in range(num):
        state = states[-1].copy()
        cells = rng.choice(np.flatnonzero(problem == 1), rng.integers(0, 4), replace=False)
        state[cells] = rng.integers(1, 6, len(cells))
        states.append(state)
    return from_states(np.stack(states))


def some_outputs(problems: np.ndarray, seed: int = 0, most: int = 4) -> list[list[list[Step]]]:
    rng = np.random.default_rng(seed)
    return [
        [walk(rng, problem, int(rng.integers(1, BUDGET + 1))) for _ in range(rng.integers(1, most))]
        for problem in problems
    ]


def flat(nested: list) -> np.ndarray:
    return np.array([score for candidates in nested for steps in candidates for score in steps])


def rows_of(problem: np.ndarray, steps: list[Step], t: int, span: int = 1) -> dict[str, torch.Tensor]:
    states = [problem.astype(np.uint8)]
    for step in steps:
        states.append(step.apply(states[-1]))
    grids = {"problem": problem, "before": states[t + 1 - span], "after": states[t + 1]}
    rows = {key: torch.from_numpy(grid.astype(np.int64))[None] for key, grid in grids.items()}
    return rows | {"left": torch.tensor([BUDGET - t - 1]), "span": torch.tensor([span])}


def logit_of(objective: str, rows: dict[str, torch.Tensor], num_segments: int = 2) -> float:
    """By the model itself, one row at a time."""
    model = scorer_of(objective).model.eval()
    with torch.no_grad():
        state = model.initial_state(rows)
        for _ in range(num_segments):
            state, out = model(state, rows)
    return out.logits[objective].item()


@pytest.mark.parametrize("objective", ["orm", "prm", "pqm", "hier", "cond"])
def test_each_score_is_that_of_its_row_alone(objective: str):
    problems, _ = some_puzzles(2)
    outputs = some_outputs(problems)
    scores = scorer_of(objective).score(list(problems), outputs)
    assert isinstance(scores, Scores)
    for problem, candidates, found, logs in zip(problems, outputs, scores, scores.log_rewards, strict=True):
        for steps, values, rewards in zip(candidates, found, logs, strict=True):
            assert len(values) == len(rewards) == len(steps)
            for t, (score, reward) in enumerate(zip(values, rewards, strict=True)):
                x = logit_of(objective, rows_of(problem, steps, t))
                x = -x if objective == "cond" else x
                assert type(score) is float
                assert math.isclose(score, 1 / (1 + math.exp(-x)), abs_tol=1e-5)
                assert math.isclose(reward, -math.log1p(math.exp(-x)), rel_tol=1e-4, abs_tol=1e-5)
                assert 0 <= score <= 1 >= math.exp(reward)


def test_hazards_multiply_to_survival():
    problems, _ = some_puzzles(3)
    scores = scorer_of("cond").score(list(problems), some_outputs(problems))
    for found, logs in zip(aggregate(scores, "prod"), scores.log_rewards, strict=True):
        for survival, rewards in zip(found, logs, strict=True):
            assert math.isclose(survival, math.exp(sum(rewards)), rel_tol=1e-9)


@pytest.mark.parametrize(("seed", "batch_size"), [(0, 1), (1, 3), (2, 40)])
def test_scores_do_not_depend_on_the_batch(seed: int, batch_size: int):
    order = np.random.default_rng(seed).permutation(4).tolist()
    problems, _ = some_puzzles(4, seed)
    outputs = some_outputs(problems, seed)
    whole = scorer_of("hier", fine_weight=0.25).score(list(problems), outputs)
    other = scorer_of("hier", fine_weight=0.25, batch_size=batch_size)
    again = other.score([problems[i] for i in order], [outputs[i][::-1] for i in order])
    for i, candidates in zip(order, again, strict=True):
        np.testing.assert_allclose(flat([candidates[::-1]]), flat([whole[i]]), rtol=0, atol=2e-6)
    alone = other.score([problems[1]], [outputs[1][:1]])
    np.testing.assert_allclose(flat(alone), whole[1][0], rtol=0, atol=2e-6)


def test_pairs_are_weighed_in_from_the_second_step_on():
    problem = some_puzzles(1)[0][0]
    steps = walk(np.random.default_rng(1), problem, 4)
    fine, mixed, coarse = (
        scorer_of("hier", fine_weight=weight).score([problem], [[steps]]) for weight in (1.0, 0.3, 0.0)
    )
    assert coarse[0][0][0] == mixed[0][0][0] == fine[0][0][0]
    for t in range(1, 4):
        x = logit_of("hier", rows_of(problem, steps, t, span=2))
        assert math.isclose(coarse[0][0][t], 1 / (1 + math.exp(-x)), abs_tol=1e-5)
        assert math.isclose(mixed[0][0][t], 0.3 * fine[0][0][t] + 0.7 * coarse[0][0][t], abs_tol=1e-6)
        assert math.isclose(mixed.log_rewards[0][0][t], math.log(mixed[0][0][t]), rel_tol=1e-9)
    short = walk(np.random.default_rng(1), problem, 1)
    assert scorer_of("hier", fine_weight=0.0).score([problem], [[short]]) == scorer_of("hier").score(
        [problem], [[short]]
    )


def test_all_forms_of_a_candidate_are_one():
    problem = some_puzzles(1)[0][0]
    steps = walk(np.random.default_rng(2), problem, 4)
    trajectory = Trajectory(
        task="sudoku", problem=problem, start=problem, steps=steps, budget=BUDGET, cells_per_step=4, regime="edit"
    )
    scorer = scorer_of("prm")
    expected = scorer.score([problem], [[steps]])
    assert scorer.score([SUDOKU.format(problem)], [[format_steps(SUDOKU, steps)]]) == expected
    assert scorer.score([problem.astype(np.int64).tolist()], [[trajectory]]) == expected
    both = scorer.score([problem], [[trajectory, format_steps(SUDOKU, steps)]])
    assert both[0][0] == both[0][1] == expected[0][0]
    tighter = Trajectory(
        task="sudoku", problem=problem, start=problem, steps=steps, budget=4, cells_per_step=4, regime="edit"
    )
    assert scorer.score([problem], [[tighter]]) != expected


def test_renamed_digits_have_the_same_scores():
    problem = some_puzzles(1)[0][0]
    steps = walk(np.random.default_rng(3), problem, 5)
    names = np.array([0, 1, 4, 2, 5, 3])

    def renamed(values: tuple[int, ...]) -> tuple[int, ...]:
        return tuple(names[list(values)].tolist()) if values else ()

    other = [Step(step.cells, renamed(step.old), renamed(step.new)) for step in steps]
    one, two = scorer_of("prm").score([problem, names[problem]], [[steps], [other]])
    np.testing.assert_allclose(one[0], two[0], rtol=0, atol=2e-6)
    assert max(one[0]) - min(one[0]) > 1e-3


def test_rows_stop_when_the_head_is_sure():
    model = small_scorer("symbols", ("prm", "cond"))
    rows = {key: values.numpy() for key, values in random_rows(40).items()}
    deep = [run_rows(model, rows, segments=segments, batch_size=16) for segments in (1, 2, 3)]
    with torch.no_grad():
        batch = random_rows(40)
        state = model.initial_state(batch)
        sure = []
        for _ in range(3):
            state, out = model(state, batch)
            sure.append(out.q_halt.double().sigmoid().numpy())
    stop = float(np.median(sure[0]))
    found = run_rows(model, rows, segments=3, stop=stop, batch_size=16)
    expected = np.where(sure[0] >= stop, 1, np.where(sure[1] >= stop, 2, 3))
    assert found.segments.tolist() == expected.tolist()
    assert len(set(expected)) > 1
    for name in ("prm", "cond"):
        by_depth = np.stack([one.logits[name] for one in deep])
        np.testing.assert_allclose(found.logits[name], by_depth[expected - 1, np.arange(40)], rtol=0, atol=1e-4)
    assert (deep[2].segments == 3).all()


def test_equal_rows_are_thought_about_once():
    scorer = scorer_of("prm")
    rng = np.random.default_rng(0)
    grids = rng.integers(1, 6, (5, 16)).astype(np.uint8)
    index = rng.integers(0, 5, 300)
    rows = StepRows(
        problem=grids[index], before=grids[index], after=grids[(index + 1) % 5], left=(index % 3).astype(np.int32),
        span=(1 + index % 2).astype(np.uint8), label=np.full(300, np.nan, np.float32), group=np.zeros(300, np.int64),
        source=np.zeros(300, np.uint8), sources=("none",),
    )  # fmt: skip
    shown = []
    handle = scorer.model.register_forward_pre_hook(lambda _, inputs: shown.append(len(inputs[1]["span"])))
    found = scorer.score_rows(rows)
    handle.remove()
    assert shown == [5, 5]
    once = scorer.score_rows(rows.take(np.unique(index, return_index=True)[1]))
    np.testing.assert_array_equal(found, once[index])
    assert len(np.unique(found)) == 5
    assert len(scorer.score_rows(rows.take(slice(0, 0)))) == 0


def test_a_round_trip_changes_no_score(tmp_path: Path):
    scorer = scorer_of("hier", fine_weight=0.4, segments=3, stop=0.9)
    scorer.save_pretrained(tmp_path)
    again = StepScorer.from_pretrained(tmp_path)
    problems, _ = some_puzzles(2)
    outputs = some_outputs(problems)
    assert again.score(list(problems), outputs) == scorer.score(list(problems), outputs)
    assert (again.objective, again.fine_weight, again.segments, again.stop) == ("hier", 0.4, 3, 0.9)
    other = StepScorer.from_pretrained(tmp_path, objective="cond", stop=None)
    assert (other.objective, other.fine_weight, other.stop) == ("cond", 1.0, None)


def test_mazes_and_arc_are_scored():
    maze = puzzles.get("maze", rows=4, columns=4)
    scorer = StepScorer(small_scorer("grid", ("cond",)), maze)
    text = "S   \n    \n    \n   G"
    scores = scorer.score([maze.parse(text)], [[["r1c2=o", "r1c3=o r2c3=o", "pass"]]])
    assert [len(steps) for steps in scores[0]] == [3]
    with pytest.raises(ValueError, match=r"^outputs\[0\]\[0\]: step 0: r1c1 must not be edited"):
        scorer.score([maze.parse(text)], [[[Step((0,), (3,), (5,))]]])
    arc = puzzles.get("arc", canvas=4)
    scorer = StepScorer(small_scorer("grid", ("prm",), vocab_size=12), arc)
    assert len(scorer.score([np.full(16, 2)], [[["r1c1=3", "r4c4=eos"]]])[0][0]) == 2


PROBLEM, ANSWER = (grids[0] for grids in some_puzzles(1))
GIVEN, BLANK = int(np.argmax(PROBLEM > 1)), int(np.argmax(PROBLEM == 1))
GOOD = Step((BLANK,), (1,), (2,))


def forced(**values: Any) -> Step:
    """A step with values that its type forbids, as code without type checks can make one."""
    step = Step((BLANK,), (1,), (2,))
    for name, value in values.items():
        object.__setattr__(step, name, value)
    return step


def trajectory(**changes) -> Trajectory:
    values = {"problem": PROBLEM, "start": PROBLEM, "steps": [GOOD], "budget": 4, "cells_per_step": 2} | changes
    return Trajectory(task="sudoku", **values)


@pytest.mark.parametrize(
    ("problems", "outputs", "message"),
    [
        ([PROBLEM], [], "outputs: candidates of 0 problems for 1 problems"),
        ([PROBLEM, PROBLEM], [[[GOOD]], []], r"outputs\[1\]: has no candidate"),
        ([PROBLEM], [[[GOOD], []]], r"outputs\[0\]\[1\]: has no step"),
        ([PROBLEM], [[[GOOD] * 7]], r"outputs\[0\]\[0\]: has 7 steps: must have at most 6"),
        ([PROBLEM], [[trajectory(budget=9)]], r"\[0\]: budget=9: the scorer was trained with at most 6 steps"),
        ([PROBLEM[:9]], [[[GOOD]]], r"problems\[0\]: problems have shape \[1, 9\]: sudoku of 4x4 has rows of 16 cells"),
        ([PROBLEM, "12.."], [[[GOOD]], [[GOOD]]], r"problems\[1\]: puzzle text has 4 cells"),
        ([PROBLEM + 5], [[[GOOD]]], r"problems\[0\]: problems\[0\] has token"),
        ([PROBLEM / 2], [[[GOOD]]], r"problems\[0\]: of shape \[16\] and dtype float64: must be integers \[16\]"),
        (None, [[[GOOD]]], "problems: is of type NoneType: must be a list of puzzles"),
        ("12..", [[[GOOD]]], "problems: is of type str: must be a list of puzzles"),
        (torch.tensor(3), [[[GOOD]]], "problems: is a single Tensor: must be a list"),
        ([None], [[[GOOD]]], r"problems\[0\]: of shape \[\] and dtype object"),
        ([[1, [2]]], [[[GOOD]]], r"problems\[0\]: is of type list: must be a text or token ids"),
        ([PROBLEM], None, "outputs: is of type NoneType: must be a list of lists of candidates"),
        ([PROBLEM], [None], r"outputs\[0\]: is of type NoneType: must be a list of candidates"),
        ([PROBLEM], ["r1c1=2"], r"outputs\[0\]: is of type str: must be a list of candidates"),
        ([PROBLEM], [[None]], r"outputs\[0\]\[0\]: is of type NoneType: must be a list of Steps or of their texts"),
        ([PROBLEM], [[[None]]], r"outputs\[0\]\[0\]: step 0: is a NoneType: must be a Step or its text"),
        ([PROBLEM], [[{"r1c1=2": 1}]], r"outputs\[0\]\[0\]: is of type dict"),
        ([PROBLEM], [[[forced(new=(None,))]]], r"step 0: Step\(.*cells and values must be whole numbers from 0 to 255"),
        (["11.............."], [[[GOOD]]], r"problems\[0\]: '11\.+': two 1s in row 1"),
        (["." * 16], [[[GOOD]]], r"problems\[0\]: '\.+': no cell is given"),
        (["123....4........"], [[[GOOD]]], r"problems\[0\]: .*: no solution"),
        ([ANSWER], [[trajectory()]], r"outputs\[0\]\[0\]: is a trajectory of another puzzle"),
        ([PROBLEM], [["r1c1=2"]], r"outputs\[0\]\[0\]: is one text"),
        ([PROBLEM], [[[GOOD, 7]]], r"outputs\[0\]\[0\]: step 1: is a int: must be a Step or its text"),
        ([PROBLEM], [[["r1c1"]]], r"outputs\[0\]\[0\]: step 0: 'r1c1' is not an edit"),
        ([PROBLEM], [[[GOOD, GOOD]]], rf"outputs\[0\]\[0\]: step 1: cell {BLANK} holds 2, not old=1: does not chain"),
        ([PROBLEM], [[[Step((16,), (1,), (2,))]]], r"step 0: cells=\[16\]: must lie in 0..15"),
        ([PROBLEM], [[[Step((BLANK,), (1,), (0,))]]], r"outputs\[0\]\[0\]: step 0: r\dc\d holds token 0: must be"),
        ([PROBLEM], [[[Step((BLANK,), (1,), (9,))]]], r"outputs\[0\]\[0\]: .*9"),
        ([PROBLEM], [[[Step((BLANK,), (1,), (300,))]]], r"outputs\[0\]\[0\]: step 0: .*300"),
        (
            [PROBLEM],
            [[[GOOD, Step((GIVEN,), (int(PROBLEM[GIVEN]),), (1,))]]],
            r"outputs\[0\]\[0\]: step 1: r\dc\d must not be edited: it is given",
        ),
        (
            [PROBLEM],
            [[trajectory(steps=[GOOD, Step((BLANK,), (2,), (3,))])]],
            r"outputs\[0\]\[0\]: step 1: r\dc\d is written already: regime=fill",
        ),
    ],
)  # fmt: skip
def test_bad_input_is_named(problems: Any, outputs: Any, message: str):
    with pytest.raises(ValueError, match=message) as caught:
        scorer_of("prm").score(problems, outputs)
    assert "\n" not in str(caught.value)


def test_lists_arrays_tensors_and_generators_are_read():
    problems, _ = some_puzzles(2)
    outputs = some_outputs(problems)
    scorer = scorer_of("prm")
    expected = scorer.score(list(problems), outputs)
    for form in (
        problems.tolist(), problems.astype(np.int64), torch.from_numpy(problems.astype(np.int64)), tuple(problems),
        (row for row in problems),
    ):  # fmt: skip
        assert scorer.score(form, outputs) == expected
    lazily = ((iter(steps) for steps in candidates) for candidates in outputs)
    assert scorer.score(problems, lazily) == expected
    assert scorer.score([], []) == []


JUNK = st.recursive(
    st.one_of(
        st.none(), st.booleans(), st.floats(), st.integers(), st.text(max_size=4), st.binary(max_size=3),
        st.sampled_from([
            PROBLEM, PROBLEM.tolist(), SUDOKU.format(PROBLEM), GOOD, "pass", "r1c1=2", np.array(2), np.zeros((2, 0)),
            np.array(["a"]), torch.zeros(2, 2), torch.tensor(0.5), object(), {1}, "\ud83d", 10**400,
            forced(old=("a",)), forced(cells=("x",)), forced(new=(0.5,)), range(3),
        ]),
    ),
    lambda inner: st.one_of(
        st.lists(inner, max_size=3), st.tuples(inner), st.dictionaries(st.text(max_size=2), inner, max_size=2)
    ),
)  # fmt: skip


@given(JUNK, JUNK)
@example([PROBLEM], [["r1c1=2"], []])
def test_junk_is_refused_in_one_line(problems: Any, outputs: Any):
    scorer = scorer_of("prm")
    for arguments in ((problems, outputs), ([PROBLEM], outputs), ([PROBLEM], [outputs]), ([PROBLEM], [[outputs]])):
        assert "\n" not in refusal(lambda arguments=arguments: scorer.score(*arguments))


def test_scorers_that_do_not_fit_are_refused():
    model = small_scorer("symbols", ("prm", "hier"))
    refused: list[tuple[Any, str | None, dict[str, Any], str]] = [
        (
            puzzles.get("sudoku", box="2x3"),
            "prm",
            {},
            "has 36 cells and 8 token ids, .* on 16 and 6",
        ),
        (SUDOKU, "cond", {}, "objective=cond: the model's heads are prm, hier"),
        (SUDOKU, None, {}, "objective=None: the model's heads are prm, hier"),
        (SUDOKU, "prm", {"fine_weight": 0.5}, "fine_weight=0.5: must lie in 0..1, and be 1"),
        (SUDOKU, "hier", {"fine_weight": 1.5}, "fine_weight=1.5"),
        (SUDOKU, "prm", {"segments": 0}, "segments=0: must be at least 1"),
        (SUDOKU, "prm", {"batch_size": 0}, "batch_size=0: must be at least 1"),
        (SUDOKU, "prm", {"stop": 0.0}, "stop=0.0: must be a probability"),
    ]
    for puzzle, objective, changes, message in refused:
        with pytest.raises(ValueError, match=message):
            StepScorer(model, puzzle, objective, **changes)
    with pytest.raises(ValueError, match="the model scores texts, not puzzles"):
        StepScorer(small_scorer("text", ("prm",)), SUDOKU)
    with torch.no_grad():
        next(model.heads["prm"].parameters()).fill_(torch.nan)
    with pytest.raises(ValueError, match=r"model: its head prm gives row 0 the logit nan: must be finite"):
        StepScorer(model, SUDOKU, "prm").score([PROBLEM], [[[GOOD]]])
