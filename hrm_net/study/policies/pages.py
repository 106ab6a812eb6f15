"""The page of the study of policies, rendered from rows: no number on it is typed by hand."""

from collections.abc import Sequence
from pathlib import Path

from hrm_net.policy.rewards import REWARDS
from hrm_net.study import rows
from hrm_net.study.claims import Finding, Protocol, estimate
from hrm_net.study.demands import Demand, value
from hrm_net.study.jobs import jobs
from hrm_net.study.pages import collect
from hrm_net.study.plans import Plan
from hrm_net.study.policies.claims import (
    ADMITTED,
    FIGURES,
    MARGIN,
    POLICIES,
    RESISTANCE,
    change,
    find,
    is_void,
    pilot_gain,
    resistance,
)
from hrm_net.study.policies.pictures import conduct_picture, paths_picture
from hrm_net.study.policies.plan import ARMS, CHANCE, CLONE, LEARNED, PILOTED
from hrm_net.study.policies.run import by_actor
from hrm_net.study.tables import MISSING, Numbers, of_arm, table
from puzzles.errors import UserError

PAGE = "policies"
UNDECIDED, VOID = "not run, rows are missing", "void"
FEWEST_SEEDS = 3
TITLE = "Which rewards hold up when a policy is optimised against them?"
ABOUT = (
    "A small policy writes a Sudoku step by step; it may also erase, do nothing and stop. It imitates a solver that "
    "makes mistakes (the *clone*), then learns from one of the rewards below, and is held to the clone by a weight on "
    "the divergence (KL). The verifier is exact; the other rewards are learned, and stay as they are while the policy "
    "learns, but for `implicit`. All arms of a seed share the clone, the scorer and the judge. What it shows is told "
    "in [docs/policy.md](../../docs/policy.md)."
)
TABLE = (
    "One attempt is a sample at temperature 1; each unseen puzzle is attempted several times. The figures are of the "
    "policy after its last update, the mean over seeds with Student's t interval in brackets. *fooled*: the share of "
    "unsolved attempts that earn more than 95 % of the clone's solved ones."
)
ACTS = (
    "The same policies: KL from the clone, the reward beside the clone's, and shares of attempts (stops with blanks) "
    "and of steps. Means over seeds, with the standard deviation over seeds behind the sign ±."
)
TRUST = (
    "Before any policy learned: how well each frozen reward tells the clone's own attempts apart, on validation "
    "puzzles. *outcome*: AUROC of the return, solved against unsolved. *stops*: AUROC, solved against attempts cut off "
    "after a random step with blanks left. Below 0.5, stopping at once pays."
)


def render(plan: Plan, work: Path, reports: Path, protocol: Protocol = POLICIES) -> list[Path]:
    """Collect the rows of the plan into reports/DOMAIN.json and write the page and its pictures. Returns the paths.

    Rows of this plan that are in reports/ already are kept. The page of the pilot's plan is its rows alone. UserError
    if there is not a single row.
    """
    domain = plan.domains[0]
    found = collect(plan, domain, work, reports)
    if not found:
        raise UserError(f"{work}: holds no rows of the plan {plan.name}; `hrm-study run --plan {plan.name}` makes them")
    reports.mkdir(parents=True, exist_ok=True)
    path = rows.collected(reports, domain)
    rows.write_collected(path, found)
    if domain.name == PILOTED.name:
        return [path]
    pilot = rows.read_collected(rows.collected(reports, PILOTED))
    text, drawn = page_of(plan, found, pilot, reports, Numbers(), protocol)
    page = reports / f"{PAGE}.md"
    page.write_text(text, encoding="utf-8")
    return [path, page, *drawn]


def page_of(
    plan: Plan, found: list[rows.Row], pilot: list[rows.Row], reports: Path, numbers: Numbers,
    protocol: Protocol = POLICIES,
) -> tuple[str, list[Path]]:  # fmt: skip
    """(the page in Markdown, its pictures' paths). `pilot`: the rows of the pilot seed, which admits the study."""
    domain = plan.domains[0]
    every = [one for row in found for one in by_actor(row)]
    drawn = [
        picture for draw in (conduct_picture, paths_picture)
        if (picture := draw(every, reports / "pictures", domain.name)) is not None
    ]  # fmt: skip
    listed = "\n".join(f"- `{arm.name}`: {numbers.text(arm.says)}" for arm in ARMS)
    admitted, told = admission(pilot, numbers)
    parts = [f"# {TITLE}", ABOUT, listed, coverage(plan, found, numbers), told]
    parts += [claims_section(every, admitted, numbers, protocol), resistance_section(every, admitted, numbers)]
    parts += [f"## {numbers.text(domain.says)}", TABLE, main_table(every, numbers)]
    parts += ["### How they act", ACTS, conduct_table(every, numbers)]
    parts += [f"![{path.stem.rsplit('_', 1)[-1]}]({path.relative_to(reports).as_posix()})" for path in drawn]
    parts += ["### The frozen rewards, before learning", TRUST, trust_table(every, numbers)]
    parts += ["## 6x6 Sudoku", "Not run.", _provenance(plan, found, numbers)]
    return "\n\n".join(parts) + "\n", drawn


def coverage(plan: Plan, found: list[rows.Row], numbers: Numbers) -> str:
    """How much of the protocol has run."""
    wanted, there = jobs(plan), {(row["arm"], row["seed"]) for row in found}
    seeds = plan.domains[0].seeds
    whole = [
        seed for seed in seeds
        if all((job.arm.name if job.arm else rows.FRAME, seed) in there for job in wanted if job.seed == seed)
    ]  # fmt: skip
    counts = [numbers.text(one) for one in (len(there), len(wanted), len(whole), len(seeds))]
    return "What has run: {} of {} jobs, {} of {} seeds whole.".format(*counts)


def admission(pilot: Sequence[rows.Row], numbers: Numbers) -> tuple[bool, str]:
    """(whether the study is admitted, what the page says of it)."""
    gain, least = pilot_gain(pilot), numbers.plain(ADMITTED, True)
    if gain is None:
        return False, "The pilot seed, which admits the study, has not run, so no verdict is given."
    told = f"On the pilot seed, which the results do not use, `verifier` gains {numbers.plain(gain, True)} points over "
    told += f"the clone; at least {least} are asked for"
    return (False, f"{told}: the study is void.") if is_void(gain) else (True, f"{told}.")


def claims_section(every: list[rows.Row], admitted: bool, numbers: Numbers, protocol: Protocol) -> str:
    """A table of the verdicts, then each claim with the gains that decided it."""
    verdicts, texts = [], []
    for claim in protocol.claims:
        findings = [one for c in claim.comparisons if (one := find(c, every)) is not None]
        short = len(findings) < len(claim.comparisons) or any(one.gain.seeds < FEWEST_SEEDS for one in findings)
        told = UNDECIDED if short else protocol.verdict(findings, []) if admitted else VOID
        verdicts.append((claim.says, told))
        texts.append("\n".join([f"**{claim.says}**: {told}.", *(f"- {_gain(one, numbers)}" for one in findings)]))
    return "\n\n".join(["## Claims", table(("claim", "verdict"), verdicts), protocol.rule, *texts])


def resistance_section(every: list[rows.Row], admitted: bool, numbers: Numbers) -> str:
    """Which learned rewards resist hacking."""
    verdicts, lines = resistance(every), []
    for arm in LEARNED:
        gains = [change(every, arm, key, before) for key, before in
                 (("solved", CLONE), ("proxy", "clone_proxy"), ("fooled", "clone_fooled"))]  # fmt: skip
        cells = [
            MISSING if gain is None else numbers.estimate(gain, percent, signed=True)
            for gain, percent in zip(gains, (True, False, True), strict=True)
        ]
        told = verdicts.get(arm, UNDECIDED)
        lines.append([f"`{arm}`", *cells, told if admitted or told == UNDECIDED else VOID])
    heads = ("", "solved, points over the clone", "reward over the clone's", "fooled, points over the clone",
             "resists hacking")  # fmt: skip
    says = RESISTANCE.replace("five points", f"{numbers.plain(MARGIN, True)} points")
    return "\n\n".join(["## Which rewards resist hacking", says, table(heads, lines)])


def main_table(every: list[rows.Row], numbers: Numbers) -> str:
    """One line for each arm and baseline: what is solved, earned and fooled, and how attempts end."""
    lines = []
    for name in (CHANCE, CLONE, *(arm.name for arm in ARMS)):
        mine = of_arm(every, name)
        if not mine:
            lines.append([f"`{name}`", UNDECIDED, *[""] * 5])
            continue
        cells = [numbers.estimate(estimate([value("solved", row) for row in mine]), True)]
        cells += [_interval(mine, "length", numbers), _interval(mine, "blanks", numbers)]
        alone = name in (CHANCE, CLONE)  # they were measured by the verifier
        cells += [numbers.estimate(estimate([value("early", row) for row in mine]), True)]
        cells += [MISSING if alone else numbers.estimate(estimate([value("fooled", row) for row in mine]), True)]
        cells += [numbers.text(len(mine))]
        lines.append([f"`{name}`", *cells])
    return table(("", "solved, %", "steps", "blanks", "stops with blanks, %", "fooled, %", "seeds"), lines)


def conduct_table(every: list[rows.Row], numbers: Numbers) -> str:
    """One line for each arm and baseline, with the spread over seeds."""
    lines = []
    for name in (CHANCE, CLONE, *(arm.name for arm in ARMS)):
        mine = of_arm(every, name)
        if not mine:
            continue
        alone = name in (CHANCE, CLONE)
        cells = [MISSING if name == CHANCE else _spread(mine, "kl", numbers, 2)]
        cells += [MISSING if alone else _spread(mine, key, numbers, 2) for key in ("proxy", "clone_proxy")]
        cells += [_spread(mine, key, numbers, 1, 100.0) for key in ("no_op", "loop", "clash")]
        cells += [MISSING if name == CHANCE else _spread(mine, "entropy", numbers, 2)]
        lines.append([f"`{name}`", *cells])
    heads = ("", "KL, nats", "reward", "the clone's reward", "does nothing, %", "comes back, %", "clashes, %",
             "entropy, nats")  # fmt: skip
    return table(heads, lines)


def trust_table(every: list[rows.Row], numbers: Numbers) -> str:
    """What the frozen rewards say of the clone's attempts."""
    frames = of_arm(every, rows.FRAME)
    lines = []
    for name in (name for name, reward in REWARDS.items() if reward.needs is not None):
        cells = []
        for key in ("outcome", "stops"):
            values = [row["metrics"]["trust"][name][key] for row in frames]
            known = [one for one in values if one is not None]
            cells.append(numbers.estimate(estimate(known), False) if known else MISSING)
        lines.append([f"`{name}`", *cells])
    return table(("", "outcome", "stops"), lines)


def _interval(mine: Sequence[rows.Row], key: str, numbers: Numbers) -> str:
    """A figure that is not a share: mean and interval, cut at 0."""
    found = estimate([value(key, row) for row in mine])
    if found.low != found.low:
        return numbers.text(f"{found.mean:.1f}")
    return numbers.text(f"{found.mean:.1f} [{max(0.0, found.low):.1f}, {found.high:.1f}]")


def _spread(mine: Sequence[rows.Row], key: str, numbers: Numbers, digits: int, times: float = 1.0) -> str:
    values = [times * value(key, row) for row in mine]
    mean = sum(values) / len(values)
    if len(values) < 2:
        return numbers.text(f"{mean:.{digits}f}")
    deviation = (sum((one - mean) ** 2 for one in values) / (len(values) - 1)) ** 0.5
    return numbers.text(f"{mean:.{digits}f} ± {deviation:.{digits}f}")


def _gain(finding: Finding, numbers: Numbers) -> str:
    one, figure = finding.comparison, FIGURES[finding.comparison.metric]
    assert isinstance(one, Demand)
    better, than = (numbers.plain(number, figure.percent) for number in (finding.better, finding.than))
    gain = numbers.estimate(finding.gain, figure.percent, signed=True)
    unit = " points" if figure.percent else ""
    beside = f", `{one.than}` {than}" if one.than else ""
    least, bound = numbers.plain(abs(one.least), figure.percent), ""
    if one.least > 0:
        bound = f" beyond the {least} that are demanded"
    elif one.least < 0:
        bound = f", with {least} allowed," if one.than else f" below {least}"
    return f"{figure.says}: `{one.better}` {better}{beside}; gain{bound} {gain}{unit}"


def _provenance(plan: Plan, found: list[rows.Row], numbers: Numbers) -> str:
    domain = plan.domains[0]
    commits = numbers.text(", ".join(sorted({str(row["provenance"]["commit"]) for row in found})))
    cpus = numbers.text(", ".join(sorted({str(row["provenance"]["hardware"]["cpu"]) for row in found})))
    minutes = numbers.text(f"{sum(sum(row['seconds'].values()) for row in found) / 60:.0f}")
    command = f"hrm-study run --plan {plan.name}"
    numbers.text(domain.name)
    lines = [
        "## How it was made",
        "",
        f"- command: `{command}`, then `{command.replace('run', 'render')}`; see [the protocol](protocol.md)",
        f"- commit: {commits}",
        f"- hardware: {cpus}, one thread a process",
        f"- work: {minutes} minutes of one process, over {numbers.text(len(found))} jobs",
        f"- rows: [{domain.name}.json]({domain.name}.json); the pilot's: [{PILOTED.name}.json]({PILOTED.name}.json)",
    ]
    return "\n".join(lines)
