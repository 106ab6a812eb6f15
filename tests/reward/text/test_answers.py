"""Answers found in solutions, and compared."""

import json
import threading
import time
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hrm_net.reward.formats import jsonl, prm800k
from hrm_net.reward.text.answers import final_answer
from hrm_net.reward.text.equivalence import AnswerChecker, clean, same_answer
from puzzles.errors import UserError
from tests.reward.text.answer_cases import ENDINGS, MORE_ENDINGS, MORE_PAIRS, PAIRS


@pytest.mark.parametrize(
    ("text", "answer"),
    [
        ("3 + 4 = <<3+4=7>>7\n#### 7", "7"),
        ("#### 1,200\n", "1,200"),
        (r"so $\boxed{\left( 3, \frac{\pi}{2} \right)}.$", r"\left( 3, \frac{\pi}{2} \right)"),
        (r"\boxed{1} then \boxed{\{2, 3\}}", r"\{2, 3\}"),
        (r"\boxed{2} and $\boxed{3}$", "2, 3"),
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


@pytest.mark.parametrize(("text", "answer"), [*ENDINGS, *MORE_ENDINGS])
def test_the_endings_of_real_solutions(text, answer):
    assert same_answer(answer, final_answer(text) or "")


@pytest.mark.parametrize(("first", "second", "same"), [*PAIRS, *MORE_PAIRS])
def test_pairs_of_answers(first, second, same):
    assert same_answer(first, second) == same
    assert same_answer(second, first) == same


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ("29", "29.0"), ("1,234", "1234"), ("$18", "18"), (r"\$18.00", "18"), ("1/2", r"\dfrac12"),
        (r"-\frac{3}{4}", "-0.75"), (r"2\frac{1}{2}", "2.5"), (r"-1\tfrac{1}{2}", "-3/2"),
        ("(1, 0.5)", r"(1,\frac12)"), (r"30^\circ", "30"), (r"x^{2}", "x^2"),
        ("(1," * 90 + "1" + ")" * 90, "(1," * 90 + "1 " + ")" * 90), ("(16/49,x)", r"(\frac{16}{49}, x)"),
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
        ("1/3", "0.333333333"), ("A = 5", "A"), ("C major", "C"),
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
    assert same_answer(first, first) == bool(clean(first))
    final_answer(first)


@given(st.text("\\boxed{}frac()[],0123456789./-$ ", max_size=80))
def test_any_latex_can_be_read(text):
    found = final_answer(text)
    same_answer(text, found or "")


def test_reference_solutions_end_in_their_answers(shared_data):
    """All of the MATH500 sample; of PRM800K's finished paths nearly all, the rest are written differently."""
    rows = jsonl.read(shared_data / "reward" / "math500_sample.jsonl", dict).items
    for row in rows:
        assert same_answer(row["answer"], final_answer(row["solution"]) or ""), json.dumps(row["answer"])
    records = jsonl.read(shared_data / "reward" / "prm800k_phase1_test.jsonl", prm800k.parse).items
    finished = [record for record in records if record.finish_reason == "solution"]
    right = [same_answer(record.answer or "", final_answer(record.path()[-1].text) or "") for record in finished]
    assert sum(right) >= 0.9 * len(finished)


def test_every_label_of_gsm8k_is_agreed_with(shared_data):
    """Of each test question four solutions by OpenAI's models, labelled by GSM8K's own rules."""
    path = shared_data / "reward" / "gsm8k" / "model_solutions.jsonl"
    if not path.is_file():
        pytest.skip(f"{path} is not there")
    different, total = [], 0
    for row in jsonl.read(path, dict).items:
        answer = final_answer(row["ground_truth"]) or ""
        for solution in (value for value in row.values() if isinstance(value, dict)):
            total += 1
            if same_answer(answer, final_answer(solution["solution"]) or "") != solution["is_correct"]:
                different.append(solution["solution"][-80:])
    assert total >= 3600
    assert different == []


def test_gsm8k_solutions_end_after_four_hashes(shared_data):
    path = shared_data / "reward" / "gsm8k" / "train_first3000.jsonl"
    if not path.is_file():
        pytest.skip(f"{path} is not there")
    for row in jsonl.read(path, dict).items:
        assert final_answer(row["answer"]) == row["answer"].rpartition("####")[2].strip()


@pytest.mark.slow
def test_a_formula_that_takes_too_long_counts_as_different_and_the_next_is_compared():
    checker = AnswerChecker(seconds=1.0)
    begin = time.monotonic()
    assert not checker.same("9^{9^{9^{9}}}", "9^{9^{9^{8}}}")
    assert time.monotonic() - begin < 60
    assert len(checker.undecided) == 1
    assert checker.same("x + y", "y + x")
    assert len(checker.undecided) == 1


def test_threads_may_compare():
    """The library's own time limits are signals, which fail outside of the main thread."""
    found = []
    threads = [threading.Thread(target=lambda i=i: found.append(same_answer(f"{i}(x+1)", f"{i}x+{i}"))) for i in (2, 3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == [True, True]


def test_without_the_library_formulas_are_refused_with_the_command_that_installs_it(tmp_path, monkeypatch):
    (tmp_path / "math_verify.py").write_text("raise ImportError('none here')")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    checker = AnswerChecker()
    assert checker.same("1/2", "0.5")
    with pytest.raises(UserError, match=r"none here.*pip install 'math-verify\[antlr4_9_3\]"):
        checker.same("x + y", "y + x")
