"""Mazes drawn: dark walls, the path as a line, and what `puzzles.maze.paths` finds wrong with it in red.

Colours are Okabe and Ito's, and what is wrong bears a cross as well.
"""

import numpy as np
from jaxtyping import Bool
from PIL import Image, ImageDraw

from puzzles.base import Puzzle
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
from puzzles.maze import paths
from puzzles.maze.paths import GOAL, PATH, START, STEPS, WALL, Mask, broken_cells, neighbours

WALL_COLOUR, RULE = "#3a3a3a", "#e4e4e4"
PATH_COLOUR, START_COLOUR, GOAL_COLOUR, LONGER = "#0072b2", "#009e73", "#e69f00", "#8a6100"
LINES = " ╹╺┗╻┃┏┣╸┛━┻┓┫┳╋"  # by the sum of 1, 2, 4, 8 for the four steps
SMOOTH = 3  # pictures are drawn this much larger, then scaled down


def _grids(puzzle: Puzzle, *states: Row) -> list[Cells]:
    return [state.reshape(puzzle.shape) for state in states]


def _links(maze: Cells, state: Cells) -> np.ndarray:
    """[4, rows, columns]: whether the line goes on from a cell in each of STEPS; S beside G needs no line."""
    ends = (maze == START) | (maze == GOAL)
    line = (state == PATH) | ends
    return neighbours(line) & line & ~(neighbours(ends) & ends)


def text(puzzle: Puzzle, inputs: Row, outputs: Row, labels: Row | None, colour: bool) -> str:
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
    puzzle: Puzzle, inputs: Row, outputs: Row, labels: Row | None, changed: Bool[np.ndarray, " seq"], cell: int
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


def verdict(puzzle: Puzzle, inputs: Row, outputs: Row, labels: Row | None) -> tuple[str, str]:
    words = paths.verdict(puzzle, inputs, outputs)
    return words, {"solved": PATH_COLOUR, "broken": WRONG}.get(words, LONGER)


def mistakes(puzzle: Puzzle, inputs: Row, outputs: Row, labels: Row | None) -> str:
    return paths.describe(puzzle, inputs, outputs)


def extent(puzzle: Puzzle, inputs: Row, outputs: Row) -> tuple[int, int]:
    return puzzle.shape


DRAWER = Drawer(text=text, board=board, verdict=verdict, mistakes=mistakes, extent=extent, beside=("target",))
