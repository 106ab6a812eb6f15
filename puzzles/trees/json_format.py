"""Trees in the JSON of OmegaPRM: {"text", "mc_value", "children"}; the root's text is the puzzle, a node's its step.

The other fields of a `Tree` and of its nodes stand beside these three keys, where readers of the plain format ignore
them. Plain files are read too: their nodes have labels and no counts. A file has one tree a line, or is a JSON list of
trees. Trees may be up to MAX_DEPTH nodes deep, so nothing here recurses.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, get_args

import numpy as np

from puzzles.atomic_write import atomic_write
from puzzles.errors import UserError
from puzzles.steps.attempts import groups
from puzzles.steps.rules import StepRules
from puzzles.steps.steps import Step
from puzzles.steps.text import format_step, parse_step
from puzzles.text_input import (
    Broken,
    JSONLines,
    Source,
    parse_json,
    read_bytes,
    read_json_lines,
    read_text,
    source_name,
)
from puzzles.trees.trees import Node, Origin, Tree

ORIGINS = get_args(Origin)
MAX_DEPTH = 5_000  # nodes below each other
MAX_NUMBER = 2**31 - 1
ROUNDED = 5e-4  # a file may give mc_value to three decimals beside its counts
_SHOWN = 8  # levels of a node's place that messages show
_JSON_DEPTH = 2 * MAX_DEPTH + 2  # a node is an object in a list


def tree_to_json(rules: StepRules, tree: Tree) -> dict[str, Any]:
    """The tree from its root; `start` holds the edits that lead to a root which is not the empty start."""
    empty = rules.start(tree.problem[None])[0]
    values: dict[Node, dict[str, Any]] = {}
    for node in tree.nodes():
        if node.parent is None:
            values[node] = _to_json(node, rules.puzzle.format(tree.problem))
        else:
            values[node] = _to_json(node, format_step(rules.puzzle, node.step))
            values[node.parent]["children"].append(values[node])
    return values[tree.root] | {
        "start": format_step(rules.puzzle, Step.between(empty, tree.root.state)),
        "task": tree.task,
        "budget": tree.budget,
        "cells_per_step": tree.cells_per_step,
        "policy": tree.policy,
        "k": tree.k,
    }


def _to_json(node: Node, text: str) -> dict[str, Any]:
    return {
        "text": text,
        "mc_value": node.mc,
        "children": [],
        "n": node.n,
        "c": node.c,
        "time": node.time,
        "exact": node.exact,
        "origin": node.origin,
    }


@dataclass(frozen=True, slots=True)
class _Place:
    """Where a node stands in the JSON: the `index`-th child of `parent`."""

    parent: "_Place | None"
    index: int

    def __str__(self) -> str:
        indices: list[int] = []
        place = self
        while place.parent is not None:
            indices.append(place.index)
            place = place.parent
        shown = [f".children[{index}]" for index in indices[::-1]]
        if len(shown) > _SHOWN:
            shown[_SHOWN // 2 : -_SHOWN // 2] = [f"...({len(shown) - _SHOWN} levels)..."]
        return "root" + "".join(shown)


_ROOT = _Place(None, 0)


def tree_from_json(rules: StepRules, data: Any) -> Tree:
    """UserError of one line for anything but such a tree, for one of another puzzle, or one that edits a given."""
    text = _get(data, "text", str, None, _ROOT)
    task = _get(data, "task", str, rules.puzzle.name, _ROOT)
    if task != rules.puzzle.name:
        raise UserError(f"root: task={_shown(task)}: must be {rules.puzzle.name}")
    problem = rules.puzzle.parse(text)
    empty = rules.start(problem[None])[0]
    start = _get(data, "start", str, "pass", _ROOT)
    root = _node(data, parse_step(rules.puzzle, start, empty).apply(empty), None, 0, _ROOT)
    tree = Tree(
        task=task,
        problem=problem,
        root=root,
        budget=_count(data, "budget", 0, _ROOT),
        cells_per_step=_count(data, "cells_per_step", 0, _ROOT),
        policy=_get(data, "policy", str, "", _ROOT),
        k=_count(data, "k", 0, _ROOT),
        group=int(groups(rules.puzzle, problem[None])[0]),
    )
    _grow(rules, root, data)
    nodes = list(tree.nodes())
    _check_givens(rules, problem, nodes)
    longest, most = max(node.time for node in nodes), max(len(node.children) for node in nodes)
    widest = max((len(node.step.cells) for node in nodes[1:]), default=0)
    tree.budget, tree.k = tree.budget or max(longest, 1), tree.k or max(most, 1)
    tree.cells_per_step = tree.cells_per_step or max(widest, 1)
    if longest > tree.budget:
        raise UserError(f"root: budget={tree.budget}: a node has time={longest}")
    return tree


def _grow(rules: StepRules, root: Node, data: Any) -> None:
    """Hangs all that lies below the root in `data` on it."""
    pending = [(root, data, _ROOT)]
    while pending:
        node, values, place = pending.pop()
        for index, below in enumerate(_get(values, "children", list, [], place)):
            child = _child(rules, node, below, _Place(place, index))
            node.children.append(child)
            pending.append((child, below, _Place(place, index)))


def _child(rules: StepRules, node: Node, data: Any, place: _Place) -> Node:
    text = _get(data, "text", str, None, place)
    try:
        step = parse_step(rules.puzzle, text, node.state)
    except UserError as error:
        raise UserError(f"{place}: {error}") from None
    child = _node(data, step.apply(node.state), node, node.time + 1, place)
    if child.time <= node.time:
        raise UserError(f"{place}: time={child.time}: must be more than its parent's {node.time}")
    if child.depth > MAX_DEPTH:
        raise UserError(f"{place}: lies {child.depth} nodes deep: must be at most {MAX_DEPTH}")
    return child


def _node(data: Any, state: np.ndarray, parent: Node | None, time: int, place: _Place) -> Node:
    """The node without its children; n = 1 and c = mc_value where no counts are given."""
    value = float(_get(data, "mc_value", (int, float), None, place))
    if not 0 <= value <= 1:
        raise UserError(f"{place}: mc_value={value:g}: must be from 0 to 1")
    n, c = _count(data, "n", 1, place), _get(data, "c", (int, float), None if data.get("n") else value, place)
    if n < 1 or not 0 <= c <= n or abs(c / n - value) > ROUNDED:
        raise UserError(f"{place}: n={n} c={c:g}: must be counts whose share is mc_value={value:g}")
    origin = _get(data, "origin", str, "rollout", place)
    if origin not in ORIGINS:
        raise UserError(f"{place}: origin={_shown(origin)}: must be one of {', '.join(ORIGINS)}")
    time, exact = _count(data, "time", time, place), _get(data, "exact", bool, False, place)
    return Node(state, parent, time, 0 if parent is None else parent.depth + 1, [], n, c, exact, origin)


def _count(data: Any, key: str, default: int, place: _Place) -> int:
    value = _get(data, key, int, default, place)
    if not 0 <= value <= MAX_NUMBER:
        raise UserError(f"{place}: {key}={value:g}: must be from 0 to {MAX_NUMBER}")
    return value


def _get(data: Any, key: str, kind: type | tuple[type, ...], default: Any, place: _Place) -> Any:
    """The key's value; `default` where it is missing or null, UserError where that is None."""
    if not isinstance(data, dict):
        raise UserError(f"{place}: must be an object with text, mc_value and children")
    value = data.get(key)
    if value is None:
        value = default
    if value is None:
        raise UserError(f"{place}: has no {key}")
    if not isinstance(value, kind) or (isinstance(value, bool) and kind is not bool):
        raise UserError(f"{place}: {key}={_shown(value)}: is of the wrong type")
    return value


def _shown(value: Any) -> str:
    text = value if isinstance(value, str) and value.isprintable() else ascii(value)
    return text if len(text) <= 60 else f"{text[:57]}..."


def _check_givens(rules: StepRules, problem: np.ndarray, nodes: list[Node]) -> None:
    states = np.stack([node.state for node in nodes])
    fixed = ~rules.editable(problem[None])[0] & (states != rules.start(problem[None])[0])
    if fixed.any():
        row, column = divmod(int(np.argmax(fixed.any(0))), rules.puzzle.shape[1])
        raise UserError(f"r{row + 1}c{column + 1} is edited, which the puzzle gives")


def write_trees(path: str | Path, rules: StepRules, trees: Sequence[Tree]) -> None:
    """One tree a line; what was there is replaced at once or not at all."""
    with atomic_write(Path(path)) as file:
        for tree in trees:
            file.write(_dump(tree_to_json(rules, tree)) + "\n")


def _dump(data: dict[str, Any]) -> str:
    """What `json.dumps` gives, with the children last, for trees that are too deep for it."""
    pieces: list[str] = []
    pending: list[dict[str, Any] | str] = [data]
    while pending:
        top = pending.pop()
        if isinstance(top, str):
            pieces.append(top)
            continue
        fields = {key: value for key, value in top.items() if key != "children"}
        pieces.append(json.dumps(fields, separators=(",", ":"))[:-1] + ',"children":[')
        pending.append("]}")
        for index, child in reversed(list(enumerate(top["children"]))):
            pending += [child] if index == 0 else [child, ","]
    return "".join(pieces)


def read_trees(path: Source, rules: StepRules, *, broken: Broken = "refuse") -> list[Tree]:
    """The trees of a file. UserError of one line that names the file and the line of the first that is broken."""
    return read_tree_lines(path, rules, broken=broken).items


def read_tree_lines(path: Source, rules: StepRules, *, broken: Broken = "refuse") -> JSONLines[Tree]:
    """The trees of a file with their lines; `broken="skip"` reads the good ones and tells of the others.

    In a JSON list the number of a tree takes the place of its line, and a broken tree is never skipped.
    """
    name = source_name(path)
    data = read_bytes(path)
    if data.removeprefix(b"\xef\xbb\xbf").lstrip()[:1] != b"[":

        def parse(values: dict[str, Any]) -> Tree:
            return tree_from_json(rules, values)

        return read_json_lines(data, parse, name=name, broken=broken, max_depth=_JSON_DEPTH)
    trees: JSONLines[Tree] = JSONLines(name=name)
    for number, values in enumerate(parse_json(read_text(data, name=name), name, max_depth=_JSON_DEPTH), start=1):
        try:
            trees.items.append(tree_from_json(rules, values))
        except UserError as error:
            raise UserError(f"{name}: tree {number}: {error}") from None
        trees.numbers.append(number)
    if not trees.items:
        raise UserError(f"{name}: holds no tree")
    return trees
