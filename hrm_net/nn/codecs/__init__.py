"""How a puzzle enters the recurrent state and how the answer is read out of it."""
