"""Search guided by step scorers, and attempts to fool them: probes and hill climbing."""
