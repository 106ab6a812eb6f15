"""What a page says of its claims: the verdicts, the gains that decided them, and one look beyond the protocol."""

from dataclasses import replace

from hrm_net.study.claims import CLAIMS, Claim, Finding, find, verdict
from hrm_net.study.plans import Plan
from hrm_net.study.quantities import EARLY, METRICS
from hrm_net.study.rows import Row
from hrm_net.study.tables import Numbers, table

Rows = dict[str, list[Row]]  # by domain
RULE = (
    "The rule is that of [the protocol](protocol.md). Gains are positive in the direction of the claim, with intervals "
    "over seeds and puzzles in brackets. The first domain decides, the second can only take away. *Did not hold* means "
    "that no gain there is sure, not that there is none: the intervals say how large one could still be."
)
UNDECIDED = "not decided, rows are missing"


def claims_section(page: str, plan: Plan, found: Rows, numbers: Numbers) -> str:
    """The verdicts at a glance, then each claim with the gains that decided it."""
    glance, texts = [], []
    for claim in (claim for claim in CLAIMS if claim.page == page):
        told = findings(claim, plan, found)
        verdict = decided(claim, plan, told)
        glance.append((claim.says, verdict))
        gains = [] if verdict == UNDECIDED else [f"- {_gain(one, numbers)}" for one in told]
        texts.append("\n".join([f"**{claim.says}**: {verdict}.", *gains]))
    return "\n\n".join(["## Claims", table(("claim", "verdict"), glance), RULE, *texts])


def findings(claim: Claim, plan: Plan, found: Rows) -> list[Finding]:
    """Domain by domain, of the comparisons that have their rows."""
    told = (
        find(comparison, found[domain.name], domain.name) for domain in plan.domains for comparison in claim.comparisons
    )
    return [one for one in told if one is not None]


def decided(claim: Claim, plan: Plan, told: list[Finding]) -> str:
    decisive = [one for one in told if one.domain == plan.domains[0].name]
    if len(decisive) < len(claim.comparisons):
        return UNDECIDED
    return verdict(decisive, [one for one in told if one.domain != plan.domains[0].name])


def early_section(page: str, plan: Plan, found: Rows, numbers: Numbers) -> str:
    """The comparisons by best-of-N once more, where N is small. No verdict rests on it."""
    claims = [claim for claim in CLAIMS if claim.page == page]
    wanted = dict.fromkeys(one for claim in claims for one in claim.comparisons if one.metric == "best_of_n")
    early = [replace(one, metric="best_of_early") for one in wanted]
    told = [
        finding
        for domain in plan.domains
        for comparison in early
        if (finding := find(comparison, found[domain.name], domain.name)) is not None
    ]
    says = (
        f"With as many candidates as the claims are decided at, most arms find a solution; with {numbers.text(EARLY)} "
        "they differ more. No verdict rests on this."
    )
    return "\n".join(["## Beyond the protocol", "", says, "", *(f"- {_gain(one, numbers)}" for one in told)])


def _gain(finding: Finding, numbers: Numbers) -> str:
    one, metric = finding.comparison, METRICS[finding.comparison.metric]
    better, than = (numbers.plain(value, metric.percent) for value in (finding.better, finding.than))
    gain = numbers.estimate(finding.gain, metric.percent, signed=True)
    unit = " points" if metric.percent else ""
    where = f"{numbers.text(finding.domain)}, {numbers.text(metric.says)}"
    return f"{where}: `{one.better}` {better}, `{one.than}` {than}, gain {gain}{unit}"
