"""What `solve` takes as puzzles: texts, lists, arrays, tensors, one row; the rest is refused in one line."""

import subprocess
import sys
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from hrm_net.solver import solve
from puzzles.errors import UserError
from puzzles.sudoku.domain import Sudoku
from tests.paths import REPO
from tests.solving import solving

SUDOKU: Any = Sudoku("2x2")
MODEL, INPUTS, LABELS = solving(SUDOKU, [1, 2, 1])
TEXTS = [SUDOKU.format(row) for row in INPUTS]

SAME: dict[str, Any] = {
    "texts": TEXTS,
    "tuple of texts": tuple(TEXTS),
    "tensor": torch.from_numpy(INPUTS),
    "long tensor": torch.from_numpy(INPUTS.astype(np.int64)),
    "lists": INPUTS.tolist(),
    "list of arrays": list(INPUTS),
    "list of tensors": [torch.from_numpy(row) for row in INPUTS],
    "another integer type": INPUTS.astype(np.uint64),
}
ONE: dict[str, Any] = {
    "text": TEXTS[0],
    "row": INPUTS[0],
    "row of a tensor": torch.from_numpy(INPUTS[0]),
    "list of numbers": INPUTS[0].tolist(),
}


@pytest.mark.parametrize("form", SAME)
def test_every_form_gives_the_same_answers(form: str):
    assert np.array_equal(solve(MODEL, SUDOKU, SAME[form]).answers, LABELS)


@pytest.mark.parametrize("form", ONE)
def test_one_puzzle_is_a_batch_of_one(form: str):
    found = solve(MODEL, SUDOKU, ONE[form])
    assert found.answers.shape == (1, 16)
    assert np.array_equal(found.answers[0], LABELS[0])
    assert found.solved.tolist() == [True]


@pytest.mark.parametrize(
    ("inputs", "line"),
    [
        (INPUTS / 1.0, "inputs: are of type float64; must be whole numbers in an array, a tensor or a list, or texts"),
        (torch.zeros(2, 16), "inputs: are a tensor of float32; must be whole numbers"),
        (torch.zeros(16, dtype=torch.bool), "inputs: are a tensor of bool; must be whole numbers"),
        (INPUTS > 1, "inputs: are of type bool; must be whole numbers"),
        (None, "inputs: are of type NoneType; must be whole numbers"),
        (7, "inputs: are of type int; must be whole numbers"),
        ([[1, 2], [3]], "inputs: are lists of unequal length or of mixed content; must be whole numbers"),
        ([], "inputs: hold no puzzle"),
        (INPUTS[None], "inputs: have the shape (1, 3, 16), must be [num, 16] or [16]"),
        (INPUTS[:, :9], "inputs: have 9 cells, sudoku has 16"),
        (INPUTS.astype(np.int64) - 9, "inputs[0]: token ids must lie in 0..5"),
        ([TEXTS[0], "12x4"], "inputs[1]: "),
        ([TEXTS[0], 3], "inputs[1]=3: must be a text, as the others are"),
    ],
)
def test_the_rest_is_refused_in_one_line(inputs: Any, line: str):
    with pytest.raises(UserError) as caught:
        solve(MODEL, SUDOKU, inputs)
    assert str(caught.value).startswith(line)
    assert "\n" not in str(caught.value)


def one_line(error: Exception) -> None:
    assert isinstance(error, UserError), repr(error)
    assert "\n" not in str(error)


JUNK = st.recursive(
    st.none() | st.booleans() | st.integers(-3, 9) | st.integers() | st.floats() | st.text(max_size=20) | st.binary(),
    lambda inner: st.lists(inner, max_size=17) | st.dictionaries(st.text(max_size=3), inner, max_size=2),
    max_leaves=20,
)


@given(JUNK)
def test_anything_is_solved_or_refused_in_one_line(inputs: Any):
    try:
        found = solve(MODEL, SUDOKU, inputs, max_segments=1)
    except Exception as error:
        one_line(error)
    else:
        assert found.answers.shape[1] == 16


SETTINGS = """
import numpy as np
from hrm_net.solver import solve
from tests.paths import REPO
from tests.solving import solving
from puzzles.sudoku.domain import Sudoku
model, inputs, _ = solving(Sudoku("2x2"), [1])
for setting in ({"max_segments": 2.0}, {"batch_size": None}, {"restarts": "2"}, {"seed": "now"}, {"stop": 5},
                {"stop": [1]}, {"abstain_below": "x"}, {"puzzle_identifiers": ["a"]}, {"puzzle_identifiers": [[0]]}):
    try:
        solve(model, Sudoku("2x2"), inputs, **setting)
    except ValueError as error:
        print(error)
"""


@pytest.mark.slow
def test_settings_of_another_type_are_refused_in_one_line():
    """In an interpreter that does not check annotations, as users have it."""
    done = subprocess.run([sys.executable, "-c", SETTINGS], cwd=REPO, capture_output=True, text=True, check=True)
    assert done.stdout.splitlines() == [
        "max_segments=2.0: must be a whole number",
        "batch_size=null: must be a whole number",
        'restarts="2": must be a whole number',
        'seed="now": must be a whole number',
        "stop=5: must be a text such as q:0.9, or a list of texts",
        "stop=[1]: must be a text such as q:0.9, or a list of texts",
        'abstain_below="x": must lie in 0..1',
        "puzzle_identifiers: are of type <U1; must be whole numbers in an array, a tensor or a list",
        "puzzle_identifiers: have the shape (1, 1) for 1 puzzles",
    ]
