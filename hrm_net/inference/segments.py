"""One pass of a model over a batch, segment by segment: what every score and picture is made from."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Bool, Float, Integer
from torch import Tensor, nn

from hrm_net.data.puzzle_sets import PuzzleSet, scored
from hrm_net.nn.core import RecurrentCore
from hrm_net.nn.losses import row_losses
from puzzles.errors import UserError

Batch = dict[str, Integer[np.ndarray, "batch ..."]]


@dataclass(kw_only=True, slots=True)
class Segment:
    """What a batch of rows answers after segment `index` (from 1)."""

    index: int
    states: Integer[np.ndarray, "batch seq"]
    q_halt: Float[np.ndarray, " batch"]
    wants_to_halt: Bool[np.ndarray, " batch"]
    # Mean cross-entropy of each row's scored cells, at the one segment it was asked for.
    lm_loss: Float[np.ndarray, " batch"] | None = None


def run_segments(
    model: nn.Module,
    batch: Batch,
    depth: int,
    *,
    device: torch.device | str | None = None,
    generator: torch.Generator | None = None,
    loss: str = "stablemax",
    loss_at: int = 0,
) -> Iterator[Segment]:
    """Yield the arg-max states after each of `depth` segments of one pass in eval mode, in which no row stops early.

    Segment `loss_at` also gets its cross-entropy by `loss`. `device` defaults to the model's. UserError where the
    halting values are not finite: the answers mean nothing then.
    """
    device = next(model.parameters()).device if device is None else torch.device(device)
    on_device = {name: torch.from_numpy(rows.astype(np.int32)).to(device) for name, rows in batch.items()}
    with inference(model):
        carry = model.initial_carry(on_device)  # type: ignore[operator]
    for index in range(1, depth + 1):
        # Entered anew each time: between two segments the caller's own modes hold.
        with inference(model):
            carry, out = model(carry, on_device, max_segments=depth, generator=generator)
            states = out.logits.argmax(dim=-1).to(torch.int32)
            wants_to_halt = model.wants_to_halt(out)  # type: ignore[operator]
            lm_loss = _numpy(row_losses(out.logits, on_device["labels"], loss)) if index == loss_at else None
        q_halt = _numpy(out.q_halt.float())
        if not np.isfinite(q_halt).all():
            raise UserError(f"model: its halting values are not finite at segment {index}")
        stops = _numpy(wants_to_halt)
        yield Segment(index=index, states=_numpy(states), q_halt=q_halt, wants_to_halt=stops, lm_loss=lm_loss)


def skip_segments(model: nn.Module, num_rows: int, depth: int, generator: torch.Generator) -> None:
    """Bring `generator` to where `run_segments` would leave it, without computing the pass."""
    if isinstance(model, RecurrentCore):
        for _ in range(depth):
            model.skip_segment(num_rows, generator)


def padded_batch(puzzle_set: PuzzleSet, rows: Integer[np.ndarray, " rows"], batch_size: int) -> Batch:
    """Exactly `batch_size` rows, so that a compiled model sees one shape; the last of `rows` is repeated as padding."""
    padded = np.concatenate([rows, np.full(batch_size - len(rows), rows[-1])])
    return {
        "inputs": puzzle_set.inputs[padded],
        "labels": scored(puzzle_set.labels[padded]),
        "puzzle_identifiers": puzzle_set.puzzle_identifiers[padded],
    }


def sigmoid(x: Float[np.ndarray, "*shape"]) -> Float[np.ndarray, "*shape"]:
    """1 / (1 + exp(-x)) in double precision, without overflow."""
    return np.exp(-np.logaddexp(0.0, -x.astype(np.float64)))


@contextmanager
def inference(model: nn.Module) -> Iterator[None]:
    """Eval mode without gradients inside the block; the model's own mode comes back after it."""
    training = model.training
    model.eval()
    try:
        with torch.no_grad():
            yield
    finally:
        model.train(training)


def _numpy(tensor: Tensor) -> np.ndarray:
    return tensor.cpu().numpy()
