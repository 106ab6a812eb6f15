"""Trees through OmegaPRM's JSON and back; the plain format; broken files named by line."""

import json
import re
from typing import Any

import numpy as np
import pytest

import puzzles
from puzzles.steps.policies import CarelessSolver, sample_states
from puzzles.steps.rules import StepRules, step_rules
from puzzles.trees.json_format import read_trees, tree_from_json, tree_to_json, write_trees
from puzzles.trees.node_compression import compress
from puzzles.trees.trees import expand

SUDOKU = puzzles.get("sudoku", box="2x2")
RULES = step_rules(SUDOKU)
PROBLEMS, _ = SUDOKU.generate(puzzles.rng(0, "test"), 3, clues=7)


def grow(rules: StepRules = RULES, problems=PROBLEMS, **options: Any):
    policy = CarelessSolver(rules, error=0.3, correct=0.5, cells_per_step=3, regime="edit")
    given: dict[str, Any] = {"height": 3, "children": 4} | options
    return expand(policy, rules, puzzles.rng(0, "tree"), problems, **given)


def key(tree):
    nodes = [
        (node.state.tobytes(), node.n, node.c, node.time, node.depth, node.exact, node.origin) for node in tree.nodes()
    ]
    return tree.problem.tobytes(), tree.budget, tree.cells_per_step, tree.policy, tree.k, tree.group, tree.task, nodes


def test_every_tree_comes_back_whole(tmp_path):
    trees = grow()
    trees += [compress(tree, puzzles.rng(0, "compress"))[0] for tree in trees]
    starts, _ = sample_states(CarelessSolver(RULES, error=0.5), RULES, puzzles.rng(0, "walk"), PROBLEMS, 3)
    trees += grow(starts=starts[:, -1], budget=4, rollouts=7)
    maze = puzzles.get("maze", rows=7, columns=7)
    path = tmp_path / "trees.jsonl"
    write_trees(path, RULES, trees)
    assert [key(tree) for tree in read_trees(path, RULES)] == [key(tree) for tree in trees]
    assert list(tmp_path.iterdir()) == [path]
    rules = step_rules(maze)
    trees = grow(rules, maze.generate(puzzles.rng(0, "maze"), 2)[0])
    write_trees(path, rules, trees)
    assert [key(tree) for tree in read_trees(path, rules)] == [key(tree) for tree in trees]


def test_the_format_is_omega_prms():
    tree = grow()[0]
    data = tree_to_json(RULES, tree)
    assert data["text"] == SUDOKU.format(tree.problem)
    assert data["mc_value"] == tree.root.mc
    child, node = data["children"][2], tree.root.children[2]
    assert re.fullmatch(r"(r[1-4]c[1-4]=[1-4.] ?)+", child["text"])
    assert child["mc_value"] == node.mc
    assert len(child["children"]) == len(node.children)
    assert json.loads(json.dumps(data)) == data


def plain(data):
    return {
        "text": data["text"],
        "mc_value": data["mc_value"],
        "children": [plain(child) for child in data["children"]],
    }


def test_plain_trees_are_read_with_their_labels():
    tree = grow()[0]
    again = tree_from_json(RULES, plain(tree_to_json(RULES, tree)))
    assert (again.budget, again.k, again.cells_per_step, again.policy) == (3, 4, 3, "")
    for old, new in zip(tree.nodes(), again.nodes(), strict=True):
        assert np.array_equal(old.state, new.state)
        assert (new.mc, new.n, new.time) == (old.mc, 1, old.time)


def broken(**changes):
    """A good tree with changes at its first child, or at the root for keys that begin with root_."""
    data = tree_to_json(RULES, grow()[0])
    for name, value in changes.items():
        place = data if name.startswith("root_") else data["children"][0]
        name = name.removeprefix("root_")
        if value is KeyError:
            del place[name]
        else:
            place[name] = value
    return data


def given_cell():
    row, column = divmod(int(np.argmax(PROBLEMS[0] != 1)), 4)
    value = PROBLEMS[0][row * 4 + column] - 1
    return f"r{row + 1}c{column + 1}", 1 if value != 1 else 2


PLACE, OTHER = given_cell()


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"text": KeyError}, r"root.children\[0\]: has no text"),
        ({"mc_value": KeyError}, r"root.children\[0\]: has no mc_value"),
        ({"mc_value": 1.5}, r"root.children\[0\]: mc_value=1.5: must be from 0 to 1"),
        ({"mc_value": float("nan")}, r"root.children\[0\]: mc_value=nan: must be from 0 to 1"),
        ({"mc_value": True}, r"root.children\[0\]: mc_value=True: is of the wrong type"),
        ({"n": 0}, r"root.children\[0\]: n=0 c=\d+: must be counts"),
        ({"text": "r9c9=1"}, r"root.children\[0\]: step 0: 'r9c9=1' lies outside"),
        ({"text": f"{PLACE}={OTHER}", "children": []}, f"{PLACE} is edited, which the puzzle gives"),
        ({"time": 0}, r"root.children\[0\]: time=0: must be more than its parent's 0"),
        ({"time": 9, "children": []}, "root: budget=3: a node has time=9"),
        ({"origin": "dream"}, r"root.children\[0\]: origin=dream: must be one of rollout, hnc, noise"),
        ({"children": {}}, r"root.children\[0\]: children={}: is of the wrong type"),
        ({"root_task": "maze"}, "root: task=maze: must be sudoku"),
        ({"root_text": "12"}, "puzzle text has 2 cells: 4x4 Sudoku needs 16"),
        ({"root_children": [[]]}, r"root.children\[0\]: must be an object"),
    ],
)
def test_what_is_no_tree_is_named(tmp_path, changes, message):
    data = broken(**changes)
    with pytest.raises(ValueError, match=message):
        tree_from_json(RULES, data)
    path = tmp_path / "trees.jsonl"
    path.write_text(json.dumps(broken()) + "\n\n" + json.dumps(data) + "\n")
    with pytest.raises(ValueError, match=f"^{re.escape(str(path))}:3: .*{message}"):
        read_trees(path, RULES)


def test_unreadable_files_are_named(tmp_path):
    path = tmp_path / "trees.jsonl"
    with pytest.raises(ValueError, match=r"trees.jsonl: can't be read: No such file"):
        read_trees(path, RULES)
    path.write_text('{"text": ')
    with pytest.raises(ValueError, match=r"trees.jsonl:1: Expecting value"):
        read_trees(path, RULES)
