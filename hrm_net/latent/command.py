"""`hrm-latent`: what a trained model's states look like from inside, beside those of fresh weights."""

import argparse
import json
import os
import time
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hrm_net.command_line import Parser, exit_codes
from puzzles.atomic_write import write_text
from puzzles.errors import UserError

if TYPE_CHECKING:
    from hrm_net.data.puzzle_sets import PuzzleSet
    from hrm_net.model import HRM
    from hrm_net.recipes.model_source import ModelSource

DESCRIPTION = """\
Look into the states of the slow module H and the fast module L: how many directions they use (participation ratio),
how far each update moves them (residual), and their way through two principal components; the trained model beside
the same one with fresh weights. By default the weights that ship with the package, on generated evaluation puzzles."""
EXAMPLES = """\
examples:
  hrm-latent                                     pictures and latent.json in runs/shipped/latent
  hrm-latent --run runs/maze --puzzles 64        the best weights of a training run
  hrm-latent --data hard.csv --segments 16       puzzles of one's own, and more segments than it was trained for

participation ratio  (sum of eigenvalues)^2 / sum of squared eigenvalues of the covariance of the states over tokens
                     and puzzles (symbol codec: over cells, symbols and puzzles), after each segment
residual             |z' - z| / |z| of the whole state of a puzzle, at each update

Computed in fp32. Exit code 2: bad input, named in one line.
"""
PICTURES = ("participation_ratio.png", "residuals.png", "trajectories.png")
FOLLOWED = 8


def main(argv: Sequence[str] | None = None) -> None:
    """`hrm-latent ...`."""
    with exit_codes():
        _run(_parser().parse_args(argv))


def _parser() -> argparse.ArgumentParser:
    parser = Parser("hrm-latent", description=DESCRIPTION, epilog=EXAMPLES)
    add = parser.add_argument
    parser.share("--run")
    add(
        "--data", action="append", metavar="FILE|DIR", help="puzzles to run it on; may be repeated (default: generated)"
    )
    add("--puzzles", type=int, default=256, metavar="N", help="of each set at most (default: %(default)s)")
    add("--segments", type=int, metavar="N", help="segments of the pass (default: as many as it was trained with)")
    add("--output", metavar="DIR", help="where JSON and pictures go (default: latent in the run's directory)")
    parser.share("--seed", help="of generated puzzles and of the fresh weights (default: %(default)s)")
    parser.share("--batch-size", default=16)
    parser.share("--device")
    return parser


def _run(arguments: argparse.Namespace) -> None:
    from hrm_net.recipes.model_source import find_model
    from hrm_net.trainer.device import resolve_device

    _check(arguments)
    source = find_model(arguments.run).check_solver()
    output = Path(arguments.output or (source.run_dir or Path("runs/shipped")) / "latent")
    _check_output(output)
    device = resolve_device(arguments.device)
    sets = _sets(arguments, source)
    trained = source.load().to(device)
    report = analyse_sets(
        trained, sets, arguments.segments or trained.config.max_segments,
        batch_size=arguments.batch_size, seed=arguments.seed,
    )  # fmt: skip
    for line in _lines(report):
        print(line)
    for path in write({"model": str(source.path), **report}, output):
        print(path)


def analyse_sets(
    trained: "HRM", sets: Sequence["PuzzleSet"], segments: int, *, batch_size: int = 16, seed: int = 0
) -> dict[str, Any]:
    """Everything that latent.json holds except the model's name: both models on every set, in plain numbers.

    The untrained model has the configuration of the trained one, and weights drawn from `seed`.
    """
    import torch

    from hrm_net.evaluation.evaluate import check_fits
    from hrm_net.latent.analysis import analyse, some_of_both, trajectories
    from hrm_net.model import HRM
    from hrm_net.provenance import provenance

    for one in sets:
        check_fits(trained, one)
    device = next(trained.parameters()).device
    untrained = HRM(trained.config, torch.Generator().manual_seed(seed)).to(device).eval()
    found = {}
    for one in sets:
        started = time.perf_counter()
        analysis = analyse(trained, one, segments, batch_size=batch_size, seed=seed)
        fresh = analyse(untrained, one, segments, batch_size=batch_size, seed=seed)
        rows = some_of_both(analysis.solved, FOLLOWED)
        found[one.name] = {
            "trained": analysis.as_dict(),
            "untrained": fresh.as_dict(),
            "trajectories": trajectories(trained, one, rows, segments, seed=seed).as_dict(),
            "seconds": time.perf_counter() - started,
        }
    report = {"hidden_size": trained.config.hidden_size, "segments": segments, "untrained_seed": seed}
    return {**report, "sets": found, **provenance(seed)}


def write(report: dict[str, Any], output: Path) -> list[Path]:
    """Write latent.json and the pictures into `output`, which is made, and return their paths."""
    from hrm_net.latent import figures as latent_figures

    path = output / "latent.json"
    write_text(path, json.dumps(report, indent=1, allow_nan=False) + "\n")
    sets = report["sets"]
    ratios, residuals, planes = (output / name for name in PICTURES)
    return [
        path,
        latent_figures.participation_ratios(sets, report["hidden_size"], ratios),
        latent_figures.residual_curves(sets, residuals),
        latent_figures.trajectory_planes(sets, planes),
    ]


def _check(arguments: argparse.Namespace) -> None:
    for key, least in (("puzzles", 2), ("segments", 1), ("batch_size", 1), ("seed", 0)):
        value = getattr(arguments, key)
        if value is not None and value < least:
            raise UserError(f"{key}={value}: must be at least {least}")


def _check_output(output: Path) -> None:
    there = next(path for path in (output.absolute(), *output.absolute().parents) if path.exists())
    if not there.is_dir():
        raise UserError(f"output={output}: cannot be made: {there} is a file")
    if not os.access(there, os.W_OK | os.X_OK):
        raise UserError(f"output={output}: cannot be written: no permission in {there}")


def _sets(arguments: argparse.Namespace, source: "ModelSource") -> list["PuzzleSet"]:
    import puzzles
    from hrm_net.data.puzzle_sets import generated_set, read_sets

    puzzle, num = puzzles.get(**source.puzzle), arguments.puzzles
    if not arguments.data:
        sets = puzzle.reference_sets.items()
        return [generated_set(puzzle, name, arguments.seed, num, **targets) for name, targets in sets]
    found = [one for path in arguments.data for one in read_sets(path, puzzle)]
    names = [one.name for one in found]
    for one in found:
        if names.count(one.name) > 1:
            raise UserError(f"data: two sets are called {one.name}; rename a file")
        if len(one) < 2:
            raise UserError(f"set {one.name}: has 1 puzzle; intervals need at least 2")
        one.inputs, one.labels, one.puzzle_identifiers = (
            one.inputs[:num],
            one.labels[:num],
            one.puzzle_identifiers[:num],
        )
    return found


def _lines(report: dict[str, Any]) -> list[str]:
    """One line per set and module: the participation ratio, and the residuals of the first and the last update."""
    lines = [
        f"{report['segments']} segments; untrained: the same model with weights of seed {report['untrained_seed']}"
    ]
    for name, one in report["sets"].items():
        solved = f"{one['trained']['solved']} of {one['trained']['puzzles']} puzzles solved"
        lines.append(f"{name}: {solved}, {one['seconds']:.1f} s")
        for module in ("H", "L"):
            trained, untrained = one["trained"][module], one["untrained"][module]
            ratio = f"{trained['participation_ratio']:.2f} trained, {untrained['participation_ratio']:.2f} untrained"
            moved = " to ".join(f"{trained['residuals'][i]['mean']:.3f}" for i in (0, -1))
            lines.append(f"  {module}: participation ratio {ratio}, of {report['hidden_size']}; residual {moved}")
    return lines
