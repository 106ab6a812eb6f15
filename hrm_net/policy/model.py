"""The policy's network: the recurrent core of a solver, which reads a problem and its state and chooses an action.

With the block `relational`, which has the symmetry of Sudoku, renaming the symbols or moving rows and columns permutes
the probabilities of the actions in the same way.
"""

import torch
import torch.nn.functional as F
from jaxtyping import Bool, Float, Integer
from torch import Tensor, nn

from hrm_net.nn.codecs.symbols import EMPTY, GIVEN_AS_ME, GIVEN_AS_OTHER
from hrm_net.nn.config import HRMConfig
from hrm_net.nn.core import RecurrentCore
from hrm_net.nn.layers import Linear, truncated_normal_
from hrm_net.schema import require
from hrm_net.trainer.throughput import RowCost, countable, row_cost

ROLES = 3  # of a symbol at a cell: the cell is empty, holds the symbol, or holds another one
ENDS = 2  # actions that edit nothing: do nothing, stop


def check_core(config: HRMConfig) -> None:
    """UserError for a core that no policy can have."""
    require("model.codec", config.codec, config.codec == "symbols", "symbols for a policy: model=relational, say")
    require("model.state", config.state, config.state == "fixed", "fixed for a policy, whose probabilities are exact")
    require("model.noise", config.noise, config.noise == 0, "0 for a policy, whose probabilities are exact")


class PolicyModel(nn.Module):
    """`model(problems, states, left)` gives the logits of all actions of `puzzles.steps.world.EditWorld`.

    Each action is thought about from the core's initial state, in `segments` segments, so that its probability depends
    on the state alone. `left` counts the steps that are left, this one included, at most `budget`.
    """

    def __init__(
        self, config: HRMConfig, budget: int, *, segments: int = 1, generator: torch.Generator | None = None
    ) -> None:
        super().__init__()
        check_core(config)
        dim = config.hidden_size
        self.config, self.segments = config, segments
        self.num_special, self.num_symbols = config.num_special, config.vocab_size - config.num_special
        self.core = RecurrentCore(config, generator)
        self.problem, self.state, self.left = (
            nn.Parameter(truncated_normal_(torch.empty(rows, dim), dim**-0.5, generator))
            for rows in (ROLES, ROLES, budget + 1)
        )
        self.write = _head(dim, 1, generator)
        self.erase = _head(dim, 1, generator)
        self.ends = _head(2 * dim, ENDS, generator)

    @property
    def forward_dtype(self) -> torch.dtype | None:
        """The core's: torch.bfloat16 computes in bf16, None in the dtype of the parameters."""
        return self.core.forward_dtype

    @forward_dtype.setter
    def forward_dtype(self, dtype: torch.dtype | None) -> None:
        self.core.forward_dtype = dtype

    def forward(
        self, problems: Integer[Tensor, "rows seq"], states: Integer[Tensor, "rows seq"], left: Integer[Tensor, " rows"]
    ) -> Float[Tensor, "rows actions"]:
        z_H, z_L = self.core.initial_states(len(problems))
        x = self._embed(problems, states, left).to(z_H.dtype)
        for segment in range(self.segments):
            with torch.set_grad_enabled(torch.is_grad_enabled() and segment == self.segments - 1):
                z_H, z_L = self.core.segment(z_H, z_L, x)
        z = z_H.to(self.write.weight.dtype)  # [rows, seq, symbol, dim]
        writes = self.write(z)[..., 0].flatten(1)
        erases = self.erase(z.mean(dim=2))[..., 0]
        everywhere = z.flatten(1, 2)
        ends = self.ends(torch.cat([everywhere.mean(dim=1), everywhere.amax(dim=1)], dim=-1))
        return torch.cat([writes, erases, ends], dim=1)

    def log_probs(
        self,
        problems: Integer[Tensor, "rows seq"],
        states: Integer[Tensor, "rows seq"],
        left: Integer[Tensor, " rows"],
        allowed: Bool[Tensor, "rows actions"],
    ) -> Float[Tensor, "rows actions"]:
        """Log-probabilities of the allowed actions; -inf for the others."""
        logits = self(problems, states, left).float()
        return logits.masked_fill(~allowed, -torch.inf).log_softmax(dim=1)

    def compile_blocks(self, **options: object) -> None:
        """Compile every block of the core in place."""
        self.core.compile_blocks(**options)

    def _embed(self, problems: Tensor, states: Tensor, left: Tensor) -> Float[Tensor, "rows seq symbol dim"]:
        sums = (self.problem[:, None] + self.state).flatten(0, 1)
        x = F.embedding(ROLES * self._roles(problems) + self._roles(states), sums)
        return self.config.hidden_size**0.5 * (x + F.embedding(left, self.left)[:, None, None])

    def _roles(self, tokens: Tensor) -> Integer[Tensor, "rows seq symbol"]:
        symbol = (tokens.int() - self.num_special)[..., None]
        mine = symbol == torch.arange(self.num_symbols, device=tokens.device, dtype=torch.int32)
        return torch.where(symbol < 0, EMPTY, torch.where(mine, GIVEN_AS_ME, GIVEN_AS_OTHER)).int()


def choice_cost(config: HRMConfig, budget: int, segments: int) -> RowCost:
    """How much arithmetic the logits of one choice take, as PyTorch itself counts it."""
    with torch.device("meta"):
        model = PolicyModel(countable(config), budget, segments=segments).train()
        grid, left = torch.zeros(1, config.seq_len, dtype=torch.int32), torch.zeros(1, dtype=torch.int32)
        return row_cost(lambda: model(grid, grid, left).sum())


def _head(features: int, outputs: int, generator: torch.Generator | None) -> Linear:
    """A linear map that gives 0 at the start, so that at first all allowed actions are equally likely."""
    head = Linear(features, outputs, bias=True, generator=generator)
    nn.init.zeros_(head.weight)
    return head
