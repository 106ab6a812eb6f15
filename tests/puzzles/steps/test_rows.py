"""Rows and whole attempts as columns, and their files."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given

from puzzles.steps.attempts import to_trajectories
from puzzles.steps.labels import exact_labels, label_states
from puzzles.steps.rows import (
    COARSE,
    COLUMNS,
    FINE,
    Coarse,
    Error,
    Fine,
    StepRows,
    StepTrajectories,
    rows_of,
    trajectories_of,
)
from tests.examples import num_examples
from tests.puzzles.steps.steps import build, cases

ERRORS: tuple[Error, ...] = ("first", "last")
FINES: tuple[Fine, ...] = ("ok", "state", "alive")
COARSES: tuple[Coarse, ...] = ("second", "net")
CASE = {"seed": 5, "name": "sudoku", "steps": 6, "cells": 2, "spare": 2, "fill": False, "right": 0.6}


def equal(one, other):
    same = all(np.array_equal(getattr(one, name), getattr(other, name), equal_nan=name == "label") for name in COLUMNS)
    return same and one.sources == other.sources


def rows(num=4, **changes: Any):
    fields: dict[str, Any] = {name: np.zeros(num, np.uint8) for name in COLUMNS}
    fields |= {name: np.ones((num, 16), np.uint8) for name in COLUMNS[:3]}
    fields |= {"left": np.arange(num, dtype=np.int32), "label": np.linspace(0, 1, num, dtype=np.float32)}
    fields |= {"group": np.arange(num), "span": np.ones(num, np.uint8), "sources": ("exact",), **changes}
    return StepRows(**fields)


@num_examples(30)
@given(cases())
def test_a_row_shows_what_its_step_or_pair_did(case):
    rules, made = build(case)
    trajectories = to_trajectories(rules.puzzle, made)
    labels = exact_labels(rules, trajectories)
    found = rows_of(trajectories, labels, fine="ok", coarse="net")
    assert equal(found, rows_of(made, label_states(rules, made), fine="ok", coarse="net"))
    assert found.sources == ("exact",)
    row = 0
    for span in (FINE, COARSE):
        for one, label in zip(trajectories, labels, strict=True):
            states = one.states()
            for t in range(span - 1, len(one.steps)):
                assert np.array_equal(found.problem[row], one.problem)
                assert np.array_equal(found.before[row], states[t + 1 - span])
                assert np.array_equal(found.after[row], states[t + 1])
                assert found.label[row] == (label.ok[t] if span == FINE else label.net[t])
                assert (found.left[row], found.span[row]) == (one.budget - t - 1, span)
                assert found.group[row] == one.group
                row += 1
    assert row == len(found)


@num_examples(30)
@given(cases())
def test_attempts_hold_their_own_rows(case):
    rules, made = build(case)
    labels = label_states(rules, made)
    for error in ERRORS:
        z = labels.first_error if error == "first" else labels.last_error
        found = trajectories_of(made, labels, error=error, fine="alive")
        assert equal(found.rows, rows_of(made, labels, fine="alive"))
        assert np.array_equal(np.diff(found.starts), made.lengths)
        assert np.array_equal(found.error, z)
        assert np.array_equal(found.outcome, labels.solved)
        assert np.bincount(found.attempts(), minlength=len(found)).tolist() == made.lengths.tolist()
        chosen = found.take(np.array([2, 0]))
        alone = [trajectories_of(made.take(slice(i, i + 1)), label_states(rules, made.take(slice(i, i + 1))),
                                 error=error, fine="alive") for i in (2, 0)]  # fmt: skip
        together = StepTrajectories.concatenate(alone)
        for part in (chosen, together):
            assert equal(part.rows, together.rows)
            assert np.array_equal(part.starts, together.starts)
            assert np.array_equal(part.error, z[[2, 0]])
            assert np.array_equal(part.outcome, labels.solved[[2, 0]])


def test_which_labels_rows_carry():
    rules, made = build(CASE)
    labels = label_states(rules, made)
    for fine in FINES:
        live = getattr(labels, fine)[made.live]
        assert np.array_equal(rows_of(made, labels, fine=fine).label, live.astype(np.float32))
    for coarse in COARSES:
        found = rows_of(made, labels, fine=None, coarse=coarse)
        assert (found.span == COARSE).all()
        assert np.array_equal(found.label, getattr(labels, coarse)[:, 1:][made.live[:, 1:]])
    labels.provenance["net"] = "hnc"
    assert rows_of(made, labels, fine="ok", coarse="net").sources == ("exact", "hnc")
    assert rows_of(made, labels, fine="ok", coarse="second").sources == ("exact",)
    with pytest.raises(ValueError, match="fine=None, coarse=None: one of them must be a label"):
        rows_of(made, labels, fine=None)


def test_labels_of_other_attempts_are_refused():
    rules, made = build(CASE)
    labels = label_states(rules, made)
    with pytest.raises(ValueError, match="3 labels of 2 trajectories: must be equally many"):
        rows_of(made.take(slice(2)), labels)
    order = np.argsort(made.lengths)
    assert made.lengths[order[0]] < made.lengths[order[-1]]
    with pytest.raises(ValueError, match=r"trajectory \d: \d labels of \d steps: must be equally many"):
        rows_of(made.take(order), label_states(rules, made.take(order[::-1])))
    none = replace(made, lengths=np.array([2, 0, 1]))
    with pytest.raises(ValueError, match="trajectory 1: has no step"):
        trajectories_of(none, label_states(rules, none))


def test_taking_and_joining_rows():
    some = rows()
    for index in (np.array([2, 0, 2]), np.array([True, False, True, True]), slice(1, 3)):
        assert equal(some.take(index), rows(**{name: getattr(some, name)[index] for name in COLUMNS}))
    other = rows(source=np.array([0, 1, 1, 0], np.uint8), sources=("hnc", "exact"))
    both = StepRows.concatenate([some, other, some])
    assert both.sources == ("exact", "hnc")
    assert [both.sources[place] for place in both.source] == ["exact"] * 4 + ["hnc", "exact", "exact", "hnc"] + [
        "exact"
    ] * 4
    assert equal(both.take(slice(4)), replace(some, sources=both.sources))
    assert len(both) == 12
    assert len(some.take(slice(0))) == 0
    with pytest.raises(ValueError, match="no rows to concatenate"):
        StepRows.concatenate([])
    small: dict[str, Any] = {name: np.ones((4, 9), np.uint8) for name in COLUMNS[:3]}
    with pytest.raises(ValueError, match=r"rows of puzzles with \[9, 16\] cells: must be of one size"):
        StepRows.concatenate([some, rows(4, **small)])


def test_faulty_rows_are_refused():
    with pytest.raises(ValueError, match=r"label 1: 1\.5: must be from 0 to 1"):
        rows(label=np.array([0, 1.5, np.nan, 1], np.float32))
    with pytest.raises(ValueError, match=r"span=\[1, 3\]: must be 1 or 2"):
        rows(span=np.array([1, 3, 1, 1], np.uint8))
    with pytest.raises(ValueError, match="source=1: must be less than the 1 sources"):
        rows(source=np.array([0, 1, 0, 0], np.uint8))
    with pytest.raises(ValueError, match="257 sources: at most 256 are told apart"):
        rows(sources=tuple(map(str, range(257))))


def test_faulty_attempts_are_refused():
    fields: dict[str, Any] = {
        "outcome": np.array([True, False]),
        "error": np.array([1, 0]),
        "starts": np.array([0, 1, 4]),
    }
    assert len(StepTrajectories(rows=rows(), **fields)) == 2
    for changes, message in (
        ({"starts": np.array([0, 1, 3])}, "starts must rise from 0 to the number of rows"),
        ({"starts": np.array([0, 0, 4])}, "each attempt has a step"),
        ({"starts": np.array([1, 2, 4])}, "starts must rise from 0"),
        ({"starts": np.array([0, 4])}, "1 attempts with 2 outcomes, 2 errors"),
        ({"error": np.array([2, 0])}, r"trajectory 0: error=2: must lie in 0\.\.1"),
        ({"error": np.array([1, -1])}, r"trajectory 1: error=-1: must lie in 0\.\.3"),
    ):
        with pytest.raises(ValueError, match=message):
            StepTrajectories(rows=rows(), **{**fields, **changes})
    with pytest.raises(ValueError, match="span=2: attempts consist of single steps"):
        StepTrajectories(rows=rows(span=np.full(4, COARSE, np.uint8)), **fields)
