"""The kinds of run."""
