"""The rules as predicates. Nothing here may import a generator, nor a generator anything here (a test looks)."""

from puzzles.arc.families.verifiers import (
    colours,
    counting,
    filling,
    lines,
    masks,
    objects,
    physics,
    scaling,
    sorting,
    symmetry,
)

__all__ = ["colours", "counting", "filling", "lines", "masks", "objects", "physics", "scaling", "sorting", "symmetry"]
