"""One layer is one hop: how far news travels, where it stops, and one set of weights for every size."""

import pytest
import torch

import puzzles
from hrm_net import HRM
from hrm_net.nn.blocks.local import LocalBlock
from hrm_net.nn.config import HRMConfig
from puzzles.errors import UserError
from tests.models import SMALL, seeded, small_batch, small_model

ROWS, COLUMNS, DIM = 5, 7, 8
LOCAL = {"codec": "cells", "block": "local", "positions": "none", "prefix_len": 0, "max_segments": 4}


def config(**changes) -> HRMConfig:
    sizes = {"seq_len": ROWS * COLUMNS, "grid_width": COLUMNS, "hidden_size": DIM}
    return HRMConfig(**{**SMALL, **LOCAL, **sizes, **changes})


def differs(one: torch.Tensor, other: torch.Tensor) -> torch.Tensor:
    """Cells, as a grid, in which two states of one row differ."""
    return ((one - other).abs().amax(dim=-1) > 0).view(ROWS, COLUMNS)


def within(row: int, column: int, hops: int) -> torch.Tensor:
    """Cells of the grid at most so many hops away."""
    rows, columns = torch.meshgrid(torch.arange(ROWS), torch.arange(COLUMNS), indexing="ij")
    return (rows - row).abs() + (columns - column).abs() <= hops


@pytest.mark.parametrize("place", [(2, 3), (0, 0), (4, 6), (1, 6)])
def test_news_of_a_cell_reaches_its_four_neighbours_and_no_other(place: tuple[int, int]):
    block = LocalBlock(config(), seeded()).double()
    z = torch.randn(1, ROWS * COLUMNS, DIM, generator=seeded(1), dtype=torch.float64)
    changed = z.clone()
    changed[0, place[0] * COLUMNS + place[1]] += torch.arange(DIM) / 4
    assert torch.equal(differs(block(changed), block(z)), within(*place, 1))


@pytest.mark.parametrize("stacks", ["two", "shared"])
def test_a_segment_moves_news_as_many_hops_as_it_says(stacks: str):
    """Of a token of the puzzle, in a model whose stacks have several layers."""
    model = HRM(config(h_cycles=1, l_cycles=2, l_layers=1, h_layers=2, stacks=stacks), seeded()).double().eval()
    batch = small_batch(model, batch=1)
    batch["inputs"][0, 0] = 1
    changed = {**batch, "inputs": batch["inputs"].clone()}
    changed["inputs"][0, 0] = 2
    states = [model(model.initial_carry(one), one)[0].z_H for one in (batch, changed)]
    hops = 4 if stacks == "two" else 3
    assert model.hops_per_segment == hops
    assert torch.equal(differs(*states), within(0, 0, hops))


def test_blocks_that_mix_all_cells_have_no_number_of_hops():
    assert small_model("hrm").hops_per_segment is None
    assert small_model("grid").hops_per_segment is None


def test_one_set_of_weights_serves_every_size():
    """What lies far from all borders cannot tell how large the grid is."""
    model = HRM(config(h_cycles=1, l_cycles=1, h_layers=1, l_layers=1), seeded()).double().eval()
    large = model.fitted(puzzles.get("maze", rows=9, columns=11))
    assert {id(param) for param in large.parameters()} == {id(param) for param in model.parameters()}
    assert large is model.fitted(puzzles.get("maze", rows=9, columns=11))
    batch = small_batch(large, batch=2)
    crop = {key: rows.clone() for key, rows in batch.items()}
    for key in ("inputs", "labels"):
        crop[key] = batch[key].view(2, 9, 11)[:, 2:7, 2:9].flatten(1)
    _, whole = large(large.initial_carry(batch), batch)
    _, part = model(model.initial_carry(crop), crop)
    inner = part.logits.view(2, ROWS, COLUMNS, -1)[:, 2:3, 2:5]
    torch.testing.assert_close(inner, whole.logits.view(2, 9, 11, -1)[:, 4:5, 4:7], rtol=0, atol=1e-12)


def test_a_twin_keeps_the_mode_and_the_gradients_of_its_model():
    model = HRM(config(), seeded()).train()
    twin = model.fitted(puzzles.get("maze", rows=3, columns=4))
    assert twin.training
    assert not model.eval().fitted(puzzles.get("maze", rows=3, columns=4)).training
    batch = small_batch(twin.train())
    _, out = twin(twin.initial_carry(batch), batch)
    out.logits.square().sum().backward()
    assert all(param.grad is not None for name, param in model.named_parameters() if "q_head" not in name)


def test_a_model_that_has_moved_gets_a_twin_where_it_is():
    model, small = HRM(config(), seeded()), puzzles.get("maze", rows=3, columns=4)
    before = model.fitted(small)
    after = model.double().fitted(small)
    assert (before.H_init.dtype, after.H_init.dtype) == (torch.float32, torch.float64)
    assert {id(param) for param in after.parameters()} == {id(param) for param in model.parameters()}


def test_weights_that_depend_on_the_size_are_named():
    with pytest.raises(UserError, match=r"codec\.embed_pos is"):
        small_model("hrm_learned").fitted(puzzles.get("maze", rows=5, columns=5))


@pytest.mark.parametrize(
    ("changes", "line"),
    [
        ({"grid_width": 0}, "model.grid_width=0: must divide seq_len=35 for block=local"),
        ({"hidden_size": 18}, "model.hidden_size=18: must be a multiple of 4 for block=local"),
        ({"prefix_len": 1}, "model.prefix_len=1: must be 0 for codec=cells"),
        ({"positions": "learned"}, "model.positions=learned: must be none for codec=cells, which serves any size"),
        ({"codec": "tokens"}, "model.codec=tokens: block=local does not fit; it needs codec=cells"),
    ],
)
def test_what_no_model_can_have_is_refused(changes: dict, line: str):
    with pytest.raises(ValueError, match=line):
        config(**changes)
