"""A step scorer's network: the recurrent core of a solver, which is shown a step, with one head for each objective.

Like a solver it runs in segments, and the detached state flows from one to the next. Unlike a solver it does not write
an answer: the heads read the whole state, pooled everywhere and at the cells that the step wrote.
"""

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch
from jaxtyping import Bool, Float
from torch import Tensor, nn

from hrm_net.checkpoints import pretrained
from hrm_net.checkpoints.hub import Published
from hrm_net.distributed.group import Group
from hrm_net.model import HRM, puzzle_sizes
from hrm_net.nn.core import RecurrentCore, share_weights
from hrm_net.nn.layers import Linear
from hrm_net.reward.inputs import GRIDS, Rows, SymbolInputs, TokenInputs
from hrm_net.reward.model_config import RewardModelConfig
from hrm_net.reward.state_inputs import StateInputs
from puzzles.base import Puzzle
from puzzles.errors import UserError

# Scale of the embeddings that a solver does not have, where the core starts from a solver.
SMALL = 0.1
# Sizes that are 0 in a core that does not use them.
OPTIONAL = ("grid_width", "box_rows")


@dataclass(kw_only=True, slots=True)
class RewardState:
    """What flows from segment to segment, detached."""

    z_H: Float[Tensor, "rows *state"]
    z_L: Float[Tensor, "rows *state"]

    def take(self, keep: Bool[Tensor, " rows"]) -> "RewardState":
        """Only the rows where `keep` holds."""
        return RewardState(z_H=self.z_H[keep], z_L=self.z_L[keep])


@dataclass(kw_only=True, slots=True)
class RewardOutput:
    """What one segment gives for each row: a logit for each objective, and the halting logit.

    `hrm_net.reward.scoring.to_scores` turns logits into scores: their sigmoid, but for `cond`, whose sigmoid is the
    hazard h of going wrong at this step. The sigmoid of `q_halt` is the probability that every logit already has its
    right sign.
    """

    logits: dict[str, Float[Tensor, " rows"]]
    q_halt: Float[Tensor, " rows"]

    def gathered(self, group: Group) -> "RewardOutput":
        """The logits of the rows of all processes, each [size * rows].

        Each process computes the loss of all of them and gets the gradient of its own rows. The rows of one solution
        may lie on several processes, and no head has to know.
        """
        logits = {name: group.gather(values) for name, values in self.logits.items()}
        return RewardOutput(logits=logits, q_halt=group.gather(self.q_halt))


class RewardModel(Published, nn.Module):
    """One core with any set of heads. `state, out = model(state, rows)` runs one segment.

    `rows` holds integer tensors: for puzzles `problem`, `before` and `after` [rows, seq] of token ids, `left` [rows]
    (steps of the budget left after this one) and `span` [rows] (1: a single step, 2: two steps merged); for text
    `tokens` and `part` [rows, seq], and `span`; for hidden states of a language model `states` [rows, seq, size] of
    floats, `part` and `span`.
    """

    def __init__(self, config: RewardModelConfig, generator: torch.Generator | None = None) -> None:
        super().__init__()
        self.config = config
        self.core = RecurrentCore(config.core, generator)
        tokens = StateInputs if config.inputs == "states" else TokenInputs
        inputs = SymbolInputs if config.core.codec == "symbols" else tokens
        self.inputs = inputs(config, generator)
        features = self.inputs.num_features
        self.heads = nn.ModuleDict({name: _head(features, generator) for name in config.objectives})
        self.q_head = _head(features, generator)

    @property
    def forward_dtype(self) -> torch.dtype | None:
        """The core's: torch.bfloat16 computes in bf16, None in the dtype of the parameters."""
        return self.core.forward_dtype

    @forward_dtype.setter
    def forward_dtype(self, dtype: torch.dtype | None) -> None:
        self.core.forward_dtype = dtype

    def initial_state(self, rows: Rows) -> RewardState:
        """The state that every row starts from."""
        z_H, z_L = self.core.initial_states(len(rows["span"]))
        return RewardState(z_H=z_H, z_L=z_L)

    def forward(self, state: RewardState, rows: Rows) -> tuple[RewardState, RewardOutput]:
        x = self.inputs(rows, state.z_H.dtype)
        z_H, z_L = self.core.segment(state.z_H, state.z_L, x)
        features = self.inputs.features(z_H, rows).to(self.q_head.weight.dtype)
        logits = {name: head(features)[:, 0] for name, head in self.heads.items()}
        state = RewardState(z_H=z_H.detach(), z_L=z_L.detach())
        return state, RewardOutput(logits=logits, q_halt=self.q_head(features)[:, 0])

    def compile_blocks(self, **options: object) -> None:
        """Compile every block of the core, and the pooling, in place."""
        self.core.compile_blocks(**options)
        self.inputs.pool.compile(**options)

    @classmethod
    def from_solver(
        cls, config: RewardModelConfig, solver: HRM, generator: torch.Generator | None = None, *, given: str = "problem"
    ) -> "RewardModel":
        """A scorer whose core is a trained solver's.

        It reads the puzzle (or, by `given`, the state `before` or `after`) as the solver read puzzles. The other grids
        enter by small new embeddings, so that at first the core just solves. UserError where the two do not fit.
        """
        if given not in GRIDS or config.inputs != "grids":
            raise UserError(f"given={given}, inputs={config.inputs}: must be one of {', '.join(GRIDS)}, with grids")
        config.check_start(solver.config)
        model = cls(config, generator)
        theirs = pretrained.state(solver)
        tensors = {name: tensor for name, tensor in theirs.items() if not name.startswith(("codec.", "q_head."))}
        pretrained.load_state(model.core, tensors)
        assert isinstance(model.inputs, SymbolInputs | TokenInputs)
        with torch.no_grad():
            for name, table in model.inputs.tables.items():
                if name == given:
                    table.copy_(theirs["codec.role" if config.core.codec == "symbols" else "codec.embed_tokens"])
                else:
                    table.mul_(SMALL)
            for table in model.inputs.context.parameters():
                table.mul_(SMALL)
            if isinstance(model.inputs, TokenInputs):
                if model.inputs.embed_pos is not None:
                    model.inputs.embed_pos.copy_(theirs["codec.embed_pos"])
                assert model.inputs.readout is not None
                model.inputs.readout.weight.copy_(theirs["codec.lm_head.weight"])
        return model

    def resized(self, puzzle: Puzzle) -> "RewardModel":
        """A scorer for puzzles of another size that shares this one's weights: training either trains both.

        UserError where the shape of a weight depends on the size, as it does for most blocks (`block=relational` and
        `block=local` have none).
        """
        sizes = {key: size for key, size in puzzle_sizes(puzzle).items() if key != "num_puzzle_ids"}
        sizes = {key: size for key, size in sizes.items() if getattr(self.config.core, key) or key not in OPTIONAL}
        twin = RewardModel(replace(self.config, core=replace(self.config.core, **sizes)))
        share_weights(self, twin, sizes)
        twin.forward_dtype = self.forward_dtype
        return twin.train(self.training)

    def save_pretrained(self, directory: str | Path, **about: Any) -> None:
        """Write config.json, model.safetensors, a model card and, where they are given, results.json.

        `about` as in `hrm_net.checkpoints.pretrained.save`: results, source.
        """
        pretrained.save(self, Path(directory), **about)

    @classmethod
    def from_pretrained(cls, source: str | Path, *, revision: str | None = None) -> "RewardModel":
        """Read what `save_pretrained` wrote, strictly, in eval mode; UserError for missing files or a misfit.

        Where no such directory exists, the name may be that of weights that ship with the package, or ORGANISATION/NAME
        on the Hugging Face Hub, with `revision` as its branch, tag or commit.
        """
        return pretrained.load(cls, pretrained.find(source, revision), RewardModelConfig.from_dict)


def _head(features: int, generator: torch.Generator | None) -> Linear:
    """A linear map to one logit, which is 0 for every row at the start: a score of 1/2."""
    head = Linear(features, 1, bias=True, generator=generator)
    nn.init.zeros_(head.weight)
    return head
