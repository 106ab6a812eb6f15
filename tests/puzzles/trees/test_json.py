"""Trees through OmegaPRM's JSON and back; the plain format; broken files named by line."""

import functools
import json
import re
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import puzzles
from puzzles.errors import UserError
from puzzles.steps.policies import CarelessSolver, sample_states
from puzzles.steps.rules import StepRules, step_rules
from puzzles.trees.json_format import (
    MAX_DEPTH,
    MAX_NUMBER,
    read_tree_lines,
    read_trees,
    tree_from_json,
    tree_to_json,
    write_trees,
)
from puzzles.trees.node_compression import compress
from puzzles.trees.trees import expand
from tests.degenerate import check_linear, check_told

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


@functools.cache
def good() -> str:
    """The JSON of a tree."""
    return json.dumps(tree_to_json(RULES, grow()[0]))


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
    data = json.loads(good())
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
    with pytest.raises(UserError, match=r"trees.jsonl: No such file"):
        read_trees(path, RULES)
    path.write_text('{"text": ')
    with pytest.raises(UserError, match=r"trees.jsonl:1: is not JSON at column 10: expected a value"):
        read_trees(path, RULES)


def chain(depth: int) -> str:
    """A tree without branches: a cell is written and erased in turn."""
    cell = np.flatnonzero(PROBLEMS[0] == 1)[0]
    name = f"r{cell // 4 + 1}c{cell % 4 + 1}"
    steps = "".join(f'{{"text":"{name}={"1."[i % 2]}","mc_value":0.5,"children":[' for i in range(depth))
    return f'{{"text":"{SUDOKU.format(PROBLEMS[0])}","mc_value":0.5,"children":[{steps}{"]}" * depth}]}}'


@pytest.mark.slow
@pytest.mark.parametrize("depth", [600, 1500])
def test_deep_trees_are_read_and_written(tmp_path, depth):
    (tree,) = read_trees(chain(depth).encode(), RULES)
    assert max(node.depth for node in tree.nodes()) == depth
    write_trees(tmp_path / "deep.jsonl", RULES, [tree])
    (again,) = read_trees(tmp_path / "deep.jsonl", RULES)
    assert key(again) == key(tree)


def test_deeper_trees_are_refused_in_one_line():
    with pytest.raises(UserError, match=r"^input:1: is not JSON at column \d+: nested too deeply: at most 10002"):
        read_trees(chain(MAX_DEPTH + 1).encode(), RULES)
    broken_leaf = chain(900).replace("1.3..4.22.4..3.1", "").replace("[]", '[{"text":"r9c9=1","mc_value":1}]')
    with pytest.raises(UserError) as caught:
        read_trees(broken_leaf.encode(), RULES)
    check_told(str(caught.value), "input:1: root.children[0].children[0].children[0].children[0]...(893 levels)...")


def test_a_list_of_trees_and_a_byte_order_mark_are_read(tmp_path):
    values = [tree_to_json(RULES, tree) for tree in grow()]
    path = tmp_path / "trees.json"
    path.write_text(json.dumps(values, indent=1), encoding="utf-8-sig")
    assert [key(tree) for tree in read_trees(path, RULES)] == [key(tree) for tree in grow()]
    path.write_text("\n".join(map(json.dumps, values)), encoding="utf-8-sig")
    assert len(read_trees(path, RULES)) == len(values)
    path.write_text(json.dumps([*values, {"text": 1}]))
    with pytest.raises(UserError, match=r"trees.json: tree 4: root: text=1: is of the wrong type"):
        read_trees(path, RULES)


def test_a_broken_tree_can_be_left_out():
    data = f'{good()}\n{{"text": "\\ud83d"}}\n{good()[:-9]}\n{good()}\n'.encode()
    found = read_tree_lines(data, RULES, broken="skip")
    assert (len(found.items), found.numbers) == (2, [1, 4])
    assert [fault.split(": ")[0] for fault in found.faults] == ["input:2", "input:3"]


def test_null_stands_for_a_field_that_is_not_there():
    data = plain(json.loads(good()))
    data |= {"n": None, "c": None, "budget": None, "start": None}
    data["children"][0]["children"] = None
    tree = tree_from_json(RULES, data)
    assert (tree.root.n, tree.root.c, tree.root.children[0].children) == (1, data["mc_value"], [])


def test_labels_may_be_rounded_where_counts_are_given():
    data = {"text": SUDOKU.format(PROBLEMS[0]), "mc_value": 0.333, "children": [], "n": 3, "c": 1}
    assert tree_from_json(RULES, data).root.mc == 1 / 3
    with pytest.raises(UserError, match=r"n=3 c=1: must be counts whose share is mc_value=0.33"):
        tree_from_json(RULES, data | {"mc_value": 0.33})
    with pytest.raises(UserError, match=r"n=3 c=-1: must be counts"):
        tree_from_json(RULES, data | {"mc_value": 0, "c": -1})
    with pytest.raises(UserError, match=r"root: has no c$"):
        tree_from_json(RULES, data | {"c": None})


@pytest.mark.slow
@given(data=st.data())
def test_any_change_to_a_file_reads_or_is_refused_in_one_line(data):
    text = good()
    place = data.draw(st.integers(0, len(text)))
    new = data.draw(st.text(alphabet='{}[],:"0123456789.-enulrcat=p \n', max_size=6) | st.binary(max_size=3))
    new = new if isinstance(new, bytes) else new.encode()
    changed = text[:place].encode() + new + text[place + data.draw(st.integers(0, 6)) :].encode()
    try:
        trees = read_trees(changed, RULES)
    except UserError as error:
        check_told(str(error), "input:")
    else:
        assert all(0 <= node.mc <= 1 for tree in trees for node in tree.nodes())


@given(
    name=st.sampled_from(["text", "mc_value", "children", "n", "time", "exact", "origin", "root_budget", "root_k"]),
    value=st.none() | st.booleans() | st.integers(-(10**30), 10**30) | st.floats() | st.text(max_size=5) | st.just([]),
)
def test_any_value_reads_or_is_refused_in_one_line(name, value):
    try:
        tree = tree_from_json(RULES, broken(**{name: value}))
    except UserError as error:
        check_told(str(error))
    else:
        assert tree.budget <= MAX_NUMBER


def test_time_is_linear():
    start = json.loads(good())["text"]
    extra = (f'{{"text":"{start}","mc_value":0.5,"children":[', '{"text":"r1c1=1","children":[', "r1c1=1 ")
    check_linear(lambda text: read_trees(text.encode(), RULES), allowed=UserError, extra=extra, phrases=False)


def test_trees_from_the_field(shared_data):
    refused = {"edit_given.jsonl", "leaf_null.jsonl", "mc_gt1.jsonl", "nan_mc.jsonl", "not_utf8.jsonl", "str_mc.jsonl"}
    for path in sorted((shared_data / "field" / "trees").iterdir()):
        if path.name in refused:
            with pytest.raises(UserError) as caught:
                read_trees(path, RULES)
            check_told(str(caught.value), f"{path}:1: ")
        else:
            assert read_trees(path, RULES), path
