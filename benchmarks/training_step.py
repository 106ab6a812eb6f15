"""What a training step costs: the published scheme against this package's, as ratios in one run.

python benchmarks/training_step.py [steps]     (a quiet machine; a few minutes)
"""

import sys
import time
from dataclasses import replace

import torch

from hrm_net.model import HRM
from hrm_net.nn.config import HRMConfig
from hrm_net.nn.losses import segment_loss
from hrm_net.provenance import hardware
from hrm_net.trainer.device import has_native_bf16, resolve_device
from hrm_net.trainer.optim import OptimConfig, OptimName, build_optimizers

PUBLISHED = HRMConfig(
    vocab_size=11, seq_len=81, hidden_size=128, num_heads=4, mlp_multiple=64, attention="sdpa", exploration=0.0
)
SYMBOLS = HRMConfig(
    vocab_size=11, seq_len=81, hidden_size=32, mlp_multiple=32, h_layers=2, l_layers=2, codec="symbols", block="symbol",
    positions="none", prefix_len=0, halting="halt_only", exploration=0.0,
)  # fmt: skip
RELATIONAL = replace(SYMBOLS, block="relational", grid_width=9, box_rows=3)


def seconds_per_step(
    config: HRMConfig, dtype: torch.dtype, compiled: bool, steps: int, optimizer: OptimName, batch: int = 64
) -> float:
    """Median wall-clock seconds of one segment with its update, after three to warm up."""
    device = resolve_device("auto")
    generator = torch.Generator().manual_seed(0)
    model = HRM(config, generator).to(device).train()
    model.forward_dtype = dtype
    if compiled:
        model.compile_blocks()
    optim = build_optimizers(model, OptimConfig(name=optimizer, lr=1e-4, warmup_steps=0))
    rows = {
        "inputs": torch.randint(1, config.vocab_size, (batch, config.seq_len), generator=generator),
        "labels": torch.randint(2, config.vocab_size, (batch, config.seq_len), generator=generator),
        "puzzle_identifiers": torch.zeros(batch, dtype=torch.long),
    }
    rows = {key: value.to(device) for key, value in rows.items()}
    carry, times = model.initial_carry(rows), []
    for _ in range(steps + 3):
        started = time.perf_counter()
        carry, out = model(carry, rows, generator=generator)
        optim.zero_grad()
        (segment_loss(out, carry.labels, "stablemax").total / batch).backward()
        optim.step(1.0)
        if device.type == "cuda":
            torch.cuda.synchronize()
        times.append(time.perf_counter() - started)
    return sorted(times[3:])[steps // 2]


def main() -> None:
    steps = int(sys.argv[1]) if len(sys.argv) > 1 else 10
    print(hardware())
    low = torch.bfloat16 if has_native_bf16(resolve_device("auto")) else torch.float32
    halt_only = replace(PUBLISHED, halting="halt_only")
    rows: list[tuple[str, HRMConfig, torch.dtype, bool, OptimName]] = [
        (
            "tokens, width 128, 4+4 layers: SDPA, fp32, eager, Q-learning (as published)",
            PUBLISHED,
            torch.float32,
            False,
            "adam_atan2",
        ),
        ("  the same without the second forward pass (halt_only)", halt_only, torch.float32, False, "adam_atan2"),
        ("  and our attend()", replace(halt_only, attention="auto"), torch.float32, False, "adam_atan2"),
        ("  and bf16", replace(halt_only, attention="auto"), low, False, "adam_atan2"),
        ("  and compiled", replace(halt_only, attention="auto"), low, True, "adam_atan2"),
        ("  the published scheme with SDPA in bf16, compiled", PUBLISHED, low, True, "adam_atan2"),
        ("symbols, width 32, 2+2 layers: fp32, eager", SYMBOLS, torch.float32, False, "muon"),
        ("  bf16", SYMBOLS, low, False, "muon"),
        ("  bf16, compiled", SYMBOLS, low, True, "muon"),
        ("  the same, gradient through the last cycle", replace(SYMBOLS, gradient="last_cycle"), low, True, "muon"),
        ("  bf16, compiled, the relational block (the default job)", RELATIONAL, low, True, "muon"),
    ]
    base = 0.0
    for name, config, dtype, compiled, optimizer in rows:
        torch.compiler.reset()
        took = seconds_per_step(config, dtype, compiled, steps, optimizer)
        base = base if name.startswith(" ") else took
        print(f"{name:<80}{took * 1000:8.0f} ms  {base / took:5.2f}x", flush=True)


if __name__ == "__main__":
    main()
