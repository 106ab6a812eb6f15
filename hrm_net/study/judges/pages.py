"""The page of the study of judges, rendered from rows: no number on it is typed by hand."""

import math
from collections.abc import Sequence
from pathlib import Path

from hrm_net.study import rows
from hrm_net.study.claims import Finding, Protocol, estimate
from hrm_net.study.demands import Demand, value
from hrm_net.study.jobs import jobs
from hrm_net.study.judges.claims import FIGURES, JUDGES, find
from hrm_net.study.judges.pictures import compute_picture, tournament_picture
from hrm_net.study.judges.plan import DEPTH, READINGS, VOTES, Reading
from hrm_net.study.judges.run import COUNTS, by_reading
from hrm_net.study.pages import collect
from hrm_net.study.plans import Plan
from hrm_net.study.tables import MISSING, Numbers, of_arm, table
from puzzles.errors import UserError

PAGE = "judges"
Found = dict[str, list[rows.Row]]  # by domain
UNDECIDED = "not run, rows are missing"
FEWEST_SEEDS = 3
NOT_RUN = "not run"
LEVELS = ("easy", "middle", "hard")
TITLE = "What is a judge of two candidates worth?"
ABOUT = (
    "A judge compares two unfinished solutions of one puzzle after equally many steps, of which exactly one can still "
    "come right. They break no rule that a glance shows, and counts and rules (edits, blanks, legal values, places) do "
    "not tell them apart. It follows Reward Reasoning Models (arXiv 2505.14674): compare two at a time, think longer "
    "where the comparison is hard, rank many by tournaments and votes; where they write a chain of thought, this judge "
    "runs more segments of its recurrent core. What held and what did not is told [in plain words](README.md)."
)
NODES = (
    "The difficulty of a game is the number of nodes that an exact search visits until the worse candidate is refuted; "
    "a third of the games each is easy, middle and hard. A segment of training with a gradient costs three without."
)
SELF = (
    "A judge that stops by itself is set to a mean of three segments on games of other puzzles. `fixed` at equal cost "
    "is the judge of fixed depth, which had as many updates, at the same mean: a random choice between the two nearest "
    "depths."
)
MANY = (
    "The share of problems in which the chosen one of 16 prefixes can still come right, so that an exact solver "
    "finishes it; judges by a knockout of 15 games, scalars by the highest score. A row-segment is one row of a "
    "network through one segment, and a game of judges has two rows. A triad is cyclic where each beats one of "
    "the others (a coin: 25 %); scalars have none."
)
VOTED = (
    "Votes are symmetric images of a game. The core `relational` has the whole symmetry of Sudoku, so that its votes "
    "agree by construction; these rows are of a judge with the core `symbols`, trained alike. Votes and thought beyond "
    "the trained depth, on the first {} games."
)


def render(plan: Plan, work: Path, reports: Path, protocol: Protocol = JUDGES) -> list[Path]:
    """Collect the rows of the plan into reports/DOMAIN.json and write the page and its pictures. Returns the paths.

    Rows of this plan that are in reports/ already are kept. UserError if there is not a single row.
    """
    found = {domain.name: collect(plan, domain, work, reports) for domain in plan.domains}
    if not any(found.values()):
        raise UserError(f"{work}: holds no rows of the plan {plan.name}; `hrm-study run --plan {plan.name}` makes them")
    reports.mkdir(parents=True, exist_ok=True)
    paths = []
    for domain in plan.domains:
        if found[domain.name]:
            paths.append(rows.collected(reports, domain))
            rows.write_collected(paths[-1], found[domain.name])
    text, drawn = page_of(plan, found, reports, Numbers(), protocol)
    page = reports / f"{PAGE}.md"
    page.write_text(text, encoding="utf-8")
    return [*paths, page, *drawn]


def page_of(
    plan: Plan, found: Found, reports: Path, numbers: Numbers, protocol: Protocol = JUDGES
) -> tuple[str, list[Path]]:
    """(the page in Markdown, its pictures' paths)."""
    domain = plan.domains[0]
    # What needs no arm is told of the games that most arms are measured on.
    every = [
        one for name, mine in found.items() for row in mine if name == domain.name or row["arm"] != rows.FRAME
        for one in by_reading(row)
    ]  # fmt: skip
    drawn = [
        picture for draw in (compute_picture, tournament_picture)
        if (picture := draw(every, reports / "pictures", domain.name)) is not None
    ]  # fmt: skip
    listed = "\n".join(f"- `{numbers.text(one.name)}`: {numbers.text(one.says)}" for one in READINGS)
    parts = [f"# {TITLE}", ABOUT, listed, coverage(plan, found, numbers)]
    parts += [claims_section(every, numbers, protocol), f"## {numbers.text(domain.says)}"]
    parts += [setting(every, numbers), "### Right verdicts", NODES, verdict_table(every, numbers)]
    parts += ["### Thought", SELF, depth_table(every, numbers), adaptive_table(every, numbers)]
    parts.append(beyond_section(every, numbers))
    parts += [_picture(path, reports) for path in drawn[:1]]
    parts += ["### The best of many", MANY, figure_table(every, _whole(), ("best_of", "best_of_cost", "triads",
              "upsets"), numbers)]  # fmt: skip
    parts += [_picture(path, reports) for path in drawn[1:]]
    voted = numbers.text(getattr(plan.sizes, "voted", 0))
    parts += ["### Votes", VOTED.format(voted), votes_table(every, numbers)]
    parts += ["## 9x9 mazes and ARC", "Not run.", _provenance(plan, found, numbers)]
    return "\n\n".join(parts) + "\n", drawn


def coverage(plan: Plan, found: Found, numbers: Numbers) -> str:
    """How much of the protocol has run, in words that say what is missing."""
    lines = ["What has run:", ""]
    for domain in plan.domains:
        wanted = [job for job in jobs(plan) if job.domain == domain]
        there = {(row["arm"], row["seed"]) for row in found[domain.name]}
        whole = [
            seed for seed in domain.seeds
            if all((job.arm.name if job.arm else rows.FRAME, seed) in there for job in wanted if job.seed == seed)
        ]  # fmt: skip
        done, num, seeds = (numbers.text(len(some)) for some in (there, wanted, domain.seeds))
        told = f"{done} of {num} jobs, {numbers.text(len(whole))} of {seeds} seeds whole"
        lines.append(f"- {numbers.text(domain.says)}: {told}")
    return "\n".join(lines)


def claims_section(every: list[rows.Row], numbers: Numbers, protocol: Protocol) -> str:
    """A table of the verdicts, then each claim with the gains that decided it."""
    verdicts, texts = [], []
    for claim in protocol.claims:
        findings = [one for c in claim.comparisons if (one := find(c, every)) is not None]
        short = len(findings) < len(claim.comparisons) or any(one.gain.seeds < FEWEST_SEEDS for one in findings)
        told = UNDECIDED if short else protocol.verdict(findings, [])
        verdicts.append((claim.says, told))
        texts.append("\n".join([f"**{claim.says}**: {told}.", *(f"- {_gain(one, numbers)}" for one in findings)]))
    return "\n\n".join(["## Claims", table(("claim", "verdict"), verdicts), protocol.rule, *texts])


def _gain(finding: Finding, numbers: Numbers) -> str:
    one, figure = finding.comparison, FIGURES[finding.comparison.metric]
    assert isinstance(one, Demand)
    better, than = (numbers.plain(number, figure.percent) for number in (finding.better, finding.than))
    gain = numbers.estimate(finding.gain, figure.percent, signed=True)
    unit = " points" if figure.percent else ""
    beside = f", `{one.than}` {than}" if one.than else ""
    demanded = f" beyond the {numbers.plain(one.least, figure.percent)} that are demanded" if one.least else ""
    return f"{figure.says}: `{one.better}` {better}{beside}; gain{demanded} {gain}{unit}"


def setting(every: list[rows.Row], numbers: Numbers) -> str:
    """What is compared, as the rows of the pools say."""
    frames = of_arm(every, rows.FRAME)
    if not frames:
        return "The pools have not run."

    def each(*keys: str) -> str:
        values = []
        for row in frames:
            found = row["metrics"]
            for key in keys:
                found = found[key]
            values.append(found)
        return numbers.text(", ".join(str(one) for one in values))

    quantiles = [sum(row["metrics"]["nodes"]["quantiles"][i] for row in frames) / len(frames) for i in (0, 2, 4)]
    low, middle, high = (numbers.text(f"{one:.0f}") for one in quantiles)
    return (
        f"By seed: {each('games', 'games')} games to judge, {each('games', 'other')} of another policy, "
        f"{each('problems', 'knockout')} problems with 16 prefixes, {each('problems', 'round_robin')} round robins of "
        f"eight. An exact search visits {low} to {high} nodes, in the middle {middle}, to refute the worse candidate. "
        f"Of the 16 prefixes {_mean(frames, 'chance', numbers)} can come right, and in "
        f"{_mean(frames, 'oracle', numbers)} of the problems at least one."
    )


def _mean(frames: Sequence[rows.Row], key: str, numbers: Numbers) -> str:
    return numbers.plain(sum(row["metrics"][key] for row in frames) / len(frames), True) + " %"


def verdict_table(every: list[rows.Row], numbers: Numbers) -> str:
    """One line for each reading: right verdicts, by difficulty, cost, the other policy."""
    lines = []
    names = [one.name for one in READINGS if one.network != "symbols"]
    for name in [*names, COUNTS]:
        mine = of_arm(every, name)
        if not mine:
            lines.append([f"`{name}`", NOT_RUN, *[""] * 7])
            continue
        metrics = [row["metrics"] for row in mine]
        levels: list[str] = []
        for level in range(len(LEVELS)):
            known = [one["by_level"][level]["accuracy"] for one in metrics if len(one.get("by_level", ())) > level]
            levels.append(numbers.plain(sum(known) / len(known), True) if known else MISSING)
        cost = [one["training_cost"] for one in metrics if "training_cost" in one]
        told = numbers.text(f"{sum(cost) / len(cost) / 1000:.0f}") if cost else MISSING
        lines.append(
            [f"`{name}`", _cell(mine, "accuracy", numbers), *levels, _cell(mine, "segments", numbers),
             _short(mine, "brier", numbers), _short(mine, "other", numbers), told]
        )  # fmt: skip
    heads = ("", "right, %", *(f"{level}, %" for level in LEVELS), "segments", "Brier", "other policy, %",
             "training, 1000 row-segments")  # fmt: skip
    return table(heads, lines)


def depth_table(every: list[rows.Row], numbers: Numbers) -> str:
    """Right verdicts after each segment, of networks that were trained at a random depth."""
    named = (("fixed_8", "judge"), ("pointwise_8", "without the opponent"), ("prm", "process reward"),
             ("orm", "outcome reward"), ("cond", "conditional reward"), ("shuffled", "shuffled labels"))  # fmt: skip
    lines = []
    for name, says in named:
        curves = [row["metrics"]["by_segment"] for row in of_arm(every, name)]
        if curves:
            means = [sum(column) / len(column) for column in zip(*curves, strict=True)]
            lines.append([says, *(numbers.plain(one, True) for one in means)])
    depth = max((len(line) for line in lines), default=1) - 1
    return table(("right after segments, %", *(numbers.text(m + 1) for m in range(depth))), lines)


def beyond_section(every: list[rows.Row], numbers: Numbers) -> str:
    """The judge beside rows without the opponent at equally few segments, paired by seed."""
    judges, alone = ({row["seed"]: row["metrics"]["by_segment"] for row in of_arm(every, name)}
                     for name in ("fixed_8", "pointwise_8"))  # fmt: skip
    seeds = sorted(judges.keys() & alone.keys())
    lines = []
    for depth in range(1, DEPTH + 1) if seeds else ():
        gains = [judges[seed][depth - 1] - alone[seed][depth - 1] for seed in seeds]
        lines.append([numbers.text(depth), numbers.estimate(estimate(gains), True, signed=True)])
    says = "The gain of seeing the opponent by segments. No verdict rests on this; it was looked at after the run."
    return f"{says}\n\n{table(('segments', 'gain in right verdicts, points'), lines)}"


def adaptive_table(every: list[rows.Row], numbers: Numbers) -> str:
    """Judges that stop by themselves."""
    names = ("accuracy", "segments", "gain_at_cost", "gain_at_cost_alone", "spearman")
    return figure_table(every, [one for one in READINGS if one.depth is None], names, numbers)


def votes_table(every: list[rows.Row], numbers: Numbers) -> str:
    names = [f"votes_{num}" for num in VOTES] + ["depth_40"]
    return figure_table(every, [one for one in READINGS if one.name in names], ("voted", "segments"), numbers)


def figure_table(every: list[rows.Row], readings: Sequence[Reading], names: Sequence[str], numbers: Numbers) -> str:
    """One line for each reading, one column for each figure."""
    lines = []
    for reading in readings:
        mine = of_arm(every, reading.name)
        cells = [_cell(mine, name, numbers) for name in names] if mine else [NOT_RUN, *[""] * (len(names) - 1)]
        lines.append([f"`{reading.name}`", *cells])
    figures = [FIGURES[name] for name in names]
    return table(["", *(figure.says + (", %" if figure.percent else "") for figure in figures)], lines)


def _cell(mine: Sequence[rows.Row], name: str, numbers: Numbers) -> str:
    figure, values = FIGURES[name], [value(name, row) for row in mine]
    signed = name in ("spearman", "gain_at_cost", "gain_at_cost_alone")
    if name in ("best_of_cost", "segments"):
        mean = sum(values) / len(values)
        return MISSING if math.isnan(mean) else numbers.text(f"{mean:.2f}".rstrip("0").rstrip("."))
    return numbers.estimate(estimate(values), figure.percent, signed=signed)


def _short(mine: Sequence[rows.Row], name: str, numbers: Numbers) -> str:
    """The mean alone."""
    values = [value(name, row) for row in mine]
    mean = sum(values) / len(values)
    return MISSING if math.isnan(mean) else numbers.plain(mean, FIGURES[name].percent)


def _whole() -> list[Reading]:
    return [one for one in READINGS if one.whole]


def _picture(path: Path, reports: Path) -> str:
    says = path.stem.rsplit("_", 1)[-1]
    return f"![{says}]({path.relative_to(reports).as_posix()})"


def _provenance(plan: Plan, found: Found, numbers: Numbers) -> str:
    mine = [row for some in found.values() for row in some]
    commits = numbers.text(", ".join(sorted({str(row["provenance"]["commit"]) for row in mine})))
    cpus = numbers.text(", ".join(sorted({str(row["provenance"]["hardware"]["cpu"]) for row in mine})))
    minutes = numbers.text(f"{sum(sum(row['seconds'].values()) for row in mine) / 60:.0f}")
    numbers.text(list(found))
    command = f"hrm-study run --plan {plan.name}"
    lines = [
        "## How it was made",
        "",
        f"- command: `{command}`, then `{command.replace('run', 'render')}`; see [the protocol](protocol.md)",
        f"- commit: {commits}",
        f"- hardware: {cpus}, one thread a process, shared with other processes",
        f"- work: {minutes} minutes of wall-clock time of one process, over {numbers.text(len(mine))} jobs",
        "- rows: " + ", ".join(f"[{name}.json]({name}.json)" for name, some in found.items() if some),
    ]
    return "\n".join(lines)
