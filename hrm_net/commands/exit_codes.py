"""How a command ends: one line and exit code 2 for a user's mistake, a traceback and exit code 1 for a defect."""

import errno
import sys
import traceback
from collections.abc import Iterator
from contextlib import contextmanager

from puzzles.errors import UserError

# Errors of the operating system that the machine or the user is to blame for, not the program.
_OUTSIDE = {
    errno.ENOENT, errno.EACCES, errno.EPERM, errno.EEXIST, errno.EISDIR, errno.ENOTDIR, errno.EROFS, errno.ENOSPC,
    errno.EDQUOT, errno.ENAMETOOLONG,
}  # fmt: skip


@contextmanager
def exit_codes() -> Iterator[None]:
    """Exit with code 2 and one line on stderr for a user's mistake, with 1 and a traceback for a defect, with 130 for
    Ctrl-C."""
    try:
        yield
    except KeyboardInterrupt:
        sys.exit(130)
    except UserError as error:
        _refuse(str(error))
    except OSError as error:
        if error.errno in _OUTSIDE and error.filename:
            _refuse(f"{error.filename}: {error.strerror}")
        _fail(error)
    except Exception as error:
        _fail(error)


def _refuse(message: str) -> None:
    print(f"error: {' '.join(message.split())}", file=sys.stderr)
    sys.exit(2)


def _fail(error: Exception) -> None:
    traceback.print_exception(error)
    sys.exit(1)
