"""Rows through a step scorer's network: logits, scores, and scores that several heads share.

A score is a number in [0, 1], higher is better, whatever the head: the sigmoid of `Head.score_logits`.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import blake2b

import numpy as np
import torch
from jaxtyping import Bool, Float, Float64, Int64, Shaped
from torch import Tensor

from hrm_net.distributed.group import current
from hrm_net.inference.segments import inference, sigmoid
from hrm_net.reward.examples import grid_inputs
from hrm_net.reward.heads import HEADS
from hrm_net.reward.model import RewardModel
from puzzles.errors import UserError
from puzzles.steps.rows import StepRows

Inputs = Mapping[str, Shaped[np.ndarray, "rows ..."]]


@dataclass(kw_only=True, slots=True)
class RowLogits:
    """The logits of every head after the last segment of each row, and how many segments that took."""

    logits: dict[str, Float64[np.ndarray, " rows"]]
    segments: Int64[np.ndarray, " rows"]


def run_rows(
    model: RewardModel,
    inputs: Inputs,
    *,
    segments: int,
    stop: float | None = None,
    batch_size: int = 256,
    fill: bool = False,
) -> RowLogits:
    """What the model says of each row, on its device; up to rounding independent of the other rows.

    A row ends once the halting head gives a probability of at least `stop` that the verdicts are right (None: after its
    last segment), and leaves the batch. `fill` repeats the last row until all batches are of one size, so that what was
    compiled for training serves them all. Several processes share the batches out. UserError where a logit is not
    finite.
    """
    device = next(model.parameters()).device
    num = len(inputs["span"])
    if fill and num:
        index = np.arange(-(-num // batch_size) * batch_size).clip(max=num - 1)
        inputs = {key: values[index] for key, values in inputs.items()}
    total = len(inputs["span"])
    found = RowLogits(
        logits={name: np.zeros(total) for name in model.config.objectives}, segments=np.zeros(total, np.int64)
    )
    group = current()
    for number, first in enumerate(range(0, total, batch_size)):
        if not group.owns(number):
            continue
        batch = {key: torch.from_numpy(values[first : first + batch_size]).to(device) for key, values in inputs.items()}
        with inference(model):
            _run_batch(model, batch, found, first, segments, stop)
    for values in (*found.logits.values(), found.segments):
        group.sum_(torch.from_numpy(values))
    for name, values in found.logits.items():
        if not np.isfinite(values).all():
            row = int(np.argmin(np.isfinite(values)))
            raise UserError(f"model: its head {name} gives row {row} the logit {values[row]}: must be finite")
    return RowLogits(
        logits={name: values[:num] for name, values in found.logits.items()}, segments=found.segments[:num]
    )


def to_scores(head: str, logits: Float[np.ndarray, " rows"]) -> Float[np.ndarray, " rows"]:
    """In [0, 1], higher is better; of `cond` 1 - h."""
    return sigmoid(HEADS[head].score_logits(logits))


def to_log_scores(head: str, logits: Float[np.ndarray, " rows"]) -> Float[np.ndarray, " rows"]:
    """The logarithms of the scores, exact where a score rounds to 1; of `cond` the rewards log(1 - h)."""
    return -np.logaddexp(0.0, -HEADS[head].score_logits(logits))


class SharedScores:
    """The scores that all heads of a model give rows, remembered: each row passes the core once, whichever head asks.

    Heads that search meet the same steps again and again.
    """

    def __init__(self, model: RewardModel, *, segments: int, batch_size: int) -> None:
        self.model, self.segments, self.batch_size = model, segments, batch_size
        self.places: dict[bytes, int] = {}
        self.known: dict[str, list[np.ndarray]] = {head: [] for head in model.config.objectives}

    def head(self, name: str) -> "HeadScores":
        """One head as a `hrm_net.reward.search.guided.RowScorer`."""
        return HeadScores(self, name)

    def of(self, head: str, rows: StepRows) -> Float[np.ndarray, " rows"]:
        """The scores of one head."""
        keys = row_keys(rows)
        new: dict[bytes, int] = {}
        for i, key in enumerate(keys):
            if key not in self.places:
                new.setdefault(key, i)
        if new:
            inputs = grid_inputs(rows.take(np.array(list(new.values()))))
            found = run_rows(self.model, inputs, segments=self.segments, batch_size=self.batch_size, fill=True)
            first = len(self.places)
            self.places |= {key: first + i for i, key in enumerate(new)}
            for name, logits in found.logits.items():
                self.known[name].append(to_scores(name, logits))
        if len(self.known[head]) > 1:
            self.known[head] = [np.concatenate(self.known[head])]
        if not keys:
            return np.zeros(0)
        return self.known[head][0][np.array([self.places[key] for key in keys])]


class HeadScores:
    """One head of `SharedScores`."""

    def __init__(self, shared: SharedScores, name: str) -> None:
        self.shared, self.name = shared, name

    def score_rows(self, rows: StepRows) -> Float[np.ndarray, " rows"]:
        return self.shared.of(self.name, rows)


def row_keys(rows: StepRows) -> list[bytes]:
    """The same key for rows that the model cannot tell apart."""
    left = np.ascontiguousarray(rows.left).view(np.uint8).reshape(len(rows), 4)
    columns = np.concatenate([rows.problem, rows.before, rows.after, left, rows.span[:, None]], axis=1)
    return [blake2b(row.tobytes(), digest_size=16).digest() for row in np.ascontiguousarray(columns)]


def _run_batch(
    model: RewardModel, batch: dict[str, Tensor], found: RowLogits, first: int, segments: int, stop: float | None
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
