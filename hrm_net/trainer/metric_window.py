"""Metrics of the steps between two records, kept on the device so that no step waits for them."""

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor

from hrm_net.distributed.group import current
from hrm_net.model import Carry
from hrm_net.nn.losses import SegmentLoss
from hrm_net.trainer.auxiliary import AuxiliaryLoss


class MetricWindow:
    """Sums of what steps report, since the last mean; over the rows of this process, until they are read."""

    def __init__(self) -> None:
        self.rows: list[Tensor] = []
        self.auxiliary: list[Tensor] = []  # of each step: the loss, the rows, the right cells, the cells asked

    def add(self, loss: SegmentLoss, carry: Carry, auxiliary: AuxiliaryLoss | None = None) -> None:
        """Take in one step. Accuracies count where a row halts, as published: that is its answer."""
        halted = carry.halted.float()
        if auxiliary is not None:
            rows = halted.new_full((), len(halted))
            self.auxiliary.append(torch.stack([auxiliary.total.detach(), rows, auxiliary.right, auxiliary.asked]))
        sums = (loss.total.detach(), loss.lm, loss.q_halt, loss.q_continue)
        counts = (halted, halted * loss.exact, halted * loss.cell_accuracy, halted * carry.steps)
        self.rows.append(torch.stack([*sums, *(count.sum() for count in counts), halted.new_full((), len(halted))]))

    def pop(self) -> dict[str, float | None]:
        """Means per row (losses) and per halted row (the others; None where no row halted); the next window begins."""
        sums = current().sum_(torch.stack(self.rows)).sum(dim=0)
        total, lm, q_halt, q_continue, halted, exact, cells, segments, rows = sums.tolist()
        self.rows.clear()
        further = {}
        if self.auxiliary:
            losses, count, right, asked = current().sum_(torch.stack(self.auxiliary)).T
            means = {"auxiliary_loss": losses / count, "auxiliary_accuracy": right / asked.clamp(min=1)}
            further = {name: value.mean().item() for name, value in means.items()}
            self.auxiliary.clear()
        return further | {
            "loss": total / rows,
            "lm_loss": lm / rows,
            "q_halt_loss": q_halt / rows,
            "q_continue_loss": q_continue / rows,
            "halted": halted / rows,
            "exact_accuracy": exact / halted if halted else None,
            "cell_accuracy": cells / halted if halted else None,
            "segments": segments / halted if halted else None,
        }

    def state_dict(self) -> dict[str, list[Tensor]]:
        """What a checkpoint holds of it: the sums over all processes."""
        return {"window": _over_processes(self.rows), "auxiliary_window": _over_processes(self.auxiliary)}

    def load_state_dict(self, saved: Mapping[str, Any], device: torch.device) -> None:
        """Take back what `state_dict` gave. Rank 0 keeps it for all processes."""
        kept = float(current().is_main)
        self.rows = [row.to(device) * kept for row in saved["window"]]
        self.auxiliary = [row.to(device) * kept for row in saved["auxiliary_window"]]


def _over_processes(rows: list[Tensor]) -> list[Tensor]:
    return list(current().sum_(torch.stack(rows))) if rows and not current().alone else rows
