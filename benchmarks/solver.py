"""Puzzles a second when each stops by itself, against 16 segments for all: same model, compilation, precision, width.

    python benchmarks/solver.py                       the shipped weights, 1,000 puzzles a set
    python benchmarks/solver.py --puzzles 256 --run runs/maze

Stops by the halting head or the residual alone, never by a rule check. Puzzles solved are counted afterwards.
"""

import argparse
import time

import torch

import puzzles
from hrm_net.data.puzzle_sets import generated_set
from hrm_net.recipes.model_source import find_model
from hrm_net.solver import solve
from hrm_net.trainer.device import has_native_bf16, resolve_compile, resolve_device, resolve_precision

BASELINE = "fixed"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--run", help="directory of a training run (default: the shipped weights)")
    parser.add_argument("--puzzles", type=int, default=1000)
    parser.add_argument("--batch-size", type=int, default=64)
    parser.add_argument("--max-segments", type=int, default=16)
    parser.add_argument("--stop", nargs="+", default=["q", "q:0.98", "residual:0.3"])
    parser.add_argument("--compile", default="auto", choices=("auto", "true", "false"))
    parser.add_argument("--device", default="auto")
    arguments = parser.parse_args()
    device = resolve_device(arguments.device)
    source = find_model(arguments.run)
    puzzle, model = puzzles.get(**source.puzzle), source.load().to(device)
    model.forward_dtype = resolve_precision("auto", device)
    compiled = resolve_compile(arguments.compile, device)
    if compiled:
        model.compile_blocks()
    precision = "bf16" if has_native_bf16(device) else "fp32"
    print(
        f"{source.path}, {device}, {precision}, {'compiled' if compiled else 'eager'}, "
        f"{torch.get_num_threads()} threads, width {arguments.batch_size}"
    )
    print(f"{'set':<10} {'stop':<14} {'segments':>8} {'computed':>8} {'solved':>8} {'puzzles/s':>10} {'ratio':>6}")
    for name, targets in puzzle.reference_sets.items():
        inputs = generated_set(puzzle, name, 0, arguments.puzzles, **targets).inputs

        def timed(stop: str, rows: int | None = None, inputs=inputs) -> tuple:
            started = time.perf_counter()
            found = solve(
                model, puzzle, inputs[:rows], stop=stop, max_segments=arguments.max_segments,
                batch_size=arguments.batch_size, narrow=False,
            )  # fmt: skip
            return found, time.perf_counter() - started

        timed(BASELINE, arguments.batch_size)  # compiles and warms up
        _, base = timed(BASELINE)
        for stop in (BASELINE, *arguments.stop):
            found, seconds = timed(stop)
            num = len(inputs)
            if stop == BASELINE:
                base = seconds = min(base, seconds)
            print(
                f"{name:<10} {stop:<14} {found.segments.mean():>8.2f} {found.computed / num:>8.2f} "
                f"{100 * found.solved.mean():>7.1f}% {num / seconds:>10.1f} {base / seconds:>6.2f}",
                flush=True,
            )


if __name__ == "__main__":
    main()
