"""How a command ends: one line and exit code 2 for a user's mistake, a traceback and 1 for ours."""

import errno
import sys
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from types import TracebackType

# What the machine or the user is to blame for, not the program.
_OUTSIDE = {
    errno.ENOENT, errno.EACCES, errno.EPERM, errno.EEXIST, errno.EISDIR, errno.ENOTDIR, errno.EROFS, errno.ENOSPC,
    errno.EDQUOT, errno.ENAMETOOLONG,
}  # fmt: skip


@contextmanager
def exit_codes() -> Iterator[None]:
    """A user's mistake ends in one line on stderr and exit code 2, ours in a traceback and 1, Ctrl-C in 130."""
    try:
        yield
    except KeyboardInterrupt:
        sys.exit(130)
    except Exception as error:
        line = _user_error(error)
        if line is None:
            traceback.print_exception(error)
            sys.exit(1)
        print(f"error: {' '.join(line.split())}", file=sys.stderr)
        sys.exit(2)


def _user_error(error: Exception) -> str | None:
    """The line to show for a user's mistake; None for any other error.

    A ValueError counts where this package or `puzzles` raised it: one out of a library is a defect of ours.
    """
    if isinstance(error, ValueError) and _raised_in(error.__traceback__) in ("hrm_net", "puzzles"):
        return str(error)
    if isinstance(error, OSError) and error.errno in _OUTSIDE and error.filename:
        return f"{error.filename}: {error.strerror}"
    return None


def _raised_in(trace: TracebackType | None) -> str:
    """The top-level package of the innermost frame."""
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    return str(trace.tb_frame.f_globals.get("__name__", "")).partition(".")[0] if trace else ""
