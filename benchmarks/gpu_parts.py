"""The parts of benchmarks/gpu.py; each gives the rows of a table."""

import tempfile
import time
from collections.abc import Callable
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch
import torch.distributed as dist
from torch import nn

import puzzles
from hrm_net import solver
from hrm_net.distributed.gradients import sum_gradients
from hrm_net.distributed.group import Group
from hrm_net.distributed.sharding import shard_model
from hrm_net.model import HRM
from hrm_net.nn.attention import HAS_FLASH, attend
from hrm_net.nn.config import HRMConfig
from hrm_net.nn.losses import segment_loss
from hrm_net.trainer.optim import OptimConfig, build_optimizers
from hrm_net.trainer.throughput import peak_flops, update_flops

Row = dict[str, Any]
# The published model of Sudoku-Extreme, with its 27 million parameters, and its rows on one GPU.
PUBLISHED = HRMConfig(vocab_size=11, seq_len=81, attention="sdpa", num_puzzle_ids=1001)
PUBLISHED_BATCH = 384


@dataclass(frozen=True, kw_only=True)
class Sizes:
    """Where and how large."""

    device: torch.device
    quick: bool

    @property
    def model(self) -> HRMConfig:
        tiny = {"hidden_size": 32, "num_heads": 2, "mlp_multiple": 8, "h_layers": 1, "l_layers": 1}
        return replace(PUBLISHED, **tiny) if self.quick else PUBLISHED

    @property
    def batch(self) -> int:
        return 4 if self.quick else PUBLISHED_BATCH

    @property
    def repeats(self) -> int:
        return 2 if self.quick else 20


class LoneGroup(Group):
    """One process that does all that several do, messages to itself included."""

    @property
    def alone(self) -> bool:
        return False


def seconds(work: Callable[[], object], device: torch.device, repeats: int, warmup: int = 3) -> float:
    """Median seconds of a call, device time included."""
    times = []
    for _ in range(repeats + warmup):
        started = time.perf_counter()
        work()
        if device.type == "cuda":
            torch.cuda.synchronize()
        times.append(time.perf_counter() - started)
    return sorted(times[warmup:])[repeats // 2]


def roofline(sizes: Sizes) -> list[Row]:
    """What the device reaches in one large matrix product and one large copy, and what a step needs of both."""
    device, n = sizes.device, 128 if sizes.quick else 8192
    left, right = (torch.randn(n, n, device=device).bfloat16() for _ in range(2))
    products = 2 * n**3 / seconds(lambda: left @ right, device, sizes.repeats)
    large = torch.empty(n * n * 4, device=device)
    copies = 2 * large.nbytes / seconds(lambda: large.clone(), device, sizes.repeats)
    flops = update_flops(sizes.model) * sizes.batch
    with torch.device("meta"):
        weights = sum(param.numel() for param in HRM(sizes.model).parameters())
    # Adam reads weight, gradient and two means in fp32, and writes all but the gradient.
    update = 4 * 7 * weights
    sheet = peak_flops(device, torch.bfloat16)
    return [
        {"figure": "bf16 matrix product, measured", "TFLOP/s": products / 1e12},
        {"figure": "bf16 matrix product, data sheet", "TFLOP/s": None if sheet is None else sheet / 1e12},
        {"figure": "copy of memory, measured", "GB/s": copies / 1e9},
        {"figure": "products of a step", "TFLOP": flops / 1e12, "ms at the measured rate": 1e3 * flops / products},
        {"figure": "update of the weights", "GB": update / 1e9, "ms at the measured rate": 1e3 * update / copies},
    ]


class Step:
    """A training step of a model: one segment with its second pass where the halting needs it, and an update."""

    def __init__(self, sizes: Sizes, config: HRMConfig, group: Group | None = None, shard: bool = False) -> None:
        device, generator = sizes.device, torch.Generator().manual_seed(0)
        self.model, self.group, self.batch = HRM(config, generator), group, sizes.batch
        if shard:
            assert group is not None
            shard_model(self.model, self.model.blocks(), device, group)
        self.model = self.model.to(device).train()
        self.model.forward_dtype = torch.bfloat16
        self.call: Callable[..., Any] = self.model
        self.optim = build_optimizers(self.model, OptimConfig(name="adam_atan2", lr=1e-4, warmup_steps=0))
        shape = (sizes.batch, config.seq_len)
        rows = {
            "inputs": torch.randint(1, config.vocab_size, shape, generator=generator),
            "labels": torch.randint(2, config.vocab_size, shape, generator=generator),
            "puzzle_identifiers": torch.randint(0, config.num_puzzle_ids, shape[:1], generator=generator),
        }
        self.rows = {key: value.to(device) for key, value in rows.items()}
        self.carry = self.model.initial_carry(self.rows)

    def __call__(self) -> None:
        self.optim.zero_grad()
        if self.model.segment_options is not None:
            torch.compiler.cudagraph_mark_step_begin()
        self.carry, out = self.call(self.carry, self.rows)
        loss = segment_loss(out, self.carry.labels, "stablemax").total
        (loss / self.batch).backward()
        if self.group is not None:
            sum_gradients(self.group, self.optim.params, self.optim.puzzles, loss)
        self.optim.step(1.0)


def training_step(sizes: Sizes) -> list[Row]:
    """The published scheme restated (Q-learning with its second forward pass, AdamATan2, bf16; eager, and the model
    compiled as a whole, as its authors' code does) against what this package offers for the same model and batch."""
    config, flops = sizes.model, update_flops(sizes.model) * sizes.batch

    def whole(step: Step) -> None:
        step.call = torch.compile(step.model, dynamic=False)

    def blocks(step: Step) -> None:
        step.model.compile_blocks()

    def tuned(step: Step) -> None:
        step.model.compile_blocks(mode="max-autotune-no-cudagraphs")

    def graphs(step: Step) -> None:
        step.model.compile_segment(mode="reduce-overhead")

    ours = replace(config, attention="auto")
    ways: list[tuple[str, HRMConfig, Callable[[Step], None] | None]] = [
        ("published scheme, eager", config, None),
        ("published scheme, compiled as a whole", config, whole),
        ("the same, blocks compiled (compile=true)", config, blocks),
        ("and attention=auto", ours, blocks),
        ("and blocks autotuned", ours, tuned),
        ("segments as CUDA graphs (compile=graphs), attention=auto", ours, graphs),
        ("and halt_only: no second pass, another recipe", replace(ours, halting="halt_only"), blocks),
    ]  # fmt: skip
    if sizes.device.type == "cpu":  # there a compiler takes minutes, and other tests see to it
        ways = [ways[0], ("attention=auto, eager", ours, None)]
    rows, base = [], 0.0
    for name, model, compiled in ways:
        torch.compiler.reset()
        try:
            step = Step(sizes, model)
            if compiled is not None:
                compiled(step)
            took = seconds(step, sizes.device, sizes.repeats)
        except Exception as error:  # a compiler's failure is a result
            rows.append({"way": name, "error": f"{type(error).__name__}: {' '.join(str(error).split())[:200]}"})
            continue
        base = base or took
        own = flops if model.halting == config.halting else update_flops(model) * sizes.batch
        peak = peak_flops(sizes.device, torch.bfloat16)
        rows.append(
            {
                "way": name, "ms": 1e3 * took, "times the first": base / took, "segments/s": sizes.batch / took,
                "TFLOP/s": own / took / 1e12, "share of the peak": None if peak is None else own / took / peak,
            }
        )  # fmt: skip
    return rows


@contextmanager
def process_group(device: torch.device):
    """A group of this process alone."""
    with tempfile.TemporaryDirectory() as folder:
        store = dist.FileStore(str(Path(folder) / "store"), 1)
        backend = "cpu:gloo,cuda:nccl" if device.type == "cuda" else "gloo"
        dist.init_process_group(backend, store=store, rank=0, world_size=1)
        try:
            yield
        finally:
            dist.destroy_process_group()


def data_parallel(sizes: Sizes) -> list[Row]:
    """What ddp and fsdp add to a step on one device, where their messages go nowhere; eager, and peak memory."""
    rows = []
    with process_group(sizes.device):
        for name in ("one process", "ddp", "fsdp"):
            group = None if name == "one process" else LoneGroup()
            if sizes.device.type == "cuda":
                torch.cuda.reset_peak_memory_stats()
            took = seconds(Step(sizes, sizes.model, group, shard=name == "fsdp"), sizes.device, sizes.repeats)
            memory = torch.cuda.max_memory_allocated() / 2**30 if sizes.device.type == "cuda" else None
            rows.append({"way": name, "ms": 1e3 * took, "GiB at most": memory})
    return rows


def attention(sizes: Sizes) -> list[Row]:
    """Forward and backward of one attention in bf16, by backend."""
    rows, shapes = [], [(2, 2, 82, 16)] if sizes.quick else [(384, 8, 82, 64), (96, 8, 901, 64)]
    backends = ["explicit", "sdpa", *(["flash"] if HAS_FLASH else [])]
    for shape in shapes:
        generator = torch.Generator().manual_seed(0)
        drawn = (torch.randn(shape, generator=generator) for _ in range(3))
        q, k, v = (tensor.to(sizes.device, torch.bfloat16).requires_grad_() for tensor in drawn)
        for backend in backends:

            def work(q=q, k=k, v=v, backend=backend) -> None:
                attend(q, k, v, backend).float().square().mean().backward()

            took = seconds(work, sizes.device, sizes.repeats)
            rows.append({"batch, heads, tokens, dim": str(shape), "backend": backend, "ms": 1e3 * took})
    return rows


def solving(sizes: Sizes) -> list[Row]:
    """Sudoku with the shipped weights, by the width of the batch."""
    sudoku = puzzles.get("sudoku")
    num = 4 if sizes.quick else 4096
    inputs, _ = sudoku.generate(puzzles.rng(0, "gpu benchmark"), num, clues=32)
    model: nn.Module = HRM.from_pretrained("sudoku_9x9").to(sizes.device)
    rows = []
    for width in (4,) if sizes.quick else (64, 512, 2048):
        solver.solve(model, sudoku, inputs[:width], batch_size=width)
        started = time.perf_counter()
        found = solver.solve(model, sudoku, inputs, batch_size=width)
        took = time.perf_counter() - started
        rows.append(
            {"batch": width, "puzzles/s": num / took, "segments a puzzle": float(found.segments.mean()),
             "solved": float(found.solved.mean())}
        )  # fmt: skip
    return rows
