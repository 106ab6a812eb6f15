"""Evaluate a model by the puzzle's own rules.

python evaluate.py                                   the weights that ship with the package, on puzzles they never saw
python evaluate.py run=runs/sudoku                   a training run's best checkpoint
python evaluate.py data=puzzles.csv output=my.json   on a CSV file with a column `question`
"""

from hrm_net.cli import evaluate

if __name__ == "__main__":
    evaluate()
