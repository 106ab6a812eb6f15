"""The Hierarchical Reasoning Model: a slow module H and a fast module L that think in latent space.

One *segment* runs `h_cycles` updates of H, each after `l_cycles` updates of L; only its end carries gradients. The
detached state, the *carry*, flows into the next segment, where rows that have halted start on a new puzzle (arXiv
2506.21734, section 2).
"""

from dataclasses import dataclass, fields
from pathlib import Path

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn

from hrm_net.nn import halting
from hrm_net.nn.blocks.grid import GridBlock
from hrm_net.nn.codecs.symbols import SymbolBlock, SymbolCodec
from hrm_net.nn.codecs.tokens import TokenCodec
from hrm_net.nn.config import HRMConfig
from hrm_net.nn.layers import AttentionBlock, Linear, MixerBlock, rotary_table, swiglu_width, truncated_normal_
from hrm_net.nn.row_noise import RowNoise
from puzzles.errors import UserError

Batch = dict[str, Tensor]
Randomness = torch.Generator | RowNoise | None


@dataclass(kw_only=True, slots=True)
class Carry:
    """What flows from segment to segment: the detached state, and the puzzle each row is at.

    The state is `[batch, token, dim]`, or `[batch, seq, symbol, dim]` with the symbol codec.
    """

    z_H: Float[Tensor, "batch *state"]
    z_L: Float[Tensor, "batch *state"]
    steps: Int[Tensor, " batch"]
    halted: Bool[Tensor, " batch"]
    inputs: Int[Tensor, "batch seq"]
    labels: Int[Tensor, "batch seq"]
    puzzle_identifiers: Int[Tensor, " batch"]

    def tensors(self) -> dict[str, Tensor]:
        """All fields by name; `Carry(**tensors)` makes it again."""
        return {field.name: getattr(self, field.name) for field in fields(self)}


@dataclass(kw_only=True, slots=True)
class Output:
    """What one segment says about the puzzles in `carry.inputs` of the carry it came with.

    The halting values are logits. `target_q_continue` in [0, 1] is there only in training with Q-learning.
    """

    logits: Float[Tensor, "batch seq vocab"]
    q_halt: Float[Tensor, " batch"]
    q_continue: Float[Tensor, " batch"]
    target_q_continue: Float[Tensor, " batch"] | None = None


class Stack(nn.Module):
    """H or L: state plus injection, through a few blocks; part of the old state may stay, and noise come in."""

    def __init__(self, layers: list[nn.Module], damping: float, noise: float) -> None:
        super().__init__()
        self.layers = nn.ModuleList(layers)
        self.damping, self.noise = damping, noise

    def forward(
        self,
        z: Float[Tensor, "..."],
        injection: Float[Tensor, "..."],
        rotary: tuple[Tensor, Tensor] | None,
        draw: Float[Tensor, "..."] | None,
    ) -> Float[Tensor, "..."]:
        new = z + injection
        for layer in self.layers:
            new = layer(new, rotary)
        if self.damping:
            new = self.damping * z + (1 - self.damping) * new
        return new if draw is None else new + self.noise * draw


class HRM(nn.Module):
    """Two coupled recurrent modules, a codec for the puzzle, and a head that says when to stop.

    A plain module: `carry, out = model(carry, batch)` runs one segment. Parameters stay fp32 in any `forward_dtype`.
    """

    def __init__(self, config: HRMConfig, generator: torch.Generator | None = None) -> None:
        super().__init__()
        self.config = config
        # Set to torch.bfloat16 to compute in bf16; None computes in the dtype of the parameters.
        self.forward_dtype: torch.dtype | None = None
        dim = config.hidden_size
        if config.codec == "symbols":
            self.codec = SymbolCodec(config.vocab_size, config.num_special, dim, generator)
        else:
            self.codec = TokenCodec(config, generator)
        self.L_level = self._stack(config.l_layers, generator)
        self.H_level = self.L_level if config.stacks == "shared" else self._stack(config.h_layers, generator)
        self.q_head = Linear(dim, 2, bias=True, generator=generator)
        # A halting head that starts from "wrong" lets the answer be learned first.
        for param, value in zip(self.q_head.parameters(), (0.0, -5.0), strict=True):
            nn.init.constant_(param, value)
        self.H_init: Tensor
        self.L_init: Tensor
        self.register_buffer("H_init", truncated_normal_(torch.empty(dim), 1.0, generator))
        self.register_buffer("L_init", truncated_normal_(torch.empty(dim), 1.0, generator))
        cos = sin = None
        if config.positions in ("rope", "rope_2d"):
            grid_width = config.grid_width if config.positions == "rope_2d" else 0
            cos, sin = rotary_table(config.prefix_len, config.seq_len, dim // config.num_heads, grid_width)
        self.rotary_cos: Tensor | None
        self.rotary_sin: Tensor | None
        self.register_buffer("rotary_cos", cos, persistent=False)
        self.register_buffer("rotary_sin", sin, persistent=False)

    def _stack(self, num_layers: int, generator: torch.Generator | None) -> Stack:
        config = self.config
        dim, num_tokens = config.hidden_size, config.prefix_len + config.seq_len
        width = swiglu_width(dim, config.expansion, config.mlp_multiple)

        def block() -> nn.Module:
            if config.block == "symbol":
                num_symbols, cell_width = (
                    config.vocab_size - config.num_special,
                    round(config.cell_expansion * config.seq_len),
                )
                return SymbolBlock(dim, config.seq_len, num_symbols, width, cell_width, generator)
            if config.block == "grid":
                return GridBlock(dim, config.prefix_len, config.grid_width, width, generator)
            if config.block == "mixer":
                token_width = swiglu_width(num_tokens, config.expansion, config.mlp_multiple)
                return MixerBlock(dim, num_tokens, width, token_width, generator)
            return AttentionBlock(dim, config.num_heads, width, config.attention, generator)

        return Stack([block() for _ in range(num_layers)], config.damping, config.noise)

    @property
    def puzzle_embedding(self) -> nn.Module | None:
        """The table of puzzle embeddings, a buffer with an optimizer of its own; None without a prefix."""
        return getattr(self.codec, "puzzle_embedding", None)

    def compile_blocks(self, **options: object) -> None:
        """Compile every block in place; names of parameters stay as they are.

        All blocks share one compiled graph, so this takes a fraction of the time that compiling the whole model takes.
        """
        for stack in {self.H_level, self.L_level}:
            for block in stack.layers:
                block.compile(**options)

    def initial_carry(self, batch: Batch) -> Carry:
        """A carry whose rows have all halted, so that the first segment takes every row of the batch."""
        inputs = batch["inputs"]
        device, dtype = self.H_init.device, self.forward_dtype or self.H_init.dtype
        config = self.config
        num_symbols = (config.vocab_size - config.num_special,) if config.codec == "symbols" else ()
        shape = (len(inputs), config.prefix_len + config.seq_len, *num_symbols, config.hidden_size)
        return Carry(
            z_H=torch.zeros(shape, device=device, dtype=dtype),
            z_L=torch.zeros(shape, device=device, dtype=dtype),
            steps=torch.zeros(len(inputs), device=device, dtype=torch.int32),
            halted=torch.ones(len(inputs), device=device, dtype=torch.bool),
            **{key: torch.zeros_like(batch[key], device=device) for key in ("inputs", "labels", "puzzle_identifiers")},
        )

    def forward(
        self, carry: Carry, batch: Batch, *, max_segments: int | None = None, generator: Randomness = None
    ) -> tuple[Carry, Output]:
        """Run one segment; rows of `carry` that have halted take the batch's rows first.

        In training a row halts when its head says so or after `max_segments` (default: the config's), in eval mode
        only then. `generator` draws exploration, noise and random starts; without it torch's default one does. In eval
        mode a `RowNoise` may draw instead, row by row.
        """
        limit = max_segments or self.config.max_segments
        carry = self._take(carry, batch, generator)
        x = self.codec.embed(carry.inputs, carry.puzzle_identifiers, carry.z_H.dtype)
        z_H, z_L = self.segment(carry.z_H, carry.z_L, x, generator)
        q_halt, q_continue = self._halting_values(z_H)
        out = Output(logits=self.codec.read(z_H), q_halt=q_halt, q_continue=q_continue)
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

    def segment(
        self,
        z_H: Float[Tensor, "batch *state"],
        z_L: Float[Tensor, "batch *state"],
        x: Float[Tensor, "batch *state"],
        generator: Randomness = None,
    ) -> tuple[Float[Tensor, "batch *state"], Float[Tensor, "batch *state"]]:
        """The coupled recurrence: z_L = L(z_L, z_H + x), and after `l_cycles` of those z_H = H(z_H, z_L).

        Gradients reach only the last update of each (`one_step`: the one-step approximation of the implicit gradient)
        or the last cycle.
        """
        config, wanted = self.config, torch.is_grad_enabled()
        rotary = None if self.rotary_cos is None or self.rotary_sin is None else (self.rotary_cos, self.rotary_sin)
        z_H, z_L, x = self._inward(z_H), self._inward(z_L), self._inward(x)
        for h in range(config.h_cycles):
            last_cycle = h == config.h_cycles - 1
            for l in range(config.l_cycles):  # noqa: E741
                traced = last_cycle and (config.gradient == "last_cycle" or l == config.l_cycles - 1)
                with torch.set_grad_enabled(wanted and traced):
                    z_L = self.L_level(z_L, z_H + x, rotary, self._noise(z_L, generator))
            with torch.set_grad_enabled(wanted and last_cycle):
                z_H = self.H_level(z_H, z_L, rotary, self._noise(z_H, generator))
        return self._inward(z_H), self._inward(z_L)

    def wants_to_halt(self, out: Output) -> Bool[Tensor, " batch"]:
        """Whether the halting head would stop each row after this segment."""
        return halting.wants_to_halt(self.config.halting, out.q_halt, out.q_continue)

    def _halting_values(self, z_H: Tensor) -> tuple[Float[Tensor, " batch"], Float[Tensor, " batch"]]:
        values = self.q_head(self.codec.summary(z_H).to(self.q_head.weight.dtype))
        return values[:, 0], values[:, 1]

    def _take(self, carry: Carry, batch: Batch, generator: Randomness) -> Carry:
        halted = carry.halted

        def start(z: Tensor, fixed: Tensor) -> Tensor:
            if self.config.state == "fixed":
                fresh = fixed.to(z.dtype)
            elif isinstance(generator, RowNoise):
                fresh = generator.starts(z, lambda row, stream: truncated_normal_(row, 1.0, stream))
            else:
                device = generator.device if generator is not None else z.device
                fresh = truncated_normal_(torch.empty(z.shape, device=device), 1.0, generator).to(z)
            return torch.where(halted.view(-1, *[1] * (z.ndim - 1)), fresh, z)

        return Carry(
            z_H=start(carry.z_H, self.H_init),
            z_L=start(carry.z_L, self.L_init),
            steps=carry.steps.masked_fill(halted, 0),
            halted=halted,
            inputs=torch.where(halted[:, None], batch["inputs"], carry.inputs),
            labels=torch.where(halted[:, None], batch["labels"], carry.labels),
            puzzle_identifiers=torch.where(halted, batch["puzzle_identifiers"], carry.puzzle_identifiers),
        )

    def _inward(self, z: Tensor) -> Tensor:
        """Symbol blocks want the cells first: their mixing is then one matrix product. Its own inverse."""
        return z.transpose(0, 1).contiguous() if self.config.codec == "symbols" else z

    def _noise(self, z: Tensor, generator: Randomness) -> Tensor | None:
        """Noise for the state of a stack, which lies as `_inward` made it."""
        if not self.config.noise:
            return None
        if isinstance(generator, RowNoise):
            return self._inward(generator.normal(self._inward(z)))
        device = generator.device if generator is not None else z.device
        return torch.randn(z.shape, generator=generator, device=device).to(z)

    def save_pretrained(self, directory: str | Path) -> None:
        """Write config.json and model.safetensors."""
        from hrm_net.checkpoints.pretrained import save

        save(self, Path(directory))

    @classmethod
    def from_pretrained(cls, source: str | Path, *, revision: str | None = None) -> "HRM":
        """Read what `save_pretrained` wrote, strictly; ValueError for files that are missing or do not fit.

        Where no such directory exists, sudoku_9x9 is the model that ships with the package, and ORGANISATION/NAME one
        of the Hugging Face Hub, `revision` its branch, tag or commit (needs `pip install 'hrm-net[hub]'`).
        """
        from hrm_net.checkpoints.hub import download, is_hub_id
        from hrm_net.checkpoints.pretrained import CONFIG, WEIGHTS, load, shipped

        if is_hub_id(source):
            return load(cls, download(str(source), (CONFIG, WEIGHTS), revision))
        if revision is not None:
            raise UserError(f"revision={revision}: {source} is no model of the Hugging Face Hub")
        return load(cls, shipped(source) or Path(source))
