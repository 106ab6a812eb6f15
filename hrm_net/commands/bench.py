"""`hrm-bench`: a text scorer on published benchmarks, beside what counting alone reaches."""

import argparse
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from hrm_net.command_line import Parser, exit_codes
from hrm_net.commands.rank import HOW
from puzzles.errors import UserError

if TYPE_CHECKING:
    from hrm_net.reward.text.scorer import TextScorer

DESCRIPTION = """\
Score the solutions of a published benchmark step by step, write one JSON object a solution, print one table.

  processbench   the first wrong step, or none: F1 of the accuracy on wrong and on right solutions
  prmbench       each step right or wrong: PRMScore, the mean of F1 and negative F1, over all and by kind of error
  best-of-n      how often the best of N candidates is right; files as hrm-rank reads them"""
EXAMPLES = """\
examples:
  hrm-bench processbench math.jsonl --run runs/mine --tune gsm8k.jsonl
  hrm-bench prmbench test_*.jsonl --run runs/mine --tune train_*.jsonl --head prm
  hrm-bench best-of-n candidates.jsonl --run runs/mine

The threshold, and the baselines that only count, are fitted to the files of --tune. Questions that these share with the
files that are measured are left out of the fit. --threshold gives a threshold of your own, and no baselines.
"""
BEST_OF_N = "best-of-n"
T = TypeVar("T")


def main(argv: Sequence[str] | None = None) -> None:
    """`hrm-bench ...`."""
    with exit_codes():
        _run(_parser().parse_args(argv))


def _parser() -> argparse.ArgumentParser:
    parser = Parser("hrm-bench", description=DESCRIPTION, epilog=EXAMPLES)
    add = parser.add_argument
    add("benchmark", choices=("processbench", "prmbench", BEST_OF_N), metavar="BENCHMARK",
        help="processbench, prmbench or best-of-n")  # fmt: skip
    add("files", nargs="+", type=Path, metavar="FILE", help="files of the benchmark, one JSON object a line")
    parser.share("--run", required=True, help="directory of a run over texts, or of its scorer")
    add("--head", metavar="NAME", help="a head of the run: orm, prm, pqm, hier or cond (default: its last one)")
    add("--tune", nargs="+", type=Path, default=[], metavar="FILE", help="other files, to fix the threshold on")
    add("--threshold", type=float, metavar="X", help="a step is wrong below this score, in place of --tune")
    add("--how", choices=HOW, help="for best-of-n: how a solution's score follows from its steps'")
    add("--segments", type=int, metavar="N", help="segments for each step (default: as in training)")
    add("--output", type=Path, metavar="FILE", help="where the scores go (default: FILE.scored.jsonl)")
    parser.share("--seed", help="random seed of the subsets that vote (default: %(default)s)")
    parser.share("--batch-size", help="steps in a batch (default: %(default)s)")
    parser.share("--device")
    parser.share("--precision")
    return parser


def _run(arguments: argparse.Namespace) -> None:
    output = arguments.output or arguments.files[0].with_suffix(".scored.jsonl")
    measured = {path.resolve() for path in arguments.files}
    if output.resolve() in measured:
        raise UserError(f"--output {output}: is a file that is read; choose another")
    if both := sorted(str(path) for path in arguments.tune if path.resolve() in measured):
        raise UserError(f"--tune {both[0]}: is measured; the threshold must come from another file")
    if arguments.benchmark == BEST_OF_N:
        _best_of_n(arguments, output)
    else:
        _steps(arguments, output)


def _steps(arguments: argparse.Namespace, output: Path) -> None:
    """A benchmark whose figures are of single steps, with a threshold."""
    import numpy as np

    from hrm_net.reward.formats import jsonl
    from hrm_net.reward.text.benchmarks import BASELINES, BENCHMARKS, baseline_scores, without_questions_of

    if arguments.how is not None:
        raise UserError(f"--how {arguments.how}: must be left out but for best-of-n")
    if bool(arguments.tune) == (arguments.threshold is not None):
        raise UserError(f"hrm-bench {arguments.benchmark}: needs --tune FILE or --threshold X, and not both")
    benchmark = BENCHMARKS[arguments.benchmark]
    solutions = _read(arguments.files, benchmark.parse)
    tuning = without_questions_of(_read(arguments.tune, benchmark.parse), solutions) if arguments.tune else []
    if arguments.tune and not tuning:
        raise UserError(f"--tune {arguments.tune[0]}: shares all questions with what is measured; give another file")
    scorer = _load(arguments)
    given = scorer.score([one.problem for one in [*tuning, *solutions]], [[one.steps] for one in [*tuning, *solutions]])
    steps = [scores for (scores,) in given]
    cut = sum(len(one.steps) for one in tuning)
    flat = np.array([score for scores in steps for score in scores])
    methods: dict[str, tuple[np.ndarray, np.ndarray]] = {scorer.objective: (flat[:cut], flat[cut:])}
    for name in BASELINES if tuning else ():
        methods[name] = (baseline_scores(name, tuning, tuning), baseline_scores(name, tuning, solutions))
    figures: dict[str, dict[str, float]] = {}
    for name, (theirs, mine) in methods.items():
        threshold = benchmark.tune(theirs, tuning) if tuning else arguments.threshold
        figures[name] = {"threshold": threshold, **benchmark.measure(mine, solutions, threshold)}
    said = benchmark.predictions(flat[cut:], solutions, figures[scorer.objective]["threshold"])
    lines = [
        {"id": one.id, "source": one.source, "scores": scores, **line}
        for one, scores, line in zip(solutions, steps[len(tuning) :], said, strict=True)
    ]
    jsonl.write(output, lines)
    print(f"{output}: {len(flat) - cut:,} steps of {len(solutions):,} solutions, scored by {scorer.objective}")
    if tuning:
        print(f"thresholds from {cut:,} steps of {len(tuning):,} other solutions")
    columns = list(next(iter(figures.values())))
    print(_table(["", *figures], [[key, *(f"{row[key]:.3f}" for row in figures.values())] for key in columns]))


def _best_of_n(arguments: argparse.Namespace, output: Path) -> None:
    import puzzles
    from hrm_net.reward.aggregate import aggregate
    from hrm_net.reward.formats import candidates, jsonl
    from hrm_net.reward.heads import HEADS
    from hrm_net.reward.text import ranking
    from hrm_net.reward.text.equivalence import AnswerChecker

    for name in ("tune", "threshold"):
        if getattr(arguments, name) not in (None, []):
            raise UserError(f"--{name}: must be left out for best-of-n, which has no threshold")
    problems = _read(arguments.files, candidates.parse)
    if not any(one.answer is not None for one in problems):
        raise UserError(f"{arguments.files[0]}: no line has an answer, so how many are right is not known")
    scorer = _load(arguments)
    how = arguments.how or HEADS[scorer.objective].aggregation
    steps = scorer.score([one.problem for one in problems], [one.steps for one in problems])
    totals = aggregate(steps, how)
    checker = AnswerChecker()
    answers = [ranking.read_answers(one, checker.same) for one in problems]
    rows = [ranking.ranked(*each) for each in zip(problems, answers, totals, steps, strict=True)]
    jsonl.write(output, rows)
    counts = {
        "shortest": [[-float(len("".join(one))) for one in problem.steps] for problem in problems],
        "fewest steps": [[-float(len(one)) for one in problem.steps] for problem in problems],
    }
    found = ranking.accuracy(answers, totals, puzzles.rng(arguments.seed, "votes"))
    assert found is not None
    shares = {f"{scorer.objective}, {how}": found[ranking.SCORER]}
    for name, values in counts.items():
        other = ranking.accuracy(answers, values, puzzles.rng(arguments.seed, "votes"))
        assert other is not None
        shares[name] = other[ranking.SCORER]
    shares |= {name: found[name] for name in (ranking.RANDOM, ranking.MAJORITY, ranking.ORACLE)}
    total = sum(len(one.steps) for one in problems)
    print(f"{output}: {total:,} candidates to {len(problems):,} problems, scored by {scorer.objective}, {how}")
    print(f"right answers in % of {found['problems']:,} problems:")
    rows = [[name, *(f"{100 * share:.1f}" for share in mine)] for name, mine in shares.items()]
    print(_table(["best of", *map(str, found["sizes"])], rows))


def _read(paths: Sequence[Path], parse: Callable[[dict[str, Any]], T]) -> list[T]:
    """All lines of all files; UserError for a broken one."""
    from hrm_net.reward.formats import jsonl

    return [item for path in paths for item in jsonl.read(path, parse).items]


def _load(arguments: argparse.Namespace) -> "TextScorer":
    from hrm_net.recipes.text_scorer import find_text_scorer
    from hrm_net.trainer.device import resolve_device, resolve_precision

    device = resolve_device(arguments.device)
    return find_text_scorer(
        arguments.run, arguments.head, device=device, precision=resolve_precision(arguments.precision, device),
        segments=arguments.segments, batch_size=arguments.batch_size,
    )  # fmt: skip


def _table(head: list[str], rows: list[list[str]]) -> str:
    rows = [head, *([("-" if cell == "nan" else cell) for cell in row] for row in rows)]
    widths = [max(len(row[i]) for row in rows) for i in range(len(head))]
    return "\n".join("  ".join(cell.rjust(width) for cell, width in zip(row, widths, strict=True)) for row in rows)


if __name__ == "__main__":
    main(sys.argv[1:])
