"""A state of one vector per token: the embedding of the puzzle in front, then the cells (HRM, section 2)."""

import torch
import torch.nn.functional as F
from jaxtyping import Float, Int
from torch import Tensor, nn

from hrm_net.nn.codecs.codec import Codec
from hrm_net.nn.embedding import SparsePuzzleEmbedding
from hrm_net.nn.layer_config import LayerConfig
from hrm_net.nn.layers import Linear, truncated_normal_


class TokenCodec(Codec):
    """x = sqrt(dim) [puzzle embedding, zeros, E(inputs)]; logits = W z(cells).

    The prefix has `prefix_len` tokens, of which only the first carries the puzzle's embedding.
    """

    def __init__(self, config: LayerConfig, generator: torch.Generator | None = None) -> None:
        super().__init__(config)
        dim, self.prefix_len, self.scale = config.hidden_size, config.prefix_len, config.hidden_size**0.5
        std = dim**-0.5
        self.embed_tokens = nn.Parameter(truncated_normal_(torch.empty(config.vocab_size, dim), std, generator))
        self.embed_pos = None
        if config.positions == "learned":
            self.embed_pos = nn.Parameter(truncated_normal_(torch.empty(config.num_tokens, dim), std, generator))
        if config.prefix_len:
            self.puzzle_embedding = SparsePuzzleEmbedding(config.num_puzzle_ids, dim)
        self.lm_head = Linear(dim, config.vocab_size, generator=generator)

    @staticmethod
    def state_shape(config: LayerConfig) -> tuple[int, ...]:
        """(token, dim)."""
        return config.num_tokens, config.hidden_size

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
        """The score of every token id at each cell; the prefix is left out."""
        return self.lm_head(self.cells(z))

    def cells(self, z: Float[Tensor, "batch token dim"]) -> Float[Tensor, "batch seq dim"]:
        """The state without its prefix."""
        return z[:, self.prefix_len :]

    def summary(self, z: Float[Tensor, "batch token dim"]) -> Float[Tensor, "batch dim"]:
        """The first token: the puzzle's embedding, where there is one."""
        return z[:, 0]
