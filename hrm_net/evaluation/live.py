"""A puzzle filling in on the terminal, segment by segment."""

import time
from collections.abc import Iterator

from rich.cells import cell_len
from rich.console import Console, Group
from rich.live import Live
from rich.table import Table
from rich.text import Text

from hrm_net.evaluation.trace import Trace
from puzzles.drawing.render import render_text, still_texts, verdict

GAP = 3  # columns between boards side by side


def show(followed: Trace, *, console: Console | None = None, seconds: float = 0.35) -> None:
    """Plays the trace until its state settles, `seconds` a segment.

    Where the console is not a terminal, it prints the puzzle and its last state instead, without waiting.
    """
    console = console or Console()
    if not console.is_terminal:
        console.print(_board(followed, 0, colour=False), _board(followed, len(followed.states), colour=False))
        return
    with Live(console=console, auto_refresh=False) as live:
        for segment in _shown(followed):
            live.update(_board(followed, segment, colour=True, width=console.width), refresh=True)
            time.sleep(seconds)


def _shown(followed: Trace) -> Iterator[int]:
    yield from range(min(followed.settled_at + 1, len(followed.states)))
    yield len(followed.states)


def _board(followed: Trace, segment: int, *, colour: bool, width: int = 0) -> Group:
    """The puzzle itself (segment 0), or its state after a segment, under a caption.

    What the state needs beside it to be understood, as a maze's target, stands to the left where `width` allows.
    """
    puzzle, labels = followed.puzzle, followed.labels
    caption, state, judged = ["puzzle"], followed.inputs, None
    if segment > 0:
        caption, state, judged = [f"segment {segment} of {len(followed.states)}"], followed.states[segment - 1], labels
        words = verdict(puzzle, followed.inputs, state, labels)
        caption += [words] if words else []
        caption.append(f"confidence {100 * followed.confidence[segment - 1]:.0f} %")
    board = Text.from_ansi(render_text(puzzle, followed.inputs, state, labels=judged, colour=colour))
    boards = [
        (name, Text.from_ansi(text)) for name, text in still_texts(puzzle, followed.inputs, labels, colour=colour)
    ]
    head = Text(", ".join(caption))
    while boards and sum(_width(each) + GAP for _, each in boards) + max(_width(head), _width(board)) > width:
        boards.pop(0)
    if not boards:
        return Group(head, board)
    table = Table.grid(padding=(0, GAP, 0, 0))
    table.add_row(*(Text(name) for name, _ in boards), head)
    table.add_row(*(each for _, each in boards), board)
    return Group(table)


def _width(text: Text) -> int:
    return max(cell_len(line) for line in text.plain.split("\n"))
