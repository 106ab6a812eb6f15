"""A model as a policy: draws follow its beliefs, keep the rules of the regime, and have the probability they tell."""

from types import SimpleNamespace

import numpy as np
import pytest
import torch
from torch import nn

import puzzles
from hrm_net import HRM
from hrm_net.reward.data.hrm_policy import HRMPolicy
from puzzles.steps.policies import Policy, sample_states, solved
from puzzles.steps.rules import step_rules
from puzzles.steps.steps import Regime
from tests.models import small_model


class Believer(nn.Module):
    """The same belief [seq, vocab] for every input; remembers what it was shown."""

    def __init__(self, puzzle, belief):
        super().__init__()
        self.belief = nn.Parameter(torch.tensor(belief))
        self.config = SimpleNamespace(seq_len=puzzle.seq_len, vocab_size=puzzle.vocab_size)
        self.shown = []

    def initial_carry(self, batch):
        return 0

    def forward(self, carry, batch, *, max_segments, generator):
        assert carry < max_segments
        self.shown.append(batch["inputs"].numpy().copy())
        logits = self.belief.expand(len(batch["inputs"]), -1, -1)
        return carry + 1, SimpleNamespace(logits=logits)


@pytest.fixture(scope="module")
def sudoku():
    puzzle = puzzles.get("sudoku", box="2x2")
    problems, labels = puzzle.generate(np.random.default_rng(0), 8, clues=6)
    return puzzle, step_rules(puzzle), problems, labels


def _belief(puzzle, seed=0):
    return np.random.default_rng(seed).normal(size=(puzzle.seq_len, puzzle.vocab_size))


def _pairs(policy, rules, problem, state, belief):
    """{(cell, value): chance} of one edit, by the definition."""
    chance = np.exp(belief) / np.exp(belief).sum(1, keepdims=True)
    legal = rules.legal(problem[None], state[None])[0]
    weight = {(int(c), int(v)): chance[c, v] ** (1 / policy.temperature) for c, v in np.argwhere(legal)}
    if policy.regime == "edit":
        for cell in np.flatnonzero(rules.editable(problem[None])[0] & (state != rules.blank)):
            for value in rules.values:
                if value != state[cell]:
                    weight[int(cell), value] = chance[cell, value] ** (1 / policy.temperature)
    total = sum(weight.values())
    return {pair: one / total for pair, one in weight.items()}


@pytest.mark.parametrize("regime", ["fill", "edit"])
def test_draws_follow_the_belief_and_tell_their_probability(sudoku, regime):
    puzzle, rules, problems, labels = sudoku
    belief = _belief(puzzle)
    policy = HRMPolicy(Believer(puzzle, belief), puzzle, rules, temperature=0.7, regime=regime, segments=2)
    state = np.where(np.arange(16) < 12, labels[0], problems[0])
    num = 6000
    after, logp = policy(
        np.random.default_rng(0), np.repeat(problems[:1], num, 0), np.repeat(state[None], num, 0), np.full(num, 3)
    )
    expected = _pairs(policy, rules, problems[0], state, belief)
    changed = after != state
    assert (changed.sum(1) == 1).all()
    cell = changed.argmax(1)
    drawn = list(zip(cell.tolist(), after[np.arange(num), cell].tolist(), strict=True))
    for pair, chance in expected.items():
        spread = 4.5 * np.sqrt(chance * (1 - chance) / num)
        assert drawn.count(pair) / num == pytest.approx(chance, abs=spread + 1e-9)
    assert np.exp(logp) == pytest.approx([expected[pair] for pair in drawn])
    assert isinstance(policy, Policy)


def test_two_edits_are_drawn_one_after_the_other(sudoku):
    puzzle, rules, problems, _ = sudoku
    belief = _belief(puzzle, 1)
    policy = HRMPolicy(Believer(puzzle, belief), puzzle, rules, cells_per_step=2)
    after, logp = policy(np.random.default_rng(0), problems, problems, np.full(8, 3))
    for problem, state, told in zip(problems, after, np.exp(logp), strict=True):
        first, second = np.flatnonzero(problem != state).tolist()
        chances = []
        for a, b in ((first, second), (second, first)):
            one = _pairs(policy, rules, problem, problem, belief)[a, int(state[a])]
            between = problem.copy()
            between[a] = state[a]
            rest = {p: w for p, w in _pairs(policy, rules, problem, between, belief).items() if p[0] != a}
            chances.append(one * rest[b, int(state[b])] / sum(rest.values()))
        assert any(told == pytest.approx(chance) for chance in chances)


def test_no_cell_is_edited_twice_in_a_step(sudoku):
    puzzle, rules, problems, labels = sudoku
    policy = HRMPolicy(Believer(puzzle, _belief(puzzle)), puzzle, rules, cells_per_step=5, regime="edit")
    rows, full = np.repeat(problems, 20, 0), np.repeat(labels, 20, 0)
    after, _ = policy(np.random.default_rng(0), rows, full, np.ones(160, int))
    assert ((after != full).sum(1) == 5).all()
    assert (after != full)[rows != rules.blank].sum() == 0


def test_the_model_sees_each_different_input_once(sudoku):
    puzzle, rules, problems, labels = sudoku
    states = np.where(np.arange(16) < 8, labels, problems)[[0, 1, 0, 0]]
    cases: list[tuple[Regime, np.ndarray]] = [("fill", states), ("edit", problems[[0, 1, 0, 0]])]
    for regime, expected in cases:
        model = Believer(puzzle, _belief(puzzle))
        policy = HRMPolicy(model, puzzle, rules, regime=regime, segments=3)
        policy(np.random.default_rng(0), problems[[0, 1, 0, 0]], states, np.full(4, 2))
        assert len(model.shown) == 3
        assert {tuple(row) for row in model.shown[0]} == {tuple(row) for row in expected}
        assert len(model.shown[0]) == 2


def test_rows_without_a_legal_value_rest(sudoku):
    puzzle, rules, problems, labels = sudoku
    policy = HRMPolicy(Believer(puzzle, _belief(puzzle)), puzzle, rules, cells_per_step=3)
    after, logp = policy(np.random.default_rng(0), problems[:2], labels[:2], np.ones(2, int))
    assert (after == labels[:2]).all()
    assert logp.tolist() == [0.0, 0.0]


@pytest.mark.parametrize("variant", ["hrm", "random_start", "symbols"])
def test_real_models_are_seeded_policies(variant, sudoku):
    puzzle, rules, problems, _ = sudoku
    model = small_model(variant, seq_len=16, vocab_size=6)
    model.train()
    policy = HRMPolicy(model, puzzle, rules, cells_per_step=2, segments=2)
    one, two = (sample_states(policy, rules, np.random.default_rng(3), problems, 6)[0] for _ in range(2))
    assert (one == two).all()
    assert model.training
    given = problems != rules.blank
    assert (one[:, -1][given] == problems[given]).all()


def test_the_shipped_model_fills_in_what_it_has_learned():
    puzzle = puzzles.get("sudoku", box="3x3")
    problems, _ = puzzle.generate(np.random.default_rng(0), 4, clues=45)
    rules = step_rules(puzzle)
    policy = HRMPolicy(HRM.from_pretrained("sudoku_9x9"), puzzle, rules, temperature=0.1, cells_per_step=12, segments=8)
    states, lengths = sample_states(policy, rules, np.random.default_rng(0), problems, 4)
    assert solved(rules, problems, states[:, -1]).sum() >= 3
    assert (lengths >= 3).all()


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"temperature": 0.0}, r"temperature=0\.0: must be above 0"),
        ({"cells_per_step": 0}, "cells_per_step=0: must be at least 1"),
        ({"segments": 0}, "segments=0"),
    ],
)
def test_bad_settings_are_named(sudoku, options, words):
    puzzle, rules, _, _ = sudoku
    with pytest.raises(ValueError, match=words):
        HRMPolicy(Believer(puzzle, _belief(puzzle)), puzzle, rules, **options)


def test_models_of_another_size_are_refused(sudoku):
    puzzle, rules, _, _ = sudoku
    other = puzzles.get("sudoku", box="2x3")
    with pytest.raises(ValueError, match="made for 36 cells and 8 tokens: sudoku has 16 and 6"):
        HRMPolicy(Believer(other, _belief(other)), puzzle, rules)
