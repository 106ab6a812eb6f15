"""Any number of rows through a step scorer's network, each thought about until it is sure or its segments end."""

from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Bool, Float64, Int64, Shaped
from torch import Tensor

from hrm_net.inference.segments import inference
from hrm_net.reward.model import RewardModel
from puzzles.errors import UserError


@dataclass(kw_only=True, slots=True)
class Judgement:
    """The logits of every head after the last segment of each row, and how many segments that took."""

    logits: dict[str, Float64[np.ndarray, " rows"]]
    segments: Int64[np.ndarray, " rows"]


def judge(
    model: RewardModel,
    rows: dict[str, Shaped[np.ndarray, "rows ..."]],
    *,
    segments: int,
    stop: float | None = None,
    batch_size: int = 256,
) -> Judgement:
    """What the model says of each row, on its device; the same, up to rounding, in whatever company.

    A row ends once the halting head is sure to a probability of `stop` that the verdicts are right (None: never
    before its last segment), and leaves the batch. ValueError where a verdict is not finite.
    """
    device = next(model.parameters()).device
    num = len(rows["span"])
    found = Judgement(
        logits={name: np.zeros(num) for name in model.config.objectives}, segments=np.zeros(num, np.int64)
    )
    for first in range(0, num, batch_size):
        batch = {key: torch.from_numpy(values[first : first + batch_size]).to(device) for key, values in rows.items()}
        with inference(model):
            _judge_batch(model, batch, found, first, segments, stop)
    for name, values in found.logits.items():
        if not np.isfinite(values).all():
            raise UserError(f"model: its head {name} says what is not finite of row {int(np.argmin(values))}")
    return found


def _judge_batch(
    model: RewardModel, batch: dict[str, Tensor], found: Judgement, first: int, segments: int, stop: float | None
) -> None:
    places = np.arange(first, first + len(batch["span"]))
    state = model.initial_state(batch)
    for segment in range(1, segments + 1):
        state, out = model(state, batch)
        ends = np.ones(len(places), bool)
        if segment < segments:
            ends = np.zeros(len(places), bool) if stop is None else _numpy(out.q_halt.double().sigmoid() >= stop)
        for name, logits in out.logits.items() if ends.any() else ():
            found.logits[name][places[ends]] = _numpy(logits.double())[ends]
        found.segments[places[ends]] = segment
        if ends.all():
            return
        if ends.any():
            keep: Bool[Tensor, " rows"] = torch.from_numpy(~ends).to(out.q_halt.device)
            state, batch = state.take(keep), {key: values[keep] for key, values in batch.items()}
            places = places[~ends]


def _numpy(tensor: Tensor) -> np.ndarray:
    return tensor.cpu().numpy()
