"""`hrm-ablation`: trains hard Sudoku with one change at a time at equal time, and renders the table."""

import argparse
from collections.abc import Sequence
from pathlib import Path

from hrm_net.command_line import Parser, exit_codes
from puzzles.errors import UserError

DESCRIPTION = """\
Train each arm of the Sudoku ablation for an equal number of minutes and evaluate it; render reports/sudoku_ablation.md.
A job that has its row is skipped; a job that was stopped continues from its last checkpoint."""
EXAMPLES = """\
examples:
  python -m puzzles.sudoku.pool data/sudoku_hard --puzzles 20000    make the pool of hard puzzles first
  hrm-ablation run                                   run every arm with three seeds at 20 minutes each
  hrm-ablation run --arms fast,deeper --seeds 1      run two arms with one seed
  hrm-ablation run --real extreme.csv                measure on real puzzles as well
  hrm-ablation status                                show which rows are there
  hrm-ablation render                                write the page and its picture

Exit code 2: invalid input, explained in one line; 143 or 130: stopped by a signal, the same command continues.
"""


def main(argv: Sequence[str] | None = None) -> None:
    """`hrm-ablation ...`."""
    with exit_codes():
        _run(_parser().parse_args(argv))


def _parser() -> Parser:
    parser = Parser("hrm-ablation", description=DESCRIPTION, epilog=EXAMPLES)
    commands = parser.add_subparsers(dest="command", required=True, parser_class=Parser, metavar="run|status|render")
    for name, says in (("run", "make the missing rows"), ("status", "show progress"), ("render", "write the page")):
        add = commands.add_parser(name, help=says).add_argument
        add("--work", type=Path, default=Path("runs/ablation"), metavar="DIR", help="directory of the runs")
        add("--pool", type=Path, default=Path("data/sudoku_hard"), metavar="DIR", help="pool of hard puzzles")
        add(
            "--real",
            type=Path,
            action="append",
            default=[],
            metavar="FILE",
            help="CSV file of real puzzles; repeatable",
        )
        add("--arms", default="", metavar="A,B", help="arms to run (default: all)")
        add("--seeds", type=int, default=3, metavar="N", help="number of seeds (default: %(default)s)")
        add("--minutes", type=float, default=20.0, metavar="M", help="minutes of training (default: %(default)s)")
        add("--threads", type=int, default=2, metavar="N", help="threads of a training (default: %(default)s)")
        add("--puzzles", type=int, default=256, metavar="N", help="puzzles of each set (default: %(default)s)")
        if name == "render":
            add("--reports", type=Path, default=Path("reports"), metavar="DIR", help="directory of the page")
    return parser


def _run(given: argparse.Namespace) -> None:
    from hrm_net.study.ablation.arms import ARMS, BY_NAME, Budget
    from hrm_net.study.ablation.jobs import Ablation, run

    names = [name for name in given.arms.split(",") if name]
    for name in names:
        if name not in BY_NAME:
            raise UserError(f"--arms {name}: must be one of {', '.join(BY_NAME)}")
    for option in ("seeds", "threads", "puzzles"):
        if getattr(given, option) < 1:
            raise UserError(f"--{option} {getattr(given, option)}: must be at least 1")
    if not given.minutes > 0:
        raise UserError(f"--minutes {given.minutes:g}: must be above 0")
    ablation = Ablation(
        work=given.work,
        pool=given.pool,
        real=tuple(given.real),
        arms=tuple(BY_NAME[name] for name in names) or ARMS,
        seeds=tuple(range(given.seeds)),
        budget=Budget(minutes=given.minutes, threads=given.threads, puzzles=given.puzzles),
    )
    if given.command == "run":
        ablation.rows()  # says what is missing before any work
        run(ablation)
    elif given.command == "render":
        from hrm_net.study.ablation.page import render

        for path in render(ablation, given.reports):
            print(path)
    else:
        done = ablation.rows()
        for arm, seed in ablation.jobs():
            print(f"{arm.name} seed {seed}: {'done' if (arm.name, seed) in done else 'not run'}")


if __name__ == "__main__":
    main()
