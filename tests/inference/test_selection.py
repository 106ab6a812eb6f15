"""Choosing among answers, by hand and by properties."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hrm_net.inference.selection import SELECTIONS, check_selection, choose

A, B, C = [1, 2, 3, 4], [1, 2, 3, 5], [9, 9, 9, 9]


def chosen(select, answers, confidence, residual=None, right=()):
    asked = []

    def verified(rows):
        asked.append(len(rows))
        return np.array([row.tolist() in list(right) for row in rows])

    residual = np.zeros(len(answers)) if residual is None else np.array(residual)
    found = choose(select, np.array(answers), np.array(confidence), residual, verified)
    assert bool(asked) == (select == "verifier")
    return found


def test_each_selection_by_hand():
    answers, confidence = [A, B, C, B], [0.9, 0.6, 0.95, 0.7]
    assert chosen("q", answers, confidence) == (2, 0.95)
    assert chosen("residual", answers, confidence, [0.3, 0.1, 0.2, 0.4]) == (1, 0.6)
    assert chosen("vote", answers, confidence) == (3, 0.5)
    index, sure = chosen("agreement", answers, confidence)
    # B agrees with A in 3 of 4 cells, with the other B in 4, with C in none
    assert (index, sure) == (3, pytest.approx((0.75 + 1 + 0) / 3))
    assert chosen("verifier", answers, confidence, right=[B, C]) == (1, 1.0)
    assert chosen("verifier", answers, confidence, right=[]) == (2, 0.95)


def test_a_drawn_vote_goes_to_the_answer_believed_in_most():
    assert chosen("vote", [A, B, B, A], [0.2, 0.9, 0.1, 0.7]) == (1, 0.5)
    assert chosen("vote", [A, B, B, A], [0.4, 0.9, 0.1, 0.7]) == (3, 0.5)


rows = st.lists(st.lists(st.integers(0, 2), min_size=3, max_size=3), min_size=1, max_size=7)


@given(rows, st.data())
def test_the_answer_is_one_of_them_and_order_does_not_matter(answers, data):
    num = len(answers)
    distinct = st.lists(st.floats(0.01, 0.99), min_size=num, max_size=num, unique=True)
    confidence, residual = np.array(data.draw(distinct)), np.array(data.draw(distinct))
    order = np.array(data.draw(st.permutations(range(num))))
    right = [answers[0]]
    for select in SELECTIONS:
        index, sure = chosen(select, answers, confidence, residual, right)
        assert 0 <= index < num
        assert 0 <= sure <= 1
        other, _ = chosen(select, np.array(answers)[order].tolist(), confidence[order], residual[order], right)
        if select == "verifier":
            assert answers[index] == answers[order[other]] == answers[0]
        elif select in ("q", "residual"):
            assert index == order[other]


@given(rows)
def test_a_vote_won_outright_is_won_whatever_the_confidence(answers):
    counts = {tuple(row): answers.count(row) for row in answers}
    top = max(counts.values())
    index, sure = chosen("vote", answers, np.linspace(0.1, 0.9, len(answers)))
    assert counts[tuple(answers[index])] == top
    assert sure == pytest.approx(top / len(answers))


@given(rows)
def test_agreement_is_the_mean_share_of_equal_cells(answers):
    index, sure = chosen("agreement", answers, np.full(len(answers), 0.5))
    shares = [
        np.mean([np.mean(np.array(a) == np.array(b)) for j, b in enumerate(answers) if j != i] or [0.5])
        for i, a in enumerate(answers)
    ]
    assert sure == pytest.approx(max(shares))
    assert shares[index] == pytest.approx(max(shares))


def test_selections_that_cannot_serve_are_refused():
    def check(select, verifiable=True, halting="halt_only", restarts=4):
        check_selection(select, puzzle_name="arc", verifiable=verifiable, halting=halting, restarts=restarts)

    for select in SELECTIONS:
        check(select)
    check("q", halting="fixed", restarts=1)
    refused: list[tuple[dict[str, Any], str]] = [
        ({"select": "most"}, "select=most: must be one of q, residual, vote, agreement, verifier"),
        ({"select": "verifier", "verifiable": False}, "select=verifier: arc has no rules that verify an answer"),
        ({"select": "q", "halting": "fixed"}, "select=q: the model was trained with halting=fixed"),
    ]
    for how, line in refused:
        with pytest.raises(ValueError, match=line):
            check(**how)
