"""One process at a time in a run directory, and an orderly end on a signal."""

import fcntl
import os
import signal
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType

from hrm_net.distributed.group import Group
from puzzles.errors import UserError


@contextmanager
def run_lock(run_dir: Path) -> Iterator[None]:
    """Hold `run_dir` (made if missing) while the block runs; UserError naming the holder where another process has it.

    The kernel releases the lock when the process ends, however it ends: a killed run needs no cleaning. The file
    `.lock` stays: deleting it would let two processes hold two different files of that name.
    """
    try:
        run_dir.mkdir(parents=True, exist_ok=True)
        handle = os.open(run_dir / ".lock", os.O_RDWR | os.O_CREAT, 0o644)
    except OSError as error:
        raise UserError(f"run directory {run_dir}: cannot be written: {error.strerror}") from error
    try:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            holder = os.read(handle, 200).decode(errors="replace").strip() or "another process"
            raise UserError(f"run directory {run_dir}: in use by {holder}; stop it or choose another name=") from None
        os.ftruncate(handle, 0)
        os.pwrite(handle, f"process {os.getpid()} on {socket.gethostname()}\n".encode(), 0)
        yield
    finally:
        os.close(handle)


class Interrupt:
    """Whether a signal has asked the loop to stop."""

    def __init__(self) -> None:
        self.signal: signal.Signals | None = None

    def shared(self, group: Group) -> signal.Signals | None:
        """The signal by which all processes stop after this step, where one of them has caught any.

        `signal` changes at any moment; what this gives is the same on every process.
        """
        number = group.largest(self.signal or 0)
        if not number:
            return None
        self.signal = signal.Signals(number)
        return self.signal

    @property
    def exit_code(self) -> int:
        """128 + signal, as shells count it: 143 for SIGTERM, 130 for SIGINT."""
        assert self.signal is not None
        return 128 + self.signal


@contextmanager
def interruptible() -> Iterator[Interrupt]:
    """Catch the first SIGTERM or SIGINT while the block runs; a second one ends the process at once.

    Does nothing outside the main thread.
    """
    interrupt, previous = Interrupt(), {}

    def on_signal(number: int, frame: FrameType | None) -> None:
        interrupt.signal = signal.Signals(number)
        for each, handler in previous.items():
            signal.signal(each, handler)

    try:
        for each in (signal.SIGTERM, signal.SIGINT):
            previous[each] = signal.signal(each, on_signal)
    except ValueError:  # not the main thread
        previous.clear()
    try:
        yield interrupt
    finally:
        for each, handler in previous.items():
            signal.signal(each, handler)
