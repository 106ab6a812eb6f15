"""The pages of the second protocol, rendered from rows: no number on them is typed by hand."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from hrm_net.study import rows
from hrm_net.study.claims import Claim, Finding, Protocol
from hrm_net.study.jobs import jobs
from hrm_net.study.pages import collect
from hrm_net.study.plans import Arm, Plan
from hrm_net.study.second import tables
from hrm_net.study.second.claims import FIGURES, SECOND, find
from hrm_net.study.second.pictures import best_of_n_picture
from hrm_net.study.second.plan import PrefixDomain
from hrm_net.study.tables import Numbers, table
from puzzles.errors import UserError

UNDECIDED = "not run, rows are missing"
FEWEST_SEEDS = 3
Found = dict[str, list[rows.Row]]  # by domain


@dataclass(frozen=True, kw_only=True, slots=True)
class Page:
    name: str
    experiment: str
    title: str
    about: str


COMPARED = (
    "Compared are *prefixes*: unfinished solutions of one problem after equally many steps, with equal blanks and no "
    "broken rule in sight, some of which can still come right and some of which cannot. Nothing that can be counted in "
    "them tells which; the row `counts and rules`, a logistic regression on counts, was admitted only with an AUROC "
    "near a half. What was wrong with the first protocol, and what changed, is on [one screen](README.md)."
)
PAGES = (
    Page(
        name="node_compression",
        experiment="A",
        title="Are merged steps with node compression worth it?",
        about="Scorers that learn from rollout trees: single steps, single and merged steps, and these with the nodes "
        "of a second, compressed tree (hierarchical node compression); beside them a process reward model with as many "
        "examples, and one with the compression's label noise alone.",
    ),
    Page(
        name="conditional",
        experiment="B",
        title="Is conditional reward worth it?",
        about="Scorers that learn from the same whole solutions with exact labels: outcomes, steps, rankings of steps, "
        "and the hazard of going wrong (conditional reward) with all or none of the errors located. In the regime "
        "`fill` a wrong state stays wrong, as the authors of conditional reward have it.",
    ),
)


def render(plan: Plan, work: Path, reports: Path, protocol: Protocol = SECOND) -> list[Path]:
    """Collect the rows of the plan into reports/DOMAIN.json and write the pages and pictures. Returns the paths.

    Rows of this plan that are in reports/ already are kept. UserError where there are no rows at all.
    """
    found: Found = {domain.name: collect(plan, domain, work, reports) for domain in plan.domains}
    if not any(found.values()):
        raise UserError(f"{work}: holds no rows of the plan {plan.name}; `hrm-study run` makes them")
    paths = []
    for domain in plan.domains:
        if found[domain.name]:
            paths.append(rows.collected(reports, domain))
            rows.write_collected(paths[-1], found[domain.name])
    for page in PAGES:
        text, drawn = page_of(page, plan, found, reports, Numbers(), protocol)
        path = reports / f"{page.name}.md"
        path.write_text(text, encoding="utf-8")
        paths += [path, *drawn]
    return paths


def domains_of(page: Page, plan: Plan) -> list[PrefixDomain]:
    """The domains in which arms of the page's experiment run; the first one decides."""
    found = []
    for domain in plan.domains:
        assert isinstance(domain, PrefixDomain)
        if len([arm for arm in plan.arms_of(domain) if arm.experiment == page.experiment]) > 1:
            found.append(domain)
    return found


def page_of(
    page: Page, plan: Plan, found: Found, reports: Path, numbers: Numbers, protocol: Protocol = SECOND
) -> tuple[str, list[Path]]:
    """(the page in Markdown, its pictures' paths)."""
    domains = domains_of(page, plan)
    arms = [arm for arm in plan.arms if any(arm in plan.arms_of(domain) for domain in domains)]
    listed = "\n".join(f"- `{arm.name}`: {arm.says}" for arm in arms)
    parts = [f"# {page.title}", page.about, COMPARED, listed, coverage(page, plan, found, numbers)]
    parts.append(claims_section(page, plan, found, numbers, protocol))
    drawn: list[Path] = []
    for domain in domains:
        mine = found[domain.name]
        if not mine:
            parts += [f"## {numbers.text(domain.says)}", "Not run."]
            continue
        path = best_of_n_picture(mine, plan.arms_of(domain), reports / "pictures", f"{page.name}_{domain.name}")
        drawn += [path] if path is not None else []
        parts.append(_domain(domain, plan.arms_of(domain), mine, path, reports, numbers))
    parts.append(_provenance(plan, domains, found, numbers))
    return "\n\n".join(parts) + "\n", drawn


def coverage(page: Page, plan: Plan, found: Found, numbers: Numbers) -> str:
    """How much of the protocol has run, in words that say what is missing."""
    lines = []
    for domain in domains_of(page, plan):
        wanted = [job for job in jobs(plan) if job.domain == domain]
        there = {(row["arm"], row["seed"]) for row in found[domain.name]}
        missing = [job for job in wanted if (job.arm.name if job.arm else rows.FRAME, job.seed) not in there]
        told = f"{numbers.text(len(wanted) - len(missing))} of {numbers.text(len(wanted))} jobs have run"
        lines.append(
            f"- {numbers.text(domain.says)}: {told}{'' if not missing else '; the others are shown as not run'}"
        )
    return "\n".join(["What has run:", "", *lines])


def claims_section(page: Page, plan: Plan, found: Found, numbers: Numbers, protocol: Protocol) -> str:
    """A table of the verdicts, then each claim with the gains that decided it."""
    verdicts, texts = [], []
    domains = domains_of(page, plan)
    for claim in (claim for claim in protocol.claims if claim.page == page.name):
        findings = [
            gain
            for domain in domains
            for one in claim.comparisons
            if (gain := find(one, found[domain.name], domain.name)) is not None
        ]
        told = _verdict(claim, domains, findings, protocol)
        verdicts.append((claim.says, told))
        texts.append("\n".join([f"**{claim.says}**: {told}.", *(f"- {_gain(one, numbers)}" for one in findings)]))
    return "\n\n".join(["## Claims", table(("claim", "verdict"), verdicts), protocol.rule, *texts])


def _verdict(claim: Claim, domains: Sequence[PrefixDomain], findings: list[Finding], protocol: Protocol) -> str:
    decisive = [one for one in findings if one.domain == domains[0].name]
    if len(decisive) < len(claim.comparisons) or any(one.gain.seeds < FEWEST_SEEDS for one in decisive):
        return UNDECIDED
    return protocol.verdict(decisive, [one for one in findings if one.domain != domains[0].name])


def _gain(finding: Finding, numbers: Numbers) -> str:
    one, figure = finding.comparison, FIGURES[finding.comparison.metric]
    better, than = (numbers.plain(value, figure.percent) for value in (finding.better, finding.than))
    gain = numbers.estimate(finding.gain, figure.percent, signed=True)
    unit = " points" if figure.percent else ""
    where = f"{numbers.text(finding.domain)}, {numbers.text(figure.says)}"
    return f"{where}: `{one.better}` {better}, `{one.than}` {than}, gain {gain}{unit}"


def _domain(
    domain: PrefixDomain, arms: Sequence[Arm], mine: Sequence[rows.Row], path: Path | None, reports: Path,
    numbers: Numbers,
) -> str:  # fmt: skip
    parts = [f"## {numbers.text(domain.says)}", tables.setting(mine, numbers)]
    parts += ["### Best of N prefixes", tables.figure_table(mine, arms, tables.PREFIXES, numbers)]
    if path is not None:
        parts.append(f"![Best of N prefixes]({path.relative_to(reports).as_posix()})")
    says = (
        "Complete solutions decide nothing: the rules verify a Sudoku and a maze, so `counts and rules` reach the "
        "oracle wherever a rule is broken or a blank is left."
    )
    parts += ["### Complete solutions", says, tables.figure_table(mine, arms, tables.COMPLETE, numbers)]
    says = (
        "How often one ranks above an honest one that solves. `few huge steps` are only those whose end can no longer "
        "be finished in the steps that are shown as left; `error then fix` is an honest solution, not a trick."
    )
    parts += ["### Tampered solutions", says, tables.probe_table(mine, arms, numbers)]
    return "\n\n".join(parts)


def _provenance(plan: Plan, domains: Sequence[PrefixDomain], found: Found, numbers: Numbers) -> str:
    mine = [row for domain in domains for row in found[domain.name]]
    commits = numbers.text(", ".join(sorted({str(row["provenance"]["commit"]) for row in mine})))
    cpus = numbers.text(", ".join(sorted({str(row["provenance"]["hardware"]["cpu"]) for row in mine})))
    minutes = numbers.text(f"{sum(sum(row['seconds'].values()) for row in mine) / 60:.0f}")
    options = "" if plan.name == "second" else f" --plan {plan.name}"
    lines = [
        "## How it was made",
        "",
        f"- command: `hrm-study run{options}`, then `hrm-study render{options}`; see [the protocol](protocol.md)",
        f"- commit: {commits}",
        f"- hardware: {cpus}, one thread a process",
        f"- work: {minutes} minutes of one process, over {numbers.text(len(mine))} jobs",
        "- rows: " + ", ".join(f"[{d.name}.json]({d.name}.json)" for d in domains if found[d.name]),
    ]
    for domain in domains:
        numbers.text(domain.name)
    return "\n".join(lines)
