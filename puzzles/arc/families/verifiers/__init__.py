"""The rules as predicates. Nothing here may import a generator, nor a generator anything here: a test enforces it."""

from puzzles.arc.families.verifiers import cellwise, copies, filling, lines, objects, physics, quantities

__all__ = ["cellwise", "copies", "filling", "lines", "objects", "physics", "quantities"]
