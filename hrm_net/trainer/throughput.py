"""How fast a run goes: segments and examples a second, and the model's arithmetic against the peak of the device."""

import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor
from torch.utils.flop_counter import FlopCounterMode

from hrm_net.model import HRM
from hrm_net.nn.config import HRMConfig

# Dense matrix products in bf16, and in fp32 without TF32, in 10^12 operations a second, by a part of the device's name:
# from NVIDIA's data sheets, of SXM boards where nothing else is said. The first that matches counts.
PEAKS = {
    "B200": (2250.0, 75.0),
    "H200": (989.0, 67.0),
    "H100 PCIe": (756.0, 51.0),
    "H100": (989.0, 67.0),
    "A100": (312.0, 19.5),
    "L40S": (362.0, 91.6),
    "RTX 4090": (165.2, 82.6),
    "RTX 3090": (71.0, 35.6),
}


# What a record of metrics.jsonl holds of it; all but the loop's seconds that differs when a run is repeated.
RATES = ("segments_per_second", "puzzles_per_second", "examples_per_second", "tflops", "peak_share")


def peak_flops(device: torch.device, precision: torch.dtype) -> float | None:
    """Operations a second of the device in its data sheet; None for a CPU and for what is not in `PEAKS`."""
    if device.type != "cuda":
        return None
    name = torch.cuda.get_device_name(device)
    found = next((peaks for part, peaks in PEAKS.items() if part in name), None)
    return None if found is None else 1e12 * found[precision != torch.bfloat16]


@dataclass(frozen=True, kw_only=True, slots=True)
class RowCost:
    """Multiplications and additions of all matrix products for one row: of a forward pass alone, and of one with its
    backward pass."""

    forward: int
    update: int


def row_cost(forward: Callable[[], Tensor]) -> RowCost:
    """Counted by PyTorch; `forward` runs a model on one row of PyTorch's meta device, where nothing is computed, and
    gives a number with a gradient. Attention must be in its explicit form, the only one that is counted."""
    with torch.no_grad(), FlopCounterMode(display=False, custom_mapping=MAPPING) as alone:
        forward()
    with FlopCounterMode(display=False, custom_mapping=MAPPING) as whole:
        forward().backward()
    return RowCost(forward=alone.get_total_flops(), update=whole.get_total_flops())


def countable(config: HRMConfig) -> HRMConfig:
    """The same sizes, computed in a way that `row_cost` can count: explicit attention, and nothing drawn at random."""
    return replace(config, attention="explicit", exploration=0.0, state="fixed", noise=0.0)


def update_flops(config: HRMConfig) -> int:
    """Multiplications and additions of all matrix products in one update for one puzzle: a segment, the second forward
    pass of Q-learning and the backward pass. Counted by PyTorch on shapes alone, attention in its explicit form.
    """
    with torch.device("meta"):
        model = HRM(countable(config)).train()
        rows = torch.zeros(1, config.seq_len, dtype=torch.int32)
        batch = {"inputs": rows, "labels": rows, "puzzle_identifiers": torch.zeros(1, dtype=torch.int32)}

        def forward() -> Tensor:
            _, out = model(model.initial_carry(batch), batch)
            return out.logits.float().sum() + out.q_halt.sum() + out.q_continue.sum()

        return row_cost(forward).update


def matrix_times_vector(matrix: tuple[int, int], vector: tuple[int], *, out_shape: object = None) -> int:
    """Operations of a product that PyTorch's counter, which knows products of matrices only, leaves out."""
    return 2 * matrix[0] * matrix[1]


MAPPING: dict[Any, Any] = {torch.ops.aten.mv: matrix_times_vector}


@dataclass(kw_only=True, slots=True)
class Work:
    """What the updates since the last record have computed, over all processes."""

    # What the kind of run counts besides segments: `puzzles` that have ended, or `examples` learned from.
    unit: str = "examples"
    # Segments of one row each.
    segments: float | int = 0
    examples: float | int = 0
    # Multiplications and additions of the model's matrix products.
    flops: float | int = 0

    def add(self, *, segments: float | int, examples: float | int = 0, flops: float | int) -> None:
        """Count an update, or a part of one."""
        self.segments += segments
        self.examples += examples
        self.flops += flops

    def add_rows(self, rows: int, cost: RowCost, *, examples: float | int, updated: int, read: int = 0) -> None:
        """Count segments of so many rows, `updated` with a backward pass and `read` without; `cost` is of each."""
        flops = rows * (read * cost.forward + updated * cost.update)
        self.add(segments=rows * (read + updated), examples=examples, flops=flops)

    def clear(self) -> None:
        """Begin anew."""
        self.segments = self.examples = self.flops = 0


class Pace:
    """The time of the updates since the last record, but for the first update of a process, which may compile.

    `peak`: operations that all devices together can do in a second, where that is known.
    """

    def __init__(self, peak: float | None, clock: Callable[[], float] = time.perf_counter) -> None:
        self.peak, self.clock = peak, clock
        self.seconds, self.warm, self.started = 0.0, False, 0.0

    def begin(self) -> None:
        """An update begins."""
        self.started = self.clock()

    def end(self, work: Work) -> float:
        """The update has ended: the seconds it took. On a GPU it may still be computing, unless the host has read its
        metrics, as it does before each record. The `work` of the first update is forgotten."""
        took = self.clock() - self.started
        if self.warm:
            self.seconds += took
        else:
            work.clear()
        self.warm = True
        return took

    def pop(self, work: Work) -> tuple[dict[str, float], str]:
        """The rates for a record, and in words to follow a note; nothing before the second update."""
        seconds, self.seconds = self.seconds, 0.0
        if seconds == 0 or work.segments == 0:
            work.clear()
            return {}, ""
        segments, examples, flops = (count / seconds for count in (work.segments, work.examples, work.flops))
        work.clear()
        rates = {"segments_per_second": segments, f"{work.unit}_per_second": examples, "tflops": flops / 1e12}
        text = f", {segments:,.0f} segments/s, {examples:,.0f} {work.unit}/s, {flops / 1e12:.2g} TFLOP/s"
        if self.peak is not None:
            rates["peak_share"] = flops / self.peak
            text += f" ({flops / self.peak:.0%} of the peak)"
        return rates, text
