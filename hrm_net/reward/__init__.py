"""Step scorers: heads that judge the steps of a solution, on the same recurrent core."""
