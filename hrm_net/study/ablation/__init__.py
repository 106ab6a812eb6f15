"""The ablation of hard Sudoku: one change at a time at a fixed number of minutes (`hrm-ablation`)."""
