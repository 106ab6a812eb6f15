"""Metrics of the steps between two records, kept on the device so that no step waits for them."""

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor

from hrm_net.model import Carry
from hrm_net.nn.losses import SegmentLoss
from hrm_net.trainer.auxiliary import AuxiliaryLoss


class MetricWindow:
    """Sums of what steps report, since the last mean."""

    def __init__(self) -> None:
        self.rows: list[Tensor] = []
        self.auxiliary: list[Tensor] = []  # loss per row and accuracy of each step

    def add(self, loss: SegmentLoss, carry: Carry, auxiliary: AuxiliaryLoss | None = None) -> None:
        """Take in one step. Accuracies count where a row halts, as published: that is its answer."""
        halted = carry.halted.float()
        if auxiliary is not None:
            self.auxiliary.append(torch.stack([auxiliary.total.detach() / len(halted), auxiliary.accuracy]))
        sums = (loss.total.detach(), loss.lm, loss.q_halt, loss.q_continue)
        counts = (halted, halted * loss.exact, halted * loss.cell_accuracy, halted * carry.steps)
        self.rows.append(torch.stack([*sums, *(count.sum() for count in counts), halted.new_tensor(len(halted))]))

    def pop(self) -> dict[str, float | None]:
        """Means per row (losses) and per halted row (the others; None where no row halted); the next window begins."""
        total, lm, q_halt, q_continue, halted, exact, cells, segments, rows = torch.stack(self.rows).sum(dim=0).tolist()
        self.rows.clear()
        further = {}
        if self.auxiliary:
            names = ("auxiliary_loss", "auxiliary_accuracy")
            further = dict(zip(names, torch.stack(self.auxiliary).mean(dim=0).tolist(), strict=True))
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
        """What a checkpoint holds of it."""
        return {"window": self.rows, "auxiliary_window": self.auxiliary}

    def load_state_dict(self, saved: Mapping[str, Any], device: torch.device) -> None:
        """Take back what `state_dict` gave."""
        self.rows = [row.to(device) for row in saved["window"]]
        self.auxiliary = [row.to(device) for row in saved["auxiliary_window"]]
