"""A block that is not in the package: one class and one line in `BLOCKS` are all that it takes."""

from pathlib import Path

import pytest
import torch
from jaxtyping import Float
from torch import Tensor

from hrm_net import HRM, HRMConfig
from hrm_net.cli import train
from hrm_net.evaluation.flops import segment_flops
from hrm_net.nn.blocks import BLOCKS
from hrm_net.nn.blocks.block import Block
from hrm_net.nn.layer_config import LayerConfig, refuse
from hrm_net.nn.layers import Linear, SwiGLU, rms_norm
from hrm_net.nn.losses import segment_loss
from hrm_net.trainer.optim import OptimConfig, build_optimizers
from tests.models import seeded, small_batch

pytestmark = pytest.mark.slow

TOY = {"vocab_size": 6, "seq_len": 16, "grid_width": 4, "hidden_size": 16, "mlp_multiple": 8, "h_layers": 1,
       "l_layers": 1, "prefix_len": 0, "positions": "none", "codec": "symbols", "block": "lines"}  # fmt: skip


class LinesBlock(Block):
    """Every cell receives the mean of its row and of its column; no weight depends on the size of the grid."""

    codecs = ("symbols",)

    def __init__(self, config: LayerConfig, generator: torch.Generator | None = None) -> None:
        super().__init__(config)
        self.mix = Linear(config.hidden_size, config.hidden_size, generator=generator)
        self.mlp = SwiGLU(config.hidden_size, config.mlp_width, generator)
        cells = torch.arange(config.seq_len)
        row, column = cells // config.grid_width, cells % config.grid_width
        together = (row[:, None] == row) | (column[:, None] == column)
        self.together: Tensor
        self.register_buffer("together", together / together.sum(dim=1, keepdim=True), persistent=False)

    @classmethod
    def check(cls, config: LayerConfig) -> None:
        super().check(config)
        if config.grid_width == 0:
            refuse("grid_width", 0, "must be at least 1 for block=lines")

    def forward(self, z: Float[Tensor, "seq batch symbol dim"]) -> Float[Tensor, "seq batch symbol dim"]:
        heard = (self.together.to(z.dtype) @ z.flatten(1)).view_as(z)
        z = rms_norm(z + self.mix(heard))
        return rms_norm(z + self.mlp(z))


@pytest.fixture(autouse=True)
def registered(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(BLOCKS, "lines", LinesBlock)


@pytest.mark.slow
def test_a_toy_block_learns_is_saved_and_is_counted(tmp_path: Path):
    model = HRM(HRMConfig(**TOY), seeded())
    batch, optimizers = (
        small_batch(model, batch=8),
        build_optimizers(model, OptimConfig(name="adam_atan2", lr=3e-3, weight_decay=0.1, warmup_steps=0)),
    )
    batch["labels"] = batch["inputs"].clamp(min=2)  # an answer that can be learnt: what is given
    carry, losses = model.initial_carry(batch), []
    for step in range(40):
        carry, out = model(carry, batch, generator=seeded(step))
        loss = segment_loss(out, carry.labels, "softmax")
        optimizers.zero_grad()
        (loss.total / 8).backward()
        optimizers.step(1.0)
        losses.append(loss.lm.item())
    assert losses[-1] < 0.5 * losses[0]
    model.save_pretrained(tmp_path)
    again = HRM.from_pretrained(tmp_path)
    assert all(torch.equal(a, b) for a, b in zip(model.parameters(), again.parameters(), strict=True))
    wider = segment_flops(HRMConfig(**{**TOY, "hidden_size": 32}))
    assert wider > 2 * segment_flops(model.config) > 0


def test_its_weights_serve_a_grid_of_another_size():
    small = HRM(HRMConfig(**TOY), seeded())
    large = small.resized(vocab_size=11, seq_len=81, grid_width=9)
    assert {id(param) for param in large.parameters()} == {id(param) for param in small.parameters()}
    batch = small_batch(large)
    _, out = large(large.initial_carry(batch), batch)
    out.logits[..., 2:].square().sum().backward()
    assert next(small.H_level.parameters()).grad is not None


def test_a_weight_that_depends_on_the_size_is_named():
    model = HRM(HRMConfig(**{**TOY, "block": "symbol"}), seeded())
    with pytest.raises(
        ValueError, match=r"^seq_len=81: H_level\.\S+\.mix\.down_proj\.weight is \(16, 32\) in this model"
    ):
        model.resized(seq_len=81)


def test_its_own_check_and_the_registry_refuse_by_name():
    with pytest.raises(ValueError, match=r"^model\.grid_width=0: must be at least 1 for block=lines$"):
        HRMConfig(**{**TOY, "grid_width": 0})
    with pytest.raises(
        ValueError,
        match=r"^model\.block=lime: must be one of attention, mixer, grid, local, symbol, relational, lines$",
    ):
        HRMConfig(**{**TOY, "block": "lime"})
    with pytest.raises(ValueError, match=r"^model\.codec=tokens: block=lines does not fit; it needs codec=symbols$"):
        HRMConfig(**{**TOY, "codec": "tokens"})


def test_the_training_command_takes_it_by_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.chdir(tmp_path)
    few = ["steps=2", "batch_size=4", "evaluate_puzzles=0", "validation.every=0", "optim.warmup_steps=0"]
    here = ["compile=false", "device=cpu"]
    train(["name=toy", "puzzle=sudoku_4x4", "model.block=lines", "model.hidden_size=8", *few, *here])
    assert (tmp_path / "runs/toy/checkpoints/step_000002/manifest.json").is_file()
