"""From hidden states of a language model to input vectors of the core, and from the core's state to features."""

import torch
from jaxtyping import Bool, Float
from torch import Tensor, nn

from hrm_net.nn.layers import Linear, truncated_normal_
from hrm_net.reward.heads import PAIR
from hrm_net.reward.inputs import CURRENT, OPPONENT, Context, Rows, pool_within
from hrm_net.reward.model_config import RewardModelConfig


class StateInputs(nn.Module):
    """The hidden states at the last tokens of a step, for a core with one vector for each token.

    x = W states + part + span, with a vector of its own for padding. The states have a root mean square of 1. A step's
    tokens stand at the end of a row, so that its last token is the last place. The prefix holds the span, then zeros.
    A judge's row holds the other candidate's states in its first half, with one more vector added to them.
    """

    def __init__(self, config: RewardModelConfig, generator: torch.Generator | None) -> None:
        super().__init__()
        core = config.core
        dim = core.hidden_size
        self.prefix_len, self.scale = core.prefix_len, dim**0.5
        self.project = Linear(config.state_size, dim, generator=generator)
        self.padding = nn.Parameter(truncated_normal_(torch.empty(dim), dim**-0.5, generator))
        self.context = Context(config, generator)
        judges = config.objectives == [PAIR]
        self.opponent = nn.Parameter(truncated_normal_(torch.empty(dim), dim**-0.5, generator)) if judges else None
        learned = core.positions == "learned"
        places = torch.empty(core.num_tokens, dim)
        self.embed_pos = nn.Parameter(truncated_normal_(places, dim**-0.5, generator)) if learned else None
        self.pool = StepPool()
        self.num_features = 3 * dim

    def forward(self, rows: Rows, dtype: torch.dtype) -> Float[Tensor, "rows token dim"]:
        """Input vectors of prefix and tokens; learned positions are averaged in at equal variance."""
        context = self.scale * self.context(rows)[:, None]
        states = self.project(rows["states"].to(self.project.weight.dtype))
        if self.opponent is not None:
            states = states + self.scale * self.opponent * (rows["part"] == OPPONENT)[..., None].to(states.dtype)
        shown = (rows["part"] == CURRENT) | (rows["part"] == OPPONENT)
        x = torch.where(shown[..., None], states, self.scale * self.padding) + context
        if self.prefix_len:
            prefix = torch.nn.functional.pad(context, (0, 0, 0, self.prefix_len - 1))
            x = torch.cat([prefix, x], dim=1)
        if self.embed_pos is not None:
            x = 0.5**0.5 * (x + self.scale * self.embed_pos)
        return x.to(dtype)

    def features(self, z: Float[Tensor, "rows token dim"], rows: Rows) -> Float[Tensor, "rows features"]:
        """Mean and maximum over the step's tokens, and the state at its last one."""
        tokens = torch.nn.functional.pad(rows["part"] == CURRENT, (self.prefix_len, 0), value=False)
        return self.pool(z, tokens)


class StepPool(nn.Module):
    """Mean and maximum over the tokens of a step, beside its last token. A module, so that it can be compiled."""

    def forward(
        self, z: Float[Tensor, "rows place dim"], tokens: Bool[Tensor, "rows place"]
    ) -> Float[Tensor, "rows features"]:
        return torch.cat([*pool_within(z, tokens), z[:, -1]], dim=-1)
