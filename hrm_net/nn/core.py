"""The recurrent core: a slow module H and a fast module L, coupled by addition (HRM, arXiv 2506.21734, section 2).

    z_L = L(z_L + z_H + x)     l_cycles times, then
    z_H = H(z_H + z_L)         once; and all of this h_cycles times in one segment

The core knows nothing of puzzles, answers or halting: a solver (`hrm_net.model.HRM`) and a step scorer
(`hrm_net.reward.model.RewardModel`) each put their own input and their own heads around it.
"""

from collections.abc import Callable, Mapping
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor, nn

from hrm_net.nn.blocks import BLOCKS
from hrm_net.nn.carry import Randomness
from hrm_net.nn.codecs import CODECS
from hrm_net.nn.config import HRMConfig
from hrm_net.nn.layers import truncated_normal_
from hrm_net.nn.row_noise import RowNoise, ShareNoise
from hrm_net.nn.transfer import to_device
from puzzles.errors import UserError


class Stack(nn.Module):
    """H or L: new = blocks(z + injection); z' = damping z + (1 - damping) new + noise draw.

    Damping and noise are those of EqR; the published HRM and TRM have neither.
    """

    def __init__(self, layers: list[nn.Module], damping: float, noise: float) -> None:
        super().__init__()
        self.layers = nn.ModuleList(layers)
        self.damping, self.noise = damping, noise

    def forward(
        self, z: Float[Tensor, "*state"], injection: Float[Tensor, "*state"], draw: Float[Tensor, "*state"] | None
    ) -> Float[Tensor, "*state"]:
        """The next state; `draw` is standard normal noise, or None for none."""
        new = z + injection
        for layer in self.layers:
            new = layer(new)
        if self.damping:
            new = self.damping * z + (1 - self.damping) * new
        return new if draw is None else new + self.noise * draw


class RecurrentCore(nn.Module):
    """Two stacks and the states they start from. `segment` is the recurrence.

    Parameters stay fp32 whatever `forward_dtype` is.
    """

    H_init: Tensor
    L_init: Tensor

    def __init__(self, config: HRMConfig, generator: torch.Generator | None = None) -> None:
        super().__init__()
        self.config = config
        self.codec_class = CODECS[config.codec]
        # torch.bfloat16 computes in bf16; None computes in the dtype of the parameters.
        self.forward_dtype: torch.dtype | None = None
        # How the blocks were compiled; None: they were not.
        self.compile_options: dict[str, Any] | None = None
        # How segments of training were compiled, and the compiled function, of this model as its first argument.
        self.segment_options: dict[str, Any] | None = None
        self._whole_segment: Callable[..., tuple[Tensor, Tensor]] | None = None
        self._build(generator)

    def _build(self, generator: torch.Generator | None) -> None:
        """Draw all weights. The order is fixed, so that a seed always gives the same model."""
        self._build_stacks(generator)
        self._build_initial_states(generator)

    def _build_stacks(self, generator: torch.Generator | None) -> None:
        config = self.config

        def stack(num_layers: int) -> Stack:
            blocks: list[nn.Module] = [BLOCKS[config.block](config, generator) for _ in range(num_layers)]
            return Stack(blocks, config.damping, config.noise)

        self.L_level = stack(config.l_layers)
        self.H_level = self.L_level if config.stacks == "shared" else stack(config.h_layers)

    def _build_initial_states(self, generator: torch.Generator | None) -> None:
        for name in ("H_init", "L_init"):
            self.register_buffer(name, truncated_normal_(torch.empty(self.config.hidden_size), 1.0, generator))

    def compile_blocks(self, **options: Any) -> None:
        """Compile every block in place; names of parameters stay as they are.

        All blocks share one compiled graph, so this takes a fraction of the time that compiling the whole model takes.
        """
        self.compile_options = options
        # Models for several sizes share the code, and each size has graphs of its own, with and without gradients.
        torch.compiler.config.recompile_limit = max(torch.compiler.config.recompile_limit, 64)
        for block in self.blocks():
            block.compile(**options)

    def compile_segment(self, **options: Any) -> None:
        """Compile segments as a whole, in training mode only; `options` are those of torch.compile.

        With `mode="reduce-overhead"` they run as CUDA graphs: one launch in place of one for each kernel. Then every
        step must have rows of the same number and size. Inputs are copied to where the graph reads them, weights are
        read where they lie, and the states are copied out of the graph's memory, which the next step overwrites.
        UserError for a model with noise, which is drawn on the host.
        """
        if self.config.noise:
            raise UserError(f"model.noise={self.config.noise:g}: must be 0 for segments that are compiled as a whole")
        self.segment_options = options
        self._whole_segment = torch.compile(RecurrentCore._segment, dynamic=False, **options)

    def blocks(self) -> list[nn.Module]:
        """The blocks of both stacks, each once."""
        return [block for stack in dict.fromkeys((self.H_level, self.L_level)) for block in stack.layers]

    @property
    def hops_per_segment(self) -> int | None:
        """Steps between neighbouring cells that information can move in one segment; None: to every cell at once."""
        config = self.config
        reach = BLOCKS[config.block].reach
        layers = config.l_cycles * config.l_layers + (config.l_layers if config.stacks == "shared" else config.h_layers)
        return None if reach is None else reach * config.h_cycles * layers

    def initial_states(
        self, num_rows: int, generator: Randomness = None
    ) -> tuple[Float[Tensor, "batch *state"], Float[Tensor, "batch *state"]]:
        """z_H and z_L of rows that start on a puzzle: the fixed vectors everywhere, or fresh noise (`state=random`).

        A `RowNoise` draws for the rows that are starting, and leaves zeros in the others.
        """
        shape = (num_rows, *self.codec_class.state_shape(self.config))
        dtype = self.forward_dtype or self.H_init.dtype
        if self.config.state == "fixed":
            return self.H_init.to(dtype).expand(shape), self.L_init.to(dtype).expand(shape)
        return self._random_state(shape, dtype, generator), self._random_state(shape, dtype, generator)

    def _random_state(self, shape: tuple[int, ...], dtype: torch.dtype, generator: Randomness) -> Tensor:
        here = self.H_init.device
        if isinstance(generator, RowNoise):
            like = torch.empty(shape, device=here, dtype=dtype)
            return generator.initial_states(like, lambda row, stream: truncated_normal_(row, 1.0, stream))
        if isinstance(generator, ShareNoise):
            fresh = generator.draw(shape, lambda rows, stream: truncated_normal_(rows, 1.0, stream))
            return to_device(fresh, here).to(dtype)
        device = here if generator is None else generator.device
        return to_device(truncated_normal_(torch.empty(shape, device=device), 1.0, generator), here).to(dtype)

    def segment(
        self,
        z_H: Float[Tensor, "batch *state"],
        z_L: Float[Tensor, "batch *state"],
        x: Float[Tensor, "batch *state"],
        generator: Randomness = None,
    ) -> tuple[Float[Tensor, "batch *state"], Float[Tensor, "batch *state"]]:
        """The states after one segment on the embedded puzzle x.

        Gradients reach only the last update of each module (`gradient=one_step`, the one-step approximation of the
        implicit gradient), or the last cycle of H with all of its updates of L (`last_cycle`).
        """
        if self._whole_segment is None or not self.training:
            return self._segment(z_H, z_L, x, generator)
        z_H, z_L = self._whole_segment(self, z_H, z_L, x)
        return z_H.clone(), z_L.clone()

    def _segment(self, z_H: Tensor, z_L: Tensor, x: Tensor, generator: Randomness = None) -> tuple[Tensor, Tensor]:
        config, wanted, codec = self.config, torch.is_grad_enabled(), self.codec_class
        z_H, z_L, x = codec.to_stacks(z_H), codec.to_stacks(z_L), codec.to_stacks(x)
        for h in range(config.h_cycles):
            last_cycle = h == config.h_cycles - 1
            for l in range(config.l_cycles):  # noqa: E741
                traced = last_cycle and (config.gradient == "last_cycle" or l == config.l_cycles - 1)
                with torch.set_grad_enabled(wanted and traced):
                    z_L = self.L_level(z_L, z_H + x, self._noise(z_L, generator))
            with torch.set_grad_enabled(wanted and last_cycle):
                z_H = self.H_level(z_H, z_L, self._noise(z_H, generator))
        return codec.from_stacks(z_H), codec.from_stacks(z_L)

    def skip_segment(self, num_rows: int, generator: torch.Generator) -> None:
        """Draw, and drop, the random numbers of one segment in eval mode, which another process computes."""
        z = self.codec_class.to_stacks(self.initial_states(num_rows, generator)[0])
        for _ in range(self.config.h_cycles * (self.config.l_cycles + 1)):
            self._noise(z, generator)

    def _noise(self, z: Tensor, generator: Randomness) -> Tensor | None:
        """Standard normal noise for a state that lies as `Codec.to_stacks` made it."""
        if not self.config.noise:
            return None
        if isinstance(generator, RowNoise):
            return self.codec_class.to_stacks(generator.normal(self.codec_class.from_stacks(z)))
        if isinstance(generator, ShareNoise):
            return self._share_of_noise(z, generator)
        device = generator.device if generator is not None else z.device
        return to_device(torch.randn(z.shape, generator=generator, device=device), z.device).to(z.dtype)

    def _share_of_noise(self, z: Tensor, noise: ShareNoise) -> Tensor:
        """This process's part of the noise that a process with the whole batch would draw in this memory layout."""
        to_stacks, from_stacks = self.codec_class.to_stacks, self.codec_class.from_stacks

        def fill(rows: Tensor, stream: torch.Generator) -> Tensor:
            return from_stacks(torch.randn(to_stacks(rows).shape, generator=stream))

        return to_device(to_stacks(noise.draw(from_stacks(z).shape, fill)), z.device).to(z.dtype)


def share_weights(model: nn.Module, twin: nn.Module, changed: Mapping[str, Any]) -> None:
    """Make the weights of `model` those of `twin` too, which was built with other sizes: training either trains both.

    UserError, naming what was `changed`, where the shape of a weight depends on it.
    """
    theirs, mine = twin.state_dict(), model.state_dict(keep_vars=True)
    for name in sorted(theirs.keys() | mine.keys()):
        shapes = [tuple(tensors[name].shape) if name in tensors else None for tensors in (mine, theirs)]
        if shapes[0] != shapes[1]:
            told = ", ".join(f"{key}={value}" for key, value in changed.items())
            raise UserError(f"{told}: {name} is {shapes[0]} in this model, and would have to be {shapes[1]}")
    twin.load_state_dict(mine, assign=True)
