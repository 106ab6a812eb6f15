"""What each head is trained on. All losses are means over what they judge, in at least fp32; 0 where that is nothing.

A batch holds rows, some of them whole solutions: `trajectory` [rows] counts those from 0 (-1: a row by itself), their
rows stand in order and next to each other, and `outcome` [num] and `error` [num] belong to them. `label` [rows] is NaN
where there is none; `error` is z, the step that goes wrong counted from 0 (the number of steps where none does, -1
where nobody says).
"""

import numpy as np
import torch
import torch.nn.functional as F
from jaxtyping import Bool, Float, Int, Integer
from torch import Tensor

from hrm_net.reward.survival import log_error_at, log_failure, log_survival

ZETA = 4.0  # of pqm, as published
# Heads that learn from whole solutions; the others take each row by itself.
WHOLE = frozenset({"orm", "pqm", "cond"})
UNKNOWN = -1
Batch = dict[str, Tensor]


def losses(logits: dict[str, Tensor], batch: Batch, *, loss: str = "bce", zeta: float = ZETA) -> dict[str, Tensor]:
    """The loss of each head by name, scalars. `loss`: what prm and hier are trained by, bce or mse."""
    found = {}
    for name, values in logits.items():
        values = values.to(torch.promote_types(values.dtype, torch.float32))
        if name == "orm":
            found[name] = outcome_loss(values, batch)
        elif name == "pqm":
            found[name] = ranking_loss(values, batch, zeta)
        elif name == "cond":
            found[name] = hazard_loss(values, batch)
        else:
            found[name] = step_loss(values, batch, judged(name, batch), loss)
    return found


def judged(objective: str, batch: Batch) -> Bool[Tensor, " rows"]:
    """The rows that a head which takes each by itself learns from: labelled, and not merged unless it is `hier`."""
    known = ~batch["label"].isnan()
    return known if objective == "hier" else known & (batch["span"] == 1)


def step_loss(
    logits: Float[Tensor, " rows"], batch: Batch, rows: Bool[Tensor, " rows"], loss: str
) -> Float[Tensor, ""]:
    """Cross-entropy of sigmoid(logit) and the label (process reward models: Math-Shepherd), hard or soft; or squares.

    HRM-reward (arXiv 2503.13551) regresses the bare logit; here a score lies in [0, 1], so its sigmoid is.
    """
    labels = torch.where(rows, batch["label"].to(logits.dtype), 0.0)
    if loss == "mse":
        return _mean((logits.sigmoid() - labels).square(), rows)
    assert loss == "bce", loss
    return _mean(F.binary_cross_entropy_with_logits(logits, labels, reduction="none"), rows)


def outcome_loss(logits: Float[Tensor, " rows"], batch: Batch) -> Float[Tensor, ""]:
    """Cross-entropy at the last step of each solution, against whether it came right (outcome reward models)."""
    last = last_rows(batch)
    return _mean(
        F.binary_cross_entropy_with_logits(logits[last], batch["outcome"].to(logits.dtype), reduction="none"), None
    )


def ranking_loss(logits: Float[Tensor, " rows"], batch: Batch, zeta: float = ZETA) -> Float[Tensor, ""]:
    """PQM (arXiv 2410.11287): right steps rank ever higher, above a virtual one with logit Q_0 = 0, wrong ones below.

        -mean over right steps t of log [ exp Q_t / (exp Q_0 + sum_{right q <= t} exp Q_q + sum_wrong exp(Q_w + zeta)) ]

    and the same for Q_0 itself where some step is wrong; then the mean over solutions. Labels count as right from 0.5.
    The published code counts Q_t twice from the second step on, which the paper does not; this follows the paper.
    """
    labels, mask = padded(batch["label"], batch, torch.nan)
    values, _ = padded(logits, batch, 0.0)
    right, wrong = mask & (labels >= 0.5), mask & (labels < 0.5)
    lowest = -torch.inf
    below = (values + zeta).masked_fill(~wrong, lowest)
    # The virtual step stands first, and is always finite.
    ranked = F.pad(values.masked_fill(~right, lowest), (1, 0), value=0.0)
    rising = ranked.logcumsumexp(dim=1)
    total = torch.logaddexp(rising, below.logsumexp(dim=1, keepdim=True)) if wrong.any() else rising
    counted = torch.cat([wrong.any(dim=1, keepdim=True), right], dim=1)
    each = (total - ranked.masked_fill(~counted, 0.0)).masked_fill(~counted, 0.0)
    num = counted.sum(dim=1)
    return _mean(each.sum(dim=1) / num.clamp(min=1), num > 0)


def hazard_loss(logits: Float[Tensor, " rows"], batch: Batch) -> Float[Tensor, ""]:
    """Conditional reward (arXiv 2509.26578), mean over solutions of l L_S + (1 - l) (L_W + L_z) with outcome l and

        L_S = -log S(T)      L_W = -log(1 - S(T))      L_z = -log p(z)

    L_z only where the error is known. Of solutions that mend an error, z must be the last: else L_S and L_z contradict.
    """
    values, mask = padded(logits, batch, 0.0)
    if not len(values):
        return logits.sum() * 0.0
    outcome, error = batch["outcome"].bool(), batch["error"].long()
    located = (error >= 0) & (error < mask.sum(dim=1)) & ~outcome
    at = torch.where(located, error, 0)[:, None]
    survive = -log_survival(values, mask)[:, -1]
    fail = -log_failure(values, mask)
    locate = -log_error_at(values, mask).gather(1, at)[:, 0]
    return (torch.where(outcome, survive, fail) + torch.where(located, locate, 0.0)).mean()


def halting_loss(q_halt: Float[Tensor, " rows"], logits: dict[str, Tensor], batch: Batch) -> Float[Tensor, ""]:
    """Cross-entropy of the halting head against: every head's verdict on this row is right when rounded."""
    right, known = verdicts(logits, batch)
    wide = q_halt.to(torch.promote_types(q_halt.dtype, torch.float32))
    return _mean(F.binary_cross_entropy_with_logits(wide, right.to(wide.dtype), reduction="none"), known)


@torch.no_grad()
def verdicts(logits: dict[str, Tensor], batch: Batch) -> tuple[Bool[Tensor, " rows"], Bool[Tensor, " rows"]]:
    """(no head rounds to the wrong side, some head has something to be right about) of each row.

    orm is judged at last steps; cond at the steps up to the error, where the hazard should pass 1/2 only at the error.
    """
    rows = batch["span"]
    right, known = torch.ones_like(rows, dtype=torch.bool), torch.zeros_like(rows, dtype=torch.bool)
    for name, values in logits.items():
        says = values >= 0
        if name == "orm":
            where, should = torch.zeros_like(known), torch.zeros_like(known)
            last = last_rows(batch)
            where[last], should[last] = True, batch["outcome"].bool()
        elif name == "cond":
            where, should = _hazards(batch)
        else:
            where, should = judged("hier" if name == "hier" else "prm", batch), batch["label"] >= 0.5
        right &= ~where | (says == should)
        known |= where
    return right, known


def _hazards(batch: Batch) -> tuple[Tensor, Tensor]:
    """(rows whose hazard is known, those where it is 1)."""
    trajectory = batch["trajectory"].long()
    whole = trajectory >= 0
    error = torch.where(batch["outcome"].bool(), torch.iinfo(torch.int64).max, batch["error"].long())
    if not len(error):
        return whole, whole
    at, place = error[trajectory.clamp(min=0)], places(batch)
    return whole & (place <= at), place == at


def known_errors(
    error: Integer[np.ndarray, " num"], share: float, rng: np.random.Generator
) -> Integer[np.ndarray, " num"]:
    """`error` with that share of it kept and the rest unknown; of the same stream, a larger share keeps what a smaller
    one keeps."""
    return np.where(rng.random(len(error)) < share, error, UNKNOWN)


def places(batch: Batch) -> Int[Tensor, " rows"]:
    """The number of each row within its solution, from 0; of a row by itself, nothing in particular."""
    trajectory = batch["trajectory"].long()
    index = torch.arange(len(trajectory), device=trajectory.device)
    num = len(batch["outcome"])
    if not num:
        return index
    starts = torch.full((num + 1,), len(trajectory), device=trajectory.device)
    starts = starts.scatter_reduce(0, torch.where(trajectory < 0, num, trajectory), index, "amin")
    return index - starts[torch.where(trajectory < 0, num, trajectory)]


def last_rows(batch: Batch) -> Int[Tensor, " num"]:
    """Where each solution ends."""
    trajectory, num = batch["trajectory"].long(), len(batch["outcome"])
    last = torch.zeros(num + 1, dtype=torch.long, device=trajectory.device)
    index = torch.arange(len(trajectory), device=trajectory.device)
    return last.scatter_reduce(0, torch.where(trajectory < 0, num, trajectory), index, "amax")[:num]


def padded(
    values: Float[Tensor, " rows"], batch: Batch, fill: float
) -> tuple[Float[Tensor, "num step"], Bool[Tensor, "num step"]]:
    """The values of each solution in a row of their own, and which of those are steps."""
    trajectory, place, num = batch["trajectory"].long(), places(batch), len(batch["outcome"])
    whole = trajectory >= 0
    assert num == 0 or len(trajectory) > 0, "a solution needs a step"
    steps = int(place[whole].max()) + 1 if num else 0
    at = (trajectory[whole], place[whole])
    mask = torch.zeros(num, steps, dtype=torch.bool, device=values.device)
    mask[at] = True
    return values.new_full((num, steps), fill).index_put(at, values[whole]), mask


def _mean(values: Tensor, where: Tensor | None) -> Float[Tensor, ""]:
    """The mean of what is counted; 0, with a gradient of 0, where nothing is."""
    if where is None:
        return values.sum() / max(1, len(values))
    return torch.where(where, values, 0.0).sum() / where.sum().clamp(min=1)
