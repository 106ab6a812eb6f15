"""Answers found in solutions, and compared."""

import json
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hrm_net.reward.formats import jsonl, prm800k
from hrm_net.reward.text.answers import answer_key, final_answer, normalise, same_answer


@pytest.mark.parametrize(
    ("text", "answer"),
    [
        ("3 + 4 = <<3+4=7>>7\n#### 7", "7"),
        ("#### 1,200\n", "1,200"),
        (r"so $\boxed{\left( 3, \frac{\pi}{2} \right)}.$", r"\left( 3, \frac{\pi}{2} \right)"),
        (r"\boxed{1} then \boxed{\{2, 3\}}", r"\{2, 3\}"),
        ("That means 29 cents.\n\n# Answer\n\n29", "29"),
        ("Step 3: so it is 5. The answer is: 1040", "1040"),
        ("First 12, then it costs $1,234.50 in all", "$1,234.50"),
        ("It is 7 - 5", "5"),
        ("It is -5.", "-5"),
        ("no number at all", None),
        (r"\boxed{never closed", None),
        ("", None),
    ],
)
def test_answers_are_found(text, answer):
    assert final_answer(text) == answer


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ("29", "29.0"), ("1,234", "1234"), ("$18", "18"), (r"\$18.00", "18"), ("0.5", r"\frac{1}{2}"),
        ("1/2", r"\dfrac12"),
        (r"-\frac{3}{4}", "-0.75"), (r"2\frac{1}{2}", "2.5"), (r"-1\tfrac{1}{2}", "-3/2"), (".5", "0.5"),
        (r"\left( 3, \frac{\pi}{2} \right)", r"(3,\frac{\pi}{2})"), ("(1, 0.5)", r"(1,\frac12)"), ("x = 5", "5"),
        (r"30^\circ", "30"), (r"50\%", "50"), (r"\text{Evelyn}", "Evelyn"), ("p - q", "p-q"), (r"x^{2}", "x^2"),
        ("(1," * 90 + "1" + ")" * 90, "(1," * 90 + "1.0" + ")" * 90), ("(16/49,x)", r"(\frac{16}{49}, x)"),
        (r"\sqrt5", r"\sqrt{5}"), ("{1,2}", "{1.0,2}"), ("1,2", "1, 2.0"), ("12 dollars", "12"),
    ],
)  # fmt: skip
def test_same(first, second):
    assert same_answer(first, second)
    assert same_answer(second, first)


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ("29", "2.9"), ("1,2", "12"), ("1,234,5", "12345"), ("(1,2)", "[1,2]"), ("(1,2)", "(2,1)"), ("1,2", "(1,2)"),
        ("", ""), ("", "0"), ("5", "-5"), ("1/2", "2"), ("1/0", "1/0.0"), ("a", "b"), ("(1,2,3)", "(1,2)"),
        ("1" * 300, "1" * 301), ("1" * 5000, "1" * 5001), ("(1," * 900, "(1," * 901), ("3", "(3)x"),
    ],
)  # fmt: skip
def test_not_same(first, second):
    assert not same_answer(first, second)
    assert not same_answer(second, first)


@given(st.fractions(max_denominator=1000))
def test_a_fraction_equals_itself_however_written(value):
    sign = "-" if value < 0 else ""
    shown = rf"{sign}\frac{{{abs(value.numerator)}}}{{{value.denominator}}}"
    assert same_answer(shown, f"{value.numerator}/{value.denominator}")
    assert not same_answer(shown, str(value + Fraction(1, 10**9)))


@given(st.text(max_size=60), st.text(max_size=60))
def test_any_text_can_be_compared(first, second):
    assert same_answer(first, second) == same_answer(second, first)
    assert same_answer(first, first) == bool(normalise(first))
    assert same_answer(first, answer_key(first)) or not normalise(first)
    final_answer(first)


@given(st.text("\\boxed{}frac()[],0123456789./-$ ", max_size=80))
def test_any_latex_can_be_read(text):
    found = final_answer(text)
    assert found is None or found in text
    same_answer(text, found or "")


def test_reference_solutions_end_in_their_answers(shared_data):
    """All of the MATH500 sample; of PRM800K's finished paths nearly all, the rest are written differently."""
    rows = jsonl.read(shared_data / "reward" / "math500_sample.jsonl", dict).items
    for row in rows:
        assert same_answer(final_answer(row["solution"]) or "", row["answer"]), json.dumps(row["answer"])
    records = jsonl.read(shared_data / "reward" / "prm800k_phase1_test.jsonl", prm800k.parse).items
    finished = [record for record in records if record.finish_reason == "solution"]
    right = [same_answer(final_answer(record.path()[-1].text) or "", record.answer) for record in finished]
    assert sum(right) >= 0.9 * len(finished)
