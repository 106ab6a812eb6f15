"""Metrics of the steps between two records, kept on the device so that no step waits for them."""

import torch
from torch import Tensor

from hrm_net.model import Carry
from hrm_net.nn.losses import SegmentLoss


class MetricWindow:
    """Sums of what steps report, since the last mean."""

    def __init__(self) -> None:
        self.rows: list[Tensor] = []

    def add(self, loss: SegmentLoss, carry: Carry) -> None:
        """Take in one step. Accuracies count where a row halts, as published: that is its answer."""
        halted = carry.halted.float()
        sums = (loss.total.detach(), loss.lm, loss.q_halt, loss.q_continue)
        counts = (halted, halted * loss.exact, halted * loss.cell_accuracy, halted * carry.steps)
        self.rows.append(torch.stack([*sums, *(count.sum() for count in counts), halted.new_tensor(len(halted))]))

    def pop(self) -> dict[str, float | None]:
        """Means per row (losses) and per halted row (the others; None where no row halted); the next window begins."""
        total, lm, q_halt, q_continue, halted, exact, cells, segments, rows = torch.stack(self.rows).sum(dim=0).tolist()
        self.rows.clear()
        return {
            "loss": total / rows,
            "lm_loss": lm / rows,
            "q_halt_loss": q_halt / rows,
            "q_continue_loss": q_continue / rows,
            "halted": halted / rows,
            "exact_accuracy": exact / halted if halted else None,
            "cell_accuracy": cells / halted if halted else None,
            "segments": segments / halted if halted else None,
        }
