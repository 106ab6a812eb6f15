"""The block of the symbol codec that knows a puzzle's units: rows, columns, boxes, and where a box meets a line.

It has the whole symmetry of Sudoku (digits, bands, stacks, rows, columns and, for square boxes, the transposition), and
none of its weights depends on the size of the puzzle.
"""

from typing import Any

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor

from hrm_net.nn.blocks.block import Block
from hrm_net.nn.layer_config import LayerConfig, refuse
from hrm_net.nn.layers import Linear, rms_norm

STEEP = 1e30


class _Max(torch.autograd.Function):
    """The maximum along one axis; values that tie for it share its gradient evenly, as in torch.amax.

    torch.amax's own backward, compiled for a CPU, takes 15 times as long (benchmarks/relational_block.py): it stores where
    the maximum lies as booleans, which are slow to load. Here that is arithmetic, and computed anew from the input.
    """

    @staticmethod
    def forward(ctx: Any, x: Float[Tensor, "*shape"], axis: int) -> Float[Tensor, "*fewer"]:
        largest = x.amax(axis)
        ctx.save_for_backward(x, largest)
        ctx.axis = axis
        return largest

    @staticmethod
    def backward(ctx: Any, *grads: Float[Tensor, "*fewer"]) -> tuple[Float[Tensor, "*shape"], None]:
        (grad,) = grads
        x, largest = ctx.saved_tensors
        wide = torch.promote_types(x.dtype, torch.float32)
        below = x.to(wide) - largest.to(wide).unsqueeze(ctx.axis)
        is_largest = (1 + STEEP * below).clamp(min=0)
        share = (grad.to(wide) / is_largest.sum(ctx.axis)).unsqueeze(ctx.axis)
        return (is_largest * share).to(x.dtype), None


def largest(x: Float[Tensor, "*shape"], axis: int) -> Float[Tensor, "*fewer"]:
    """`torch.amax` with a backward pass that is fast when compiled."""
    found = _Max.apply(x, axis)
    assert isinstance(found, Tensor)
    return found


class RelationalBlock(Block):
    """z = norm(z + down(silu(gate) * up)), where gate and up are linear in the cell and in all units that it lies in.

    gate, up = W z + sum over units u of W_kind(u) [mean of u, max of u]

    Every symbol's channel is pooled over its row, its column, its box, the two *triads* of the cell (box and row, box and
    column: without them locked candidates cannot be seen in one step), and every cell over its symbols. Rows and columns
    share weights, and so do their triads. A unit is projected once and then added at each of its cells.
    """

    codecs = ("symbols",)

    def __init__(self, config: LayerConfig, generator: torch.Generator | None = None) -> None:
        super().__init__(config)
        dim, width = config.hidden_size, config.mlp_width
        self.box_rows, self.box_cols = config.box_rows, config.grid_width // config.box_rows
        self.cell = Linear(dim, 2 * width, generator=generator)
        self.line, self.box, self.triad, self.symbols = (
            Linear(2 * dim, 2 * width, generator=generator) for _ in range(4)
        )
        self.down_proj = Linear(width, dim, generator=generator)

    @classmethod
    def check(cls, config: LayerConfig) -> None:
        """The cells are a square of whole boxes."""
        super().check(config)
        side, box_rows = config.grid_width, config.box_rows
        if box_rows == 0 or side % box_rows:
            needs = "block=relational needs a puzzle with rows, columns and boxes"
            refuse("box_rows", box_rows, f"must divide grid_width={side}; {needs}")
        if config.seq_len != side * side:
            refuse("grid_width", side, f"must be the root of seq_len={config.seq_len} for block=relational")

    def forward(self, z: Float[Tensor, "seq batch symbol dim"]) -> Float[Tensor, "seq batch symbol dim"]:
        grid = z.unflatten(0, (self.box_cols, self.box_rows, self.box_rows, self.box_cols))  # band, row, stack, column
        # Larger units are made of triads, so each cell is read twice only.
        mean_across, mean_down, max_across, max_down = grid.mean(3), grid.mean(1), largest(grid, 3), largest(grid, 1)
        across = torch.cat([mean_across, max_across], dim=-1)  # band, row, stack
        down = torch.cat([mean_down, max_down], dim=-1)  # band, stack, column
        rows = torch.cat([mean_across.mean(2), largest(max_across, 2)], dim=-1)
        cols = torch.cat([mean_down.mean(0), largest(max_down, 0)], dim=-1)
        boxes = torch.cat([mean_across.mean(1), largest(max_across, 1)], dim=-1)
        symbols = torch.cat([z.mean(2), largest(z, 2)], dim=-1)
        across = self.triad(across) + self.line(rows)[:, :, None] + self.box(boxes)[:, None]
        down = self.triad(down) + self.line(cols)[None]
        units = (across[:, :, :, None] + down[:, None]).flatten(0, 3)
        gate, up = (self.cell(z) + units + self.symbols(symbols)[:, :, None]).chunk(2, dim=-1)
        return rms_norm(z + self.down_proj(F.silu(gate) * up))
