"""Accuracy of every kept checkpoint of a run on unseen puzzles: after how many minutes it reached 95 and 99 %.

python train.py name=timed checkpoint_every=50 keep_checkpoints=100
python benchmarks/minutes_to_accuracy.py runs/timed [set ...]     (sets: clues_36 clues_30 minimal)
"""

import sys
from pathlib import Path

import puzzles
from hrm_net.checkpoints import checkpoint
from hrm_net.data.puzzle_sets import generated_set
from hrm_net.evaluation.evaluate import HEADLINE, evaluate_set
from hrm_net.provenance import hardware
from hrm_net.recipes.model_source import find_model
from hrm_net.trainer.device import resolve_device, resolve_precision

NUM, BATCH = 1000, 64


def main() -> None:
    run, *wanted = sys.argv[1:]
    print(hardware())
    root = Path(run) / "checkpoints"
    puzzle = puzzles.get(**find_model(run).puzzle)
    sets = {
        name: generated_set(puzzle, name, 0, NUM, **targets)
        for name, targets in puzzle.reference_sets.items()
        if not wanted or name in wanted
    }
    device = resolve_device("auto")
    first: dict[tuple[str, float], float] = {}
    for step in sorted(checkpoint.steps(root)):
        path = root / f"step_{step:06d}"
        minutes = checkpoint.load(path).state["seconds"] / 60
        model = find_model(checkpoint_path=str(path)).load().to(device)
        model.forward_dtype = resolve_precision("auto", device)
        model.compile_blocks()
        line = f"step {step:6d}  {minutes:5.1f} min"
        for name, puzzle_set in sets.items():
            rate = evaluate_set(model, puzzle_set, curve=(HEADLINE,), batch_size=BATCH)["solve_rate"]
            line += f"   {name} {rate:6.1%}"
            for bound in (0.95, 0.99):
                if rate >= bound:
                    first.setdefault((name, bound), minutes)
        print(line, flush=True)
    for (name, bound), minutes in sorted(first.items()):
        print(f"{name}: {bound:.0%} after {minutes:.1f} minutes of training, compile time included")


if __name__ == "__main__":
    main()
