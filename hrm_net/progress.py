"""How long work shows itself: a bar with the time left on a terminal, a line at least once a minute elsewhere."""

import sys
import threading
import time
from types import TracebackType

MINUTE = 60.0


class Progress:
    """A context manager around `total` units of work (None: nobody knows), `done` of which were there before.

    On a terminal it is a bar, which disappears at the end where `transient`. Elsewhere it prints a line each time a
    `lines`-th of the work is done (0: none of these), and whenever a minute has passed without one. A thread prints
    the latter, so that a unit of many minutes is not silent. `shown=False` shows nothing.
    """

    def __init__(
        self, what: str, total: int | None, *, unit: str = "", done: int = 0, note: str = "", lines: int = 0,
        transient: bool = False, shown: bool = True,
    ) -> None:  # fmt: skip
        from rich import progress as rich  # here, so that commands without a bar start sooner

        self.what, self.total, self.done, self.first = what, total, done, done
        self.unit, self.note, self.lines = unit, note, lines
        self.terminal = shown and sys.stdout.isatty()
        self.plain = shown and not self.terminal
        self.bar = rich.Progress(
            rich.TextColumn("{task.description}"),
            rich.BarColumn(),
            rich.MofNCompleteColumn(),
            rich.TimeElapsedColumn(),
            rich.TextColumn("left"),
            rich.TimeRemainingColumn(elapsed_when_finished=False),
            rich.TextColumn("{task.fields[note]}"),
            disable=not self.terminal,
            transient=transient,
        )
        self.task = self.bar.add_task(what, total=total, completed=done, note=note)
        self.ended = threading.Event()
        self.thread = threading.Thread(target=self._print_by_the_minute, daemon=True)
        self.started = self.printed = time.monotonic()

    def __enter__(self) -> "Progress":
        self.started = self.printed = time.monotonic()
        self.bar.start()
        if self.plain:
            self.thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.ended.set()
        if self.plain:
            self.thread.join()
        self.bar.stop()

    def advance(self, note: str | None = None) -> None:
        """One unit is done; `note` is what there is to say of the work."""
        self.done += 1
        self.note = note or self.note
        self.bar.update(self.task, completed=self.done, note=self.note)
        due = self.total and self.done * self.lines // self.total > (self.done - 1) * self.lines // self.total
        if self.plain and due and note:
            self._print()

    def name(self, what: str) -> None:
        """Say from here on that the work is `what`."""
        self.what = what
        self.bar.update(self.task, description=what)

    def say(self, line: str) -> None:
        """A line above the bar."""
        self.printed = time.monotonic()
        if self.terminal:
            self.bar.console.print(line, highlight=False)
        else:
            print(line, flush=True)

    def _print_by_the_minute(self) -> None:
        while not self.ended.wait(max(0.0, self.printed + MINUTE - time.monotonic())):
            if time.monotonic() - self.printed >= MINUTE:
                self._print()

    def _print(self) -> None:
        self.printed = time.monotonic()
        seconds = self.printed - self.started
        count = self.what if self.total is None else f"{self.what} {self.done}/{self.total} {self.unit}".rstrip()
        parts = [count, f"{seconds / 60:.1f} min"]
        if self.total is not None and self.done > self.first:
            parts.append(f"{seconds / (self.done - self.first) * (self.total - self.done) / 60:.1f} left")
        print(", ".join(parts) + (f": {self.note}" if self.note else ""), flush=True)
