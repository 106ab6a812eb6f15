"""What one hop costs on a grid of 30x30 cells: python benchmarks/local_block.py

Forward, and forward with backward, of one compiled block on 16 mazes in fp32 on one core, in milliseconds a maze. Times
are CPU time of the process, best of 12, so that other processes disturb them little; compare ratios. A grid block hears
its diagonal neighbours too, which is still one hop where one walks along rows and columns.
"""

import time

import torch

from hrm_net.nn.blocks import BLOCKS
from hrm_net.nn.config import HRMConfig

ROWS, REPEATS, SIDE = 16, 12, 30
KINDS = {
    "local, width 32": {"block": "local", "codec": "cells", "prefix_len": 0, "hidden_size": 32, "expansion": 4.5},
    "local, width 48": {"block": "local", "codec": "cells", "prefix_len": 0, "hidden_size": 48, "expansion": 4.5},
    "grid, width 32": {"block": "grid", "hidden_size": 32, "expansion": 4.5},
    "grid, width 64": {"block": "grid", "hidden_size": 64, "expansion": 4.0},
}


def milliseconds(kind: dict, backward: bool) -> float:
    config = HRMConfig(
        vocab_size=6, seq_len=SIDE**2, grid_width=SIDE, positions="none", num_heads=4, mlp_multiple=32, **kind
    )
    block = BLOCKS[config.block](config, torch.Generator().manual_seed(0))
    block.compile()
    state = torch.randn(ROWS, config.num_tokens, config.hidden_size)
    best = float("inf")
    for repeat in range(REPEATS + 2):
        start = time.process_time()
        with torch.set_grad_enabled(backward):
            out = block(state.detach().requires_grad_(backward))
        if backward:
            out.backward(state)
        if repeat >= 2:
            best = min(best, time.process_time() - start)
    return 1000 * best / ROWS


def main() -> None:
    torch.set_num_threads(1)
    baseline = None
    for name, kind in KINDS.items():
        torch.compiler.reset()
        forward, both = (milliseconds(kind, backward) for backward in (False, True))
        baseline = baseline or both
        print(f"{name:18} forward {forward:5.2f} ms, with backward {both:5.2f} ms: {both / baseline:.2f}x", flush=True)


if __name__ == "__main__":
    main()
