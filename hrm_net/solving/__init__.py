"""What the solver is made of: the stream of puzzles, when to stop one, several passes, which answer to give."""
