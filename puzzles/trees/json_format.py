"""Trees as OmegaPRM's JSON: {"text", "mc_value", "children"}, the root's text being the puzzle, a node's its step.

What else a Tree holds stands beside these keys, where readers of the plain format overlook it; plain files are read
too, with labels but without counts. A file has one tree a line.
"""

import json
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any, get_args

import numpy as np

from puzzles.errors import UserError
from puzzles.steps.attempts import groups
from puzzles.steps.rules import StepRules
from puzzles.steps.steps import Step
from puzzles.steps.text import format_step, parse_step
from puzzles.trees.trees import Node, Origin, Tree

ORIGINS = get_args(Origin)


def tree_to_json(rules: StepRules, tree: Tree) -> dict[str, Any]:
    """The tree from its root; `start` holds the edits that lead to a root which is not the empty start."""
    empty = rules.start(tree.problem[None])[0]
    return _to_json(rules, tree.root, rules.puzzle.format(tree.problem)) | {
        "start": format_step(rules.puzzle, Step.between(empty, tree.root.state)),
        "task": tree.task,
        "budget": tree.budget,
        "cells_per_step": tree.cells_per_step,
        "policy": tree.policy,
        "k": tree.k,
    }


def _to_json(rules: StepRules, node: Node, text: str) -> dict[str, Any]:
    children = [_to_json(rules, child, format_step(rules.puzzle, child.step)) for child in node.children]
    return {
        "text": text,
        "mc_value": node.mc,
        "children": children,
        "n": node.n,
        "c": node.c,
        "time": node.time,
        "exact": node.exact,
        "origin": node.origin,
    }


def tree_from_json(rules: StepRules, data: Any) -> Tree:
    """ValueError of one line for what is no such tree, of another puzzle, or edits a given."""
    text = _get(data, "text", str, None, "root")
    task = _get(data, "task", str, rules.puzzle.name, "root")
    if task != rules.puzzle.name:
        raise UserError(f"root: task={task}: must be {rules.puzzle.name}")
    problem = rules.puzzle.parse(text)
    state = rules.start(problem[None])[0]
    start = _get(data, "start", str, "pass", "root")
    state = parse_step(rules.puzzle, start, state).apply(state)
    root = _node(data, state, None, 0, "root")
    tree = Tree(
        task=task,
        problem=problem,
        root=root,
        budget=_get(data, "budget", int, 0, "root"),
        cells_per_step=_get(data, "cells_per_step", int, 0, "root"),
        policy=_get(data, "policy", str, "", "root"),
        k=_get(data, "k", int, 0, "root"),
        group=int(groups(rules.puzzle, problem[None])[0]),
    )
    _grow(rules, root, data, "root")
    nodes = list(tree.nodes())
    _check_givens(rules, problem, nodes)
    longest, most = max(node.time for node in nodes), max(len(node.children) for node in nodes)
    widest = max((len(node.step.cells) for node in nodes[1:]), default=0)
    tree.budget, tree.k = tree.budget or max(longest, 1), tree.k or max(most, 1)
    tree.cells_per_step = tree.cells_per_step or max(widest, 1)
    if longest > tree.budget:
        raise UserError(f"root: budget={tree.budget}: a node has time={longest}")
    return tree


def _grow(rules: StepRules, node: Node, data: Any, name: str) -> None:
    for place, one in enumerate(_get(data, "children", list, [], name)):
        below = f"{name}.children[{place}]"
        try:
            step = parse_step(rules.puzzle, _get(one, "text", str, None, below), node.state)
        except ValueError as error:
            raise UserError(f"{below}: {error}") from None
        child = _node(one, step.apply(node.state), node, node.time + 1, below)
        if child.time <= node.time:
            raise UserError(f"{below}: time={child.time}: must be more than its parent's {node.time}")
        node.children.append(child)
        _grow(rules, child, one, below)


def _node(data: Any, state: np.ndarray, parent: Node | None, time: int, name: str) -> Node:
    """n = 1 and c = mc_value where no counts are given."""
    value = float(_get(data, "mc_value", (int, float), None, name))
    n, c = _get(data, "n", int, 1, name), _get(data, "c", (int, float), value, name)
    if not 0 <= value <= 1:
        raise UserError(f"{name}: mc_value={value}: must be from 0 to 1")
    if n < 1 or abs(c / n - value) > 1e-6:
        raise UserError(f"{name}: n={n} c={c}: must be counts whose share is mc_value={value}")
    origin = _get(data, "origin", str, "rollout", name)
    if origin not in ORIGINS:
        raise UserError(f"{name}: origin={origin}: must be one of {', '.join(ORIGINS)}")
    time, exact = _get(data, "time", int, time, name), _get(data, "exact", bool, False, name)
    return Node(state, parent, time, 0 if parent is None else parent.depth + 1, [], n, c, exact, origin)


def _get(data: Any, key: str, kind: type | tuple[type, ...], default: Any, name: str) -> Any:
    """The key's value; `default` where it is missing, ValueError where that is None."""
    if not isinstance(data, dict):
        raise UserError(f"{name}: must be an object with text, mc_value and children")
    value = data.get(key, default)
    if value is None:
        raise UserError(f"{name}: has no {key}")
    if not isinstance(value, kind) or (isinstance(value, bool) and kind is not bool):
        raise UserError(f"{name}: {key}={value!r}: is of the wrong type")
    return value


def _check_givens(rules: StepRules, problem: np.ndarray, nodes: list[Node]) -> None:
    states = np.stack([node.state for node in nodes])
    fixed = ~rules.editable(problem[None])[0] & (states != rules.start(problem[None])[0])
    if fixed.any():
        row, column = divmod(int(np.argmax(fixed.any(0))), rules.puzzle.shape[1])
        raise UserError(f"r{row + 1}c{column + 1} is edited, which the puzzle gives")


def write_trees(path: str | Path, rules: StepRules, trees: Sequence[Tree]) -> None:
    """One line a tree; what was there is replaced at once or not at all."""
    path = Path(path)
    part = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        with part.open("w", encoding="utf-8") as file:
            file.writelines(json.dumps(tree_to_json(rules, tree), separators=(",", ":")) + "\n" for tree in trees)
            file.flush()
            os.fsync(file.fileno())
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)


def read_trees(path: str | Path, rules: StepRules) -> list[Tree]:
    """ValueError of one line that names the file and the line."""
    try:
        lines = Path(path).read_text(encoding="utf-8").splitlines()
    except OSError as error:
        raise UserError(f"{path}: can't be read: {error.strerror}") from None
    trees = []
    for number, line in enumerate(lines, 1):
        if line.strip():
            try:
                trees.append(tree_from_json(rules, json.loads(line)))
            except ValueError as error:  # JSONDecodeError is one
                raise UserError(f"{path}:{number}: {error}") from None
    return trees
