"""Imports point one way: no folder imports one above it, no circle of modules, and `puzzles` stands alone."""

import ast
from collections.abc import Iterator
from graphlib import TopologicalSorter
from pathlib import Path

from tests.paths import REPO

# From the top down. What stands on one line does not import each other.
LAYERS = (
    ("cli",),
    ("commands",),
    ("export",),
    ("serve", "study", "latent"),
    ("hf",),
    ("recipes",),
    ("policy",),
    ("reward",),
    ("evaluation",),
    ("trainer", "solver"),
    ("checkpoints", "inference"),
    ("model", "data"),
    ("nn",),
    ("schema", "progress", "provenance", "command_line"),
    ("distributed",),
)
LEVEL = {name: -level for level, names in enumerate(LAYERS) for name in names}
# A model reads and writes itself, through functions that import when they are called.
ALLOWED_UPWARD = {("hrm_net.model", "checkpoints"), ("hrm_net.reward.model", "checkpoints")}


def modules() -> dict[str, ast.Module]:
    """The syntax tree of every module of both packages, by dotted name."""
    found = {}
    for path in [*REPO.glob("hrm_net/**/*.py"), *REPO.glob("puzzles/**/*.py")]:
        parts = path.relative_to(REPO).with_suffix("").parts
        name = ".".join(parts[:-1] if parts[-1] == "__init__" else parts)
        found[name] = ast.parse(path.read_text(encoding="utf-8"), str(path))
    return found


MODULES = modules()


def imported(nodes: Iterator[ast.AST]) -> Iterator[str]:
    """The modules of ours, and the packages of others, that the statements among `nodes` import."""
    for node in nodes:
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            for alias in node.names:
                full = f"{node.module}.{alias.name}"
                yield full if full in MODULES else node.module


def when_loaded(tree: ast.AST) -> Iterator[ast.AST]:
    """The statements that run when a module is imported: not those in functions or for type checkers only."""
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            continue
        if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.dump(node.test):
            continue
        yield node
        yield from when_loaded(node)


def place(name: str) -> str:
    """The folder, or the file at the top of `hrm_net`, that a module belongs to."""
    return name.split(".")[1] if "." in name else ""


def test_every_folder_has_its_layer():
    there = {place(name) for name in MODULES if name.startswith("hrm_net.")}
    assert there == LEVEL.keys()


def test_no_import_points_upward():
    upward = []
    for name, tree in MODULES.items():
        if not name.startswith("hrm_net."):
            continue
        here = place(name)
        for other in imported(ast.walk(tree)):
            there = place(other)
            if not other.startswith("hrm_net.") or there == here or (name, there) in ALLOWED_UPWARD:
                continue
            if LEVEL[there] >= LEVEL[here]:
                upward.append(f"{name} -> {other}")
    assert sorted(set(upward)) == []


def test_puzzles_imports_neither_torch_nor_hrm_net():
    foreign = {
        f"{name} -> {other}"
        for name, tree in MODULES.items()
        if name.startswith("puzzles")
        for other in imported(ast.walk(tree))
        if other.split(".")[0] in ("torch", "hrm_net")
    }
    assert foreign == set()


def test_no_circle_of_modules():
    graph = {
        name: {other for other in imported(when_loaded(tree)) if other in MODULES} for name, tree in MODULES.items()
    }
    for name, others in graph.items():
        others.discard(name)
    # A package's `__init__` gathers its own modules, so their imports of the package itself do not count.
    packages = {path.parent.relative_to(REPO).as_posix().replace("/", ".") for path in _inits()}
    for name, others in graph.items():
        graph[name] = {other for other in others if not (other in packages and name.startswith(f"{other}."))}
    list(TopologicalSorter(graph).static_order())  # raises CycleError, which names the circle


def _inits() -> list[Path]:
    return [*REPO.glob("hrm_net/**/__init__.py"), *REPO.glob("puzzles/**/__init__.py")]
