"""Every reader of solutions in words: any bytes, injected faults and degenerate text give a value or one line."""

import copy
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hrm_net.reward.formats import candidates, jsonl, math_shepherd, pairs, prm800k, processbench, trl
from hrm_net.reward.text import make_candidates
from hrm_net.reward.text.answers import final_answer
from hrm_net.reward.text.equivalence import clean, same_by_form
from puzzles.errors import UserError
from tests.degenerate import check_linear, check_told

pytestmark = pytest.mark.slow

COMPLETION = {"text": "a", "rating": 1, "flagged": False}
GOOD = {
    "candidates": (candidates.parse, {"problem": "p", "answer": "7", "candidates": [{"steps": ["a", "b"]}, "It is 7"]}),
    "samples": (make_candidates.parse_sample, {"question": "p", "answer": 7, "completion": "It is 7"}),
    "prm800k": (
        prm800k.parse,
        {
            "question": {"problem": "p", "ground_truth_answer": "7"},
            "label": {
                "steps": [
                    {"completions": [COMPLETION, {"text": "b", "rating": -1}], "human_completion": None,
                     "chosen_completion": 0},
                ],
                "finish_reason": "solution",
            },
        },
    ),
    "trl": (trl.parse, {"prompt": "p", "completions": ["a", "b"], "labels": [True, 0.5]}),
    "pairs": (pairs.parse, {"prompt": "p", "chosen": "a", "rejected": "b"}),
    "processbench": (
        processbench.parse,
        {"id": "1", "generator": "g", "problem": "p", "steps": ["a", "b"], "final_answer_correct": False, "label": 1},
    ),
    "math_shepherd": (
        math_shepherd.parse,
        {"input": "p Step 1: a ки\nStep 2: b ки", "label": "p Step 1: a +\nStep 2: b -", "task": "GSM8K"},
    ),
}  # fmt: skip
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-2, 10**30) | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=5) | st.just("ки"),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["text", "rating", "x"]), inner),
    max_leaves=4,
)  # fmt: skip


def places(value, path=()):
    """The path of everything in a JSON value."""
    found = [path] if path else []
    for key, inner in value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ():
        found += places(inner, (*path, key))
    return found


def read(name: str, data: bytes) -> jsonl.JSONLines | None:
    """The lines, or None where they are refused with one line that names the file."""
    try:
        return jsonl.read(data, GOOD[name][0], name="some file.jsonl")
    except UserError as error:
        check_told(str(error), "some file.jsonl:")
        return None


@pytest.mark.parametrize("name", GOOD)
def test_the_good_row_is_read(name):
    parse, row = GOOD[name]
    assert read(name, json.dumps(row).encode()) is not None
    parse(row)


@pytest.mark.parametrize("name", GOOD)
@given(data=st.binary(max_size=100) | st.text('{}[]",:\n0123. \\ud83dé').map(str.encode))
def test_any_bytes_give_rows_or_one_line(name, data):
    read(name, data)


@pytest.mark.parametrize("name", GOOD)
@given(data=st.data())
def test_a_value_of_another_type_or_a_missing_key_gives_a_row_or_one_line(name, data):
    row = copy.deepcopy(GOOD[name][1])
    path = data.draw(st.sampled_from(places(row)))
    inner = row
    for key in path[:-1]:
        inner = inner[key]
    if data.draw(st.booleans()):
        inner[path[-1]] = data.draw(VALUES)
    else:
        del inner[path[-1]]
    read(name, json.dumps(row).encode())


@pytest.mark.parametrize("name", GOOD)
@given(place=st.integers(0, 400), byte=st.integers(0, 255), change=st.sampled_from(["set", "insert", "cut"]))
def test_one_wrong_byte_harms_no_other_line(name, place, byte, change):
    good = json.dumps(GOOD[name][1], ensure_ascii=False).encode()
    bad = bytearray(good)
    place = min(place, len(bad) - 1)
    if change == "set":
        bad[place] = byte
    elif change == "insert":
        bad.insert(place, byte)
    else:
        del bad[place:]
    found = jsonl.read(good + b"\n" + bytes(bad) + b"\n" + good, GOOD[name][0], name="f", broken="skip")
    assert found.numbers[0] == 1
    assert len(found.items) + len(found.faults) >= 2
    for fault in found.faults:
        check_told(fault, "f:")


@pytest.mark.parametrize(
    "bad",
    [b'{"prompt": 1e999}', b'{"prompt": NaN}', b'{"prompt": "\\ud83d"}', b'{"a": 1, "a": 2}', b'{"prompt": "\xe9"}',
     b"[" * 600, b'{"prompt": ' + b"9" * 5000 + b"}"],
)  # fmt: skip
def test_what_json_lets_pass_is_refused_by_line(bad):
    good = json.dumps(GOOD["pairs"][1]).encode()
    with pytest.raises(UserError, match=r"^f:2: "):
        jsonl.read(good + b"\n" + bad, pairs.parse, name="f")
    assert len(jsonl.read(b"\xef\xbb\xbf" + good + b"\r\n" + bad, pairs.parse, name="f", broken="skip").items) == 1


def test_the_same_text_rated_right_and_wrong_is_refused():
    row = copy.deepcopy(GOOD["prm800k"][1])
    row["label"]["steps"][0]["completions"][1]["text"] = "a"
    with pytest.raises(UserError, match=r"label\.steps\[0\]: the completion 'a' is rated 1 and -1"):
        prm800k.parse(row)
    row["label"]["steps"][0]["completions"][1]["rating"] = 0
    prm800k.parse(row)


def test_tied_pairs_are_refused():
    with pytest.raises(UserError, match="chosen and rejected are the same text"):
        pairs.parse({"prompt": "p", "chosen": "a", "rejected": "a"})


def test_conversations_are_read():
    """TRL's conversational form, which chat models are trained on."""
    one = pairs.parse(
        {
            "prompt": [{"role": "system", "content": "s"}, {"role": "user", "content": "p"}],
            "chosen": [{"role": "assistant", "content": "a"}],
            "rejected": [{"role": "assistant", "content": "b"}],
        }
    )
    assert (one.prompt, one.chosen, one.rejected) == ("s\n\np", "a", "b")
    sample = make_candidates.parse_sample({"prompt": [{"role": "user", "content": "Q?"}], "completion": "7"})
    assert (sample.problem, sample.candidate) == ("Q?", {"text": "7"})
    for content in (None, 3, ["parts"]):
        with pytest.raises(UserError, match=r"prompt\[0\]\.content is "):
            pairs.parse({"prompt": [{"role": "user", "content": content}], "chosen": "a", "rejected": "b"})


def test_math_shepherd_does_not_guess_where_the_problem_ends():
    text = "Recipe: Step 1: mix. How long? Step 1: 3 ки"
    with pytest.raises(UserError, match="'Step 1: ' stands 2 times before the first ки"):
        math_shepherd.parse({"input": text, "label": text.replace("ки", "+")})
    text = "How long?\nStep 1: 3 ки"
    one = math_shepherd.parse({"input": text, "label": text.replace("ки", "-")})
    assert (one.problem, one.steps, one.labels) == ("How long?", ["3"], [0.0])


PHRASES = ("answer is ", "Answer: ", "\\boxed{", "\\boxed", "#### 1\n", "A:\n", "\\( ", "<answer>", "**a", "1 000",
           "1/", "{,}", " ки", "Step 1: ", "\\frac", "</think>", "and ", "½")  # fmt: skip


@pytest.mark.slow
@pytest.mark.parametrize(
    "reader",
    [final_answer, lambda text: same_by_form(clean(text), clean(text + "x")), candidates.split_steps,
     lambda text: math_shepherd.parse({"input": f"p Step 1: {text} ки", "label": f"p Step 1: {text} +"}),
     lambda text: math_shepherd.parse({"input": text, "label": text})],
    ids=["final_answer", "same_answer", "split_steps", "math_shepherd", "math_shepherd_whole"],
)  # fmt: skip
def test_time_is_linear_in_degenerate_text(reader):
    check_linear(reader, allowed=UserError, extra=PHRASES)
    check_linear(lambda text: reader(f"The answer is 7{text}x"), allowed=UserError, extra=PHRASES)


@pytest.mark.slow
@pytest.mark.parametrize("name", GOOD)
def test_time_is_linear_in_every_text_of_a_row(name):
    """Lines are read by the reader of all text inputs, which is tested by itself."""
    parse, row = GOOD[name]

    def filled(value, text):
        if isinstance(value, dict):
            return {key: filled(inner, text) for key, inner in value.items()}
        if isinstance(value, list):
            return [filled(inner, text) for inner in value]
        return text if isinstance(value, str) else value

    check_linear(lambda text: parse(filled(row, text)), allowed=UserError, extra=PHRASES)


def test_a_solution_that_ends_in_thousands_of_blanks_is_read_at_once():
    assert final_answer("So the answer is 7" + " " * 100_000) == "7"
    assert final_answer("So the answer is 7" + "\n" * 100_000 + "x") == "7"
