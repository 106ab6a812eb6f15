"""Repetitive text, on which a reader with a super-linear regular expression or loop takes very long."""

import itertools
import time
from collections.abc import Callable, Iterator

SIZE = 50_000  # characters of each text
SECONDS = 5.0  # of processor time: ten times what a linear reader takes; a quadratic search takes 8 to 10
_PIECES = (
    "0",
    "9",
    "1",
    ".",
    "-",
    "a",
    " ",
    "\n",
    "\t",
    "\r",
    '"',
    "\\",
    "{",
    "}",
    "[",
    "]",
    ",",
    ":",
    "#",
    "|",
    "/",
    "é",
)
_PHRASES = (
    "[[", '{"a":', '"a",', '\\"', "\\u", "\\ud83d", "1e9", "0.", "-1,", ",,", ";;", "'", "r1c1=", "r1c1=1 ", "pass ",
    "S.#G", "*-", "|\n", "\r\n", "[]", "{}", " ,", '""', '","', "$", "\\boxed{", "(", "<a>", "```", "#### ",
)  # fmt: skip


def texts(extra: tuple[str, ...] = (), *, size: int = SIZE, phrases: bool = True) -> Iterator[str]:
    """Each short pattern repeated to `size` characters, alone and between an open quote and another letter.

    `phrases=False` leaves out the patterns that mean something in JSON, CSV and mathematics only.
    """
    longer = (*_PHRASES, *map("".join, itertools.permutations('0 "\\{', 2))) if phrases else ()
    for pattern in dict.fromkeys((*_PIECES, *longer, *extra)):
        long = pattern * (size // len(pattern))
        yield long
        if "\n" not in pattern:
            yield f'"{long}x'


def check_linear(
    read: Callable[[str], object],
    *,
    allowed: type[Exception],
    extra: tuple[str, ...] = (),
    size: int = SIZE,
    limit: float = SECONDS,
    phrases: bool = True,
) -> None:
    """`read` returns, or raises `allowed` with one line, for each text within `limit` seconds of processor time."""
    for text in texts(extra, size=size, phrases=phrases):
        start = time.process_time()
        try:
            read(text)
        except allowed as error:
            check_told(str(error))
        seconds = time.process_time() - start
        assert seconds < limit, f"{text[:12]!r} repeated: {seconds:.1f} s"


def check_told(message: str, start: str = "") -> None:
    """The message of a UserError is one printable line of moderate length."""
    assert message.isprintable(), message
    assert len(message) < 1000, message
    assert message.startswith(start), message
