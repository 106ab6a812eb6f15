"""`hrm-study`: runs the controlled comparison of step scorers, shows how far it is, and renders its pages."""

import argparse
from collections.abc import Sequence
from pathlib import Path

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
  hrm-study run --plan policy    the study of policies that learn from a reward, with its pages in reports/policies/
  hrm-study run --plan toy       run the whole pipeline of the first protocol at toy size, in minutes

Exit code 2: invalid input, explained in one line; 143 or 130: stopped by a signal, the same command continues.
"""
# Of all plans, so that `--help` does not wait for PyTorch; `hrm_net.study.protocols` has them.
NAMES = ("second", "pilot", "second_toy", "judges", "judges_pilot", "judges_toy", "policy", "policy_pilot",
         "policy_toy", "full", "toy")  # fmt: skip


def main(argv: Sequence[str] | None = None) -> None:
    """`hrm-study ...`."""
    with exit_codes():
        _run(_parser().parse_args(argv))


def _parser() -> Parser:
    parser = Parser("hrm-study", description=DESCRIPTION, epilog=EXAMPLES)
    commands = parser.add_subparsers(dest="command", required=True, parser_class=Parser, metavar="run|status|render")
    for name, says in (("run", "run every job"), ("status", "show progress"), ("render", "write the pages")):
        add = commands.add_parser(name, help=says).add_argument
        add("--plan", default="second", choices=NAMES, help="protocol and size of the study (default: %(default)s)")
        add("--work", metavar="DIR", help="directory of the runs (default: runs/study/PLAN)")
        if name == "run":
            add("--workers", type=int, default=2, metavar="N", help="number of processes (default: %(default)s)")
        if name == "render":
            add("--reports", metavar="DIR", help="directory of the pages (default: that of the protocol)")
    one = commands.add_parser("one").add_argument
    one("--plan", required=True)
    one("--work", required=True)
    one("--domain", required=True)
    one("--seed", type=int, required=True)
    one("--arm")
    return parser


def _run(arguments: argparse.Namespace) -> None:
    from hrm_net.study import jobs, protocols, rows

    if arguments.plan not in protocols.BY_PLAN:
        raise UserError(f"--plan={arguments.plan}: must be one of {', '.join(NAMES)}")
    study, plan = protocols.find(arguments.plan)
    work = Path(arguments.work or f"runs/study/{plan.name}")
    if arguments.command == "run":
        if arguments.workers < 1:
            raise UserError(f"--workers={arguments.workers}: must be at least 1")
        jobs.run(plan, work, arguments.workers)
    elif arguments.command == "status":
        print(f"plan {plan.name}, {plan.digest}")
        print(status(jobs.done(plan, work), jobs.jobs(plan)))
    elif arguments.command == "render":
        for path in study.render(plan, work, Path(arguments.reports or study.reports)):
            print(path)
    else:
        job = jobs.job(plan, arguments.domain, arguments.seed, arguments.arm)
        start = jobs.job(plan, arguments.domain, arguments.seed, None)
        if study.admits and job.arm is not None and jobs.row_of(start, plan, work) is None:
            raise UserError(f"{job.name}: its start is not made or not admitted; the job without --arm comes first")
        if job.arm is None:
            row = study.make_start(work, job.domain, plan.sizes, job.seed)
        else:
            row = study.make_row(work, job.domain, plan.sizes, job.seed, job.arm)
        rows.write(rows.path_of(work / "rows", job.domain, job.seed, job.arm), row)


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
