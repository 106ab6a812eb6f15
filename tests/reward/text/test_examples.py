"""Examples out of PRM800K as published, and their bytes."""

from collections import Counter

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hrm_net.reward.formats import jsonl, prm800k
from hrm_net.reward.formats.prm800k import Completion, Neutral, RatedStep, Record
from hrm_net.reward.formats.records import TextSolution
from hrm_net.reward.text import examples as text_examples
from hrm_net.reward.text.examples import CURRENT, PREVIOUS, QUESTION

TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=40)


@pytest.fixture
def published(shared_data):
    return jsonl.read(shared_data / "reward" / "prm800k_phase1_test.jsonl", prm800k.parse).items


def rated(*completions, chosen=None, human=None):
    told = [Completion(text=text, rating=rating) for text, rating in completions]
    person = None if human is None else Completion(text=human, rating=None)
    return RatedStep(completions=told, human=person, chosen=chosen)


@pytest.fixture
def record():
    steps = [
        rated(("a", 1), ("b", -1), ("c", 0), chosen=0),
        rated(("d", -1), ("e", None), human="h"),
        rated(("f", 0), ("g", 1), chosen=0),
        rated(("i", -1)),
        rated(("never", 1), chosen=0),
    ]
    return Record(problem="p", answer="1", steps=steps, finish_reason="solution")


def test_counts_of_the_published_builder(published):
    """The released code on this file: 1861 right and 1310 wrong fine examples, 1751 and 1288 merged ones."""
    examples = text_examples.published_examples(published, neutral="drop", coarse=True)
    assert Counter((one.span, one.label) for one in examples) == {
        (1, 1.0): 1861, (1, 0.0): 1310, (2, 1.0): 1751, (2, 0.0): 1288,
    }  # fmt: skip
    assert len(set(examples)) == len(examples)


def test_neutral_ratings_are_what_one_says(published):
    """724 are rated neutral, and 4 completions have no rating at all: together the 728 that the builder passes over."""
    usable = [one for record in published if record.usable for step in record.steps for one in step.completions or []]
    assert Counter(one.rating for one in usable) == {1: 1861, -1: 1310, 0: 724, None: 4}
    known: tuple[tuple[Neutral, int, int], ...] = (("positive", 1861 + 724, 1310), ("negative", 1861, 1310 + 724))
    for neutral, right, wrong in known:
        examples = text_examples.published_examples(published, neutral=neutral, coarse=False)
        assert Counter(one.label for one in examples) == {1.0: right, 0.0: wrong}


def test_examples_of_a_record_by_hand(record):
    found = text_examples.published_examples([record], neutral="drop", coarse=True)
    assert [(one.span, one.previous, one.current, one.label) for one in found] == [
        (1, (), "a", 1.0), (1, (), "b", 0.0),
        (1, ("a",), "d", 0.0), (2, (), "a\n\nd", 0.0),
        (1, ("a", "h"), "g", 1.0), (2, ("a",), "h\n\ng", 1.0),
        (1, ("a", "h", "f"), "i", 0.0), (2, ("a", "h"), "f\n\ni", 0.0),
    ]  # fmt: skip
    for reason in ("give_up", "bad_problem"):
        record.finish_reason = reason
        assert text_examples.published_examples([record], neutral="drop", coarse=True) == []


def test_solutions_leave_the_path_at_one_wrong_step(record):
    record.steps = record.steps[:3]
    found = text_examples.solutions([record], np.random.default_rng(0), neutral="positive", negatives=9)
    assert [(one.steps, one.labels, one.outcome) for one in found] == [
        (["a", "h", "f"], [1.0, 1.0, 1.0], True),
        (["b"], [0.0], False),
        (["a", "d"], [1.0, 0.0], False),
    ]
    assert len(text_examples.solutions([record], np.random.default_rng(0), neutral="drop", negatives=1)) == 2
    rows = text_examples.examples_of([], found, 64)
    assert rows.starts.tolist() == [0, 3, 4, 6]
    assert rows.outcome.tolist() == [True, False, False]
    assert rows.error.tolist() == [3, 0, 1]
    assert rows.label.tolist() == [1, 1, 1, 0, 1, 0]
    assert set(rows.span.tolist()) == {1}


def test_a_path_that_breaks_off_is_not_a_right_solution(record):
    """It says "solution", but at one of its steps nothing was chosen, so its end is not on the path."""
    found = text_examples.solutions([record], np.random.default_rng(0), neutral="positive", negatives=9)
    assert [(one.steps, one.outcome) for one in found] == [
        (["b"], False), (["a", "d"], False), (["a", "h", "f", "i"], False),
    ]  # fmt: skip
    assert prm800k.solution(record, neutral="positive").outcome is None


def test_solutions_of_the_published_file_are_whole(published):
    found = text_examples.solutions(published, np.random.default_rng(0), neutral="drop", negatives=2)
    assert sum(one.outcome is True for one in found) == 90
    for one in found:
        assert one.first_error(0.5) == (None if one.outcome else len(one.steps) - 1)


def decoded(tokens, part, which):
    return bytes((tokens[part == which] - 1).astype(np.uint8).tolist())


@given(TEXTS, st.lists(TEXTS, max_size=4), TEXTS, st.integers(8, 200))
def test_bytes_keep_the_questions_beginning_and_the_ends_of_the_rest(problem, previous, current, length):
    tokens, part = text_examples.encode(problem, previous, current, length)
    assert tokens.shape == part.shape == (length,)
    question, before, step = (decoded(tokens, part, which) for which in (QUESTION, PREVIOUS, CURRENT))
    whole = [problem.encode(), "\n\n".join(previous).encode(), current.encode()]
    assert whole[0].startswith(question)
    assert whole[1].endswith(before)
    assert whole[2].endswith(step)
    used = len(question) + len(before) + len(step)
    assert used == min(length, sum(map(len, whole)))
    assert ((tokens == 0) == (part == 0)).all()
    assert (part[:used] > 0).all()
    assert (np.diff(part[:used].astype(int)) >= 0).all()
    for kept, text in zip((question, before, step), whole, strict=True):
        assert len(kept) >= min(len(text), length // 4)
    if sum(map(len, whole)) > length:
        assert len(step) == len(whole[2]) or len(question) <= length // 4 >= len(before)


def test_long_texts_by_hand():
    tokens, part = text_examples.encode("q" * 9 + "!", ["p" * 9 + "!"], "c" * 3 + "!", 12)
    assert [decoded(tokens, part, which) for which in (1, 2, 3)] == [b"qqqqq", b"pp!", b"ccc!"]
    tokens, part = text_examples.encode("qq", [], "!" + "c" * 20, 12)
    assert [decoded(tokens, part, which) for which in (1, 2, 3)] == [b"qq", b"", b"c" * 10]


def test_rows_of_a_solution():
    solution = TextSolution(problem="p  q", steps=["a", "b", "c"], labels=[1.0, None, 0.25])
    rows = text_examples.examples_of(text_examples.step_examples(solution, coarse=True), [], 16)
    assert rows.span.tolist() == [1, 1, 1, 2, 2]
    np.testing.assert_array_equal(rows.label, [1, np.nan, 0.25, np.nan, 0.25])
    assert decoded(rows.inputs["tokens"][4], rows.inputs["part"][4], CURRENT) == b"b\n\nc"
    assert decoded(rows.inputs["tokens"][4], rows.inputs["part"][4], PREVIOUS) == b"a"
    assert set(rows.group.tolist()) == {text_examples.question_group(" p q\n")}


def test_outcomes_must_be_known_to_learn_from_them():
    with pytest.raises(ValueError, match="outcome=null"):
        text_examples.examples_of([], [TextSolution(problem="p", steps=["a"])], 8)
