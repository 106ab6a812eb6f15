"""The Hierarchical Reasoning Model: two recurrent modules that reason in latent space, and a head that stops them.

One *segment* runs `h_cycles` updates of the slow module H, each after `l_cycles` updates of the fast module L; only
its end carries gradients (`hrm_net.nn.core`). The detached state, the *carry*, flows into the next segment, where rows
that have halted start on a new puzzle (arXiv 2506.21734, section 2).
"""

from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
from jaxtyping import Bool, Float
from torch import Tensor, nn

from hrm_net.checkpoints.hub import Published
from hrm_net.nn import halting
from hrm_net.nn.carry import Batch, Carry, Output, Randomness
from hrm_net.nn.codecs import CODECS
from hrm_net.nn.core import RecurrentCore, share_weights
from hrm_net.nn.embedding import SparsePuzzleEmbedding
from hrm_net.nn.layers import Linear
from hrm_net.nn.row_noise import RowNoise
from puzzles.base import Puzzle

__all__ = ["HRM", "Batch", "Carry", "Output", "Randomness"]


def puzzle_sizes(puzzle: Puzzle) -> dict[str, int]:
    """The values of a model's configuration that follow from the size of the puzzle."""
    return {
        "vocab_size": puzzle.vocab_size,
        "seq_len": puzzle.seq_len,
        "grid_width": puzzle.shape[1],
        "box_rows": puzzle.box_rows,
    }


class HRM(Published, RecurrentCore):
    """A codec for the puzzle, the recurrent core, and a halting head.

        carry = model.initial_carry(batch)
        carry, out = model(carry, batch)     one segment; out.logits [batch, seq, vocab]

    A plain `nn.Module`, on any device; `config` is an `HRMConfig`. Set `forward_dtype` to torch.bfloat16 to compute in
    bf16: parameters stay fp32.
    """

    def _build(self, generator: torch.Generator | None) -> None:
        config = self.config
        self._twins: dict[tuple[Any, ...], HRM] = {}
        self.codec = CODECS[config.codec](config, generator)
        self._build_stacks(generator)
        self.q_head = Linear(config.hidden_size, 2, bias=True, generator=generator)
        # A head that says "wrong" at first leaves the model all segments to learn the answer in.
        for param, value in zip(self.q_head.parameters(), (0.0, -5.0), strict=True):
            nn.init.constant_(param, value)
        self._build_initial_states(generator)

    @property
    def puzzle_embedding(self) -> SparsePuzzleEmbedding | None:
        """The table of puzzle embeddings, a buffer with an optimizer of its own; None without a prefix."""
        return self.codec.puzzle_embedding

    def initial_carry(self, batch: Batch) -> Carry:
        """A carry in which every row has halted, so that the first segment takes all rows of the batch."""
        num_rows, device = len(batch["inputs"]), self.H_init.device
        shape = (num_rows, *self.codec.state_shape(self.config))
        dtype = self.forward_dtype or self.H_init.dtype
        return Carry(
            z_H=torch.zeros(shape, device=device, dtype=dtype),
            z_L=torch.zeros(shape, device=device, dtype=dtype),
            steps=torch.zeros(num_rows, device=device, dtype=torch.int32),
            halted=torch.ones(num_rows, device=device, dtype=torch.bool),
            **{key: torch.zeros_like(batch[key], device=device) for key in ("inputs", "labels", "puzzle_identifiers")},
        )

    def forward(
        self, carry: Carry, batch: Batch, *, max_segments: int | None = None, generator: Randomness = None
    ) -> tuple[Carry, Output]:
        """Run one segment. Rows of `carry` that have halted take the batch's rows first.

        In training, a row halts when the halting head says so or after `max_segments` (by default the config's); in
        eval mode only then, because stopping early is the solver's business. `generator` draws exploration, noise and
        random starts; without one, PyTorch's default generator does. In eval mode it may be a `RowNoise`, which draws
        row by row.
        """
        limit = max_segments or self.config.max_segments
        carry = self._take_puzzles(carry, batch, generator)
        x = self.codec.embed(carry.inputs, carry.puzzle_identifiers, carry.z_H.dtype)
        z_H, z_L = self.segment(carry.z_H, carry.z_L, x, generator)
        q_halt, q_continue = self._halting_values(z_H)
        out = Output(logits=self.codec.read(z_H), q_halt=q_halt, q_continue=q_continue, state=z_H)
        carry.z_H, carry.z_L, carry.steps = z_H.detach(), z_L.detach(), carry.steps + 1
        with torch.no_grad():
            carry.halted = last = carry.steps >= limit
            if self.training:
                assert not isinstance(generator, RowNoise), "rows have streams of their own in eval mode only"
                exploration = self.config.exploration if self.config.halting != "fixed" else 0.0
                carry.halted = halting.halted_in_training(
                    self.wants_to_halt(out), carry.steps, limit, exploration, generator
                )
                if self.config.halting == "q_learning":
                    next_z_H, _ = self.segment(carry.z_H, carry.z_L, x, generator)
                    out.target_q_continue = halting.continue_target(*self._halting_values(next_z_H), last)
        return carry, out

    def wants_to_halt(self, out: Output) -> Bool[Tensor, " batch"]:
        """Whether the halting head would stop each row after this segment."""
        return halting.wants_to_halt(self.config.halting, out.q_halt, out.q_continue)

    def _halting_values(self, z_H: Tensor) -> tuple[Float[Tensor, " batch"], Float[Tensor, " batch"]]:
        values = self.q_head(self.codec.summary(z_H).to(self.q_head.weight.dtype))
        return values[:, 0], values[:, 1]

    def _take_puzzles(self, carry: Carry, batch: Batch, generator: Randomness) -> Carry:
        """Give the batch's puzzle and an initial state to each row that has halted."""
        halted = carry.halted
        fresh_H, fresh_L = self.initial_states(len(halted), generator)

        def start(z: Tensor, fresh: Tensor) -> Tensor:
            return torch.where(halted.view(-1, *[1] * (z.ndim - 1)), fresh.to(z.dtype), z)

        return Carry(
            z_H=start(carry.z_H, fresh_H),
            z_L=start(carry.z_L, fresh_L),
            steps=carry.steps.masked_fill(halted, 0),
            halted=halted,
            inputs=torch.where(halted[:, None], batch["inputs"], carry.inputs),
            labels=torch.where(halted[:, None], batch["labels"], carry.labels),
            puzzle_identifiers=torch.where(halted, batch["puzzle_identifiers"], carry.puzzle_identifiers),
        )

    def resized(self, **sizes: Any) -> "HRM":
        """A model for puzzles of another size that shares this one's weights; `sizes` as in `HRMConfig`.

        Training either trains both. UserError where a weight depends on what is changed.
        """
        twin = HRM(replace(self.config, **sizes))
        share_weights(self, twin, sizes)
        twin.forward_dtype = self.forward_dtype
        return twin.train(self.training)

    def fitted(self, puzzle: Puzzle) -> "HRM":
        """This model where it has the puzzle's sizes, else its twin of those sizes, in the same mode: see `resized`.

        A twin is built, and compiled where this model is, the first time it is asked for on a device and in a
        dtype. UserError where a weight depends on the size.
        """
        unused = ("grid_width", "box_rows")  # where they are 0
        wanted = {k: v for k, v in puzzle_sizes(puzzle).items() if not (k in unused and getattr(self.config, k) == 0)}
        if all(getattr(self.config, key) == size for key, size in wanted.items()):
            return self
        key = (self.H_init.device, self.H_init.dtype, *wanted.values())
        if key not in self._twins:
            twin = self.resized(**wanted).to(self.H_init)
            twin.codec.puzzle_embedding = self.codec.puzzle_embedding  # its gradient's place is the module itself
            if self.compile_options is not None:
                twin.compile_blocks(**self.compile_options)
            if self.segment_options is not None:
                twin.compile_segment(**self.segment_options)
            self._twins[key] = twin
        twin = self._twins[key]
        twin.forward_dtype = self.forward_dtype
        return twin.train(self.training)

    def save_pretrained(self, directory: str | Path, *, puzzle: Puzzle | None = None, **about: Any) -> None:
        """Write config.json, model.safetensors, a model card and, where they are given, results.json.

        `puzzle`: what the model solves, so that `hrm-solve --run DIRECTORY` knows it. `about` as in
        `hrm_net.checkpoints.pretrained.save`: results, source.
        """
        from hrm_net.checkpoints.pretrained import save

        extra = None if puzzle is None else {"puzzle": {"name": puzzle.name, **puzzle.options}}
        save(self, Path(directory), extra, **about)

    @classmethod
    def from_pretrained(cls, source: str | Path, *, revision: str | None = None) -> "HRM":
        """Read what `save_pretrained` wrote, strictly, in eval mode, in fp32, on the CPU.

        Where no such directory exists, `source` may be the name of weights that ship with the package (sudoku_9x9), or
        ORGANISATION/NAME on the Hugging Face Hub, with `revision` as its branch, tag or commit (this needs
        `pip install 'hrm-net[hub]'`). UserError for files that are missing or do not fit.
        """
        from hrm_net.checkpoints.pretrained import find, load

        return load(cls, find(source, revision))
