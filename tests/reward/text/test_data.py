"""Sets of the step scorer over text: folds, and what is said of files that teach or measure too little."""

import numpy as np
import pytest

from hrm_net.reward.formats import jsonl, prm800k
from hrm_net.reward.formats.prm800k import Completion, RatedStep, Record
from hrm_net.reward.formats.records import TextSolution
from hrm_net.reward.text import data as text_data
from hrm_net.reward.text.config import TextConfig


def test_the_published_file_in_three_sets_that_share_no_question(shared_data):
    config = TextConfig(path=str(shared_data / "reward" / "prm800k_phase1_test.jsonl"))
    sets, notes = text_data.read(config, 64, seed=0)
    assert notes == []
    groups = {name: set(found.group[found.starts[-1] :].tolist()) for name, found in sets.items()}
    assert len(set.union(*groups.values())) == sum(map(len, groups.values())) == 90
    assert len(groups["train"]) > 60
    for found in sets.values():
        assert set(found.group.tolist()) == set(found.group[found.starts[-1] :].tolist())
    assert sum(found.num_single for found in sets.values()) == 1861 + 1310 + 1751 + 1288
    again, _ = text_data.read(config, 64, seed=0)
    np.testing.assert_array_equal(again["test"].inputs["tokens"], sets["test"].inputs["tokens"])


def test_files_that_are_missing_broken_or_too_small(tmp_path):
    path = tmp_path / "rated.jsonl"
    with pytest.raises(ValueError, match=r"reward\.text\.path=.*: no such file; curl -L -o rated\.jsonl https"):
        text_data.read(TextConfig(path=str(path)), 8, seed=0)
    solution = TextSolution(problem="p", steps=["a"], labels=[1.0], outcome=True)
    row = prm800k.row(prm800k.record_of(solution, wrong_below=0.5, right_from=0.5))
    jsonl.write(path, [row, {"question": 3}])
    with pytest.raises(ValueError, match=r"reward\.text\.path=.*rated\.jsonl:2: question is 3.*broken=skip"):
        text_data.read(TextConfig(path=str(path)), 8, seed=0)
    with pytest.raises(ValueError, match="needs more records"):
        text_data.read(TextConfig(path=str(path), broken="skip"), 8, seed=0)


def write(path, ratings, extra=()):
    """A file of 60 problems with one step each, rated so."""
    rows = [
        prm800k.row(
            Record(
                problem=f"question {i}",
                answer="1",
                steps=[
                    RatedStep(completions=[Completion(text=f"{r}", rating=r) for r in ratings], human=None, chosen=0)
                ],
                finish_reason="solution",
            )
        )
        for i in range(60)
    ]
    jsonl.write(path, [*rows, *extra])
    return TextConfig(path=str(path))


def test_a_file_without_any_error_is_reported_in_words(tmp_path):
    sets, notes = text_data.read(write(tmp_path / "right.jsonl", [1]), 16, seed=0)
    assert set(sets) == {"train", "validation", "test"}
    assert len(notes) == 6
    assert "the train set holds only right steps: a scorer cannot learn from it to tell them apart" in notes[0]
    assert "AUROC of solutions and first-error F1 are not defined on it" in notes[1]
    assert text_data.read(write(tmp_path / "both.jsonl", [1, -1]), 16, seed=0)[1] == []


def test_lines_that_contradict_each_other_are_reported_by_number(tmp_path):
    step = RatedStep(completions=[Completion(text="1", rating=-1)], human=None, chosen=None)
    again = Record(problem="question 3", answer="1", steps=[step], finish_reason="found_error")
    _, notes = text_data.read(write(tmp_path / "some.jsonl", [1, -1], [prm800k.row(again)]), 16, seed=0)
    assert len(notes) == 1
    assert "1 steps are rated both right and wrong" in notes[0]
    assert "line 61 rates '1' -1, line 4 rates it 1" in notes[0]
