"""Attempts at small puzzles for the tests of steps: random edits, right and wrong, and the puzzles themselves."""

import numpy as np
from hypothesis import strategies as st

import puzzles
from puzzles.maze.domain import GOAL, START, WALL
from puzzles.steps.attempts import Attempts, attempts
from puzzles.steps.rules import StepRules, step_rules
from puzzles.steps.steps import Regime, Trajectory, from_states

SUDOKU = puzzles.get("sudoku", box="2x2")
MAZE = puzzles.get("maze", rows=4, columns=5)
ARC = puzzles.get("arc", canvas=6)


def puzzle_rows(name, rng, num):
    """(rules, problems) of small puzzles; the answers are remembered."""
    puzzle = {"sudoku": SUDOKU, "maze": MAZE, "arc": ARC}[name]
    targets = {"sudoku": {"clues": 6}, "maze": {"kind": "hard", "walls": [0.0, 0.4]}, "arc": {"max_side": 5}}[name]
    problems, answers = puzzle.generate(rng, num, **targets)
    rules = step_rules(puzzle)
    rules.remember(problems, answers)
    return rules, problems


def random_attempts(rules, problems, rng, *, steps, cells, fill, budget, right=0.7):
    """Edits of random cells, each right with the chance `right`, else any value; some steps do nothing.

    The attempt may end early, solved or not.
    """
    states = [rules.start(problems)]
    editable = rules.editable(problems)
    for _ in range(steps):
        state = states[-1].copy()
        target = rules.targets(problems, state, state)
        for row in range(len(problems)):
            free = np.flatnonzero(editable[row] & (state[row] == rules.blank if fill else True))
            for cell in rng.permutation(free)[: rng.integers(0, cells + 1)]:
                state[row, cell] = target[row, cell] if rng.random() < right else rng.choice(rules.values)
        states.append(state)
    lengths = rng.integers(1, steps + 1, len(problems))
    regime = "fill" if fill else "edit"
    return attempts(
        rules.puzzle, problems, np.stack(states, 1), lengths, budget=budget, cells_per_step=cells, regime=regime
    )


def cases(names=("sudoku", "maze", "arc"), fills=(False, True)):
    """What `build` takes. Built in the test: the type checker draws from `random`, which strategies must not."""
    return st.fixed_dictionaries(
        {
            "seed": st.integers(0, 2**32),
            "name": st.sampled_from(names),
            "steps": st.integers(1, 9),
            "cells": st.integers(1, 4),
            "spare": st.integers(0, 3),
            "fill": st.sampled_from(fills),
            "right": st.sampled_from((0.0, 0.6, 0.95, 1.0)),
        }
    )


def build(case) -> tuple[StepRules, Attempts]:
    """A few random attempts at puzzles of one domain."""
    rng = puzzles.rng(case["seed"], "attempts")
    rules, problems = puzzle_rows(case["name"], rng, 3)
    steps, budget = case["steps"], case["steps"] + case["spare"]
    return rules, random_attempts(
        rules, problems, rng, steps=steps, cells=case["cells"], fill=case["fill"], budget=budget, right=case["right"]
    )


@st.composite
def mazes(draw, rows=4, columns=5):
    """Tokens [seq] of a maze with a path."""
    rng = puzzles.rng(draw(st.integers(0, 2**32)), "maze")
    puzzle = puzzles.get("maze", rows=rows, columns=columns)
    return puzzle.generate(rng, 1, kind="hard", walls=[0.0, 0.4])[0][0]


def shortest_paths(tokens, rows, columns):
    """The cells between S and G of every shortest path, by trying all walks of growing length."""
    grid = np.asarray(tokens).reshape(rows, columns)
    start, goal = (tuple(np.argwhere(grid == token)[0].tolist()) for token in (START, GOAL))
    walks = [(start,)]
    while walks:
        if done := [walk for walk in walks if walk[-1] == goal]:
            return [frozenset(r * columns + c for r, c in walk[1:-1]) for walk in done]
        longer = []
        for walk in walks:
            r, c = walk[-1]
            for there in ((r + 1, c), (r, c - 1), (r, c + 1), (r - 1, c)):
                inside = 0 <= there[0] < rows and 0 <= there[1] < columns
                if inside and grid[there] != WALL and there not in walk:
                    longer.append((*walk, there))
        walks = longer
    return []


def walk(rules, problem, order, cells, spare=0, regime: Regime = "fill") -> Trajectory:
    """The attempt that writes these (cell, value) one after another, `cells` at a time."""
    states = [rules.start(problem[None])[0]]
    for begin in range(0, len(order), cells):
        states.append(states[-1].copy())
        for cell, value in order[begin : begin + cells]:
            states[-1][cell] = value
    steps = from_states(np.stack(states))
    return Trajectory(
        task=rules.puzzle.name, problem=problem, start=states[0], steps=steps, budget=len(steps) + spare,
        cells_per_step=cells, regime=regime,
    )  # fmt: skip
