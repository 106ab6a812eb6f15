"""A polite end on SIGTERM and SIGINT: the step is finished and saved first; a second signal ends at once."""

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType


class Interrupt:
    """Whether a signal has asked the loop to stop."""

    def __init__(self) -> None:
        self.signal: signal.Signals | None = None

    @property
    def exit_code(self) -> int:
        """128 + signal, as shells count it: 143 for SIGTERM, 130 for SIGINT."""
        assert self.signal is not None
        return 128 + self.signal


@contextmanager
def interruptible() -> Iterator[Interrupt]:
    """Catch the first SIGTERM or SIGINT while the block runs. Does nothing outside the main thread."""
    interrupt, previous = Interrupt(), {}

    def on_signal(number: int, frame: FrameType | None) -> None:
        interrupt.signal = signal.Signals(number)
        for each, handler in previous.items():
            signal.signal(each, handler)

    try:
        for each in (signal.SIGTERM, signal.SIGINT):
            previous[each] = signal.signal(each, on_signal)
    except ValueError:
        previous.clear()
    try:
        yield interrupt
    finally:
        for each, handler in previous.items():
            signal.signal(each, handler)
