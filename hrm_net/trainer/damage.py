"""Damage to the states of puzzles in work, in training only, from which a model learns to repair what it holds wrong.

Growing neural cellular automata (Mordvintsev et al., Distill 2020) are damaged in training so that they regrow. A
recurrent model of cells that hear only their neighbours needs the same: an error that its neighbours agree with is a
fixed point, and rows that never went wrong do not show how to leave it.
"""

from dataclasses import replace

import torch
from jaxtyping import Float, Int
from torch import Tensor

from hrm_net.nn.carry import Carry
from hrm_net.nn.config import HRMConfig
from hrm_net.nn.row_noise import ShareNoise
from hrm_net.schema import require

LARGEST = 5  # cells, the longest side of a patch
CELLS_PER_PATCH = 100
NUMBERS = 6  # uniform numbers that a patch is made of


def check_damage(damage: float, model: HRMConfig) -> None:
    """UserError where the states do not lie on a grid."""
    fits = damage == 0 or (model.grid_width > 0 and model.prefix_len == 0)
    require("damage", damage, fits, "0 for a model without a grid (model.grid_width) or with a prefix")


def damage_states(carry: Carry, share: float, config: HRMConfig, generator: torch.Generator | ShareNoise) -> Carry:
    """The carry with patches of z_H and z_L replaced in a random `share` of its rows.

    A patch takes the states of an equally large region elsewhere in the same grid, so that its cells agree with each
    other and disagree with those around them. Both modules are damaged alike.
    """
    height, width = config.seq_len // config.grid_width, config.grid_width
    patches = max(1, height * width // CELLS_PER_PATCH)
    shape = (len(carry.steps), patches * NUMBERS + 1)
    if isinstance(generator, ShareNoise):
        draws = generator.draw(shape, lambda rows, stream: torch.rand(rows.shape, generator=stream))
    else:
        draws = torch.rand(shape, generator=generator)
    hit = draws[:, 0] < share
    sources = patch_sources(draws[:, 1:].unflatten(1, (patches, NUMBERS)), height, width)
    sources = torch.where(hit[:, None], sources, torch.arange(height * width)).to(carry.z_H.device)
    rows = torch.arange(len(sources), device=sources.device)[:, None]
    return replace(carry, z_H=carry.z_H[rows, sources], z_L=carry.z_L[rows, sources])


def patch_sources(draws: Float[Tensor, "batch patch number"], height: int, width: int) -> Int[Tensor, "batch cell"]:
    """The cell whose state each cell takes, from uniform numbers: itself outside of all patches."""
    sides = torch.tensor([height, width])
    extent = 1 + (draws[:, :, 0:2] * sides.clamp(max=LARGEST)).long()
    start = (draws[:, :, 2:4] * (sides - extent + 1)).long()
    shift = (draws[:, :, 4:6] * sides).long()
    cells = torch.stack(torch.meshgrid(torch.arange(height), torch.arange(width), indexing="ij"), dim=-1).flatten(0, 1)
    offset = cells - start[:, :, None]
    inside = ((offset >= 0) & (offset < extent[:, :, None])).all(dim=-1)
    moved = (cells + shift[:, :, None]) % sides
    moved = moved[..., 0] * width + moved[..., 1]
    sources = torch.arange(height * width).expand(len(draws), -1)
    for patch in range(draws.shape[1]):
        sources = torch.where(inside[:, patch], moved[:, patch], sources)
    return sources
