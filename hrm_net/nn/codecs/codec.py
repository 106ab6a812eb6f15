"""What every codec is: the interface between token ids and the state that the stacks work on."""

from abc import ABC, abstractmethod

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from hrm_net.nn.embedding import SparsePuzzleEmbedding
from hrm_net.nn.layer_config import LayerConfig


class Codec(nn.Module, ABC):
    """Embeds a puzzle as a state, and reads answers and a summary from one.

    A state is `[batch, *state]`; what `*state` is, the codec says. Shape and memory layout belong to the class, since a
    step scorer uses them without the codec's weights.
    """

    # The table of puzzle embeddings, a buffer with an optimizer of its own; None without a prefix.
    puzzle_embedding: SparsePuzzleEmbedding | None

    def __init__(self, config: LayerConfig, generator: torch.Generator | None = None) -> None:
        super().__init__()
        self.puzzle_embedding = None

    @classmethod
    def check(cls, config: LayerConfig) -> None:
        """Raise UserError, naming key, value and bound, for a config that this codec cannot be built from."""

    @staticmethod
    @abstractmethod
    def state_shape(config: LayerConfig) -> tuple[int, ...]:
        """Shape of the state of one puzzle."""

    @staticmethod
    def to_stacks(z: Float[Tensor, "batch *state"]) -> Float[Tensor, "*laid_out"]:
        """The state in the memory layout that the blocks of this codec want."""
        return z

    @staticmethod
    def from_stacks(z: Float[Tensor, "*laid_out"]) -> Float[Tensor, "batch *state"]:
        """The inverse of `to_stacks`."""
        return z

    @abstractmethod
    def embed(
        self, inputs: Int[Tensor, "batch seq"], puzzle_identifiers: Int[Tensor, " batch"], dtype: torch.dtype
    ) -> Float[Tensor, "batch *state"]:
        """The puzzle as the input x of every update of L."""

    @abstractmethod
    def read(self, z: Float[Tensor, "batch *state"]) -> Float[Tensor, "batch seq vocab"]:
        """The score of every token id at each cell, from the state of H."""

    @abstractmethod
    def cells(self, z: Float[Tensor, "batch *state"]) -> Float[Tensor, "batch seq dim"]:
        """One vector for each cell of the puzzle, which heads that exist in training only read from."""

    @abstractmethod
    def summary(self, z: Float[Tensor, "batch *state"]) -> Float[Tensor, "batch dim"]:
        """The one vector of each puzzle that the halting head sees."""
