"""A puzzle filling in on the terminal, segment by segment."""

import time
from collections.abc import Iterator

from rich.console import Console, Group
from rich.live import Live
from rich.text import Text

from hrm_net.trace import Trace
from puzzles.render import render_text, verdict


def show(followed: Trace, *, console: Console | None = None, seconds: float = 0.35) -> None:
    """Plays the trace until its state settles, `seconds` a segment.

    Where the console is no terminal, prints the puzzle and its last state instead, without waiting.
    """
    console = console or Console()
    if not console.is_terminal:
        console.print(_board(followed, 0, colour=False), _board(followed, len(followed.states), colour=False))
        return
    with Live(console=console, auto_refresh=False) as live:
        for segment in _shown(followed):
            live.update(_board(followed, segment, colour=True), refresh=True)
            time.sleep(seconds)


def _shown(followed: Trace) -> Iterator[int]:
    yield from range(min(followed.settled_at + 1, len(followed.states)))
    yield len(followed.states)


def _board(followed: Trace, segment: int, *, colour: bool) -> Group:
    """The puzzle itself (segment 0), or its state after a segment, under a line that says so."""
    puzzle, labels = followed.puzzle, followed.labels
    if segment == 0:
        return Group(Text("puzzle"), Text.from_ansi(render_text(puzzle, followed.inputs, colour=colour)))
    state = followed.states[segment - 1]
    caption = [f"segment {segment} of {len(followed.states)}"]
    if labels is not None:
        caption.append(verdict(state, labels))
    caption.append(f"confidence {100 * followed.confidence[segment - 1]:.0f} %")
    board = render_text(puzzle, followed.inputs, state, labels=labels, colour=colour)
    return Group(Text(", ".join(caption)), Text.from_ansi(board))
