"""Text formats of the step scorer: what is written is read back, and what cannot be held is refused."""

import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hrm_net.reward.formats import jsonl, math_shepherd, pairs, prm800k, processbench, trl
from hrm_net.reward.formats.prm800k import Neutral
from hrm_net.reward.formats.records import TextSolution
from puzzles.errors import UserError

MARKS = st.sampled_from([" ки", " +", " -", " Step 1: ", "\nStep 2: ", "\n\n", "\r", "\u2028"])
NEUTRAL: tuple[tuple[Neutral, float | None], ...] = (("drop", None), ("positive", 1.0), ("negative", 0.0))
PLAIN = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
TEXTS = PLAIN | st.lists(PLAIN | MARKS, max_size=4).map("".join)
SOFT = st.floats(0, 1)


@st.composite
def solutions(draw, labels: st.SearchStrategy = SOFT):
    """Fields of a solution; not made here, as beartype looks at list items by chance, which a strategy may not."""
    steps = draw(st.lists(TEXTS, min_size=1, max_size=5))
    told = draw(st.lists(labels, min_size=len(steps), max_size=len(steps)))
    return {
        "problem": draw(TEXTS), "steps": steps, "labels": told, "outcome": draw(st.booleans()),
        "answer": draw(st.none() | TEXTS), "id": draw(TEXTS), "source": draw(TEXTS),
    }  # fmt: skip


@given(solutions())
def test_trl_keeps_soft_labels_to_the_last_bit(told):
    solution = TextSolution(**told)
    row = json.loads(json.dumps(trl.row(solution, threshold=None, extras=True)))
    assert trl.parse(row) == solution
    assert set(trl.row(solution, threshold=None)) == {"prompt", "completions", "labels"}


@given(solutions(), st.floats(0.01, 1))
def test_trl_thresholds_openly_and_never_truncates(told, threshold):
    solution = TextSolution(**told)
    labels = trl.row(solution, threshold=threshold)["labels"]
    assert labels == [label >= threshold for label in told["labels"]]
    assert all(type(label) is bool for label in labels)


def test_labels_that_int_would_lose():
    labels: list[float | None] = [0.9, 0.5, 0.1]
    solution = TextSolution(problem="p", steps=["a", "b", "c"], labels=labels)
    assert trl.row(solution, threshold=0.5)["labels"] == [True, True, False]


def test_trl_and_steps_without_a_label():
    solution = TextSolution(problem="p", steps=["a", "b", "c"], labels=[1.0, None, 0.0])
    with pytest.raises(ValueError, match=r"labels\[1\]=null"):
        trl.row(solution, threshold=0.5)
    assert trl.row(solution, threshold=0.5, unlabelled="cut")["completions"] == ["a"]
    for labels in (None, [None, 1.0, 1.0]):
        nothing = TextSolution(problem="p", steps=["a", "b", "c"], labels=labels)
        with pytest.raises(ValueError, match=r"labels\[0\]=null"):
            trl.row(nothing, threshold=0.5, unlabelled="cut")


@given(solutions(), st.data())
def test_processbench_rows_survive(told, data):
    solution = TextSolution(**told)
    first = data.draw(st.integers(-1, len(solution.steps) - 1))
    row = {
        "id": solution.id, "generator": solution.source, "problem": solution.problem, "steps": solution.steps,
        "final_answer_correct": solution.outcome, "label": first,
    }  # fmt: skip
    read = processbench.parse(json.loads(json.dumps(row)))
    assert processbench.row(read, threshold=0.5) == row
    # nothing is claimed of steps after the first error
    rest = len(read.steps) - first - 1
    assert read.labels == ([1.0] * len(read.steps) if first < 0 else [1.0] * first + [0.0] + [None] * rest)


@given(solutions(), st.floats(0.01, 1))
def test_processbench_names_the_first_label_below_the_threshold(told, threshold):
    solution = TextSolution(**told)
    wrong = [t for t, label in enumerate(told["labels"]) if label < threshold]
    assert processbench.row(solution, threshold=threshold)["label"] == (wrong[0] if wrong else -1)


def test_processbench_does_not_guess():
    unknown = TextSolution(problem="p", steps=["a", "b"], labels=[None, 0.0], outcome=False)
    with pytest.raises(ValueError, match=r"labels\[0\]=null"):
        processbench.row(unknown, threshold=0.5)
    with pytest.raises(ValueError, match="outcome=null"):
        processbench.row(TextSolution(problem="p", steps=["a"], labels=[1.0]), threshold=0.5)
    for label in (-2, 1, 0.0, True, None):
        row = {"id": "", "generator": "", "problem": "p", "steps": ["a"], "final_answer_correct": True, "label": label}
        with pytest.raises(ValueError, match="label"):
            processbench.parse(row)


@given(solutions(labels=st.sampled_from([0.0, 1.0])))
def test_math_shepherd_is_read_back_or_refused(told):
    solution = TextSolution(**told)
    try:
        row = math_shepherd.row(solution, threshold=0.5)
    except ValueError:
        assert any(mark in text for text in [solution.problem, *solution.steps] for mark in ("ки", "Step", "\n"))
        return
    read = math_shepherd.parse(json.loads(json.dumps(row)))
    same = (solution.problem, solution.steps, solution.labels, solution.source)
    assert (read.problem, read.steps, read.labels, read.source) == same


def test_a_math_shepherd_line_as_published():
    row = {
        "input": "How much? Step 1: 3 + 5 = <<3+5=8>>8. ки\nStep 2: The answer is: 9 ки",
        "label": "How much? Step 1: 3 + 5 = <<3+5=8>>8. +\nStep 2: The answer is: 9 -",
        "task": "GSM8K",
    }
    read = math_shepherd.parse(row)
    assert read.steps == ["3 + 5 = <<3+5=8>>8.", "The answer is: 9"]
    assert (read.problem, read.labels, read.source) == ("How much?", [1.0, 0.0], "GSM8K")
    assert math_shepherd.row(read, threshold=0.5) == row
    # + and - in the text itself are no labels, and labels in another order are noticed
    for old, new in (("9 -", "9 ки"), ("8. +", "8. ?"), ("9 -", "9 - and more"), ("Step 2", "Step 3")):
        with pytest.raises(ValueError, match="label: "):
            math_shepherd.parse(row | {"label": row["label"].replace(old, new)})
    for old, new in (("9 ки", "9"), ("Step 2", "Step 7"), ("Step 1", "First")):
        with pytest.raises(ValueError, match=r"input|label"):
            math_shepherd.parse({key: text.replace(old, new) for key, text in row.items()})
    with pytest.raises(ValueError, match=r"cannot be written as Math-Shepherd.*stands 2 times"):
        math_shepherd.row(TextSolution(problem="p", steps=["a Step 1: b"], labels=[1.0]), threshold=0.5)


@given(solutions(labels=st.sampled_from([0.0, 0.5, 1.0, None])))
def test_prm800k_of_a_solution_and_back(told):
    solution = TextSolution(**told)
    record = prm800k.record_of(solution, wrong_below=0.25, right_from=0.75)
    again = prm800k.parse(json.loads(json.dumps(prm800k.row(record))))
    assert again == record
    for neutral, value in NEUTRAL:
        read = prm800k.solution(again, neutral=neutral)
        assert read.labels == [value if label == 0.5 else label for label in told["labels"]]
        assert (read.problem, read.steps, read.answer) == (solution.problem, solution.steps, solution.answer)


def test_prm800k_says_where_a_record_is_wrong():
    good = prm800k.row(prm800k.record_of(TextSolution(problem="p", steps=["a"], labels=[1.0]), wrong_below=0.5,
                                         right_from=0.5))  # fmt: skip
    for path, value, told in (
        (("question",), [], "question is"),
        (("label", "steps"), None, "steps is null"),
        (("label", "steps", 0), 3, r"label.steps\[0\]: must be an object"),
        (("label", "steps", 0, "chosen_completion"), 1, r"steps\[0\]: chosen_completion=1"),
        (("label", "steps", 0, "completions", 0, "rating"), 2, r"steps\[0\]: rating=2"),
        (("label", "steps", 0, "completions", 0, "rating"), True, r"steps\[0\]: rating is true"),
        (("label", "steps", 0, "completions", 0, "text"), None, r"steps\[0\]: text is null"),
    ):
        bad = json.loads(json.dumps(good))
        place = bad
        for key in path[:-1]:
            place = place[key]
        place[path[-1]] = value
        with pytest.raises(ValueError, match=told):
            prm800k.parse(bad)


def test_every_published_record_is_written_as_it_was_read(shared_data):
    path = shared_data / "reward" / "prm800k_phase1_test.jsonl"
    rows = jsonl.read(path, dict).items
    assert len(rows) == 106
    assert [prm800k.row(prm800k.parse(row)) for row in rows] == rows


@given(TEXTS, TEXTS, TEXTS)
def test_pairs_survive(prompt, chosen, rejected):
    if chosen == rejected:
        with pytest.raises(UserError, match="the same text"):
            pairs.Pair(prompt=prompt, chosen=chosen, rejected=rejected)
        return
    pair = pairs.Pair(prompt=prompt, chosen=chosen, rejected=rejected)
    assert pairs.parse(json.loads(json.dumps(pairs.row(pair)))) == pair


def test_pairs_set_right_against_wrong_of_the_same_problem():
    def attempt(problem, step, outcome):
        return TextSolution(problem=problem, steps=[step], outcome=outcome)

    attempts = [
        attempt("p", "r1", True),
        attempt("p", "w1", False),
        attempt("p", "w2", False),
        attempt("p", "r2", True),
    ]
    attempts += [attempt("q", "w", False), attempt("q", "?", None)]
    found = pairs.outcome_pairs(attempts, np.random.default_rng(0), most=9)
    assert {(one.prompt, one.chosen, one.rejected) for one in found} == {
        ("p", right, wrong) for right in ("r1", "r2") for wrong in ("w1", "w2")
    }
    assert len(pairs.outcome_pairs(attempts, np.random.default_rng(0), most=3)) == 3


def test_step_pairs_share_the_steps_before():
    def step(*ratings, chosen):
        completions = [prm800k.Completion(text=f"{chosen}{rating}", rating=rating) for rating in ratings]
        return prm800k.RatedStep(completions=completions, human=None, chosen=chosen)

    record = prm800k.Record(problem="p", answer=None, steps=[step(1, -1, 0, chosen=0), step(-1, 1, chosen=1)],
                            finish_reason="solution")  # fmt: skip
    found = [(one.prompt, one.chosen, one.rejected) for one in pairs.step_pairs(record)]
    assert found == [("p", "01", "0-1"), ("p\n\n01", "11", "1-1")]


@pytest.mark.parametrize("labels", [[1.5], [-0.1], [float("nan")], [1.0, 1.0], []])
def test_labels_are_one_a_step_and_within_0_and_1(labels):
    with pytest.raises(ValueError, match="labels"):
        TextSolution(problem="p", steps=["a"], labels=labels)


@pytest.mark.parametrize("threshold", [0.0, 1.1, -1.0])
def test_a_threshold_must_divide(threshold):
    solution = TextSolution(problem="p", steps=["a"], labels=[1.0], outcome=True)
    for write in (trl.row, processbench.row, math_shepherd.row):
        with pytest.raises(ValueError, match="threshold"):
            write(solution, threshold=threshold)


BROKEN = [b"{", b"[1]", b'{"prompt": "\xff"}', b"{}", b'{"a": NaN}', b"[" * 5000]


@pytest.mark.parametrize("bad", BROKEN, ids=range(len(BROKEN)))
def test_a_broken_line_is_told_by_number_and_harms_no_other(tmp_path, bad):
    path = tmp_path / "some.jsonl"
    good = [{"prompt": p, "chosen": "a", "rejected": "b"} for p in ("first", "zwölf", "last")]
    lines = [json.dumps(row, ensure_ascii=False).encode() for row in good]
    path.write_bytes(b"\xef\xbb\xbf" + b"\r\n".join([lines[0], b"", bad, lines[1], lines[2]]))
    found = jsonl.read(path, pairs.parse, broken="skip")
    assert [one.prompt for one in found.items] == ["first", "zwölf", "last"]
    assert found.numbers == [1, 4, 5]
    (fault,) = found.faults
    assert fault.startswith(f"{path}:3: ")
    assert "\n" not in fault
    with pytest.raises(ValueError, match=r"some\.jsonl:3: "):
        jsonl.read(path, pairs.parse)


def test_files_without_a_good_line(tmp_path):
    with pytest.raises(ValueError, match="No such file"):
        jsonl.read(tmp_path / "none.jsonl", dict)
    (tmp_path / "empty.jsonl").write_text("\n\n")
    with pytest.raises(ValueError, match="is empty"):
        jsonl.read(tmp_path / "empty.jsonl", dict)


@pytest.mark.slow
@given(st.lists(st.dictionaries(TEXTS, TEXTS | st.integers() | st.none()), min_size=1, max_size=5))
def test_what_is_written_is_read(tmp_path_factory, rows):
    path = tmp_path_factory.mktemp("jsonl") / "deep" / "rows.jsonl"
    jsonl.write(path, rows)
    assert jsonl.read(path, dict).items == rows
    assert [entry.name for entry in path.parent.iterdir()] == ["rows.jsonl"]


def test_a_writer_that_fails_leaves_the_old_file(tmp_path):
    path = tmp_path / "rows.jsonl"
    jsonl.write(path, [{"a": 1}])

    with pytest.raises(ValueError, match="JSON"):
        jsonl.write(path, [{"a": 2}, {"a": float("nan")}])
    assert jsonl.read(path, dict).items == [{"a": 1}]
    assert len(list(tmp_path.iterdir())) == 1
