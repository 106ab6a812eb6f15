"""A short training run in a process of its own, to be killed: `python -m tests.trainer.victim RUN_DIR`.

Always on one thread: two summing orders would differ in the last bit.
"""

import sys
from pathlib import Path

from hrm_net.data.config import DataConfig, Source, Stage
from hrm_net.evaluation.config import ValidationConfig
from hrm_net.nn.config import HRMConfig
from hrm_net.recipes import solver as training
from hrm_net.recipes.config import TrainConfig
from hrm_net.trainer.optim import OptimConfig

STEPS = 120


def config() -> TrainConfig:
    model = HRMConfig(
        vocab_size=6,
        seq_len=16,
        grid_width=4,
        hidden_size=8,
        mlp_multiple=8,
        h_layers=1,
        l_layers=1,
        codec="symbols",
        block="symbol",
        positions="none",
        prefix_len=0,
        halting="halt_only",
        max_segments=4,
        exploration=0.5,
    )
    return TrainConfig(
        name="victim",
        steps=STEPS,
        batch_size=4,
        checkpoint_every=3,
        log_every=7,
        stagger=True,
        compile="false",
        device="cpu",
        precision="fp32",
        threads=1,
        model=model,
        puzzle={"name": "sudoku", "box": "2x2"},
        data=DataConfig(curriculum=[Stage(mix=[Source(targets={"clues": [6, 10]})])]),
        loss="stablemax",
        optim=OptimConfig(
            name="muon", lr=3e-3, momentum=0.95, weight_decay=0.1, warmup_steps=2, min_lr_ratio=1.0, ema=0.9
        ),
        validation=ValidationConfig(every=20, puzzles=8, targets={"easy": {"clues": 10}}),
    )


if __name__ == "__main__":
    training.train(config(), Path(sys.argv[1]))
