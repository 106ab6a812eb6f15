"""Candidates as a file has them, and what makes such files."""

import json

import numpy as np
import pytest

from hrm_net.reward.formats import candidates, jsonl
from hrm_net.reward.text import make_candidates
from hrm_net.reward.text.answers import final_answer
from hrm_net.reward.text.equivalence import same_answer


def test_all_ways_to_write_a_line():
    row = {
        "question": "q", "answer": 7, "level": 3,
        "candidates": ["one\ntwo", {"text": "a\n\nb\nc\n\n \n"}, {"steps": ["x\n\ny", "z"], "by": "me"}, {"text": ""}],
    }  # fmt: skip
    found = candidates.parse(row)
    assert (found.problem, found.answer, found.rest) == ("q", "7", {"level": 3})
    assert found.steps == [["one", "two"], ["a", "b\nc"], ["x\n\ny", "z"], [""]]
    assert found.rows[2]["by"] == "me"
    assert candidates.parse({"problem": "p", "candidates": ["a"]}).answer is None
    assert candidates.parse({"problem": "p", "answer": "so\n#### 1,200", "candidates": ["a"]}).answer == "1,200"


@pytest.mark.parametrize(
    ("row", "told"),
    [
        ({"problem": "p", "candidates": []}, r"candidates=\[\]"),
        ({"problem": "p"}, "candidates is missing"),
        ({"candidates": ["a"]}, "problem is missing"),
        ({"problem": "p", "candidates": [3]}, r"candidates\[0\]"),
        ({"problem": "p", "candidates": ["a", {"steps": []}]}, r"candidates\[1\]\.steps=\[\]"),
        ({"problem": "p", "candidates": ["a", {"steps": [1]}]}, r"steps\[0\] is 1"),
        ({"problem": "p", "candidates": ["a"], "answer": True}, "answer is true"),
    ],
)
def test_lines_that_are_none(row, told):
    with pytest.raises(ValueError, match=told):
        candidates.parse(row)


def run(*arguments):
    make_candidates.main([str(argument) for argument in arguments])


def test_samples_of_a_policy_are_grouped_by_problem(tmp_path, capsys):
    samples = [
        {"question": "1 + 1?", "text": "It is 2"}, {"prompt": "2 + 2?", "completion": "It is 5", "answer": "4"},
        {"problem": "1 +  1?", "steps": ["It", "is 3"]},
    ]  # fmt: skip
    jsonl.write(tmp_path / "samples.jsonl", samples)
    jsonl.write(tmp_path / "problems.jsonl", [{"question": "1 + 1?", "answer": "two\n#### 2"}])
    run("--samples", tmp_path / "samples.jsonl", "--problems", tmp_path / "problems.jsonl", tmp_path / "out.jsonl")
    assert "2 problems, 3 candidates" in capsys.readouterr().out
    first, second = jsonl.read(tmp_path / "out.jsonl", candidates.parse).items
    assert (first.problem, first.answer, first.steps) == ("1 + 1?", "2", [["It is 2"], ["It", "is 3"]])
    assert (second.answer, second.steps) == ("4", [["It is 5"]])


@pytest.mark.slow
def test_perturbed_reference_solutions_differ_in_numbers_and_some_in_the_answer(shared_data, tmp_path):
    problems = shared_data / "reward" / "math500_sample.jsonl"
    for name in ("a.jsonl", "b.jsonl"):
        run("--perturb", 8, "--problems", problems, tmp_path / name)
    assert (tmp_path / "a.jsonl").read_bytes() == (tmp_path / "b.jsonl").read_bytes()
    found = jsonl.read(tmp_path / "a.jsonl", candidates.parse).items
    assert len(found) >= 90
    solutions = {row["problem"]: row["solution"] for row in jsonl.read(problems, dict).items}
    right = []
    for one in found:
        assert len(one.steps) == 8
        for row in one.rows:
            right.append(same_answer(final_answer(row["text"]) or "", one.answer or ""))
            if any(sign.isdigit() for sign in solutions[one.problem].rpartition(one.answer)[0]):
                assert row["text"] != solutions[one.problem]
    assert 0.4 < np.mean(right) < 0.7


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["out.jsonl"], "nothing to make candidates from"),
        (["--perturb", "2", "out.jsonl"], "needs --problems"),
        (["--perturb", "2", "--problems", "problems.jsonl", "out.jsonl"], "no line has"),
        (["--samples", "none.jsonl", "out.jsonl"], "none.jsonl: No such file"),
        (["--samples", "problems.jsonl", "out.jsonl"], "problems.jsonl:1: has none of steps"),
    ],
)
def test_mistakes_are_one_line(tmp_path, monkeypatch, capsys, arguments, told):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "problems.jsonl").write_text(json.dumps({"problem": "p", "answer": "x"}) + "\n")
    with pytest.raises(SystemExit) as caught:
        run(*arguments)
    err = capsys.readouterr().err
    assert caught.value.code == 2
    assert told in err
    assert err.count("\n") == 1
    assert not (tmp_path / "out.jsonl").exists()
