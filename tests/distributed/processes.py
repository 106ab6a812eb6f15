"""Starts the ranks of a run as a launcher would, from one server that has imported the package already."""

import multiprocessing
import os
import socket
import sys
from collections.abc import Sequence
from multiprocessing.context import ForkServerContext
from multiprocessing.process import BaseProcess
from pathlib import Path

CONTEXT: ForkServerContext = multiprocessing.get_context("forkserver")
CONTEXT.set_forkserver_preload(["tests.distributed.preloaded"])
TINY = (
    "device=cpu", "precision=fp32", "compile=false", "threads=1", "batch_size=8", "log_every=1",
    "validation.every=0", "evaluate_puzzles=0", "checkpoint_every=0",
)  # fmt: skip


def free_port() -> int:
    """A port that nobody listens on."""
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return one.getsockname()[1]


class Ranks:
    """The ranks of one command; `train` says which. Without a launcher where `size` is 1."""

    def __init__(self, size: int, arguments: Sequence[Sequence[str]], folder: Path, command: str = "train") -> None:
        port = free_port()
        folder.mkdir(parents=True, exist_ok=True)
        self.outputs = [folder / f"rank_{rank}.txt" for rank in range(size)]
        self.processes: list[BaseProcess] = [
            CONTEXT.Process(target=_rank, args=(rank, size, port, command, [*arguments[rank]], self.outputs[rank]))
            for rank in range(size)
        ]
        for process in self.processes:
            process.start()

    def codes(self, timeout: float = 120) -> list[int | None]:
        """The exit codes, once all have ended; None for one that has not."""
        for process in self.processes:
            process.join(timeout)
        found = [process.exitcode for process in self.processes]
        for process in self.processes:
            process.kill()
        return found

    def texts(self) -> list[str]:
        """What each has printed, errors included."""
        return [path.read_text() for path in self.outputs]

    def errors(self) -> list[str]:
        """Every line that starts with `error:`, of all ranks."""
        return [line for text in self.texts() for line in text.splitlines() if line.startswith("error:")]


def run(size: int, arguments: Sequence[str], folder: Path, command: str = "train") -> Ranks:
    """Run a command to its end, which must be a good one."""
    ranks = Ranks(size, [arguments] * size, folder, command)
    codes = ranks.codes()
    assert codes == [0] * size, ranks.texts()
    return ranks


def _rank(rank: int, size: int, port: int, command: str, arguments: list[str], output: Path) -> None:
    with output.open("wb") as file:
        for stream in (1, 2):
            os.dup2(file.fileno(), stream)
    if size > 1:
        own = {"RANK": rank, "LOCAL_RANK": rank, "WORLD_SIZE": size, "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": port}
        os.environ |= {key: str(value) for key, value in own.items()}
    from hrm_net import cli

    sys.argv = [f"{command}.py"]
    getattr(cli, command)(arguments)
