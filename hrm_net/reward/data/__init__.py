"""What step scorers of puzzles learn from: solutions by a policy, or trees of rollouts, with labels, in batches."""
