"""Every protocol of `hrm-study` as one object: its plans, what makes its rows, what renders them, and where to."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hrm_net.study import pages, run
from hrm_net.study.judges import pages as judges_pages
from hrm_net.study.judges import run as judges_run
from hrm_net.study.judges.plan import JUDGE_PLANS
from hrm_net.study.plans import PLANS, Plan
from hrm_net.study.policies import pages as policies_pages
from hrm_net.study.policies import run as policies_run
from hrm_net.study.policies.plan import POLICY_PLANS
from hrm_net.study.rows import Row
from hrm_net.study.second import pages as second_pages
from hrm_net.study.second import run as second_run
from hrm_net.study.second.plan import SECOND_PLANS


@dataclass(frozen=True, kw_only=True, slots=True)
class Study:
    """One protocol. The functions take a plan's own kinds of domains, sizes and arms."""

    plans: dict[str, Any]
    # (work, domain, sizes, seed) -> the row of what the arms of a seed share; the same and an arm -> the arm's row.
    make_start: Callable[..., Row]
    make_row: Callable[..., Row]
    # (plan, work, reports) -> the files that were written.
    render: Callable[[Plan, Path, Path], list[Path]]
    # Where the pages lie.
    reports: str
    # Whether an arm runs only where the shared part of its seed has its row, which it has once it is admitted.
    admits: bool


STUDIES = (
    Study(
        plans=SECOND_PLANS, make_start=second_run.make_start, make_row=second_run.make_row, render=second_pages.render,
        reports="reports", admits=True,
    ),
    Study(
        plans=JUDGE_PLANS, make_start=judges_run.make_start, make_row=judges_run.make_row, render=judges_pages.render,
        reports="reports/judges", admits=True,
    ),
    Study(
        plans=POLICY_PLANS, make_start=policies_run.make_start, make_row=policies_run.make_row,
        render=policies_pages.render, reports="reports/policies", admits=True,
    ),
    Study(
        plans=PLANS, make_start=run.make_start, make_row=run.make_row, render=pages.render, reports="reports/first",
        admits=False,
    ),
)  # fmt: skip
BY_PLAN = {name: study for study in STUDIES for name in study.plans}


def find(name: str) -> tuple[Study, Plan]:
    """The protocol that has the plan of this name, and the plan."""
    study = BY_PLAN[name]
    return study, study.plans[name]
