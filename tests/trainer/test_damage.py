"""Damage to the states of rows in work: what is replaced, by what, and where."""

from dataclasses import replace

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

import puzzles
from hrm_net import HRM
from hrm_net.nn.row_noise import share_noise
from hrm_net.recipes import solver
from hrm_net.trainer.damage import LARGEST, NUMBERS, damage_states, patch_sources
from puzzles.errors import UserError
from tests.models import seeded
from tests.trainer import victim
from tests.trainer.test_auxiliary import MODEL, segment


@given(
    height=st.integers(1, 12), width=st.integers(1, 12), patches=st.integers(1, 4), seed=st.integers(0, 1000)
)
def test_a_patch_is_a_small_rectangle_of_states_that_lie_together(height: int, width: int, patches: int, seed: int):
    draws = torch.rand(5, patches, NUMBERS, generator=seeded(seed))
    grid = patch_sources(draws, height, width).view(5, height, width)
    assert ((grid >= 0) & (grid < height * width)).all()
    if patches == 1:
        for row, sources in enumerate(grid):
            moved = (sources != torch.arange(height * width).view(height, width)).nonzero()
            if not len(moved):
                continue
            top, left = moved.amin(dim=0).tolist()
            extent = moved.amax(dim=0) - moved.amin(dim=0) + 1
            assert (extent <= LARGEST).all(), (row, extent)
            assert len(moved) == extent.prod()
            first = int(sources[top, left])
            down, right = torch.tensor([first // width - top, first % width - left])
            wanted = (moved[:, 0] + down) % height * width + (moved[:, 1] + right) % width
            assert torch.equal(sources[moved[:, 0], moved[:, 1]], wanted)


def test_a_share_of_the_rows_is_damaged_in_both_states_alike():
    carry, _ = segment(HRM(MODEL, seeded()).eval(), num=400)
    damaged = damage_states(carry, 0.25, MODEL, seeded())
    changed_H = (damaged.z_H != carry.z_H).any(dim=-1)
    changed_L = (damaged.z_L != carry.z_L).any(dim=-1)
    rows = (changed_H | changed_L).any(dim=1)
    assert 0.15 < rows.float().mean() < 0.3
    assert (changed_H.sum(dim=1) <= LARGEST**2).all()
    assert torch.equal(damaged.inputs, carry.inputs)
    assert torch.equal(damaged.steps, carry.steps)
    assert torch.equal(damage_states(carry, 0.0, MODEL, seeded()).z_H, carry.z_H)
    assert (damage_states(carry, 1.0, MODEL, seeded()).z_H != carry.z_H).flatten(1).any(dim=1).float().mean() > 0.8


def test_a_process_damages_its_rows_as_one_with_all_of_them_would():
    model = HRM(MODEL, seeded()).eval()
    whole, _ = segment(model, num=8)
    own = slice(2, 5)
    share = type(whole)(**{name: values[own] for name, values in whole.tensors().items()})
    expected = damage_states(whole, 0.5, MODEL, share_noise(seeded(), slice(0, 8), 8))
    found = damage_states(share, 0.5, MODEL, share_noise(seeded(), own, 8))
    assert torch.equal(found.z_H, expected.z_H[own])
    assert torch.equal(found.z_L, expected.z_L[own])


def losses(damage: float) -> torch.Tensor:
    """Of three steps of a tiny run."""
    config = replace(victim.config(), damage=damage)
    state = solver.build_state(config, torch.device("cpu"), torch.float32)
    puzzle = puzzles.get(**config.puzzle)
    inputs, labels = puzzle.generate(puzzles.rng(0, "damage"), 4, clues=8)
    batch = {"inputs": torch.from_numpy(inputs).int(), "labels": torch.from_numpy(labels).int(),
             "puzzle_identifiers": torch.zeros(4, dtype=torch.int32)}  # fmt: skip
    return torch.stack([solver.train_step(state, batch, config, puzzle).total.detach() for _ in range(3)])


def test_training_with_damage_differs_and_is_repeatable():
    assert torch.equal(losses(1.0), losses(1.0))
    assert not torch.equal(losses(1.0), losses(0.0))


def test_states_must_lie_on_a_grid():
    config = victim.config()
    with pytest.raises(UserError, match=r"^damage=0\.5: must be 0 for a model without a grid"):
        replace(config, damage=0.5, model=replace(config.model, grid_width=0))
    with pytest.raises(UserError, match=r"^damage=1\.5"):
        replace(config, damage=1.5)
