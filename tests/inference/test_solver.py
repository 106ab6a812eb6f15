"""The solver against a model that solves at known segments, and with real small models."""

from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

import hrm_net
import puzzles
from hrm_net.model import HRM
from hrm_net.nn.config import HRMConfig
from hrm_net.solver import run_passes, solve
from puzzles.base import Puzzle
from puzzles.errors import UserError
from puzzles.sudoku.domain import Sudoku
from tests.examples import num_examples
from tests.models import small_model
from tests.solving import NEVER, solving

SUDOKU: Any = Sudoku("2x2")
times_lists = st.lists(st.integers(1, 9), min_size=1, max_size=12)
RANDOM: dict[str, Any] = {"state": "random", "noise": 0.05, "damping": 0.05, "halting": "halt_only"}
VARIANTS: dict[str, dict[str, Any]] = {
    "attention": {"num_heads": 2},
    "mixer": {"block": "mixer", "positions": "none", "stacks": "shared"},
    "symbols": {"codec": "symbols", "block": "symbol", "positions": "none", "prefix_len": 0, "halting": "halt_only"},
    "random": RANDOM,
    "random_symbols": {
        **RANDOM, "codec": "symbols", "block": "symbol", "positions": "none", "prefix_len": 0,
    },
}  # fmt: skip


def real(variant="attention"):
    config = {"hidden_size": 16, "num_heads": 2, "mlp_multiple": 8, "h_layers": 1, "l_layers": 1, **VARIANTS[variant]}
    model = HRM(HRMConfig(vocab_size=6, seq_len=16, **config), torch.Generator().manual_seed(3))
    torch.nn.init.normal_(model.q_head.weight, generator=torch.Generator().manual_seed(4))
    model.q_head.get_parameter("bias").data.zero_()
    return model


@num_examples(25)
@given(times_lists, st.integers(1, 9), st.integers(1, 12), st.booleans())
def test_each_puzzle_takes_the_segments_it_needs_in_any_batch(times, max_segments, batch_size, narrow):
    model, inputs, labels = solving(SUDOKU, times)
    found = solve(model, SUDOKU, inputs, max_segments=max_segments, stop="q", batch_size=batch_size, narrow=narrow)
    unique = np.array([model.known[row.tobytes()][1] for row in inputs])
    assert found.segments.tolist() == np.minimum(unique, max_segments).tolist()
    in_time = unique <= max_segments
    assert found.solved.tolist() == in_time.tolist()
    assert np.array_equal(found.answers, np.where(in_time[:, None], labels, inputs))
    assert found.confidence == pytest.approx(1 / (1 + np.exp(np.where(in_time, -4.0, 4.0))))
    assert len(model.shapes) == 1 or narrow
    assert all(width <= batch_size and (narrow or width == batch_size) for width, _ in model.shapes)
    assert not found.abstained.any()


def test_a_freed_row_takes_the_next_puzzle_at_once():
    model, inputs, _ = solving(SUDOKU, [5, 1, 1, 1, 1])
    found = solve(model, SUDOKU, inputs, stop="q", batch_size=2, narrow=False)
    assert found.solved.all()
    assert model.calls == 5
    assert found.computed == 10


def test_the_tail_narrows_to_halves_of_the_batch():
    model, inputs, _ = solving(SUDOKU, [1] * 7 + [6])
    found = solve(model, SUDOKU, inputs, stop="q", batch_size=8)
    assert {width for width, _ in model.shapes} == {8, 1}
    assert found.computed == 8 + 5
    model, inputs, _ = solving(SUDOKU, [2, 3, 4])
    solve(model, SUDOKU, inputs, stop="q", batch_size=64)
    assert {width for width, _ in model.shapes} == {4, 2, 1}


def test_no_stop_rule_means_every_segment():
    model, inputs, _ = solving(SUDOKU, [1, 2, 3])
    found = solve(model, SUDOKU, inputs, stop="fixed", max_segments=20, batch_size=2)
    assert found.segments.tolist() == [20, 20, 20]
    assert found.solved.all()


@pytest.mark.parametrize("variant", VARIANTS)
def test_an_answer_depends_on_no_neighbour_and_no_place(variant):
    model = real(variant)
    inputs, _ = SUDOKU.generate(np.random.default_rng(0), 11)
    how: dict[str, Any] = {"max_segments": 6, "restarts": 2, "seed": 5}
    sure = np.sort(run_passes(model, SUDOKU, inputs, **{**how, "max_segments": 1}).confidence.reshape(-1))
    how["stop"] = [f"q:{(sure[10] + sure[11]) / 2}", "unchanged:2"]
    whole = run_passes(model, SUDOKU, inputs, batch_size=4, **how)
    assert len(np.unique(whole.segments)) > 1, "rows must come and go at different times for this to test anything"
    order = np.random.default_rng(1).permutation(11)
    for rows, batch_size in ((order, 4), (order, 7), (np.arange(11), 64), (np.array([3]), 1), (np.array([8]), 5)):
        other = run_passes(model, SUDOKU, inputs[rows], batch_size=batch_size, narrow=batch_size != 7, **how)
        assert np.array_equal(other.answers, whole.answers[rows])
        assert np.array_equal(other.segments, whole.segments[rows])
        np.testing.assert_allclose(other.confidence, whole.confidence[rows], rtol=1e-4)


@pytest.mark.parametrize("variant", ["random", "random_symbols"])
def test_random_restarts_differ_and_follow_the_seed(variant):
    model = real(variant)
    inputs, _ = SUDOKU.generate(np.random.default_rng(0), 3)
    how: dict[str, Any] = {"max_segments": 2, "stop": "fixed", "restarts": 3, "batch_size": 4}
    one, same, other = (run_passes(model, SUDOKU, inputs, seed=seed, **how).confidence for seed in (0, 0, 1))
    assert np.array_equal(one, same)
    assert len(np.unique(one.round(9))) == 9
    assert not np.isclose(one, other).any()


def test_a_pass_is_what_the_plain_model_computes():
    model = real()
    inputs, _ = SUDOKU.generate(np.random.default_rng(0), 5)
    batch = {"inputs": torch.from_numpy(inputs.astype(np.int32))}
    batch |= {"labels": batch["inputs"], "puzzle_identifiers": torch.zeros(5, dtype=torch.int32)}
    model.eval()
    carry = model.initial_carry(batch)
    with torch.no_grad():
        for _ in range(3):
            carry, out = model(carry, batch)
    found = solve(model, SUDOKU, inputs, stop="fixed", max_segments=3, batch_size=2)
    assert np.array_equal(found.answers, out.logits.argmax(-1).numpy())
    np.testing.assert_allclose(found.confidence, out.q_halt.sigmoid().numpy(), rtol=1e-4)


def test_symmetric_restarts_come_back_to_the_puzzle():
    """A model that solves only turned puzzles: their answers must be answers of the puzzle as it stands."""
    inputs, labels = SUDOKU.generate(np.random.default_rng(0), 4)
    symmetries = SUDOKU.symmetries(puzzles.rng(9, "restart symmetries"), 3)
    model, _, _ = solving(SUDOKU, [1])
    model.known = {
        turned.tobytes(): (label, 2)
        for turned, label in zip(symmetries[2].apply(inputs), symmetries[2].apply(labels), strict=True)
    }
    found = solve(model, SUDOKU, inputs, restarts=3, seed=9, stop="q", select="q", max_segments=4)
    assert np.array_equal(found.answers, labels)
    assert found.segments.tolist() == [4 + 4 + 2] * 4
    assert solve(model, SUDOKU, inputs, restarts=2, seed=9, stop="q", max_segments=4).solved.sum() == 0


@pytest.mark.parametrize("batch_size", [1, 3, 16])
def test_a_verified_puzzle_is_not_thought_about_again(batch_size):
    model, inputs, labels = solving(SUDOKU, [2, NEVER])
    found = solve(
        model, SUDOKU, inputs, restarts=4, select="verifier", stop="rules", max_segments=3, batch_size=batch_size
    )
    assert found.solved.tolist() == [True, False]
    assert found.segments.tolist() == [2, 12]
    assert found.confidence[0] == 1
    assert np.array_equal(found.answers[0], labels[0])
    if batch_size == 1:
        assert found.computed == 14


def test_rules_judge_busy_rows_with_a_new_answer_only(monkeypatch):
    model, inputs, _ = solving(SUDOKU, [3, NEVER])
    judged = []
    real_check = SUDOKU.check
    monkeypatch.setattr(SUDOKU, "check", lambda i, o: judged.append(len(i)) or real_check(i, o))
    solve(model, SUDOKU, inputs, stop="rules", max_segments=5, batch_size=8, narrow=False)
    assert judged == [2, 1, 2]  # both at first, the one that changed, and the answers at the end
    judged.clear()
    solve(model, SUDOKU, inputs, stop="q", max_segments=5)
    assert judged == [2]


def test_abstention_is_told_and_does_not_count_as_solved():
    model, inputs, _ = solving(SUDOKU, [2, 2, NEVER])
    found = solve(model, SUDOKU, inputs, stop="q", abstain_below=0.5)
    assert found.abstained.tolist() == [False, False, True]
    assert found.solved.tolist() == [True, True, False]
    model.after = -1.0  # right, and does not believe it
    found = solve(model, SUDOKU, inputs, stop="rules", abstain_below=0.5)
    assert found.abstained.all()
    assert not found.solved.any()


def test_the_trace_is_the_way_to_the_answer():
    model, inputs, labels = solving(SUDOKU, [1, 4, 2])
    found = solve(model, SUDOKU, inputs, stop="q", batch_size=2, trace=True)
    assert found.trace is not None
    for i, at in enumerate((1, 4, 2)):
        steps = found.trace[i]
        assert len(steps.states) == len(steps.confidence) == len(steps.residual) == at == found.segments[i]
        assert np.array_equal(steps.states[-1], labels[i])
        assert all(np.array_equal(state, inputs[i]) for state in steps.states[:-1])
        assert steps.residual[0] == np.inf
    # the state went from 1, 2, 3 to 1 + 1/16
    assert found.trace[1].residual[1:] == pytest.approx([1 / 2, 1 / 3, (3 - 17 / 16) / (17 / 16)])


def test_puzzle_identifiers_reach_the_model():
    model = small_model("hrm").eval()
    table = model.codec.get_buffer("puzzle_embedding.weight")
    table.normal_(generator=torch.Generator().manual_seed(0))
    torch.nn.init.normal_(model.q_head.weight, generator=torch.Generator().manual_seed(4))
    inputs, _ = SUDOKU.generate(np.random.default_rng(0), 1)
    three = np.repeat(inputs, 3, axis=0)
    found = solve(model, SUDOKU, three, stop="fixed", max_segments=2, puzzle_identifiers=np.array([0, 1, 2]))
    assert len(np.unique(found.confidence.round(7))) == 3


@pytest.mark.parametrize(
    ("how", "line"),
    [
        ({"max_segments": 0}, "max_segments=0: must be at least 1"),
        ({"batch_size": 0}, "batch_size=0: must be at least 1"),
        ({"restarts": 0}, "restarts=0: must be at least 1"),
        ({"restarts": 10**6}, "restarts=1000000: 4x4 Sudoku has 3,072 symmetries"),
        ({"restarts": 2, "restart_by": "random"}, "restart_by=random: the model was trained from fixed states"),
        ({"restart_by": "luck"}, "restart_by=luck: must be one of auto, random, symmetry"),
        ({"select": "best"}, "select=best: must be one of q, residual, vote, agreement, verifier"),
        ({"abstain_below": 1.5}, "abstain_below=1.5: must lie in 0..1"),
        ({"stop": "qq"}, "stop=qq: must be made of"),
        ({"puzzle_identifiers": np.array([1, 0])}, "puzzle_identifiers: must lie in 0..0"),
        ({"puzzle_identifiers": np.array([0])}, "puzzle_identifiers: 1 for 2 puzzles"),
    ],
)
def test_settings_that_cannot_be_are_refused_before_any_work(how, line):
    model, inputs, _ = solving(SUDOKU, [1, 1])
    with pytest.raises(ValueError, match=r"\S") as caught:
        solve(model, SUDOKU, inputs, **how)
    assert str(caught.value).startswith(line)
    assert "\n" not in str(caught.value)
    assert model.calls == 0


def test_puzzles_that_are_not_the_models_are_refused():
    model, inputs, _ = solving(SUDOKU, [1])
    for puzzle, rows, line in (
        (puzzles.get("sudoku"), np.ones((1, 81), np.uint8), "puzzle=sudoku: has 81 cells and 11 token ids"),
        (SUDOKU, inputs[:0], "inputs: hold no puzzle"),
        (SUDOKU, np.ones((2, 15), np.uint8), "inputs: have 15 cells, sudoku has 16"),
        (SUDOKU, np.concatenate([inputs, np.full((1, 16), 6, np.uint8)]), r"inputs\[1\]: token ids must lie in 0..5"),
    ):
        with pytest.raises(ValueError, match=line):
            solve(model, puzzle, rows)


def test_weights_that_serve_any_size_take_puzzles_of_another():
    relational = {"codec": "symbols", "block": "relational", "positions": "none", "prefix_len": 0}
    config = HRMConfig(
        vocab_size=6, seq_len=16, grid_width=4, box_rows=2, hidden_size=16, h_layers=1, l_layers=1,
        halting="halt_only", **relational,
    )  # fmt: skip
    model = HRM(config, torch.Generator().manual_seed(3))
    large: Any = Sudoku("2x3")
    inputs, _ = large.generate(puzzles.rng(0, "test"), 2)
    found = solve(model, large, inputs, max_segments=2, stop=["fixed"])
    twin = model.fitted(large)
    assert twin is not model
    assert (found.answers == solve(twin, large, inputs, max_segments=2, stop=["fixed"]).answers).all()
    with pytest.raises(UserError, match=r"has 36 cells and 8 token ids, the model was trained on 16 and 6"):
        solve(real(), large, inputs)


def test_a_puzzle_without_rules_or_symmetries_serves_what_it_can():
    class Plain(Puzzle):
        """Sudoku without rules or symmetries."""

        name, shape, vocab_size, token_symbols = "sudoku", SUDOKU.shape, SUDOKU.vocab_size, SUDOKU.token_symbols

        def generate(self, rng, num, *_, **targets):
            raise AssertionError("is not asked for puzzles")

        def check(self, inputs, outputs):
            raise AssertionError("has no rules")

    model, inputs, labels = solving(SUDOKU, [2, 3])
    plain = Plain()
    found = solve(model, plain, inputs, stop="q")
    assert not found.solved.any()
    assert np.array_equal(found.answers, labels)
    refused: list[tuple[dict[str, Any], str]] = [
        ({"stop": "rules"}, "stop=rules: sudoku has no rules"),
        ({"select": "verifier"}, "select=verifier: sudoku has no rules"),
        ({"restarts": 2}, "restarts=2: sudoku has no symmetries"),
    ]
    for how, line in refused:
        with pytest.raises(ValueError, match=line):
            solve(model, plain, inputs, **how)


def test_values_that_are_not_finite_are_refused():
    model, inputs, _ = solving(SUDOKU, [2])
    model.after = float("nan")
    with pytest.raises(ValueError, match="halting values are not finite at segment 16"):
        solve(model, SUDOKU, inputs, stop="q")


@pytest.mark.parametrize("training", [True, False])
def test_the_models_mode_is_restored(training):
    model, inputs, _ = solving(SUDOKU, [2])
    model.train(training)
    solve(model, SUDOKU, inputs)
    assert model.training is training
    assert torch.is_grad_enabled()


def test_the_package_offers_it():
    assert hrm_net.solve is solve
    assert hrm_net.Solution.__name__ == "Solution"
    with pytest.raises(AttributeError, match="nothing_of_the_kind"):
        _ = hrm_net.nothing_of_the_kind
