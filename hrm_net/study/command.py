"""`hrm-study`: runs the controlled comparison of step scorers, shows how far it is, and renders its pages."""

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from hrm_net.command_line import Parser, exit_codes
from puzzles.errors import UserError

DESCRIPTION = """\
Train and measure every step scorer of reports/protocol.md, two at a time, and render reports/*.md from the rows.
--plan full is the first protocol, with its pages in reports/first/, which the second one corrects.
A job that already has its row is skipped; a job that was stopped continues from its last checkpoint."""
EXAMPLES = """\
examples:
  hrm-study run                  run everything; about an hour on one core
  hrm-study status               show what is done and what is left
  hrm-study render               collect the rows in reports/*.json and write the pages and pictures from them
  hrm-study run --plan pilot     one seed that the results do not use: which effect the study can show
  hrm-study run --plan judges    the study of judges, with its pages in reports/judges/
  hrm-study run --plan toy       run the whole pipeline of the first protocol at toy size, in minutes

Exit code 2: invalid input, explained in one line; 143 or 130: stopped by a signal, the same command continues.
"""


def main(argv: Sequence[str] | None = None) -> None:
    """`hrm-study ...`."""
    with exit_codes():
        _run(_parser().parse_args(argv))


def _parser() -> Parser:
    parser = Parser("hrm-study", description=DESCRIPTION, epilog=EXAMPLES)
    commands = parser.add_subparsers(dest="command", required=True, parser_class=Parser, metavar="run|status|render")
    for name, says in (("run", "run every job"), ("status", "show progress"), ("render", "write the pages")):
        add = commands.add_parser(name, help=says).add_argument
        names = ("second", "pilot", "second_toy", "judges", "judges_pilot", "judges_toy", "full", "toy")
        add("--plan", default="second", choices=names, help="protocol and size of the study (default: %(default)s)")
        add("--work", metavar="DIR", help="directory of the runs (default: runs/study/PLAN)")
        if name == "run":
            add("--workers", type=int, default=2, metavar="N", help="number of processes (default: %(default)s)")
        if name == "render":
            add("--reports", metavar="DIR", help="directory of the pages (default: reports, full: reports/first)")
    one = commands.add_parser("one").add_argument
    one("--plan", required=True)
    one("--work", required=True)
    one("--domain", required=True)
    one("--seed", type=int, required=True)
    one("--arm")
    return parser


def _run(arguments: argparse.Namespace) -> None:
    from hrm_net.study import jobs, rows
    from hrm_net.study.judges.plan import JUDGE_PLANS, JudgePlan
    from hrm_net.study.plans import PLANS
    from hrm_net.study.second.plan import SECOND_PLANS, SecondPlan

    plan = (PLANS | SECOND_PLANS | JUDGE_PLANS)[arguments.plan]
    second, judges = isinstance(plan, SecondPlan), isinstance(plan, JudgePlan)
    work = Path(arguments.work or f"runs/study/{plan.name}")
    if arguments.command == "run":
        if arguments.workers < 1:
            raise UserError(f"--workers={arguments.workers}: must be at least 1")
        jobs.run(plan, work, arguments.workers)
    elif arguments.command == "status":
        print(f"plan {plan.name}, {plan.digest}")
        print(status(jobs.done(plan, work), jobs.jobs(plan)))
    elif arguments.command == "render":
        from hrm_net.study import pages
        from hrm_net.study.judges.pages import render as render_judges
        from hrm_net.study.second.pages import render as render_second

        render = render_judges if judges else render_second if second else pages.render
        folder = "reports/judges" if judges else "reports" if second else "reports/first"
        for path in render(plan, work, Path(arguments.reports or folder)):
            print(path)
    else:
        make_row, make_start = makers(second, judges)
        job = jobs.job(plan, arguments.domain, arguments.seed, arguments.arm)
        start = jobs.job(plan, arguments.domain, arguments.seed, None)
        if (second or judges) and job.arm is not None and jobs.row_of(start, plan, work) is None:
            raise UserError(f"{job.name}: its pools are not made or not admitted; the job without --arm comes first")
        if job.arm is None:
            row = make_start(work, job.domain, plan.sizes, job.seed)
        else:
            row = make_row(work, job.domain, plan.sizes, job.seed, job.arm)
        rows.write(rows.path_of(work / "rows", job.domain, job.seed, job.arm), row)


def makers(second: bool, judges: bool) -> tuple[Any, Any]:
    """(what makes the row of an arm, what makes that of a seed's start and pools) by each protocol."""
    if judges:
        from hrm_net.study.judges.run import make_row, make_start
    elif second:
        from hrm_net.study.second.run import make_row, make_start
    else:
        from hrm_net.study.run import make_row, make_start
    return make_row, make_start


def status(finished: dict, every: list) -> str:
    """The number of finished jobs in each domain, and how long the others will take."""
    from hrm_net.study.jobs import seconds_left

    lines = []
    for domain in dict.fromkeys(job.domain.name for job in every):
        mine = [job for job in every if job.domain.name == domain]
        lines.append(f"{domain}: {sum(job in finished for job in mine)} of {len(mine)} jobs done")
    left = seconds_left([job for job in every if job not in finished], finished, 2)
    spent = sum(sum(row["seconds"].values()) for row in finished.values())
    lines.append(f"{spent / 60:.0f} minutes of work so far" + ("" if left is None else f", {left / 60:.0f} left"))
    return "\n".join(lines)


if __name__ == "__main__":
    main()
