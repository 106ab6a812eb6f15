"""Mixing on a grid: a plain convolution, borders that end it, and a first token that tells of far cells."""

import pytest
import torch
import torch.nn.functional as F

from hrm_net.nn.blocks.grid import GridMixer
from hrm_net.nn.config import HRMConfig
from tests.models import SMALL, seeded

ROWS, COLUMNS, DIM, PREFIX = 3, 5, 4, 2


def mixer() -> GridMixer:
    return GridMixer(DIM, PREFIX, COLUMNS, seeded())


def state() -> torch.Tensor:
    return torch.randn(2, PREFIX + ROWS * COLUMNS, DIM, generator=seeded(1))


def test_cells_hear_their_eight_neighbours_and_the_first_token():
    mix, z = mixer(), state()
    grid = z[:, PREFIX:].unflatten(1, (ROWS, COLUMNS))
    padded = F.pad(grid, (0, 0, 1, 1, 1, 1))
    around = [padded[:, i : i + ROWS, j : j + COLUMNS] for i in range(3) for j in range(3)]
    nine = torch.stack(around, dim=-1).flatten(3)  # channel by channel, each with its nine places
    expected = mix.near(nine).flatten(1, 2) + mix.outward(z[:, :1])
    torch.testing.assert_close(mix(z)[:, PREFIX:], expected)


def test_the_first_token_hears_the_mean_and_the_other_prefix_tokens_nothing():
    mix, z = mixer(), state()
    torch.testing.assert_close(mix(z)[:, 0], mix.inward(z[:, PREFIX:].mean(dim=1)))
    assert not mix(z)[:, 1:PREFIX].any()


def test_a_row_does_not_run_on_into_the_next():
    mix, z = mixer(), state()
    changed = z.clone()
    changed[:, PREFIX + COLUMNS - 1] += 1  # the last cell of the first row
    moved = (mix(changed) - mix(z)).abs().sum(dim=(0, 2))[PREFIX:].view(ROWS, COLUMNS) > 1e-6
    assert moved[:2, COLUMNS - 2 :].all()
    assert moved.sum() == 4


@pytest.mark.parametrize(
    ("changes", "line"),
    [
        ({"grid_width": 0}, "model.grid_width=0: must divide seq_len=16 for block=grid"),
        ({"grid_width": 5}, "model.grid_width=5: must divide seq_len=16 for block=grid"),
        ({"grid_width": 4, "prefix_len": 0}, "model.prefix_len=0: block=grid needs a first token"),
        ({"grid_width": 4, "positions": "rope"}, "model.positions=rope: block=grid has no attention to rotate"),
    ],
)
def test_what_no_grid_can_have_is_refused(changes: dict, line: str):
    with pytest.raises(ValueError, match=line):
        HRMConfig(**{**SMALL, "block": "grid", "positions": "none", **changes})
