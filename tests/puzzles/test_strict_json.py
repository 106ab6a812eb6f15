"""Strict JSON: agrees with Python's decoder on what is JSON, refuses the rest, and knows where."""

import json
import math
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from puzzles.errors import UserError
from puzzles.strict_json import MAX_DIGITS, JSONError, _Decoder, loads
from tests.degenerate import check_linear, check_told

SCALARS = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text()
VALUES = st.recursive(SCALARS, lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner), max_leaves=20)
NEARLY = st.text(alphabet='{}[],:"\\0123456789.eE+-tfn \n\rudDa', max_size=40)


@given(VALUES, st.booleans(), st.sampled_from([None, 1]))
def test_reads_back_what_json_writes_by_either_way(value, ascii_only, indent):
    text = json.dumps(value, ensure_ascii=ascii_only, indent=indent)
    assert loads(text) == _Decoder(text, 100).decode() == value


@given(NEARLY)
def test_accepts_nothing_that_python_refuses_and_the_slow_decoder_agrees(text):
    try:
        value = loads(text)
    except JSONError as error:
        check_told(str(error), "line ")
        with pytest.raises(JSONError, match=re.escape(str(error))):
            _Decoder(text, 100).decode()
    else:
        assert json.loads(text) == value == _Decoder(text, 100).decode()


@pytest.mark.parametrize(
    ("text", "line", "column", "reason"),
    [
        ('{"a": NaN}', 1, 7, "NaN is not a number"),
        ("[1,\n -Infinity]", 2, 2, "-Infinity is not a number"),
        ("[1, 1e999]", 1, 5, "1e999 is too large"),
        ("[\n\n-1e999]", 3, 1, "-1e999 is too large"),
        ('{"a": 1,\n "b": 2,\n "a": 3}', 3, 2, 'the key "a" stands twice'),
        ('["x", "\\ud83d"]', 1, 7, "\\ud83d is half of a character"),
        ('{"\\ude00": 1}', 1, 2, "\\ude00 is half of a character"),
        ('["\\ud83d\\ud83d\\ude00"]', 1, 2, "\\ud83d is half of a character"),
        ('["\\\\ud83d\\ude00"]', 1, 2, "\\ude00 is half of a character"),
        ("[" * 101 + "]" * 101, 1, 101, "nested too deeply: at most 100 levels"),
        ("[" * 100_000, 1, 101, "nested too deeply: at most 100 levels"),
        ("[" + "9" * 301 + "]", 1, 2, "a whole number of 301 digits: at most 300"),
        ('{"a": 1} x', 1, 10, "more text after the value"),
        ("", 1, 1, "the text is empty"),
        ("  \n", 2, 1, "the text is empty"),
        ("{'a': 1}", 1, 2, "expected a key in double quotes, found \"'a'\""),
        ('{"a": None}', 1, 7, "expected a value, found 'None'"),
        ("[1, 2", 1, 6, "expected , or ], found the end"),
        ("[1,]", 1, 4, "expected a value, found ']'"),
        ('{"a" 1}', 1, 6, "expected : after the key"),
        ('["a\nb"]', 1, 4, "invalid control character"),
        ('["abc', 1, 2, "unterminated string"),
    ],
)
def test_names_the_place_and_the_reason(text, line, column, reason):
    with pytest.raises(JSONError) as caught:
        loads(text)
    assert (caught.value.line, caught.value.column) == (line, column)
    assert reason in str(caught.value)


def test_whole_numbers_fit_a_float():
    assert math.isfinite(float(loads("9" * MAX_DIGITS)))


def test_paired_surrogates_and_escaped_backslashes_are_text():
    assert loads('["\\ud83d\\ude00", "\\\\ud83d"]') == ["\U0001f600", "\\ud83d"]


def test_nesting_is_read_as_deep_as_the_caller_allows():
    value = loads("[" * 5000 + "]" * 5000, max_depth=5000)
    for _ in range(4999):
        (value,) = value
    assert value == []
    with pytest.raises(UserError, match="at most 4999 levels"):
        loads("[" * 5000 + "]" * 5000, max_depth=4999)


def test_time_is_linear():
    check_linear(loads, allowed=UserError)
