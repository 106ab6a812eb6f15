"""Solutions as sequences of steps, and their exact labels."""
