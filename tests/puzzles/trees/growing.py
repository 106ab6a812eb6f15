"""Trees made by hand: each node has a number, depth first, which its state holds."""

from itertools import count

import numpy as np

from puzzles.trees.trees import Node, Tree, hang, recount

Shape = list  # nested lists of children; a leaf is 0 or 1: whether it solves


def by_hand(shape: Shape, k: int = 4) -> Tree:
    """States are distinct; the budget is the height; the root is number 0."""
    numbers = count(1)
    root = Node(np.zeros(4, np.uint8), None, 0, 0)

    def grow(node: Node, children) -> None:
        for one in children:
            number = next(numbers)
            state = np.array([number % 256, number // 256, 0, 0], np.uint8)
            child = hang(node, state, node.time + 1)
            if isinstance(one, list):
                grow(child, one)
            else:
                child.n, child.c, child.exact = 1, one, True

    grow(root, shape)
    budget = max(node.time for node in _all(root))
    tree = Tree(
        task="none", problem=root.state, root=root, budget=budget, cells_per_step=1, policy="by hand", k=k, group=7
    )
    recount(tree)
    return tree


def number(node: Node) -> int:
    return int(node.state[0]) + 256 * int(node.state[1])


def above(node: Node) -> Node:
    """The parent of a node that has one."""
    assert node.parent is not None
    return node.parent


def _all(node: Node) -> list[Node]:
    return [node] + [below for child in node.children for below in _all(child)]


def full(k: int, height: int, rng: np.random.Generator, share: float = 0.4) -> Tree:
    """A full tree with random leaves."""

    def shape(levels: int):
        return [int(rng.random() < share) if levels == 1 else shape(levels - 1) for _ in range(k)]

    return by_hand(shape(height), k)
