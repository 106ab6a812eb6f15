"""What one update of the weights costs, as ratios to AdamW: `python benchmarks/optimizer.py [--threads N]`."""

import argparse
import statistics
import time

import torch
from torch import nn

from hrm_net.trainer.optim import OptimConfig, Optimizers, build_optimizers


def stack(dim: int, width: int, num_layers: int) -> nn.Module:
    """The matrices of `num_layers` published blocks: fused qkv, output, fused gate and up, down."""
    shapes = [(3 * dim, dim), (dim, dim), (2 * width, dim), (dim, width)] * num_layers
    return nn.ParameterList([nn.Parameter(torch.randn(shape) / shape[1] ** 0.5) for shape in shapes])


def model(dim: int, width: int, num_layers: int) -> nn.Module:
    whole = nn.Module()
    whole.H_level, whole.L_level = stack(dim, width, num_layers), stack(dim, width, num_layers)
    whole.head = nn.Linear(dim, 11)
    return whole


def step_seconds(optimizers: Optimizers, repeats: int) -> float:
    """Median time of one step; the gradients stay the same."""
    times = []
    for _ in range(repeats + 2):
        start = time.perf_counter()
        optimizers.step(1.0)
        times.append(time.perf_counter() - start)
    return statistics.median(times[2:])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--repeats", type=int, default=10)
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    for title, dim, width, num_layers in (("27 M", 512, 1536, 4), ("0.25 M", 64, 192, 2)):
        seconds = {}
        for name in ("adamw", "adam_atan2", "muon"):
            net = model(dim, width, num_layers)
            for param in net.parameters():
                param.grad = torch.randn_like(param)
            seconds[name] = step_seconds(build_optimizers(net, OptimConfig(name=name)), arguments.repeats)
        num = sum(param.numel() for param in net.parameters())
        ratios = ", ".join(f"{name} x{value / seconds['adamw']:.2f}" for name, value in seconds.items())
        print(f"{title} ({num:,} parameters): adamw {seconds['adamw'] * 1e3:.2f} ms; {ratios}")


if __name__ == "__main__":
    main()
