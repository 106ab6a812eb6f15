"""How a long run shows itself: a bar with the time left on a terminal, a line now and then elsewhere."""

import sys
import time

from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn


class TrainingProgress:
    """A context manager around a run of `total` steps that starts at `step`."""

    LINES = 20

    def __init__(self, total: int, step: int) -> None:
        self.total, self.step, self.first = total, step, step
        self.started, self.note = time.perf_counter(), "compiling"
        self.bar = Progress(
            TextColumn("training"),
            BarColumn(),
            MofNCompleteColumn(),
            TimeElapsedColumn(),
            TextColumn("left"),
            TimeRemainingColumn(elapsed_when_finished=False),
            TextColumn("{task.fields[note]}"),
            disable=not sys.stdout.isatty(),
        )
        self.task = self.bar.add_task("train", total=total, completed=step, note=self.note)

    def __enter__(self) -> "TrainingProgress":
        self.bar.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.bar.stop()

    def advance(self, note: str | None = None) -> None:
        """One step done; `note` is what there is to say of it."""
        self.step += 1
        self.note = note or self.note
        self.bar.update(self.task, completed=self.step, note=self.note)
        due = self.step * self.LINES // self.total > (self.step - 1) * self.LINES // self.total
        if self.bar.disable and note and due:
            seconds = time.perf_counter() - self.started
            left = seconds / (self.step - self.first) * (self.total - self.step)
            print(f"step {self.step}/{self.total}, {seconds / 60:.1f} min, {left / 60:.1f} left: {note}", flush=True)

    def say(self, line: str) -> None:
        """A line above the bar."""
        self.bar.console.print(line, highlight=False) if not self.bar.disable else print(line, flush=True)
