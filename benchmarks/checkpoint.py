"""Seconds to save and load a checkpoint, and the share of a training minute that saving takes.

python benchmarks/checkpoint.py     (a quiet machine; a minute)
"""

import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import torch

from hrm_net.checkpoints import checkpoint, pretrained
from hrm_net.model import HRM
from hrm_net.nn.config import HRMConfig
from hrm_net.provenance import hardware
from hrm_net.trainer.optim import OptimConfig, build_optimizers

MODELS = {
    "relational, 0.2 M (the default job)": HRMConfig(
        vocab_size=11, seq_len=81, grid_width=9, box_rows=3, hidden_size=32, mlp_multiple=32, h_layers=2, l_layers=2,
        codec="symbols", block="relational", positions="none", prefix_len=0, halting="halt_only",
    ),
    "published, 27 M": HRMConfig(vocab_size=11, seq_len=81),
}  # fmt: skip
SAVES_A_MINUTE = 1


def seconds(action: Callable[[], object], repeats: int = 5) -> float:
    times = []
    for _ in range(repeats):
        started = time.perf_counter()
        action()
        times.append(time.perf_counter() - started)
    return sorted(times)[repeats // 2]


def main() -> None:
    print(hardware())
    for name, config in MODELS.items():
        model = HRM(config, torch.Generator().manual_seed(0))
        optimizers = build_optimizers(model, OptimConfig(name="adamw", lr=1e-4))
        for param in model.parameters():
            param.grad = torch.zeros_like(param)
        optimizers.step(1.0)
        tensors = pretrained.state(model)
        state = {"model": tensors, "optimizers": optimizers.state_dict()}
        with tempfile.TemporaryDirectory() as folder:
            root = Path(folder)
            save = seconds(
                lambda root=root, t=tensors, s=state: checkpoint.save(root, 1, tensors=t, state=s, config="")
            )
            load = seconds(lambda root=root: checkpoint.load_newest(root))
            size = sum(path.stat().st_size for path in root.rglob("*") if path.is_file()) / 2**20
        share = SAVES_A_MINUTE * save / 60
        times = f"{size:8.1f} MiB   save {save:6.3f} s   load {load:6.3f} s"
        print(f"{name:<36}{times}   {share:.2%} of a minute, saving once in it")


if __name__ == "__main__":
    main()
