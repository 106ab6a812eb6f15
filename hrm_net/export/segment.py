"""One segment of a model as a function of tensors alone: state in, state and answer out."""

from dataclasses import dataclass, field
from typing import Any

import torch
from jaxtyping import Int
from torch import Tensor, nn

from hrm_net.model import HRM
from hrm_net.nn.core import RecurrentCore
from hrm_net.reward.inputs import GRIDS, SPANS
from hrm_net.reward.model import RewardModel, RewardState
from hrm_net.reward.model_config import TEXTS
from puzzles.errors import UserError

STATES = ("z_H", "z_L")
NEXT_STATES = ("next_z_H", "next_z_L")


@dataclass(kw_only=True, slots=True)
class Limits:
    """The integer inputs of a segment: the number of ids of each one (all lie in 0..limit - 1, `first` excepted)."""

    limit: dict[str, int]
    # Inputs with one value for each place of a row; the others have one value for each row.
    sequences: tuple[str, ...]
    # Inputs whose values start above 0.
    first: dict[str, int] = field(default_factory=dict)


class SolverSegment(nn.Module):
    """(inputs[, puzzle_identifiers], z_H, z_L) -> (logits, q_halt, q_continue, next_z_H, next_z_L).

    `inputs` [batch, seq] are token ids; `puzzle_identifiers` [batch] exist where the model has more than one.
    `logits` [batch, seq, vocab]; `q_halt` and `q_continue` [batch] are logits of the halting head. UserError for a
    model whose segment draws random numbers.
    """

    def __init__(self, model: HRM) -> None:
        super().__init__()
        config = model.config
        if config.noise:
            raise UserError(f"model.noise={config.noise}: must be 0 for an export, whose segment draws no numbers")
        self.model = model
        identified = model.puzzle_embedding is not None and config.num_puzzle_ids > 1
        limit = {"inputs": config.vocab_size, "puzzle_identifiers": config.num_puzzle_ids}
        self.limits = Limits(
            limit=limit if identified else {"inputs": config.vocab_size},
            sequences=("inputs",),
        )
        self.outputs = ("logits", "q_halt", "q_continue", *NEXT_STATES)

    @property
    def core(self) -> RecurrentCore:
        """The recurrent core, which says what the state is."""
        return self.model

    def forward(self, *tensors: Tensor) -> tuple[Tensor, ...]:
        """The outputs in the order of `outputs`, from the inputs in the order of `limits.limit`, then both states."""
        rows, (z_H, z_L) = _named(self.limits, tensors)
        inputs = rows["inputs"]
        identifiers = rows.get("puzzle_identifiers", torch.zeros_like(inputs[:, 0]))
        z_H, z_L = self.model.segment(z_H, z_L, self.model.codec.embed(inputs, identifiers, z_H.dtype))
        q_halt, q_continue = self.model._halting_values(z_H)
        return self.model.codec.read(z_H), q_halt, q_continue, z_H, z_L


class ScorerSegment(nn.Module):
    """(rows, z_H, z_L) -> (one logit [batch] for each head, q_halt, next_z_H, next_z_L) of a `RewardModel`.

    Rows are `problem`, `before`, `after` [batch, seq], `left` and `span` [batch]. UserError for a judge of pairs and
    for a scorer of texts.
    """

    def __init__(self, model: RewardModel) -> None:
        super().__init__()
        config = model.config
        if "pair" in config.objectives:
            raise UserError("objective=pair: a judge of two candidates cannot be exported; solvers and scorers can")
        if config.inputs in TEXTS:
            reason = "a scorer of texts cannot be exported; solvers and scorers of puzzles can"
            raise UserError(f"inputs={config.inputs}: {reason}")
        self.model = model
        limit = dict.fromkeys(GRIDS, config.core.vocab_size) | {"left": config.max_left + 1, "span": SPANS + 1}
        self.limits = Limits(limit=limit, sequences=GRIDS, first={"span": 1})
        self.outputs = (*config.objectives, "q_halt", *NEXT_STATES)

    @property
    def core(self) -> RecurrentCore:
        """The recurrent core, which says what the state is."""
        return self.model.core

    def forward(self, *tensors: Tensor) -> tuple[Tensor, ...]:
        """The outputs in the order of `outputs`, from the inputs in the order of `limits.limit`, then both states."""
        rows, (z_H, z_L) = _named(self.limits, tensors)
        state, out = self.model(RewardState(z_H=z_H, z_L=z_L), rows)
        return *out.logits.values(), out.q_halt, state.z_H, state.z_L


Segment = SolverSegment | ScorerSegment


def random_rows(segment: Segment, num: int, seed: int) -> dict[str, Int[Tensor, "batch ..."]]:
    """`num` rows of random ids within the limits of each input, int64."""
    generator, limits = torch.Generator().manual_seed(seed), segment.limits
    return {
        name: torch.randint(
            limits.first.get(name, 0), limit, (num, segment.core.config.seq_len)[: 1 + (name in limits.sequences)],
            generator=generator,
        )
        for name, limit in limits.limit.items()
    }  # fmt: skip


def initial_states(segment: Segment, num: int) -> tuple[Tensor, Tensor]:
    """z_H and z_L of `num` rows that start, contiguous; a random start is drawn with seed 0."""
    z_H, z_L = segment.core.initial_states(num, torch.Generator().manual_seed(0))
    return z_H.contiguous(), z_L.contiguous()


def description(segment: Segment, about: dict[str, Any]) -> dict[str, Any]:
    """What a program needs to run the segments of an exported file, as JSON values."""
    config, limits = segment.core.config, segment.limits
    solver = isinstance(segment, SolverSegment)
    start = {"H_init": segment.core.H_init.tolist(), "L_init": segment.core.L_init.tolist()}
    return {
        "kind": "solver" if solver else "step_scorer",
        **about,
        "inputs": {
            name: {"dtype": "int64", "shape": ["batch", config.seq_len] if name in limits.sequences else ["batch"],
                   "from": limits.first.get(name, 0), "below": limit}
            for name, limit in limits.limit.items()
        },
        "states": {name: ["batch", *segment.core.codec_class.state_shape(config)] for name in STATES},
        "outputs": list(segment.outputs),
        "segments": config.max_segments if solver else segment.model.config.segments,
        "halting": config.halting if solver else None,
        # fixed: every place of the state starts as the vector. random: standard normal, cut off at two deviations.
        "initial_state": {"kind": config.state, **(start if config.state == "fixed" else {})},
    }  # fmt: skip


def _named(limits: Limits, tensors: tuple[Tensor, ...]) -> tuple[dict[str, Tensor], tuple[Tensor, ...]]:
    num = len(limits.limit)
    return dict(zip(limits.limit, tensors[:num], strict=True)), tensors[num:]
