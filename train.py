"""Train a Hierarchical Reasoning Model.

python train.py                                      9x9 Sudoku, minutes on one CPU core
python train.py experiment=sudoku_6x6_published      one of the experiments in conf/experiment
python train.py steps=2000 model.hidden_size=48      any key of conf/; python train.py --help explains them
"""

from hrm_net.cli import train

if __name__ == "__main__":
    train()
