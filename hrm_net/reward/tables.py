"""The evaluation of a step scorer as terminal tables."""

from typing import Any

from rich.table import Table

from hrm_net.reward.baseline import NAME

SIZES = (1, 4, 16, 64, 256)
CASES = ("right_right", "right_wrong", "wrong_right", "wrong_wrong")


def tables(name: str, found: dict[str, Any]) -> list[Table]:
    """Of one set: the heads by every metric, and by what came before a step."""
    return [_heads(name, found), _quadrants(name, found)]


def _heads(name: str, found: dict[str, Any]) -> Table:
    title = (
        f"{name}: {found['puzzles']:,} puzzles, {found['candidates']} solutions each; "
        f"right are {_percent(found['solve_rate'])} of them and {_percent(found['steps_right'])} of the steps"
    )
    table = Table(title=title, title_justify="left", caption=_weights(found), caption_justify="left")
    table.add_column("head", no_wrap=True)
    sizes = [size for size in SIZES if size <= found["candidates"]]
    headings = ("AUROC of steps", "in a puzzle", "first error F1", "ECE", "ranked by")
    for heading in (*headings, *(f"best of {size}" for size in sizes)):
        table.add_column(heading, justify="right")
    for head, row in found["heads"].items():
        table.add_row(called(head), *_cells(row, sizes))
    clash = found["clash_check"]["steps"]
    table.add_section()
    if "counts_and_rules" in found:  # results of earlier versions lack it
        table.add_row(NAME, *_cells(found["counts_and_rules"], sizes))
    table.add_row("clash check", _number(clash["auroc"]), _number(clash["auroc_within"]))
    for frame in ("random", "majority", "oracle"):
        table.add_row(frame, "", "", "", "", "", *_curve(found["best_of_n"][frame], sizes))
    return table


def _cells(row: dict[str, Any], sizes: list[int]) -> list[str]:
    how = row["fixed_on_validation"]["how"]
    return [
        _number(row["steps"]["auroc"]), _number(row["steps"]["auroc_within"]), _number(row["first_error"]["f1"]),
        _number(row["calibration"]["ece"]), how, *_curve(row["best_of_n"][how], sizes),
    ]  # fmt: skip


def _quadrants(name: str, found: dict[str, Any]) -> Table:
    table = Table(title=f"{name}: steps classified correctly, by the step before", title_justify="left")
    table.add_column("head", no_wrap=True)
    for case in CASES:
        before, now = case.split("_")
        num = next(iter(found["heads"].values()))["quadrants"][case]["num"]
        table.add_column(f"{now} after {before} ({num:,})", justify="right")
    table.add_column("AUROC after wrong", justify="right")
    for head, row in found["heads"].items():
        cells = [_percent(row["quadrants"][case]["accuracy"]) for case in CASES]
        table.add_row(called(head), *cells, _number(row["auroc_by_previous"]["after_wrong"]))
    return table


def called(head: str) -> str:
    """The heading of a head's row."""
    return head.replace("_fine", ", single")


def _weights(found: dict[str, Any]) -> str | None:
    """How each head weighs its two scores of a step, where it has two."""
    told = []
    for head, row in found["heads"].items():
        weight = row["fixed_on_validation"]["fine_weight"]
        if weight is not None:
            told.append(f"{head}: {weight:g} times the single step's score plus {1 - weight:g} times the merged one's")
    return f"{'; '.join(told)} (fixed on validation puzzles)" if told else None


def _curve(curve: dict[str, Any], sizes: list[int]) -> list[str]:
    by_size = dict(zip(curve["sizes"], curve["accuracy"], strict=True))
    return [_percent(by_size.get(size)) for size in sizes]


def _number(value: float | None) -> str:
    return "-" if value is None else f"{value:.3f}"


def _percent(share: float | None) -> str:
    return "-" if share is None else f"{100 * share:.1f} %"
