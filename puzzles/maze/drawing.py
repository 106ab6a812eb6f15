"""Mazes drawn: dark walls, the path as a line, judged by the rules and not by the stored path.

A cell is wrong where it breaks the path: on a wall, astray, at a loose end. Any shortest path is right everywhere, and
so is a whole path that is longer. Colours are Okabe and Ito's, and what is wrong bears a cross as well.
"""

from typing import Any

import numpy as np
from jaxtyping import Bool
from PIL import Image, ImageDraw

from puzzles.drawing.canvas import (
    CHANGED_GROUND,
    CROSS,
    INK,
    ROWS_OF_PAIRS,
    WHITE,
    WRONG,
    WRONG_GROUND,
    Cells,
    Drawer,
    Row,
    font,
    half_blocks,
    on_terminal,
)

WALL, FREE, START, GOAL, PATH = 1, 2, 3, 4, 5
WALL_COLOUR, RULE = "#3a3a3a", "#e4e4e4"
PATH_COLOUR, START_COLOUR, GOAL_COLOUR, LONGER = "#0072b2", "#009e73", "#e69f00", "#8a6100"
STEPS = ((-1, 0), (0, 1), (1, 0), (0, -1))  # up, right, down, left
LINES = " ╹╺┗╻┃┏┣╸┛━┻┓┫┳╋"  # by the sum of 1, 2, 4, 8 for the four steps
SMOOTH = 3  # pictures are drawn this much larger, then scaled down

Mask = Bool[np.ndarray, "rows columns"]


def _judge(puzzle: Any, inputs: Row, outputs: Row) -> tuple[bool, bool]:
    judged = puzzle.check(inputs[None], outputs[None])
    return bool(judged.valid[0]), bool(judged.solved[0])


def _neighbours(marked: Mask) -> np.ndarray:
    """[4, rows, columns]: whether the neighbour in each of STEPS is marked."""
    rows, columns = marked.shape
    padded = np.pad(marked, 1)
    return np.stack([padded[1 + dr : 1 + dr + rows, 1 + dc : 1 + dc + columns] for dr, dc in STEPS])


def _reached(marked: Mask, source: Mask) -> Mask:
    """The marked cells connected with the source, itself included."""
    reached = source
    while True:
        more = reached | (marked & _neighbours(reached).any(axis=0))
        if (more == reached).all():
            return reached
        reached = more


def _altered(inputs: Cells, outputs: Cells) -> Mask:
    """Where a state shows another maze: walls, S and G that are not kept. Ids that are no cell count as free."""
    shown = np.where((outputs < WALL) | (outputs > PATH) | (outputs == PATH), FREE, outputs)
    return (shown != inputs) | ((outputs == PATH) & (inputs != FREE))


def _broken(inputs: Cells, outputs: Cells) -> tuple[Mask, Mask, bool]:
    """(cells connected with neither S nor G, loose ends of the path, whether S and G are connected)."""
    ends = (inputs == START) | (inputs == GOAL)
    drawn = (inputs == FREE) & (outputs == PATH)
    marked = ends | drawn
    astray = drawn & ~_reached(marked, ends)
    joined = bool((_reached(marked, inputs == START) & (inputs == GOAL)).any())
    kept = marked & ~astray
    loose = kept & drawn & (_neighbours(kept).sum(axis=0) < 2)
    while joined:  # all of a dead end is loose; of a path with a gap only what ends there
        pruned = kept & ~loose
        more = loose | (pruned & drawn & (_neighbours(pruned).sum(axis=0) < 2))
        if (more == loose).all():
            break
        loose = more
    return astray, loose, joined


def _grids(puzzle: Any, *states: Row) -> list[Cells]:
    return [state.reshape(puzzle.shape) for state in states]


def broken_cells(puzzle: Any, inputs: Row, outputs: Row) -> Mask:
    if (inputs == outputs).all() or _judge(puzzle, inputs, outputs)[0]:
        return np.zeros(puzzle.shape, bool)
    maze, state = _grids(puzzle, inputs, outputs)
    astray, loose, _ = _broken(maze, state)
    return _altered(maze, state) | astray | loose


def _links(maze: Cells, state: Cells) -> np.ndarray:
    """[4, rows, columns]: whether the line goes on from a cell in each of STEPS; S beside G needs no line."""
    ends = (maze == START) | (maze == GOAL)
    line = (state == PATH) | ends
    return _neighbours(line) & line & ~(_neighbours(ends) & ends)


def text(puzzle: Any, inputs: Row, outputs: Row, labels: Row | None, colour: bool) -> str:
    """Two characters a cell; larger boards in colour half a character a cell."""
    maze, state = _grids(puzzle, inputs, outputs)
    wrong = broken_cells(puzzle, inputs, outputs)
    if colour and puzzle.shape[0] > ROWS_OF_PAIRS:
        return half_blocks(_colours(maze, state, wrong).tolist())
    links = _links(maze, state)
    crossed = wrong & ((state == PATH) | (maze != state))
    lines = []
    for r in range(puzzle.shape[0]):
        line = ""
        for c in range(puzzle.shape[1]):
            symbol = LINES[int((links[:, r, c] * (1, 2, 4, 8)).sum())] if state[r, c] == PATH else " "
            if maze[r, c] in (START, GOAL):
                symbol = "SG"[maze[r, c] - START]
            elif crossed[r, c]:
                symbol = CROSS
            elif state[r, c] == PATH and symbol == " ":
                symbol = "•"
            pair = symbol + ("━" if links[1, r, c] else " ")
            if colour:
                line += _painted(pair, int(maze[r, c]), bool(wrong[r, c]))
            else:
                line += "██" if maze[r, c] == WALL and not crossed[r, c] else pair
        lines.append(line)
    return "\n".join(lines)


def _painted(pair: str, given: int, wrong: bool) -> str:
    if wrong:
        return on_terminal(WHITE, WRONG, pair)
    ground = {WALL: WALL_COLOUR, START: START_COLOUR, GOAL: GOAL_COLOUR}.get(given, WHITE)
    return on_terminal(INK if given in (START, GOAL) else PATH_COLOUR, ground, pair)


def _colours(maze: Cells, state: Cells, wrong: Mask) -> np.ndarray:
    """The colour of each cell where one colour is all there is room for."""
    colours = np.full(maze.shape, WHITE, object)
    colours[maze == WALL] = WALL_COLOUR
    colours[state == PATH] = PATH_COLOUR
    colours[wrong] = WRONG
    colours[maze == START] = START_COLOUR
    colours[maze == GOAL] = GOAL_COLOUR
    return colours


def board(
    puzzle: Any, inputs: Row, outputs: Row, labels: Row | None, changed: Bool[np.ndarray, " seq"], cell: int
) -> Image.Image:
    maze, state = _grids(puzzle, inputs, outputs)
    wrong = broken_cells(puzzle, inputs, outputs)
    rows, columns = maze.shape
    side, edge = cell * SMOOTH, SMOOTH
    image = Image.new("RGB", (columns * side + 2 * edge, rows * side + 2 * edge), WALL_COLOUR)
    draw = ImageDraw.Draw(image)
    fresh = changed.reshape(maze.shape)
    for r, c in np.ndindex(maze.shape):
        box = (edge + c * side, edge + r * side, edge + (c + 1) * side - 1, edge + (r + 1) * side - 1)
        if maze[r, c] != WALL:
            draw.rectangle(box, fill=CHANGED_GROUND if fresh[r, c] else WHITE, outline=RULE, width=1)
        if wrong[r, c]:  # a wall still shows around its mistake
            inset = side // 6 if maze[r, c] == WALL else 0
            draw.rectangle((box[0] + inset, box[1] + inset, box[2] - inset, box[3] - inset), fill=WRONG_GROUND)
    _draw_path(draw, maze, state, wrong, side, edge)
    _draw_ends(draw, maze, side, edge)
    return image.reduce(SMOOTH)


def _draw_path(draw: ImageDraw.ImageDraw, maze: Cells, state: Cells, wrong: Mask, side: int, edge: int) -> None:
    thick = side * 0.17  # half the line's breadth
    links = _links(maze, state)
    order = np.argwhere((state == PATH) | (maze == START) | (maze == GOAL))
    for r, c in sorted(order.tolist(), key=lambda place: not wrong[tuple(place)]):  # what is right lies on top
        x, y = edge + (c + 0.5) * side, edge + (r + 0.5) * side
        colour = WRONG if wrong[r, c] else PATH_COLOUR
        for (dr, dc), linked in zip(STEPS, links[:, r, c], strict=True):
            if linked:
                (left, right), (top, bottom) = sorted((x, x + dc * side / 2)), sorted((y, y + dr * side / 2))
                wide, high = thick * abs(dr), thick * abs(dc)
                draw.rectangle((left - wide, top - high, right + wide, bottom + high), fill=colour)
        if state[r, c] == PATH:
            draw.ellipse((x - thick, y - thick, x + thick, y + thick), fill=colour)
    for r, c in np.argwhere(wrong & (maze != START) & (maze != GOAL)).tolist():
        x, y = edge + (c + 0.5) * side, edge + (r + 0.5) * side
        arm = side * 0.28
        for slope in (1, -1):
            draw.line((x - arm, y - slope * arm, x + arm, y + slope * arm), fill=WRONG, width=max(2, side // 9))


def _draw_ends(draw: ImageDraw.ImageDraw, maze: Cells, side: int, edge: int) -> None:
    face = font(int(side * 0.62))
    rise = face.getbbox("S", anchor="ls")[1]
    for token, colour, letter in ((START, START_COLOUR, "S"), (GOAL, GOAL_COLOUR, "G")):
        for r, c in np.argwhere(maze == token).tolist():
            x, y, reach = edge + (c + 0.5) * side, edge + (r + 0.5) * side, side * 0.46
            draw.ellipse((x - reach, y - reach, x + reach, y + reach), fill=colour)
            draw.text((x, y - rise / 2), letter, fill=INK, font=face, anchor="ms", stroke_width=side / 60)


def verdict(puzzle: Any, inputs: Row, outputs: Row, labels: Row | None) -> tuple[str, str]:
    """ "solved", "valid, 4 moves longer" or "broken", whichever path is stored."""
    valid, solved = _judge(puzzle, inputs, outputs)
    if solved:
        return "solved", PATH_COLOUR
    if not valid:
        return "broken", WRONG
    longer = int((outputs == PATH).sum() - (puzzle.solve(inputs[None])[0] == PATH).sum())
    return f"valid, {longer} move{'s' if longer > 1 else ''} longer", LONGER


def mistakes(puzzle: Any, inputs: Row, outputs: Row, labels: Row | None) -> str:
    """The verdict, and how a broken path is broken."""
    words = verdict(puzzle, inputs, outputs, labels)[0]
    if words != "broken":
        return words
    maze, state = _grids(puzzle, inputs, outputs)
    astray, loose, joined = _broken(maze, state)
    altered = _altered(maze, state)
    through = altered & (maze == WALL) & (state == PATH)
    counts = (
        (not joined, "no way from S to G" if (state == PATH).any() else "no path drawn"),
        (through.any(), f"{through.sum()} through walls"),
        ((altered & ~through).any(), f"{(altered & ~through).sum()} cells of the maze altered"),
        (astray.any(), f"{astray.sum()} astray"),
        (joined and loose.any(), f"{loose.sum()} in dead ends"),
    )
    return "broken: " + ", ".join(words for applies, words in counts if applies)


def extent(puzzle: Any, inputs: Row, outputs: Row) -> tuple[int, int]:
    return puzzle.shape


DRAWER = Drawer(text=text, board=board, verdict=verdict, mistakes=mistakes, extent=extent, beside=("target",))
