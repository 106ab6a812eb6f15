"""What OpenMP's threads cost beside busy neighbours: a training step of the default job, by threads and waiting policy.

python benchmarks/threads.py              beside no busy process, and beside one
python benchmarks/threads.py --busy 0 1 3

OpenMP's threads spin while they wait for each other. Where a neighbour has taken a core, the spinning thread waits for
one that is not running, and keeps the core from it. OMP_WAIT_POLICY=PASSIVE lets it sleep instead; it must be set
before PyTorch is loaded, so each case is a process of its own. Read the ratios: seconds depend on the machine.
"""

import argparse
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--busy", type=int, nargs="+", default=[0, 1], metavar="N", help="busy neighbours, in turn")
    parser.add_argument("--steps", type=int, default=6, help="steps of a case; the first is not counted")
    parser.add_argument("--batch-size", type=int, default=16)
    parser.add_argument("--one", action="store_true", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.one:
        print(step_seconds(arguments.steps, arguments.batch_size))
        return
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    load = os.getloadavg()[0] if hasattr(os, "getloadavg") else float("nan")
    print(f"{cores} cores, load average {load:.1f} before the start")
    print(f"{'busy':>4} {'threads':>7} {'waiting':>8} {'s/step':>7} {'ratio':>6}")
    base = None
    for busy in arguments.busy:
        for threads, policy in ((cores, "default"), (cores, "PASSIVE"), (1, "default")):
            with neighbours(busy):
                seconds = in_a_process(threads, policy, arguments.steps, arguments.batch_size)
            base = base or seconds
            print(f"{busy:>4} {threads:>7} {policy:>8} {seconds:>7.3f} {seconds / base:>6.2f}", flush=True)


@contextmanager
def neighbours(number: int) -> Iterator[None]:
    """So many processes that compute without a pause."""
    running = [subprocess.Popen([sys.executable, "-c", "while True: pass"]) for _ in range(number)]
    try:
        yield
    finally:
        for one in running:
            one.kill()
            one.wait()


def in_a_process(threads: int, policy: str, steps: int, batch_size: int) -> float:
    """Median seconds of a step under an environment that PyTorch finds when it is loaded."""
    environment = {key: value for key, value in os.environ.items() if not key.startswith("OMP_")}
    environment["OMP_NUM_THREADS"] = str(threads)
    if policy != "default":
        environment["OMP_WAIT_POLICY"] = policy
    command = [sys.executable, __file__, "--one", "--steps", str(steps), "--batch-size", str(batch_size)]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
    return float(done.stdout)


def step_seconds(steps: int, batch_size: int) -> float:
    """Of the default job's model, eager: what compilation saves does not change how threads wait."""
    import torch

    from hrm_net.data.generated import generated_batches
    from hrm_net.recipes import compose, train_config
    from hrm_net.recipes.config import TrainConfig
    from hrm_net.recipes.solver import build_state, train_step
    from hrm_net.trainer.device import resolve_precision
    from puzzles import get

    overrides = compose.checked_overrides("train", [f"batch_size={batch_size}"], TrainConfig, sweep=False)
    ((values, _),) = compose.compose_jobs("train", overrides)
    config, cpu = train_config(values), torch.device("cpu")
    state = build_state(config, cpu, resolve_precision(config.precision, cpu))
    puzzle = get(**config.puzzle)
    batches = generated_batches(puzzle, config.data, seed=0, steps=config.steps, batch_size=batch_size)
    batch, taken = batches(0), []
    for _ in range(steps):
        started = time.perf_counter()
        train_step(state, batch, config, puzzle)
        taken.append(time.perf_counter() - started)
    return statistics.median(taken[1:])


if __name__ == "__main__":
    main()
