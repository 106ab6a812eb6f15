"""Further questions about every cell, asked in training only: the head that answers them, and when they are asked.

The head reads the state of H and is thrown away with the run's training state: no file of weights holds it. A model
whose cells hear only their neighbours cannot know at once what is far away, and asked too early it learns to guess. So
with `causal` a cell counts once the news should have reached it (hops needed <= pace * hops made); as long as it cannot
have (hops needed > hops made), the head has to say so by a class of its own, and the answer to be the cell as it was
given; between the two nothing is asked.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Annotated, Any, ClassVar

import numpy as np
import torch
from annotated_types import Ge, Gt, Le
from jaxtyping import Bool, Float, Int, Integer
from torch import Tensor, nn

from hrm_net.model import HRM
from hrm_net.nn.carry import Carry, Output
from hrm_net.nn.layers import Linear
from hrm_net.nn.losses import IGNORE, softmax_cross_entropy
from hrm_net.nn.row_noise import ShareNoise
from hrm_net.nn.transfer import to_device
from hrm_net.schema import check, require
from puzzles.base import Puzzle


@dataclass(kw_only=True, slots=True)
class AuxiliaryConfig:
    """What is asked of every cell besides the answer, in training only."""

    __pydantic_config__: ClassVar = {"extra": "forbid"}

    # Names of the puzzle's auxiliary targets (maze: next_move, distance_mod_3); []: none.
    targets: list[str] = field(default_factory=list)
    # Weight of their mean cross-entropy beside that of the answer.
    weight: Annotated[float, Gt(0)] = 1.0
    # Whether a cell of the answer and of the targets counts only once its news can have come from cell to cell, and is
    # to be left open before; of effect where the block passes on information between neighbours only.
    causal: bool = False
    # Share of its possible speed at which news is expected to travel.
    pace: Annotated[float, Gt(0), Le(1)] = 1.0
    # Segments, on average, that a row stays after its whole answer should be known, beside `causal`; null: until it
    # halts. Rows that went wrong would fill the batch otherwise.
    overtime: Annotated[float, Ge(1)] | None = None

    def __post_init__(self) -> None:
        check(self, "auxiliary")

    def check_fits(self, puzzle: Puzzle) -> None:
        """UserError for a target that the puzzle does not have, or that is named twice."""
        for name in self.targets:
            known = ", ".join(puzzle.auxiliary) or "none"
            require("auxiliary.targets", name, name in puzzle.auxiliary, f"among those of {puzzle.name}: {known}")
        once = len(set(self.targets)) == len(self.targets)
        require("auxiliary.targets", self.targets, once, "different names")


@dataclass(kw_only=True, slots=True)
class AuxiliaryLoss:
    """`total` is summed over rows and carries gradients; `right` of the cells `asked`, over all targets, are right."""

    total: Float[Tensor, ""]
    right: Float[Tensor, ""]
    asked: Float[Tensor, ""]

    @property
    def accuracy(self) -> Float[Tensor, ""]:
        """The share of right cells."""
        return self.right / self.asked.clamp(min=1)


@dataclass(kw_only=True, slots=True)
class HostPuzzles:
    """The puzzles that the rows of a carry work on, as the host knows them: it made them."""

    inputs: Integer[np.ndarray, "batch seq"]
    labels: Integer[np.ndarray, "batch seq"]

    @classmethod
    def of(cls, carry: Carry, each: int = 1) -> "HostPuzzles":
        """Read from the carry, of whose rows `each` in succession share a puzzle; waits for the device."""
        return cls(inputs=carry.inputs[::each].cpu().numpy(), labels=carry.labels[::each].cpu().numpy())

    def taking(self, batch: Mapping[str, Tensor], halted: Bool[np.ndarray, " batch"]) -> "HostPuzzles":
        """Those after the rows that have halted have taken theirs of a batch, which lies on the host."""
        new = {name: np.where(halted[:, None], batch[name].numpy(), getattr(self, name)) for name in self.__slots__}
        return HostPuzzles(**new)


class Auxiliary(nn.Module):
    """The head, one matrix from the state of each cell to the classes of all targets."""

    def __init__(
        self, config: AuxiliaryConfig, puzzle: Puzzle, model: HRM, generator: torch.Generator | None = None
    ) -> None:
        super().__init__()
        self.config = config
        self.classes = [puzzle.auxiliary[name] + config.causal for name in config.targets]  # the last: not known yet
        self.head = Linear(model.config.hidden_size, sum(self.classes), generator=generator) if self.classes else None

    @property
    def reads_puzzles(self) -> bool:
        """Whether it asks the host about the puzzles."""
        return self.head is not None or self.config.causal

    def forward(
        self, model: HRM, puzzle: Puzzle, carry: Carry, out: Output, known: HostPuzzles | None = None
    ) -> AuxiliaryLoss | None:
        """The loss of one segment on the puzzles in `carry`, which `known` are where the host knows them; None without
        targets."""
        if self.head is None:
            return None
        assert out.state is not None
        every = self.head(model.codec.cells(out.state).to(self.head.weight.dtype)).split(self.classes, dim=-1)
        inputs, device = (known or HostPuzzles.of(carry)).inputs, carry.inputs.device
        total = every[0].new_zeros(())
        right = asked = torch.zeros((), device=device)
        for name, logits in zip(self.config.targets, every, strict=True):
            found, hops = puzzle.auxiliary_targets(name, inputs)
            targets = to_device(torch.from_numpy(np.where(found < 0, IGNORE, found).astype(np.int32)), device)
            if self.config.causal:
                early, due = self._early_and_known(model, carry, hops)
                open_ = early & (targets != IGNORE)
                targets = targets.masked_fill(~due, IGNORE).masked_fill(open_, logits.shape[-1] - 1)
            counts = targets != IGNORE
            losses = softmax_cross_entropy(logits, targets).sum(dim=-1) / counts.sum(dim=-1).clamp(min=1)
            total = total + losses.sum()
            right = right + (counts & (logits.argmax(dim=-1) == targets)).sum()
            asked = asked + counts.sum()
        total = self.config.weight * total / len(self.classes)
        return AuxiliaryLoss(total=total, right=right.float(), asked=asked.float())

    def labels(
        self, model: HRM, puzzle: Puzzle, carry: Carry, known: HostPuzzles | None = None
    ) -> tuple[Int[Tensor, "batch seq"], Bool[Tensor, " batch"]]:
        """(what the answer should be by now, the rows whose whole answer should be known).

        The first are the labels, unless `causal` leaves cells out or open.
        """
        if not self.config.causal or model.hops_per_segment is None:
            return carry.labels, torch.ones_like(carry.halted)
        known = known or HostPuzzles.of(carry)
        hops = puzzle.answer_hops(known.inputs, known.labels.clip(min=0))
        early, due = self._early_and_known(model, carry, hops)
        open_ = early & (carry.labels != IGNORE)
        asked = torch.where(open_, carry.inputs.to(carry.labels.dtype), carry.labels.masked_fill(~due, IGNORE))
        return asked, due.all(dim=1)

    def give_up(self, carry: Carry, whole: Bool[Tensor, " puzzles"], generator: torch.Generator | ShareNoise) -> None:
        """Let puzzles halt, by chance, whose whole answer should be known: see `overtime`. `whole` has one value for
        each puzzle, of which `carry` may hold several rows in succession."""
        if self.config.overtime is not None:
            if isinstance(generator, ShareNoise):
                chance = generator.draw(whole.shape, lambda rows, stream: torch.rand(rows.shape, generator=stream))
            else:
                chance = torch.rand(whole.shape, generator=generator)
            leaves = whole & (to_device(chance, whole.device) < 1 / self.config.overtime)
            carry.halted = carry.halted | leaves.repeat_interleave(len(carry.halted) // len(whole))

    def _early_and_known(
        self, model: HRM, carry: Carry, hops: np.ndarray
    ) -> tuple[Bool[Tensor, "batch seq"], Bool[Tensor, "batch seq"]]:
        """Cells that news cannot have reached, and those that it should have reached."""
        needed = to_device(torch.from_numpy(np.ascontiguousarray(hops)), carry.steps.device)
        early = needed > hops_made(model, carry.steps)[:, None]
        return early, needed <= hops_made(model, carry.steps, self.config.pace)[:, None]


def hops_made(model: HRM, steps: Int[Tensor, " batch"], pace: float = 1.0) -> Float[Tensor, " batch"]:
    """Hops after so many segments, at a share of the model's speed; infinitely many where nothing is far."""
    if model.hops_per_segment is None:
        return torch.full(steps.shape, torch.inf, device=steps.device)
    return steps * (pace * model.hops_per_segment)


class Trained(nn.Module):
    """All that an optimizer of a run updates: the model, and the head that exists in training only."""

    def __init__(self, model: HRM, auxiliary: Auxiliary) -> None:
        super().__init__()
        self.model, self.auxiliary = model, auxiliary

    @property
    def puzzle_embedding(self) -> Any:
        """That of the model, with its optimizer of its own."""
        return self.model.puzzle_embedding
