"""One process at a time in a run directory."""

import fcntl
import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from puzzles.errors import UserError


@contextmanager
def run_lock(run_dir: Path) -> Iterator[None]:
    """Hold `run_dir` (made if missing) while the block runs; ValueError naming the holder where another process has it.

    The kernel lets go when the process ends, however it ends: a killed run needs no cleaning. The file `.lock` stays:
    deleting it would let two processes hold two different files of that name.
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
