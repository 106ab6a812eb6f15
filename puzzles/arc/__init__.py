"""ARC: real tasks of ARC-AGI, and procedural families of tasks."""

from puzzles.arc.domain import Arc

__all__ = ["Arc"]
