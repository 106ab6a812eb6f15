"""Sets and batches of the step scorer over text."""

from collections import Counter

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from hrm_net.reward.data.batches import PackedBatches
from hrm_net.reward.formats import jsonl, prm800k
from hrm_net.reward.formats.prm800k import Completion, RatedStep, Record
from hrm_net.reward.formats.records import TextSolution
from hrm_net.reward.text import data as text_data
from hrm_net.reward.text.config import TextConfig
from hrm_net.reward.text.examples import TextExample, examples_of


def single(num: int) -> list[TextExample]:
    return [TextExample(problem="p", previous=(), current=f"{i}", label=float(i % 2), span=1) for i in range(num)]


def whole(lengths: list[int]) -> list[TextSolution]:
    attempts = []
    for i, length in enumerate(lengths):
        labels: list[float | None] = [*[1.0] * (length - 1), float(i % 2)]
        attempts.append(TextSolution(problem=f"{i}", steps=["s"] * length, labels=labels, outcome=bool(i % 2)))
    return attempts


def batches_of(single: list[TextExample], solved: list[TextSolution], **settings) -> PackedBatches:
    return PackedBatches(examples_of(single, solved, 8), streams="text ", **settings)


@given(st.lists(st.integers(1, 6), min_size=1, max_size=9), st.integers(0, 20), st.booleans())
def test_an_epoch_shows_every_solution_once_and_every_batch_is_full(lengths, seed, alone):
    lengths = [*lengths, 1][:10]
    batches = batches_of(single(5) if alone else [], whole(lengths), batch_size=8, seed=seed)
    room = 4 if alone else 8
    fitting = [i for i, length in enumerate(lengths) if length <= room]
    assert batches.too_long == len(lengths) - len(fitting)
    seen, step = Counter(), 0
    while seen.total() < 2 * len(fitting):
        batch = batches(step)
        assert {len(batch[name]) for name in ("tokens", "part", "span", "label", "trajectory")} == {8}
        trajectory = batch["trajectory"].tolist()
        rows = [place for place in trajectory if place >= 0]
        assert rows == sorted(rows)
        assert set(rows) == set(range(len(batch["outcome"])))
        for i, (outcome, error) in enumerate(zip(batch["outcome"].tolist(), batch["error"].tolist(), strict=True)):
            mine = [row for row, place in enumerate(trajectory) if place == i]
            # the question is the solution's number
            number = int(chr(int(batch["tokens"][mine[0], 0]) - 1))
            assert lengths[number] == len(mine)
            assert outcome == bool(number % 2)
            assert error == (len(mine) if outcome else len(mine) - 1)
            seen[number] += 1
        alone_rows = np.array(trajectory) < 0
        labelled = ~batch["label"].isnan().numpy()
        assert (labelled & alone_rows).sum() == (4 if alone else 0)
        assert batch["span"].min() >= 1
        step += 1
    assert seen == dict.fromkeys(fitting, 2)


@pytest.mark.slow
@given(st.permutations(range(12)))
def test_a_step_asks_for_nothing_before_it(steps):
    def batches():
        return batches_of(single(7), whole([1, 2, 3, 2, 1]), batch_size=6, seed=3)

    in_order = batches()
    expected = [in_order(step) for step in range(12)]
    jumping = batches()
    for step in steps:
        for name, column in jumping(step).items():
            torch.testing.assert_close(column, expected[step][name], equal_nan=True)


def test_single_rows_come_once_an_epoch():
    batches = batches_of(single(10), [], batch_size=5, seed=0)
    shown = [batches(step)["tokens"][:, 1].tolist() for step in range(4)]
    assert (
        sorted(shown[0] + shown[1])
        == sorted(shown[2] + shown[3])
        == examples_of(single(10), [], 8).inputs["tokens"][:, 1].tolist()
    )
    assert shown[0] + shown[1] != shown[2] + shown[3]
    assert batches(0)["trajectory"].tolist() == [-1] * 5
    assert len(batches(0)["outcome"]) == 0


def test_a_share_of_the_errors_is_told():
    def known(share):
        batches = batches_of([], whole([1] * 100), batch_size=100, seed=0, error_share=share)
        return (batches(0)["error"] >= 0).float().mean().item()

    assert known(0.0) == 0
    assert known(1.0) == 1
    assert 0.3 < known(0.5) < 0.7


def test_a_batch_too_small_for_any_solution():
    with pytest.raises(ValueError, match="batch_size=4: must be at least 6"):
        batches_of(single(3), whole([3, 4]), batch_size=4, seed=0)


@pytest.mark.slow
def test_the_published_file_in_three_sets_that_share_no_question(shared_data):
    config = TextConfig(path=str(shared_data / "reward" / "prm800k_phase1_test.jsonl"))
    sets, faults = text_data.read(config, 64, seed=0)
    assert faults == []
    groups = {name: set(found.group[found.starts[-1] :].tolist()) for name, found in sets.items()}
    assert len(set.union(*groups.values())) == sum(map(len, groups.values())) == 90
    assert len(groups["train"]) > 60
    for name, found in sets.items():
        assert set(found.group[: found.starts[-1]].tolist()) <= groups[name]
    assert sum(found.num_single for found in sets.values()) == 1861 + 1310 + 1751 + 1288
    again, _ = text_data.read(config, 64, seed=0)
    np.testing.assert_array_equal(again["test"].inputs["tokens"], sets["test"].inputs["tokens"])
    joined = sets["test"].batch()
    num = int(sets["test"].starts[-1])
    assert (joined["trajectory"][num:] == -1).all()
    assert joined["trajectory"][num - 1] == len(joined["outcome"]) - 1


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
    rated = [Completion(text=f"{rating}", rating=rating) for rating in ratings]
    steps = [RatedStep(completions=rated, human=None, chosen=0)]
    rows = [
        prm800k.row(Record(problem=f"question {i}", answer="1", steps=steps, finish_reason="solution"))
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
