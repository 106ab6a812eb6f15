"""What a block of the symbol codec costs: python benchmarks/relational_block.py

Forward and backward of one block at batch 64, width 32, 81 cells and 9 symbols in bf16, compiled, on one core. Times
are CPU time of the process, best of 15, so that other processes disturb them little; compare ratios.
"""

import time
from collections.abc import Callable

import torch
from torch import Tensor

from hrm_net.nn.blocks import relational
from hrm_net.nn.blocks.block import Block
from hrm_net.nn.blocks.relational import RelationalBlock
from hrm_net.nn.blocks.symbol import SymbolBlock
from hrm_net.nn.config import HRMConfig

BATCH, REPEATS = 64, 15


def config(block: str) -> HRMConfig:
    return HRMConfig(
        vocab_size=11, seq_len=81, grid_width=9, box_rows=3, hidden_size=32, mlp_multiple=32, prefix_len=0,
        positions="none", codec="symbols", block=block,
    )  # fmt: skip


def milliseconds(block: Callable[[Tensor], Tensor], state: Tensor, backward: bool) -> float:
    best = float("inf")
    for repeat in range(REPEATS + 2):
        start = time.process_time()
        with torch.set_grad_enabled(backward):
            out = block(state.detach().requires_grad_(backward))
        if backward:
            out.backward(state)
        if repeat >= 2:
            best = min(best, time.process_time() - start)
    return 1000 * best


def main() -> None:
    torch.set_num_threads(1)
    torch.compiler.config.recompile_limit = 64
    state = torch.randn(81, BATCH, 9, 32).bfloat16()
    baseline = None
    fast = relational.largest
    for name, kind in (
        ("symbol", SymbolBlock),
        ("relational", RelationalBlock),
        ("relational, torch.amax", RelationalBlock),
    ):
        relational.largest = torch.amax if "amax" in name else fast
        torch.compiler.reset()
        block: Block = kind(config(name.split(",")[0]), torch.Generator().manual_seed(0))
        block.compile()
        forward, both = (milliseconds(block, state, backward) for backward in (False, True))
        baseline = baseline or both
        print(f"{name:24} forward {forward:6.1f} ms, with backward {both:6.1f} ms: {both / baseline:.2f}x", flush=True)


if __name__ == "__main__":
    main()
