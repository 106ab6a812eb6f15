"""The page of the ablation: one table and one picture, made from the rows alone."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from hrm_net.evaluation.drawing import new_figure, save, series_style, tidy
from hrm_net.study.ablation.arms import Arm, Budget
from hrm_net.study.ablation.jobs import Ablation, Row
from hrm_net.study.claims import Estimate, estimate
from hrm_net.study.tables import MISSING, Numbers, table
from puzzles.atomic_write import write_text
from puzzles.errors import UserError

PAGE, PICTURE = "sudoku_ablation.md", "sudoku_ablation.png"
HARDEST_SETS = ("extreme_sample", "minimal")  # the first one that the rows have is drawn by difficulty
TEXT = """\
# Hard Sudoku: one change at a time at equal time

Each arm trains for {minutes} minutes on {threads}, with as many steps as fit, and is measured by one pass on {puzzles}
puzzles of each set, none of which it was trained on. Shares of solved puzzles are in percent; from three seeds on, the
95 % interval of Student's t over the seeds stands in brackets. An arm differs from the one in the column *against* in
what the column *changes* says.

{table}

![Solve rate by difficulty](pictures/{picture})

Hardware: {hardware}; torch {torch}. Command: `hrm-ablation run`, then `hrm-ablation render`.
"""

Rows = Mapping[tuple[str, int], Row]


def render(ablation: Ablation, reports: Path) -> list[Path]:
    """Write the page and its picture. UserError where there is no row."""
    rows = ablation.rows()
    if not rows:
        raise UserError(f"{ablation.work}: holds no rows; make them: hrm-ablation run")
    picture = by_difficulty(ablation.arms, rows, reports / "pictures" / PICTURE)
    page = reports / PAGE
    write_text(page, text(ablation.arms, ablation.budget, rows))
    return [page, picture]


def text(arms: Sequence[Arm], budget: Budget, rows: Rows) -> str:
    """The page in Markdown; an arm without rows stands in the table as not run."""
    numbers = Numbers()
    sets = list(dict.fromkeys(name for row in rows.values() for name in row["sets"]))
    depths = [str(depth) for depth in budget.segments]
    headings = ["arm", "changes", "against", "seeds", "steps", "s/step"]
    headings += [f"{name} at {depth}" for name in sets for depth in depths]
    lines = []
    for arm in arms:
        mine = of_arm(rows, arm.name)
        told = [f"`{arm.name}`", arm.says, f"`{arm.against}`" if arm.against else MISSING]
        if not mine:
            lines.append([*told, "not run", *[MISSING] * (2 + len(sets) * len(depths))])
            continue
        steps, seconds = (estimate([row[key] for row in mine]).mean for key in ("steps", "seconds_per_step"))
        told += [str(len(mine)), f"{steps:.0f}", f"{seconds:.2f}"]
        told += [
            numbers.estimate(solve_rate(mine, name, depth), percent=True)
            if all(name in row["sets"] for row in mine) else MISSING
            for name in sets for depth in depths
        ]  # fmt: skip
        lines.append(told)
    first = next(iter(rows.values()))
    hardware = first["hardware"]
    return TEXT.format(
        minutes=f"{budget.minutes:g}",
        threads="one thread" if budget.threads == 1 else f"{budget.threads} threads",
        puzzles=budget.puzzles,
        table=table(headings, lines),
        picture=PICTURE,
        hardware=hardware.get("cpu") or hardware.get("machine"),
        torch=first["versions"]["torch"],
    )


def of_arm(rows: Rows, name: str) -> list[Row]:
    return [row for (arm, _), row in sorted(rows.items()) if arm == name]


def solve_rate(rows: Sequence[Row], name: str, depth: str) -> Estimate:
    """Of one arm on one set after so many segments, over its seeds."""
    return estimate([row["sets"][name]["by_segments"][depth]["solve_rate"] for row in rows])


def by_difficulty(arms: Sequence[Arm], rows: Rows, path: Path) -> Path:
    """The share of solved puzzles of the hardest set by guesses of the exact search: a line for each arm."""
    names = {name for row in rows.values() for name in row["sets"]}
    chosen = next((name for name in HARDEST_SETS if name in names), sorted(names)[-1])
    depth = max((int(key) for row in rows.values() for key in row["sets"][chosen]["by_segments"]), default=0)
    figure = new_figure(9.6, 5.0)
    axes = figure.subplots()
    labels: list[str] = []
    for i, arm in enumerate(arms):
        mine = [row["sets"][chosen]["by_segments"][str(depth)]["by_difficulty"] for row in of_arm(rows, arm.name)]
        if not mine:
            continue
        labels = list(mine[0])
        colour, marker, line = series_style(i)
        shares = [sum(one.get(label, 0.0) for one in mine) / len(mine) for label in labels]
        axes.plot(labels, shares, color=colour, marker=marker, linestyle=line, label=arm.name)
    axes.set_ylim(0, 1)
    axes.set_xlabel("guesses of the exact search")
    axes.set_title(f"solved puzzles of {chosen} after {depth} segments")
    tidy(axes)
    axes.legend(fontsize=8)
    return save(figure, path)
