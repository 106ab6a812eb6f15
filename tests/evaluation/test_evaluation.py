"""Metrics against a model that becomes right at known segments, and the parts they are made of."""

import io
import json
import math

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console

import puzzles
from hrm_net.evaluation.evaluate import PuzzleSet, evaluate, evaluate_set
from hrm_net.evaluation.metrics import by_difficulty, calibration, wilson
from hrm_net.evaluation.results import read_results, results_table
from hrm_net.evaluation.trace import slowest_solved, trace, traces
from hrm_net.model import HRM
from hrm_net.nn.config import HRMConfig
from hrm_net.provenance import CPU_FLAGS
from tests.examples import num_examples
from tests.puzzles.steps.revealing import NEVER, Revealing, revealed

TIMES = [1, 2, 3, 8, 9, 16, 17, 32, NEVER]
times_lists = st.lists(st.integers(0, 20), min_size=1, max_size=9)
EDGES = (0, 1, 5, 10, 20, 50)


def _model(puzzle_set, **options):
    return Revealing(puzzle_set.puzzle.vocab_size, **options)


def test_rates_follow_the_segments_at_which_answers_appear():
    puzzle_set = revealed(TIMES)
    score = evaluate_set(_model(puzzle_set), puzzle_set, batch_size=4)
    assert score["puzzles"] == 9
    solved_by = {"1": 1, "2": 2, "4": 3, "8": 4, "16": 6, "32": 8}
    assert {depth: row["solve_rate"] for depth, row in score["by_segments"].items()} == pytest.approx(
        {depth: num / 9 for depth, num in solved_by.items()}
    )
    assert all(sum(row["by_difficulty"].values()) == row["solve_rate"] for row in score["by_segments"].values())
    assert score["solve_rate"] == score["exact_accuracy"] == pytest.approx(6 / 9)
    assert score["mean_segments"] == pytest.approx((1 + 2 + 3 + 8 + 9 + 16 + 16 + 16 + 16) / 9)
    assert score["solve_rate_at_halt"] == pytest.approx(6 / 9)
    cells = 16 * 9
    blanks = (puzzle_set.inputs[6:] == 1).sum()
    assert score["cell_accuracy"] == pytest.approx((cells - blanks) / cells)
    assert score["solve_rate_interval"] == wilson(6, 9)


@num_examples(10)
@given(times_lists, st.integers(1, 12), st.integers(1, 12))
def test_batch_size_changes_nothing_and_shapes_stay_static(times, one, other):
    puzzle_set = revealed(times)
    scores = []
    for batch_size in (one, other):
        model = _model(puzzle_set)
        score = evaluate_set(model, puzzle_set, max_segments=6, curve=(1, 3), batch_size=batch_size)
        assert model.shapes == {(batch_size, 16)}
        assert model.calls == 6 * -(-len(times) // batch_size)
        scores.append({key: value for key, value in score.items() if key not in ("seconds", "puzzles_per_second")})
    assert scores[0] == scores[1]
    assert scores[0]["solve_rate"] == pytest.approx(np.mean([0 < time <= 6 for time in times]))


def test_rules_decide_what_is_solved_and_stored_labels_what_is_exact():
    puzzle = puzzles.get("sudoku", box="2x2")
    answer = puzzle.generate(np.random.default_rng(1), 1)[1][0]
    # all four digits renamed: another right grid for the empty board, in which no cell equals the stored one
    other = np.where(answer == 5, 2, answer + 1).astype(answer.dtype)
    inputs = np.ones((2, 16), np.uint8)
    inputs[1, 0] = answer[0]  # this given forbids the other grid
    puzzle_set = PuzzleSet("two", puzzle, inputs, np.stack([answer, answer]), np.ones(2, int))

    class Other(Revealing):
        def forward(self, carry, batch, **kwargs):
            batch = {**batch, "labels": torch.from_numpy(np.stack([other, other]).astype(np.int32))}
            return super().forward(carry, batch, **kwargs)

    score = evaluate_set(Other(puzzle.vocab_size), puzzle_set, batch_size=2, curve=(1,), max_segments=2)
    assert score["solve_rate"] == 0.5
    assert score["exact_accuracy"] == 0
    assert score["cell_accuracy"] == 0


def test_cells_labelled_minus_100_are_not_scored():
    puzzle_set = revealed([1, NEVER])
    labels = puzzle_set.labels.astype(np.int64)
    labels[0, :7] = -100  # shown as padding by the model, hence wrong if they counted
    labels[1, puzzle_set.inputs[1] == 1] = -100  # all that it leaves blank
    labels[1, 0] = puzzle_set.labels[1, 0]
    blank = puzzle_set.inputs[1, 0] == 1
    puzzle_set.labels = labels
    score = evaluate_set(_model(puzzle_set), puzzle_set, batch_size=2, curve=(1,), max_segments=1)
    assert score["exact_accuracy"] == (0.5 if blank else 1)
    scored = (labels != -100).sum()
    assert score["cell_accuracy"] == pytest.approx((scored - int(blank)) / scored)


def test_halting_early_on_a_wrong_answer_costs_only_the_rate_at_halt():
    puzzle_set = revealed([5, 5, 1])

    class Hasty(Revealing):
        def wants_to_halt(self, out):
            return torch.ones(len(out.q_halt), dtype=torch.bool)

    score = evaluate_set(Hasty(puzzle_set.puzzle.vocab_size), puzzle_set, batch_size=3, max_segments=8)
    assert (score["mean_segments"], score["solve_rate"]) == (1, 1)
    assert score["solve_rate_at_halt"] == pytest.approx(1 / 3)


def test_stated_confidence_is_taken_at_the_last_segment_of_the_headline():
    puzzle_set = revealed([4, 4, 9, 9])  # at 8 segments two are right and said to be, two are wrong and said to be
    score = evaluate_set(_model(puzzle_set, sure=100.0), puzzle_set, max_segments=8, curve=(16,))
    assert score["calibration"]["ece"] == pytest.approx(0)
    assert score["calibration"]["brier"] == pytest.approx(0)
    assert [part["puzzles"] for part in score["calibration"]["bins"]] == [2, 2]
    boastful = _model(puzzle_set, sure=-100.0)  # says the opposite
    assert evaluate_set(boastful, puzzle_set, max_segments=8)["calibration"]["brier"] == pytest.approx(1)


@pytest.mark.parametrize("training", [True, False])
def test_caller_s_modes_are_restored(training):
    puzzle_set = revealed([1])
    model = _model(puzzle_set).train(training)
    seen = []
    evaluate_set(model, puzzle_set, advance=lambda: seen.append((model.training, torch.is_grad_enabled())))
    assert set(seen) == {(training, True)}
    assert model.training is training


def test_values_that_are_not_finite_are_refused():
    puzzle_set = revealed([1])
    with pytest.raises(ValueError, match="not finite at segment 1"):
        evaluate_set(_model(puzzle_set, sure=float("nan")), puzzle_set)


def test_bfloat16_model_scores_like_a_float32_one():
    puzzle_set = revealed(TIMES)
    scores = [evaluate_set(_model(puzzle_set, dtype=dtype), puzzle_set) for dtype in (torch.float32, torch.bfloat16)]
    assert scores[0]["by_segments"] == scores[1]["by_segments"]
    assert scores[0]["calibration"] == scores[1]["calibration"]


def test_results_file_has_the_promised_keys(tmp_path):
    puzzle_set = revealed([1, 2, NEVER])
    results = evaluate(_model(puzzle_set), [puzzle_set], progress=False, seed=7)
    path = results.write(tmp_path / "deep" / "results.json")
    found = json.loads(path.read_text())
    assert set(found) == {"sets", "seed", "commit", "versions", "hardware"}
    assert found["seed"] == 7
    assert {"puzzles", "solve_rate", "exact_accuracy", "cell_accuracy", "mean_segments"} <= set(
        found["sets"]["revealed"]
    )
    assert found["versions"]["torch"] == torch.__version__
    assert found["hardware"]["cores"] >= 1
    assert set(found["hardware"]["cpu_flags"]) <= set(CPU_FLAGS)
    assert found["commit"] is None or len(found["commit"].removesuffix("-dirty")) == 40
    assert read_results(path).sets["revealed"]["solve_rate"] == results.sets["revealed"]["solve_rate"]
    assert [file.name for file in path.parent.iterdir()] == ["results.json"]


def test_table_shows_rate_and_interval_of_every_set():
    puzzle_set = revealed([1, 1, 1, NEVER])
    output = io.StringIO()
    console = Console(width=120, file=output)
    console.print(results_table(evaluate(_model(puzzle_set), [puzzle_set], progress=False)))
    row = next(line for line in output.getvalue().splitlines() if "revealed" in line)
    low, high = wilson(3, 4)
    assert f"75.0 % ({100 * low:.1f}-{100 * high:.1f})" in row
    assert "4.8 of 16" in row


def test_equal_names_and_impossible_depths_are_refused():
    puzzle_set = revealed([1])
    with pytest.raises(ValueError, match="names must differ, got revealed, revealed"):
        evaluate(_model(puzzle_set), [puzzle_set, puzzle_set], progress=False)
    with pytest.raises(ValueError, match="max_segments=0"):
        evaluate_set(_model(puzzle_set), puzzle_set, max_segments=0)


@given(st.integers(1, 5000), st.data())
def test_wilson_interval_holds_the_share_and_narrows(num, data):
    successes = data.draw(st.integers(0, num))
    low, high = wilson(successes, num)
    assert 0 <= low <= successes / num <= high <= 1
    lower, higher = wilson(successes * 4, num * 4)
    assert higher - lower < high - low


@given(st.integers(1, 5000), st.data())
def test_wilson_interval_is_the_closed_form(num, data):
    successes = data.draw(st.integers(0, num))
    share, z = successes / num, 1.959963984540054
    centre = share + z * z / (2 * num)
    spread = z * math.sqrt(share * (1 - share) / num + z * z / (4 * num * num))
    expected = [(centre - spread) / (1 + z * z / num), (centre + spread) / (1 + z * z / num)]
    assert wilson(successes, num) == pytest.approx(expected, rel=1e-9, abs=1e-12)


def test_wilson_interval_of_a_textbook_case():
    assert wilson(0, 0) == (0.0, 1.0)
    assert wilson(8, 10) == pytest.approx((0.4902, 0.9433), abs=1e-4)


def test_calibration_by_hand():
    found = calibration(np.array([0.95, 0.95, 0.05, 1.0]), np.array([True, False, False, True]))
    assert [(part["puzzles"], part["accuracy"]) for part in found["bins"]] == [(1, 0.0), (3, pytest.approx(2 / 3))]
    assert found["ece"] == pytest.approx(0.25 * 0.05 + 0.75 * abs(2.9 / 3 - 2 / 3))
    assert found["brier"] == pytest.approx((0.05**2 + 0.95**2 + 0.05**2) / 4)


@given(st.lists(st.tuples(st.floats(0, 1), st.booleans()), min_size=1, max_size=50))
def test_calibration_counts_every_puzzle_once(pairs):
    confidence, correct = (np.array(column) for column in zip(*pairs, strict=True))
    found = calibration(confidence, correct)
    assert sum(part["puzzles"] for part in found["bins"]) == len(pairs)
    assert all(
        part["low"] <= part["confidence"] + 1e-12 and part["confidence"] <= part["high"] + 1e-12
        for part in found["bins"]
    )
    # splitting into bins can only show more disagreement than the whole
    assert found["ece"] >= abs(confidence.mean() - correct.mean()) - 1e-9


def test_difficulty_buckets_end_where_the_next_begin():
    difficulty = np.array([0, 0.9, 1, 4.9, 5, 9.9, 10, 19.9, 20, 49.9, 50, 1e6])
    solved = np.arange(12) % 2 == 0
    table = by_difficulty(difficulty, solved, EDGES)
    assert list(table) == ["0", "1-4", "5-9", "10-19", "20-49", "50+"]
    assert all(row == {"puzzles": 2, "solve_rate": 0.5, "interval": wilson(1, 2)} for row in table.values())
    assert list(by_difficulty(np.array([7.0]), np.array([True]), EDGES)) == ["5-9"]


def test_trace_follows_one_puzzle():
    puzzle_set = revealed([3])
    inputs, label = puzzle_set.inputs[0], puzzle_set.labels[0]

    class Third(Revealing):
        def forward(self, carry, batch, **kwargs):
            return super().forward(
                carry, {**batch, "puzzle_identifiers": torch.full((len(batch["inputs"]),), 3)}, **kwargs
            )

    model = Third(puzzle_set.puzzle.vocab_size)
    followed = trace(model, puzzle_set.puzzle, inputs, 5, labels=label, batch_size=4)
    assert model.shapes == {(4, 16)}
    assert (followed.states[:2] == inputs).all()
    assert (followed.states[2:] == label).all()
    assert (followed.halted_at, followed.settled_at, followed.solved) == (3, 3, True)
    assert followed.confidence == pytest.approx(1 / (1 + np.exp([4.0, 4.0, -4.0, -4.0, -4.0])))
    assert trace(model, puzzle_set.puzzle, inputs, 2).halted_at is None
    assert trace(model, puzzle_set.puzzle, inputs, 2).labels is None


@pytest.mark.parametrize("variant", [{}, {"codec": "symbols", "block": "symbol", "prefix_len": 0, "positions": "none"}])
@pytest.mark.parametrize("chance", [{}, {"state": "random", "noise": 0.1}])
def test_the_real_model_is_scored_beyond_its_depth_and_the_same_again(variant, chance):
    puzzle_set = revealed([0] * 5)
    config = HRMConfig(
        vocab_size=6,
        seq_len=16,
        hidden_size=16,
        num_heads=2,
        h_layers=1,
        l_layers=1,
        max_segments=2,
        **variant,
        **chance,
    )
    model = HRM(config, torch.Generator().manual_seed(0))
    first, again = (evaluate_set(model, puzzle_set, max_segments=4, curve=(1, 8), batch_size=2) for _ in range(2))
    assert set(first["by_segments"]) == {"1", "4", "8"}
    for key in ("by_segments", "calibration", "mean_segments"):
        assert first[key] == again[key]


def test_a_trace_settles_where_labels_score_it():
    puzzle_set = revealed([2])
    (followed,) = traces(_model(puzzle_set), puzzle_set, 1, 6)
    assert followed.labels is not None
    followed.states[:, 0] = np.arange(6)
    assert followed.settled_at == 6
    followed.labels = np.where(np.arange(len(followed.labels)) == 0, 0, followed.labels)
    assert followed.settled_at == 2
    followed.labels = None
    assert followed.settled_at == 6


def test_slowest_solved_trace_is_solved_and_slow():
    puzzle_set = revealed([2, 7, 4, NEVER])
    found = traces(_model(puzzle_set), puzzle_set, 10, 8)
    assert [followed.settled_at for followed in found] == [2, 7, 4, 1]
    assert slowest_solved(found) is found[1]
    assert slowest_solved(found[3:]) is found[3]
