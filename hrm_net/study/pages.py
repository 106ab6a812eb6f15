"""reports/*.md, rendered from the rows in reports/*.json: no number on a page is typed by hand."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from hrm_net.study import pictures, rows
from hrm_net.study.claims import FIRST, Claim, Comparison, Finding, Protocol, find
from hrm_net.study.jobs import jobs, row_of
from hrm_net.study.plans import Arm, Domain, Plan
from hrm_net.study.rows import EARLY, METRICS
from hrm_net.study.tables import Numbers, best_of_n_table, metric_table, of_arm, probe_table, quadrant_table, table
from puzzles.errors import UserError

Rows = dict[str, list[rows.Row]]  # by domain
UNDECIDED = "not decided, rows are missing"


@dataclass(frozen=True, kw_only=True, slots=True)
class Page:
    """A page of the report: the arms of one experiment."""

    name: str
    experiment: str
    title: str
    about: str


PAGES = (
    Page(
        name="node_compression",
        experiment="A",
        title="Are merged steps with node compression worth it?",
        about="Scorers that learn from rollout trees: single steps, single and merged steps, and these with the nodes "
        "of a second, compressed tree (hierarchical node compression); beside them the controls that the published "
        "comparison lacks: a process reward model with as many examples, and one with the compression's label noise "
        "alone. `prm_exact` has the labels of the solution in place of rollouts, as a ceiling.",
    ),
    Page(
        name="conditional",
        experiment="B",
        title="Is conditional reward worth it?",
        about="Scorers that learn from the same whole solutions with exact labels: outcomes, steps, rankings of steps, "
        "and the hazard of going wrong (conditional reward) with all, some or none of the errors located. An error "
        "counts from the step after which the solution never can come right again: what is mended later is no error to "
        "`prm_alive` and the `cond` arms, so as judges of single steps they cannot be better than that.",
    ),
)
TAMPERED = (
    "How often one ranks above an honest one that solves; `error then fix` is no trick. Then hill climbing on the "
    "score: where it ends, and how many cells are right there."
)
PICTURES = ("Best of N", "What best of N misses", "Steps judged rightly", "Reliability", "Hill climbing")
MENDED = "Steps judged rightly, by whether the step before and this one are right."
CHOSEN = "The aggregation of step scores (column `by`) and all thresholds were fixed on validation puzzles."
SECTIONS: tuple[tuple[str, str, tuple[str, ...]], ...] = (
    ("Search", "Aggregations that were not chosen, and search guided by the scores.",
     ("best_of_n_prod", "best_of_n_min", "hacking", "greedy", "greedy_fall", "beam")),
    ("Steps", "How well single steps are told apart, and whether scores are probabilities.",
     ("steps", "after_wrong", "after_wrong_judged", "first_error", "ece", "brier")),
    ("Solutions", "Ranking of whole solutions, over all puzzles and within each.", ("pooled", "within")),
    ("Another policy", "The same scorers on solutions of a policy that they never learned from.",
     ("other_best_of_n", "other_steps", "other_pooled")),
)  # fmt: skip


def render(plan: Plan, work: Path, reports: Path, protocol: Protocol = FIRST) -> list[Path]:
    """Collect the rows of the plan into reports/DOMAIN.json and write the pages and pictures. Returns the paths.

    Rows of this plan that are in reports/ already are kept. UserError where there are no rows at all.
    """
    found: Rows = {domain.name: collect(plan, domain, work, reports) for domain in plan.domains}
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


def collect(plan: Plan, domain: Domain, work: Path, reports: Path) -> list[rows.Row]:
    """The rows of a domain in the order of its jobs, those of `work` first."""
    there = {row["hash"]: row for row in rows.read_collected(rows.collected(reports, domain))}
    found = []
    for job in jobs(plan):
        if job.domain == domain:
            row = row_of(job, plan, work) or there.get(rows.fingerprint(domain, plan.sizes, job.seed, job.arm))
            found += [row] if row else []
    return found


def page_of(
    page: Page, plan: Plan, found: Rows, reports: Path, numbers: Numbers, protocol: Protocol = FIRST
) -> tuple[str, list[Path]]:
    """(the page in Markdown, its pictures' paths)."""
    arms = [arm for arm in plan.arms if arm.experiment == page.experiment]
    # Experiment A has no outcome reward model of its own.
    shown = [*arms, *(arm for arm in plan.arms if page.experiment == "A" and arm.name == "orm")]
    head = [protocol.corrected] if protocol.corrected else []
    parts = [
        f"# {page.title}",
        *head,
        page.about,
        _arms(shown),
        claims_section(page.name, plan, found, numbers, protocol),
    ]
    drawn: list[Path] = []
    for domain in plan.domains:
        mine = found[domain.name]
        if any(of_arm(mine, arm.name) for arm in shown):
            drawn += pictures.write(mine, shown, reports / "pictures", f"{page.name}_{domain.name}")
            parts.append(_domain(domain, mine, shown, drawn[-len(PICTURES) :], reports, numbers))
    parts.append(early_section(page.name, plan, found, numbers, protocol))
    parts.append(_provenance(plan, [row for mine in found.values() for row in mine], shown, numbers))
    return "\n\n".join(parts) + "\n", drawn


def _arms(arms: Sequence[Arm]) -> str:
    return "\n".join(f"- `{arm.name}`: {arm.says}" for arm in arms)


def _domain(
    domain: Domain, mine: Sequence[rows.Row], arms: Sequence[Arm], drawn: Sequence[Path], reports: Path,
    numbers: Numbers,
) -> str:  # fmt: skip
    best_of_n, shortfall, quadrants, reliability, climbing = (
        _picture(path, reports, says) for path, says in zip(drawn, PICTURES, strict=True)
    )
    parts = [f"## {numbers.text(domain.says)}", _setting(mine, numbers), best_of_n_table(mine, arms, numbers)]
    parts += [CHOSEN, best_of_n, shortfall]
    for heading, says, names in SECTIONS:
        parts += [f"### {heading}", says, metric_table(mine, arms, names, numbers)]
    parts += ["### Errors that are mended", MENDED, quadrant_table(mine, arms, numbers), quadrants]
    parts += ["### Tampered solutions", TAMPERED, probe_table(mine, arms, numbers), climbing, reliability]
    return "\n\n".join(parts)


def _picture(path: Path, reports: Path, says: str) -> str:
    return f"![{says}]({path.relative_to(reports).as_posix()})"


def _setting(mine: Sequence[rows.Row], numbers: Numbers) -> str:
    """What the solutions are like, as the rows of the pools say."""
    frames = of_arm(mine, rows.FRAME)
    if not frames:
        return ""
    tests = [row["metrics"]["test"] for row in frames]

    def mean(key: str) -> str:
        return numbers.plain(sum(test[key] for test in tests) / len(tests), percent=True) + " %"

    seeds = numbers.text(len(frames))
    return (
        f"Seeds: {seeds}, each with puzzles, solutions of the policy and a start of its own. Of the policy's solutions "
        f"{mean('solve_rate')} come right, {mean('steps_right')} of its steps are right, "
        f"and {mean('errors_mended')} of its wrong values are mended later."
    )


def _provenance(plan: Plan, every: Sequence[rows.Row], arms: Sequence[Arm], numbers: Numbers) -> str:
    mine = [row for row in every if row["arm"] in {rows.FRAME, *(arm.name for arm in arms)}]

    def told(key: str, pick: Any = lambda value: value) -> str:
        return numbers.text(", ".join(sorted({str(pick(row["provenance"][key])) for row in mine})))

    minutes = numbers.text(f"{sum(sum(row['seconds'].values()) for row in mine) / 60:.0f}")
    command = "hrm-study run" if plan.name == "full" else f"hrm-study run --plan {plan.name}"
    lines = [
        "## How it was made",
        f"- command: `{command}`, then `hrm-study render`; settings, seeds and rules in [the protocol](protocol.md)",
        f"- commit: {told('commit')}",
        f"- hardware: {told('hardware', lambda one: one['cpu'])}, one thread a process",
        f"- versions: {told('versions', lambda one: 'torch {torch}, numpy {numpy}'.format(**one))}",
        f"- work: {minutes} minutes of one process, over {numbers.text(len(mine))} jobs",
        "- rows: " + ", ".join(f"[{domain.name}.json]({domain.name}.json)" for domain in plan.domains),
    ]
    for domain in plan.domains:
        numbers.text(domain.name)
    return "\n".join([lines[0], "", *lines[1:]])


def claims_section(page: str, plan: Plan, found: Rows, numbers: Numbers, protocol: Protocol = FIRST) -> str:
    """A table of the verdicts, then each claim with the gains that decided it."""
    verdicts, texts = [], []
    for claim in (claim for claim in protocol.claims if claim.page == page):
        findings = _findings(claim.comparisons, plan, found, protocol)
        verdict = _verdict(claim, plan, findings, protocol)
        verdicts.append((claim.says, verdict))
        gains = [] if verdict == UNDECIDED else [f"- {_gain(one, numbers)}" for one in findings]
        texts.append("\n".join([f"**{claim.says}**: {verdict}.", *gains]))
    return "\n\n".join(["## Claims", table(("claim", "verdict"), verdicts), protocol.rule, *texts])


def early_section(page: str, plan: Plan, found: Rows, numbers: Numbers, protocol: Protocol = FIRST) -> str:
    """The comparisons by best-of-N once more, with a small N. No verdict rests on it."""
    claims = [claim for claim in protocol.claims if claim.page == page]
    wanted = dict.fromkeys(one for claim in claims for one in claim.comparisons if one.metric == "best_of_n")
    findings = _findings([replace(one, metric="best_of_early") for one in wanted], plan, found, protocol)
    says = (
        f"With as many candidates as the claims are decided at, most arms find a solution; with {numbers.text(EARLY)} "
        "they differ more. No verdict rests on this."
    )
    return "\n".join(["## Beyond the protocol", "", says, "", *(f"- {_gain(one, numbers)}" for one in findings)])


def _findings(comparisons: Sequence[Comparison], plan: Plan, found: Rows, protocol: Protocol) -> list[Finding]:
    """Domain by domain, those of the comparisons that have their rows."""
    every = (
        find(one, found[domain.name], domain.name, few_seeds_by_puzzle=protocol.few_seeds_by_puzzle)
        for domain in plan.domains
        for one in comparisons
    )
    return [one for one in every if one is not None]


def _verdict(claim: Claim, plan: Plan, findings: list[Finding], protocol: Protocol) -> str:
    """The first domain of a plan decides."""
    decisive = [one for one in findings if one.domain == plan.domains[0].name]
    if len(decisive) < len(claim.comparisons):
        return UNDECIDED
    return protocol.verdict(decisive, [one for one in findings if one.domain != plan.domains[0].name])


def _gain(finding: Finding, numbers: Numbers) -> str:
    one, metric = finding.comparison, METRICS[finding.comparison.metric]
    better, than = (numbers.plain(value, metric.percent) for value in (finding.better, finding.than))
    gain = numbers.estimate(finding.gain, metric.percent, signed=True)
    unit = " points" if metric.percent else ""
    where = f"{numbers.text(finding.domain)}, {numbers.text(metric.says)}"
    return f"{where}: `{one.better}` {better}, `{one.than}` {than}, gain {gain}{unit}"
