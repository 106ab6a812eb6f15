"""Trees of rollouts, search in them, and hierarchical node compression."""
