"""The puzzle table: what is looked up, what is kept for the update, and the update itself."""

import copy
import subprocess
import sys

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from hrm_net.nn.embedding import SparsePuzzleEmbedding, sign_sgd_
from tests.paths import REPO


def filled(num: int = 6, dim: int = 3) -> SparsePuzzleEmbedding:
    table = SparsePuzzleEmbedding(num, dim)
    table.weight.copy_(torch.randn(num, dim, generator=torch.Generator().manual_seed(0)))
    return table


def test_the_table_is_a_zero_buffer_that_no_dense_optimizer_sees() -> None:
    table = SparsePuzzleEmbedding(5, 4)
    assert list(table.parameters()) == []
    assert table.state_dict().keys() == {"weight"}
    assert torch.equal(table.weight, torch.zeros(5, 4))


@pytest.mark.parametrize("dtype", [torch.int32, torch.int64])
def test_training_keeps_the_rows_as_a_leaf_with_their_gradient(dtype: torch.dtype) -> None:
    table, ids = filled(), torch.tensor([4, 1, 4], dtype=dtype)
    rows = table(ids)
    assert torch.equal(rows, table.weight[ids.long()])
    assert rows.is_leaf
    assert rows.requires_grad
    (rows * torch.tensor([[1.0], [2.0], [3.0]])).sum().backward()
    assert table.local_rows is rows
    assert table.local_ids is ids
    assert rows.grad is not None
    assert torch.equal(rows.grad, torch.tensor([[1.0] * 3, [2.0] * 3, [3.0] * 3]))
    assert not table.weight.requires_grad


def test_other_forwards_leave_the_kept_rows_alone() -> None:
    table = filled()
    kept = table(torch.tensor([1, 2]))
    with torch.no_grad():
        table(torch.tensor([3]))
    table.eval()
    assert not table(torch.tensor([0])).requires_grad
    assert table.local_rows is kept


def test_the_batch_size_may_change_and_rows_can_be_forgotten() -> None:
    table = filled()
    for ids in ([1], [0, 2, 5], [3, 3]):
        table(torch.tensor(ids)).sum().backward()
        assert table.local_ids is not None
        assert table.local_ids.tolist() == ids
    copy.deepcopy(table)
    table.forget()
    assert table.local_rows is None
    assert table.local_ids is None


COMPILED = """
import torch
from hrm_net.nn.embedding import SparsePuzzleEmbedding

table = SparsePuzzleEmbedding(4, 3)
table.weight.copy_(torch.randn(4, 3))
compiled = torch.compile(lambda ids: table(ids).square().sum(), backend="eager")
ids = torch.tensor([2, 0])
compiled(ids).backward()
assert torch.equal(table.local_ids, ids)
assert torch.equal(table.local_rows.grad, 2 * table.weight[ids])
"""


@pytest.mark.slow
def test_the_gradient_arrives_from_inside_a_compiled_region_too() -> None:
    # a process of its own: the compiler can't trace the checked annotations of the test run
    subprocess.run([sys.executable, "-c", COMPILED], check=True, cwd=REPO)


def test_an_unknown_puzzle_is_an_error() -> None:
    with pytest.raises(IndexError):
        filled(6)(torch.tensor([6]))


@given(st.lists(st.integers(0, 4), min_size=1, max_size=12), st.integers(0, 2**32 - 1))
def test_sign_sgd_is_the_published_rule_on_touched_rows_only(ids: list[int], seed: int) -> None:
    rng, lr, decay = np.random.default_rng(seed), 0.125, 0.5
    before = rng.standard_normal((5, 3))
    grads = rng.integers(-2, 3, size=(len(ids), 3)).astype(
        np.float64
    )  # whole numbers: sums are exact, zeros are common
    expected = before.copy()
    for row in set(ids):
        summed = sum(grad for owner, grad in zip(ids, grads, strict=True) if owner == row)
        expected[row] = before[row] * (1 - lr * decay) - lr * np.sign(summed)
    table = torch.tensor(before)
    sign_sgd_(table, torch.tensor(ids), torch.tensor(grads), lr, decay)
    np.testing.assert_allclose(table.numpy(), expected, rtol=1e-14, atol=1e-15)
    untouched = [row for row in range(5) if row not in ids]
    assert np.array_equal(table.numpy()[untouched], before[untouched])


def test_a_row_whose_gradients_cancel_still_decays() -> None:
    table = torch.ones(3, 2)
    sign_sgd_(table, torch.tensor([1, 1]), torch.tensor([[1.0, 2.0], [-1.0, -2.0]]), lr=0.25, weight_decay=1.0)
    assert table.tolist() == [[1, 1], [0.75, 0.75], [1, 1]]
