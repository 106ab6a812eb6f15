"""The training loop and what any long run needs around it."""
