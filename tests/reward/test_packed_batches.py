"""Batches of whole solutions of any length, one after another."""

from collections import Counter

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from hrm_net.reward.data.batches import PackedBatches
from hrm_net.reward.formats.records import TextSolution
from hrm_net.reward.text.examples import TextExample, examples_of


def single(num: int):
    return [TextExample(problem="p", previous=(), current=f"{i}", label=float(i % 2), span=1) for i in range(num)]


def whole(lengths):
    solutions = []
    for i, length in enumerate(lengths):
        labels: list[float | None] = [1.0] * (length - 1) + [float(i % 2)]
        solutions.append(TextSolution(problem=f"{i}", steps=["s"] * length, labels=labels, outcome=bool(i % 2)))
    return solutions


def batches_of(solutions, rows, **settings):
    return PackedBatches(examples_of(solutions, rows, 8), **settings)


@given(st.lists(st.integers(1, 6), min_size=1, max_size=9), st.integers(0, 20), st.booleans())
def test_an_epoch_shows_every_solution_once_and_every_batch_is_full(lengths, seed, alone):
    lengths = [*lengths, 1][:10]
    batches = batches_of(whole(lengths), single(5) if alone else [], batch_size=8, seed=seed)
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


@given(st.permutations(range(12)))
def test_a_step_asks_for_nothing_before_it(steps):
    def batches():
        return batches_of(whole([1, 2, 3, 2, 1]), single(7), batch_size=6, seed=3)

    in_order = batches()
    expected = [in_order(step) for step in range(12)]
    jumping = batches()
    for step in steps:
        for name, column in jumping(step).items():
            torch.testing.assert_close(column, expected[step][name], equal_nan=True)


def test_single_rows_come_once_an_epoch():
    batches = batches_of([], single(10), batch_size=5, seed=0)
    shown = [batches(step)["tokens"][:, 1].tolist() for step in range(4)]
    assert sorted(shown[0] + shown[1]) == sorted(shown[2] + shown[3]) == [ord(f"{i}") + 1 for i in range(10)]
    assert shown[0] + shown[1] != shown[2] + shown[3]
    assert batches(0)["trajectory"].tolist() == [-1] * 5
    assert len(batches(0)["outcome"]) == 0


def test_a_share_of_the_errors_is_known():
    def known(share):
        batches = batches_of(whole([1] * 100), [], batch_size=100, seed=0, error_share=share)
        return (batches(0)["error"] >= 0).float().mean().item()

    assert known(0.0) == 0
    assert known(1.0) == 1
    assert 0.3 < known(0.5) < 0.7


def test_a_batch_too_small_for_any_solution():
    with pytest.raises(ValueError, match="batch_size=4: must be at least 6"):
        batches_of(whole([3, 4]), single(3), batch_size=4, seed=0)
