"""What a run costs on 1, 8 and 64 GPUs, computed: python benchmarks/scale.py

Arithmetic, saved activations and messages follow from the model's shapes and are exact. Rates are assumptions, named in
`Machine`; nothing here was measured on a GPU. docs/scale.md holds what this prints, and a test that they agree.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace

import torch
from torch import Tensor, nn

from hrm_net.model import HRM
from hrm_net.nn.config import HRMConfig
from hrm_net.trainer.throughput import update_flops

# The published runs (experiment=hrm_sudoku_extreme, arc1): tokens, rows of the puzzle table, updates; batch 768.
RUNS = {
    "Sudoku-Extreme": (HRMConfig(vocab_size=11, seq_len=81), 26_041),
    "ARC-AGI-1": (HRMConfig(vocab_size=12, seq_len=900, num_puzzle_ids=800_801), 414_456),
}
BATCH = 768


@dataclass(frozen=True, kw_only=True)
class Machine:
    """Assumptions: an H100 or H200 of the data sheet, eight to a machine."""

    flops: float = 989e12  # bf16, dense
    share: float = 0.3  # of it that a step reaches
    inside: float = 450e9  # bytes a second that a GPU sends over NVLink, inside a machine
    between: float = 50e9  # and over its own 400 Gb/s link, between machines

    def bandwidth(self, gpus: int) -> float:
        return self.inside if gpus <= 8 else self.between


def saved_bytes(config: HRMConfig) -> int:
    """Bytes that PyTorch keeps of one row for the backward pass in bf16, weights aside, with attention in SDPA."""
    seen: dict[int, int] = {}
    with torch.device("meta"):
        model = HRM(replace(config, attention="sdpa", exploration=0.0)).train()
        model.forward_dtype = torch.bfloat16
        weights = {tensor.untyped_storage()._cdata for tensor in (*model.parameters(), *model.buffers())}

        def keep(tensor: Tensor) -> Tensor:
            storage = tensor.untyped_storage()
            if storage._cdata not in weights:
                seen[storage._cdata] = storage.nbytes()
            return tensor

        row = torch.zeros(1, config.seq_len, dtype=torch.int32)
        batch = {"inputs": row, "labels": row, "puzzle_identifiers": torch.zeros(1, dtype=torch.int32)}
        with torch.autograd.graph.saved_tensors_hooks(keep, lambda tensor: tensor):
            _, out = model(model.initial_carry(batch), batch)
            kept = out.logits, out.q_halt  # until here nothing is freed, so that no storage is counted as another
        del kept
    return sum(seen.values())


def sizes(config: HRMConfig) -> tuple[int, int, int]:
    """(parameters, those of one block, calls of blocks in one update, its backward pass included)."""
    with torch.device("meta"):
        model = HRM(config)
    block = count(model.blocks()[0])
    segment = config.h_cycles * (config.l_cycles * config.l_layers + config.h_layers)
    again = segment if config.halting == "q_learning" else 0
    return count(model), block, segment + again + config.l_layers + config.h_layers


def count(module: nn.Module) -> int:
    return sum(param.numel() for param in module.parameters())


class Cost:
    """What one update of a published run takes, shared out over some GPUs."""

    def __init__(self, name: str, machine: Machine) -> None:
        self.name, self.machine = name, machine
        self.config, self.updates = RUNS[name]
        self.params, self.block, self.calls = sizes(self.config)
        self.flops, self.activations = update_flops(self.config), saved_bytes(self.config)
        self.table = 4 * self.config.num_puzzle_ids * self.config.hidden_size

    def compute(self, gpus: int) -> float:
        """Seconds of arithmetic."""
        return self.flops * BATCH / gpus / (self.machine.flops * self.machine.share)

    def sent(self, gpus: int) -> tuple[float, float]:
        """Bytes that a GPU sends: with ddp (a ring sums gradients in fp32) and with fsdp (weights are gathered in fp32
        for every call of a block, gradients summed once)."""
        ring = (gpus - 1) / gpus
        rows = 2 * 4 * BATCH / gpus * self.config.hidden_size * (gpus - 1)  # of the puzzle table, and their gradients
        return 2 * ring * 4 * self.params + rows, ring * 4 * (self.calls * self.block + 2 * self.params) + rows

    def memory(self, gpus: int, parts: int) -> float:
        """Bytes of weights, gradients, two means and one more copy in fp32 and of the puzzle table, both in so many
        parts, and of activations."""
        return (4 * 5 * self.params + self.table) / parts + BATCH / gpus * self.activations

    def row(self, gpus: int) -> str:
        ddp, fsdp = self.sent(gpus)
        speed = self.machine.bandwidth(gpus)
        hours = self.updates * (self.compute(gpus) + ddp / speed) / 3600
        shown = f"{hours:.2g}" if hours < 1 else f"{hours:,.0f}"
        cells = [
            f"{gpus}", f"{BATCH // gpus}", f"{1e3 * self.compute(gpus):,.1f}", f"{ddp / 1e6:,.0f} / {fsdp / 1e6:,.0f}",
            f"{1e3 * ddp / speed:.1f} / {1e3 * fsdp / speed:.1f}",
            f"{self.memory(gpus, 1) / 1e9:.1f} / {self.memory(gpus, gpus) / 1e9:.1f}", shown,
        ]  # fmt: skip
        return f"| {' | '.join(cells)} |"

    def lines(self) -> Iterator[str]:
        """One run's paragraph and table."""
        slow = next(n for n in range(2, BATCH + 1) if self.compute(n) < self.sent(n)[0] / self.machine.bandwidth(n))
        yield f"**{self.name}**: {self.params / 1e6:.1f} M weights and a puzzle table of {self.table / 1e9:.2f} GB;"
        yield f"{self.updates:,} updates of {BATCH} rows. A row takes {self.flops / 1e9:,.0f} GFLOP and keeps"
        yield f"{self.activations / 2**20:,.0f} MiB for the backward pass. From {slow} GPUs on, the messages of ddp"
        yield "take longer than the arithmetic."
        yield ""
        headings = ["GPUs", "rows each", "arithmetic, ms", "sent by ddp / fsdp, MB", "the same, ms"]
        yield f"| {' | '.join([*headings, 'memory, ddp / all sharded, GB', 'hours (ddp)'])} |"
        yield "|---|---|---|---|---|---|---|"
        yield from map(self.row, (1, 8, 64))


def text() -> str:
    """What docs/scale.md holds."""
    return "\n\n".join("\n".join(Cost(name, Machine()).lines()) for name in RUNS) + "\n"


if __name__ == "__main__":
    print(text(), end="")
