"""How fast a run goes: puzzles and segments a second, and the model's arithmetic against the peak of the device."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import torch
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


def peak_flops(device: torch.device, precision: torch.dtype) -> float | None:
    """Operations a second of the device in its data sheet; None for a CPU and for what is not in `PEAKS`."""
    if device.type != "cuda":
        return None
    name = torch.cuda.get_device_name(device)
    found = next((peaks for part, peaks in PEAKS.items() if part in name), None)
    return None if found is None else 1e12 * found[precision != torch.bfloat16]


def update_flops(config: HRMConfig) -> int:
    """Multiplications and additions of all matrix products in one update for one puzzle: a segment, the second forward
    pass of Q-learning and the backward pass. Counted by PyTorch on shapes alone, attention in its explicit form.
    """
    with torch.device("meta"):
        model = HRM(replace(config, attention="explicit", exploration=0.0, state="fixed", noise=0.0)).train()
        rows = torch.zeros(1, config.seq_len, dtype=torch.int32)
        batch = {"inputs": rows, "labels": rows, "puzzle_identifiers": torch.zeros(1, dtype=torch.int32)}
        with FlopCounterMode(display=False, custom_mapping=MAPPING) as counter:
            _, out = model(model.initial_carry(batch), batch)
            (out.logits.float().sum() + out.q_halt.sum() + out.q_continue.sum()).backward()
    return counter.get_total_flops()


def matrix_times_vector(matrix: tuple[int, int], vector: tuple[int], *, out_shape: object = None) -> int:
    """Operations of a product that PyTorch's counter, which knows products of matrices only, leaves out."""
    return 2 * matrix[0] * matrix[1]


MAPPING: dict[Any, Any] = {torch.ops.aten.mv: matrix_times_vector}


class Pace:
    """The time of the updates since the last record, but for the first update of a process, which may compile."""

    def __init__(self, rows: int, flops: int | None, peak: float | None) -> None:
        # Rows of an update, operations of one row's update, and those that all devices together can do in a second.
        self.rows, self.flops, self.peak = rows, flops, peak
        self.seconds, self.updates, self.warm = 0.0, 0, False

    @contextmanager
    def update(self) -> Iterator[None]:
        """Count an update. It is over on the device when the next one asks which rows have halted."""
        started = time.perf_counter()
        yield
        if self.warm:
            self.seconds += time.perf_counter() - started
            self.updates += 1
        self.warm = True

    def pop(self, finished: float | None = None) -> str:
        """Words to follow a note; `finished`: the share of rows whose puzzle has ended in an update."""
        seconds, updates = self.seconds, self.updates
        self.seconds, self.updates = 0.0, 0
        if updates == 0:
            return ""
        rows = self.rows * updates / seconds
        text = f", {rows:,.0f} segments/s"
        if finished is not None:
            text += f", {rows * finished:,.0f} puzzles/s"
        if self.flops is not None:
            text += f", {self.flops * rows / 1e12:.2g} TFLOP/s"
            if self.peak is not None:
                text += f" ({self.flops * rows / self.peak:.0%} of the peak)"
        return text
