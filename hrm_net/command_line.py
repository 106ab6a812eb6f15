"""What all commands share: one parser, options with one meaning, and how a command ends.

One line on stderr and exit code 2 for a user's mistake, a traceback and exit code 1 for a defect.
"""

import argparse
import errno
import os
import sys
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, NoReturn

from puzzles.errors import UserError

# OpenMP's threads spin while they wait for each other, unless told to sleep before PyTorch is loaded. Beside other busy
# processes spinning costs many times what it saves: on 2 cores with a load of 10 a training step took 7.3 s with two
# spinning threads, 0.55 s with two that sleep and 0.54 s with one (benchmarks/threads.py).
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")

# Errors of the operating system that the machine or the user is to blame for, not the program.
_OUTSIDE = {
    errno.ENOENT, errno.EACCES, errno.EPERM, errno.EEXIST, errno.EISDIR, errno.ENOTDIR, errno.EROFS, errno.ENOSPC,
    errno.EDQUOT, errno.ENAMETOOLONG,
}  # fmt: skip
# Options that several commands take, by name.
_SHARED: dict[str, dict[str, Any]] = {
    "--run": {
        "metavar": "DIR",
        "help": "directory of a training run, or of save_pretrained; default: the shipped weights",
    },
    "--device": {"default": "auto", "choices": ("auto", "cpu", "cuda", "mps"), "help": "device (default: %(default)s)"},
    "--precision": {
        "default": "auto", "choices": ("auto", "bf16", "fp32"), "help": "of states and products (default: %(default)s)",
    },
    "--batch-size": {
        "type": int, "default": 64, "metavar": "N", "help": "puzzles computed at once (default: %(default)s)",
    },
    "--seed": {"type": int, "default": 0, "metavar": "N", "help": "of every random choice (default: %(default)s)"},
}  # fmt: skip


class Parser(argparse.ArgumentParser):
    """Makes a mistake a UserError of one line, without the usage; description and epilog keep their lines."""

    def __init__(self, prog: str, **options: Any) -> None:
        super().__init__(prog, formatter_class=argparse.RawDescriptionHelpFormatter, **options)

    def error(self, message: str) -> NoReturn:
        raise UserError(f"{message}; --help lists what there is")

    def share(self, name: str, **changes: Any) -> None:
        """Add an option that other commands take as well; `changes` replace what its help says, or its default."""
        self.add_argument(name, **{**_SHARED[name], **changes})


@contextmanager
def exit_codes() -> Iterator[None]:
    """Exit with code 2 and one line on stderr for a user's mistake, with 1 and a traceback for a defect, with 130 for
    Ctrl-C."""
    try:
        yield
    except KeyboardInterrupt:
        sys.exit(130)
    except Exception as error:
        _end(error)


def _end(error: Exception) -> NoReturn:
    """Print the error and exit; among several processes of one run, together with the others."""
    line = None
    if isinstance(error, UserError):
        line = str(error)
    elif isinstance(error, OSError) and error.errno in _OUTSIDE and error.filename:
        line = f"{error.filename}: {error.strerror}"
    code = 1 if line is None else 2
    if "hrm_net.distributed.launch" not in sys.modules:  # this process has joined no others, and need not load torch
        _print(error, line, "")
        sys.exit(code)
    from hrm_net.distributed.failures import leave_together
    from hrm_net.distributed.group import PeerLostError

    shown = "" if isinstance(error, PeerLostError) else line  # the note alone says which process was lost
    sys.exit(leave_together(error, code, lambda note: _print(error, shown, note)))


def _print(error: Exception, line: str | None, note: str) -> None:
    """`note` and the line of a user's mistake, or a traceback where there is none."""
    if line is not None:
        print(f"error: {note}{' '.join(line.split())}", file=sys.stderr)
        return
    if note:
        print(f"error: {note}failed:", file=sys.stderr)
    traceback.print_exception(error)
