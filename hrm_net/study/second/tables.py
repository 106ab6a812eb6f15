"""The tables of the second protocol's pages: every arm beside counts and rules, chance and an oracle."""

import math
from collections.abc import Sequence

from hrm_net.reward.baseline import NAME
from hrm_net.study.claims import estimate
from hrm_net.study.plans import Arm
from hrm_net.study.rows import FRAME, Row, at
from hrm_net.study.second.claims import EARLY, FIGURES, Figure, value
from hrm_net.study.tables import MISSING, Numbers, of_arm, table

PREFIXES = ("policy_early", "policy", "solver_early", "solver", "auroc", "steps", "brier")
COMPLETE = ("full", "full_pooled", "full_within", "careless", "careless_pooled")
TRICKS = ("no_op_padding", "erase_refill", "few_huge_steps", "error_then_fix")
NOT_RUN = "not run"
# Where a frame's row has its curves, by figure.
CURVES = {
    "policy": ("prefix.policy.{}", None), "policy_early": ("prefix.policy.{}", EARLY),
    "solver": ("prefix.solver.{}", None), "solver_early": ("prefix.solver.{}", EARLY),
}  # fmt: skip
SOLVED = {"full": "full", "careless": "careless"}


def setting(mine: Sequence[Row], numbers: Numbers) -> str:
    """What is compared, as the rows of the pools say."""
    frames = of_arm(mine, FRAME)
    if not frames:
        return "The pools have not run."

    def mean(path: str, percent: bool = True) -> str:
        values = [at(row["metrics"], path) for row in frames]
        return numbers.plain(sum(values) / len(values), percent) + (" %" if percent else "")

    few, half = (
        numbers.text(", ".join(str(row["metrics"]["problems"][name]) for row in frames)) for name in ("few", "half")
    )
    return (
        f"Seeds: {numbers.text(len(frames))}. Best of N is over {few} problems a seed, where {mean('alive')} of the "
        f"prefixes can come right; AUROC over {half} problems, where half of them can. {NAME.capitalize()} have an "
        f"AUROC of {mean('counts_and_rules.auroc', False)} there, and of {mean('counts_and_rules.steps', False)} on "
        f"single steps. Complete solutions of the policy come right in {mean('full.solve_rate')} of cases, those of "
        f"the one that may end blank in {mean('careless.solve_rate')}."
    )


def figure_table(mine: Sequence[Row], arms: Sequence[Arm], names: Sequence[str], numbers: Numbers) -> str:
    """One line for each arm, then counts and rules, chance and an oracle; a column for each figure."""
    figures = [FIGURES[name] for name in names]
    lines = []
    for arm in arms:
        rows = of_arm(mine, arm.name)
        lines.append(
            [f"`{arm.name}`", *(_cell([value(one.name, row) for row in rows], one, numbers) for one in figures)]
        )
    frames = of_arm(mine, FRAME)
    counted = [{**row, "metrics": row["metrics"]["counts_and_rules"]} for row in frames]
    lines.append([NAME, *(_cell([_known(one, row) for row in counted], one, numbers) for one in figures)])
    lines += [
        [frame, *(_cell([_frame(frame, one, row) for row in frames], one, numbers) for one in figures)]
        for frame in ("random", "oracle")
    ]
    return table(["", *(one.says + (", %" if one.percent else "") for one in figures)], lines)


def probe_table(mine: Sequence[Row], arms: Sequence[Arm], numbers: Numbers) -> str:
    """How often a tampered solution ranks above an honest one that solves."""
    lines = []
    for arm in arms:
        rows = of_arm(mine, arm.name)
        cells = []
        for trick in TRICKS:
            shares = [row["metrics"]["probes"][trick]["beats_solved"] for row in rows]
            values = [math.nan if share is None else float(share) for share in shares]
            cells.append(numbers.estimate(estimate(values), True) if values else NOT_RUN)
        lines.append([f"`{arm.name}`", *cells])
    return table(["", *(f"{trick.replace('_', ' ')}, %" for trick in TRICKS)], lines)


def _cell(values: Sequence[float], figure: Figure, numbers: Numbers) -> str:
    if not values:
        return NOT_RUN
    return MISSING if all(map(math.isnan, values)) else numbers.estimate(estimate(values), figure.percent)


def _known(figure: Figure, row: Row) -> float:
    """Counts and rules have no Brier score, and nobody tampers with solutions to fool them."""
    if figure.name in ("brier", "fooled"):
        return math.nan
    return value(figure.name, row)


def _frame(frame: str, figure: Figure, row: Row) -> float:
    metrics = row["metrics"]
    if figure.name in CURVES:
        path, size = CURVES[figure.name]
        curve = at(metrics, path.format(frame))
        sizes = curve["sizes"]
        return dict(zip(sizes, curve["accuracy"], strict=True)).get(sizes[-1] if size is None else size, math.nan)
    if figure.name in SOLVED:
        told = metrics[SOLVED[figure.name]]
        return told["solve_rate"] if frame == "random" else told["oracle"]["accuracy"][-1]
    return math.nan
