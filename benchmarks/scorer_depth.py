"""A step scorer after 1, 2, 4 and 8 segments, and on a size it never saw: python benchmarks/scorer_depth.py [PUZZLES]

Prints the AUROC of single steps by each head of `scorer_6x6` on solutions of unseen puzzles: 6x6 Sudoku of 10 to 22
clues, as it learned from, and 4x4 Sudoku of 4 to 6 clues, which it never saw. Beside them stands what a logistic
regression makes of counts and rules, cross-validated by puzzle on the same steps.
"""

import os
import sys
from dataclasses import replace

os.environ.setdefault("OMP_NUM_THREADS", "1")

import numpy as np
from sudoku import hardware

import puzzles
from hrm_net.reward import StepScorer
from hrm_net.reward.baseline import cross_validated
from hrm_net.reward.config import PolicyConfig, RewardConfig
from hrm_net.reward.data.solutions import build_policy, sample
from hrm_net.reward.metrics.ranking import auroc
from hrm_net.reward.scoring import SharedScores
from puzzles import splits
from puzzles.steps.rows import StepRows
from puzzles.steps.rules import step_rules
from puzzles.steps.visible import counts_and_rules

CANDIDATES, SEED = 16, 0
DEPTHS = (1, 2, 4, 8)
# The box of a puzzle, its clues, and the largest number of steps and of cells in a step.
SIZES = {"6x6": ("2x3", [10, 22], 7, 4), "4x4, never seen": ("2x2", [4, 6], 4, 4)}


def main() -> None:
    num = int(sys.argv[1]) if len(sys.argv) > 1 else 100
    scorer = StepScorer.from_pretrained("scorer_6x6")
    print(hardware())
    print(f"{'':18}{'head':18}" + "".join(f"{depth:>8}" for depth in DEPTHS) + "   segments")
    for name, (box, clues, budget, cells) in SIZES.items():
        puzzle = puzzles.get("sudoku", box=box)
        fitted = scorer if puzzle.shape == scorer.puzzle.shape else scorer.resized(puzzle)
        rows, problem_of = steps(puzzle, clues, budget, cells, num)
        right = rows.label > 0.5
        shared = [SharedScores(fitted.model, segments=depth, batch_size=256) for depth in DEPTHS]
        for head in fitted.model.config.objectives:
            found = [auroc(one.head(head).score_rows(rows), right) for one in shared]
            print(f"{name:18}{head:18}" + "".join(f"{value:8.3f}" for value in found))
        counted = cross_validated(counts_and_rules(fitted.rules, rows), right, problem_of)
        told = f"{len(rows):,} steps, {right.mean():.0%} right"
        print(f"{name:18}{'counts and rules':18}{auroc(counted, right):8.3f}   {told}")


def steps(puzzle: puzzles.Puzzle, clues: list[int], budget: int, cells: int, num: int) -> tuple[StepRows, np.ndarray]:
    """(the steps of solutions of up to `num` unseen puzzles, labelled by whether each is right; the puzzle of each)."""
    config = RewardConfig(
        objectives=["prm"],
        budget=budget,
        cells_per_step=cells,
        policy=PolicyConfig(name="full", error=0.15, correct=0.3),
    )
    rules = step_rules(puzzle)
    problems, answers = splits.generate(
        puzzle, puzzles.rng(SEED, "scorer depth"), min(num, 20 if puzzle.seq_len == 16 else num), splits.EVALUATION,
        clues=clues,
    )  # fmt: skip
    rules.remember(problems, answers)
    rng = puzzles.rng(SEED, "scorer depth solutions")
    found = sample(build_policy(config, rules), rules, rng, problems, config, num=CANDIDATES)
    rows = found.trajectories(config, exact=True).rows
    # The scorer knows at most as many steps left as it was trained with.
    rows = replace(rows, left=np.minimum(rows.left, budget - 1))
    return rows, np.unique(rows.problem, axis=0, return_inverse=True)[1].reshape(-1)


if __name__ == "__main__":
    main()
