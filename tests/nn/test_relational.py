"""The relational block: exact symmetry, one set of weights for every size, and a backward pass of its own."""

from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

import puzzles
from hrm_net import HRM, HRMConfig
from hrm_net.nn.blocks.relational import RelationalBlock, largest
from puzzles.sudoku.domain import Sudoku
from tests.models import seeded, small_batch

BOXES = ("2x2", "2x3", "3x3", "4x4")


def config(box: str = "3x3", **changes: Any) -> HRMConfig:
    rows, cols = (int(part) for part in box.split("x"))
    side = rows * cols
    values = {"vocab_size": side + 2, "seq_len": side**2, "grid_width": side, "box_rows": rows, "hidden_size": 16,
              "mlp_multiple": 8, "h_layers": 1, "l_layers": 1, "prefix_len": 0, "positions": "none", "codec": "symbols",
              "block": "relational"}  # fmt: skip
    return HRMConfig(**{**values, **changes})


@pytest.mark.parametrize("box", BOXES)
def test_exactly_equivariant_under_the_whole_group(box: str):
    """Random elements move digits, bands, stacks, rows and columns and, for square boxes, transpose."""
    sudoku = Sudoku(box)
    block = RelationalBlock(config(box), seeded()).double()
    side = sudoku.shape[0]
    z = torch.randn(side**2, 2, side, 16, generator=seeded(1), dtype=torch.float64)
    transposed = 0
    for element in sudoku.symmetries(np.random.default_rng(0), 12):
        cells = torch.from_numpy(element.cells.astype(np.int64))
        symbols = torch.from_numpy(np.argsort(element.tokens[2:].astype(np.int64)))
        grid = cells.view(side, side)
        transposed += bool((grid[0] % side == grid[0, 0] % side).all())

        def turn(state: Tensor, cells: Tensor = cells, symbols: Tensor = symbols) -> Tensor:
            return state[cells][:, :, symbols]

        torch.testing.assert_close(block(turn(z)), turn(block(z)), rtol=0, atol=1e-12)
    assert transposed > 0 or box == "2x3"


def test_not_equivariant_under_what_is_no_symmetry():
    """Exchanging rows of different bands must change more than the place of the answer."""
    block = RelationalBlock(config(), seeded()).double()
    z = torch.randn(9, 9, 1, 9, 16, generator=seeded(1), dtype=torch.float64)
    swapped = z[[3, 1, 2, 0, 4, 5, 6, 7, 8]]
    out = block(swapped.flatten(0, 1)).view_as(z)[[3, 1, 2, 0, 4, 5, 6, 7, 8]]
    assert (out - block(z.flatten(0, 1)).view_as(z)).abs().max() > 0.01


def test_locked_candidates_are_seen_in_one_step():
    """Two states that differ only in which cells of a box share a row give different values outside the box."""
    block = RelationalBlock(config(), seeded()).double()
    z = torch.zeros(9, 9, 1, 9, 16, dtype=torch.float64)
    in_a_row, spread = z.clone(), z.clone()
    in_a_row[0, 0:2], spread[0, 0], spread[1, 1] = 1.0, 1.0, 1.0
    outside = [block(state.flatten(0, 1)).view_as(z)[0, 5] for state in (in_a_row, spread)]
    assert (outside[0] - outside[1]).abs().max() > 1e-3


@pytest.mark.parametrize("box", BOXES)
def test_one_set_of_weights_serves_every_size(box: str):
    model = HRM(config(), seeded())
    rows, cols = (int(part) for part in box.split("x"))
    side = rows * cols
    other = model.resized(vocab_size=side + 2, seq_len=side**2, grid_width=side, box_rows=rows)
    assert {id(param) for param in other.parameters()} == {id(param) for param in model.parameters()}
    _, out = other(other.initial_carry(batch := small_batch(other)), batch)
    assert out.logits.shape == (len(batch["inputs"]), side**2, side + 2)
    assert torch.isfinite(out.logits).all()


def test_a_whole_model_is_equivariant():
    """From inputs to answers, in float64, over two segments."""
    sudoku = Sudoku()
    model = HRM(config(h_cycles=2, l_cycles=2), seeded()).double().eval()
    inputs, _ = sudoku.generate(puzzles.rng(0, "test"), 3, clues=30)
    element = sudoku.symmetries(np.random.default_rng(1), 2)[1]

    def answers(rows: np.ndarray) -> Tensor:
        ids = torch.zeros(3, dtype=torch.int32)
        batch = {"inputs": torch.from_numpy(rows.astype(np.int32)), "labels": torch.zeros(3, 81, dtype=torch.int32)}
        batch["puzzle_identifiers"] = ids
        carry = model.initial_carry(batch)
        for _ in range(2):
            carry, out = model(carry, batch)
        return out.logits

    with torch.no_grad():
        turned = answers(element.tokens[inputs[:, element.cells]])
        expected = answers(inputs)[:, torch.from_numpy(element.cells.astype(np.int64))]
    torch.testing.assert_close(
        turned[..., torch.from_numpy(element.tokens.astype(np.int64))], expected, rtol=0, atol=1e-10
    )


@pytest.mark.parametrize("axis", [0, 1, -1])
def test_largest_has_the_gradient_of_amax_with_and_without_ties(axis: int):
    for values in (
        torch.randn(4, 5, 6, generator=seeded()),
        torch.randint(0, 3, (4, 5, 6), generator=seeded()).float(),
    ):
        grads = []
        for take in (largest, torch.amax):
            x = values.double().requires_grad_()
            out = take(x, axis)
            (out * torch.linspace(1, 2, out.numel(), dtype=torch.float64).view_as(out)).sum().backward()
            grads.append((out.detach(), x.grad))
        torch.testing.assert_close(grads[0], grads[1], rtol=1e-12, atol=0)


@pytest.mark.slow
def test_gradients_of_the_block():
    block = RelationalBlock(config("2x2", hidden_size=4, mlp_multiple=4), seeded()).double()
    z = torch.randn(16, 1, 4, 4, generator=seeded(2), dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(block, (z,))


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"box_rows": 0}, r"^model\.box_rows=0: must divide grid_width=9; block=relational needs a puzzle with"),
        ({"box_rows": 2}, r"^model\.box_rows=2: must divide grid_width=9;"),
        ({"seq_len": 90}, r"^model\.grid_width=9: must be the root of seq_len=90 for block=relational$"),
        ({"codec": "tokens"}, r"^model\.codec=tokens: block=relational does not fit; it needs codec=symbols$"),
    ],
)
def test_refused_in_one_line(changes: dict[str, Any], message: str):
    with pytest.raises(ValueError, match=message):
        config(**changes)


def test_the_units_come_from_the_puzzle():
    assert puzzles.get("maze").box_rows == 0
    assert [puzzles.get("sudoku", box=box).box_rows for box in BOXES] == [2, 2, 3, 4]
