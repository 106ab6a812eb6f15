"""Token ids to vectors and back, with the puzzle's embedding before the cells."""

import torch
import torch.nn.functional as F
from jaxtyping import Float, Int
from torch import Tensor, nn

from hrm_net.nn.config import HRMConfig
from hrm_net.nn.embedding import SparsePuzzleEmbedding
from hrm_net.nn.layers import Linear, truncated_normal_


class TokenCodec(nn.Module):
    """Embeds cells and puzzle, and reads each cell's scores from the state."""

    def __init__(self, config: HRMConfig, generator: torch.Generator | None = None) -> None:
        super().__init__()
        dim, self.prefix_len, self.scale = config.hidden_size, config.prefix_len, config.hidden_size**0.5
        std = dim**-0.5
        self.embed_tokens = nn.Parameter(truncated_normal_(torch.empty(config.vocab_size, dim), std, generator))
        num_tokens = config.prefix_len + config.seq_len
        learned = config.positions == "learned"
        self.embed_pos = (
            nn.Parameter(truncated_normal_(torch.empty(num_tokens, dim), std, generator)) if learned else None
        )
        self.puzzle_embedding = SparsePuzzleEmbedding(config.num_puzzle_ids, dim) if config.prefix_len else None
        self.lm_head = Linear(dim, config.vocab_size, generator=generator)

    def embed(
        self, inputs: Int[Tensor, "batch seq"], puzzle_identifiers: Int[Tensor, " batch"], dtype: torch.dtype
    ) -> Float[Tensor, "batch token dim"]:
        """Scaled embeddings of prefix and cells; learned positions are averaged in at equal variance."""
        x = F.embedding(inputs, self.embed_tokens)
        if self.puzzle_embedding is not None:
            puzzle = self.puzzle_embedding(puzzle_identifiers)[:, None].to(x.dtype)
            x = torch.cat([F.pad(puzzle, (0, 0, 0, self.prefix_len - 1)), x], dim=1)
        if self.embed_pos is not None:
            x = 0.5**0.5 * (x + self.embed_pos)
        return (self.scale * x).to(dtype)

    def read(self, z: Float[Tensor, "batch token dim"]) -> Float[Tensor, "batch seq vocab"]:
        """Scores of every token id at each cell, from the state of H."""
        return self.lm_head(z[:, self.prefix_len :])

    def summary(self, z: Float[Tensor, "batch token dim"]) -> Float[Tensor, "batch dim"]:
        """What the halting head sees: the first token, which is the puzzle's embedding where there is one."""
        return z[:, 0]
