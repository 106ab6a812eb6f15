"""Pictures of puzzles."""
