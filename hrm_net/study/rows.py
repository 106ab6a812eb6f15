"""The rows that pages are made of, and the metrics in them.

A row is a JSON object for one arm and seed, or for what needs no arm (`FRAME`); its file is whole or not there.
"""

import hashlib
import json
import math
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from hrm_net.study.plans import Arm, Domain, Learning, of_domain
from puzzles.atomic_write import write_text
from puzzles.errors import UserError

# Increased when earlier rows are not comparable with new ones.
VERSION = 1
# The name, in place of an arm's, of the row of what needs no arm: chance, votes, an oracle.
FRAME = "frame"
Row = dict[str, Any]


def fingerprint(domain: Domain, sizes: Learning, seed: int, arm: Arm | None) -> str:
    """A hash of everything that the numbers of a row depend on."""
    told = [VERSION, asdict(domain), asdict(of_domain(sizes, domain)), seed, asdict(arm) if arm else FRAME]
    told[1].pop("seeds")  # further seeds change no row
    return hashlib.sha256(json.dumps(told, sort_keys=True).encode()).hexdigest()[:16]


def training_command(changes: Sequence[str], work: Path) -> str:
    """The command that trains an arm; `WORK` stands for the directory of the runs, so that it names no machine."""
    told = (change.replace(f"{work}/", "WORK/") for change in changes)
    return "python train.py " + " ".join(f"'{change}'" if " " in change else change for change in told)


def path_of(folder: Path, domain: Domain, seed: int, arm: Arm | None) -> Path:
    return folder / f"{domain.name}-{arm.name if arm else FRAME}-{seed}.json"


def write(path: Path, row: Row) -> None:
    write_text(path, json.dumps(row, allow_nan=False) + "\n")


def read(path: Path) -> Row | None:
    """The row in a file; None where there is no file. UserError for a file that is not a row."""
    if not path.is_file():
        return None
    try:
        row = json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise UserError(f"{path}: not JSON; delete it, and it is made again") from error
    if not isinstance(row, dict) or "hash" not in row:
        raise UserError(f"{path}: not a row; delete it, and it is made again")
    return row


def collected(reports: Path, domain: Domain) -> Path:
    """The file beside the pages that holds a domain's rows."""
    return reports / f"{domain.name}.json"


def read_collected(path: Path) -> list[Row]:
    """The rows of such a file; [] where there is no file. UserError for another file."""
    if not path.is_file():
        return []
    try:
        return list(json.loads(path.read_text(encoding="utf-8"))["rows"])
    except (ValueError, KeyError, TypeError) as error:
        raise UserError(f"{path}: does not hold rows; delete it, and `hrm-study render` makes it again") from error


def write_collected(path: Path, rows: Iterable[Row]) -> None:
    """Each row on a line of its own, so that a diff shows which one changed."""
    lines = ",\n".join(json.dumps(row, allow_nan=False, sort_keys=True) for row in rows)
    write_text(path, '{"rows": [\n' + lines + "\n]}\n")


EARLY = 16  # candidates: few enough that good scorers differ; with 256, most of them find a solution
# Tampered solutions that solve nothing; a scorer should rank them below solutions that do.
TRICKS = ("no_op_padding", "few_huge_steps", "erase_refill")


@dataclass(frozen=True, kw_only=True, slots=True)
class Metric:
    """A number in every row: the dotted `path` to it within the row's metrics, and how a page presents it."""

    name: str
    says: str
    path: str
    higher: bool = True  # is better
    percent: bool = True
    by_puzzle: str = ""  # the path to its values for each puzzle, where these are kept


_ALL = (
    Metric(name="best_of_n", says="best of N", path="test.chosen.last", by_puzzle="test.by_puzzle.chosen"),
    Metric(name="best_of_early", says=f"best of N={EARLY}", path="best_of_early"),
    Metric(name="best_of_n_prod", says="best of N by product", path="test.best_of_n.prod.last",
           by_puzzle="test.by_puzzle.prod"),
    Metric(name="best_of_n_min", says="best of N by minimum", path="test.best_of_n.min.last",
           by_puzzle="test.by_puzzle.min"),
    Metric(name="hacking", says="fall from its best N", path="test.chosen.hacking_index", higher=False),
    Metric(name="greedy", says="step-level greedy", path="greedy.last"),
    Metric(name="greedy_fall", says="greedy's fall from its best N", path="greedy.hacking_index", higher=False),
    Metric(name="beam", says="beam search", path="beam.chosen.accuracy", by_puzzle="beam.chosen.by_puzzle"),
    Metric(name="steps", says="AUROC of steps", path="test.steps.auroc", percent=False),
    Metric(name="after_wrong", says="AUROC of steps after a wrong one", path="test.auroc_by_previous.after_wrong",
           percent=False),
    Metric(name="after_wrong_judged", says="steps after a wrong one judged rightly", path="after_wrong_judged"),
    Metric(name="first_error", says="first-error F1", path="test.first_error.f1", percent=False),
    Metric(name="ece", says="ECE of steps", path="test.calibration.ece", higher=False, percent=False),
    Metric(name="brier", says="Brier of steps", path="test.calibration.brier", higher=False, percent=False),
    Metric(name="pooled", says="AUROC of solutions, pooled", path="test.solutions.auroc", percent=False),
    Metric(name="within", says="AUROC of solutions, within a puzzle", path="test.solutions.auroc_within",
           percent=False),
    Metric(name="fooled", says="the worst trick ranked above solved ones", path="fooled", higher=False),
    Metric(name="other_best_of_n", says="best of N, other policy", path="other.chosen.last",
           by_puzzle="other.by_puzzle.chosen"),
    Metric(name="other_steps", says="AUROC of steps, other policy", path="other.steps.auroc", percent=False),
    Metric(name="other_pooled", says="AUROC of solutions, other policy", path="other.solutions.auroc", percent=False),
)  # fmt: skip
METRICS = {metric.name: metric for metric in _ALL}


def value_of(metric: Metric, row: Row) -> float:
    """The value in a row; NaN where it is not defined."""
    if metric.path in DERIVED:
        return DERIVED[metric.path](row)
    found = at(row["metrics"], metric.path)
    return math.nan if found is None else float(found)


def values_by_puzzle(path: str, row: Row) -> list[float]:
    return [math.nan if value is None else float(value) for value in at(row["metrics"], path)]


def at(values: Any, path: str) -> Any:
    """The value at a dotted path."""
    for key in path.split("."):
        values = values[key]
    return values


def best_of_early(row: Row) -> float:
    """Best of N = EARLY by the aggregation that validation chose; NaN where the pool has fewer candidates."""
    curve = row["metrics"]["test"]["chosen"]
    return dict(zip(curve["sizes"], curve["accuracy"], strict=True)).get(EARLY, math.nan)


def fooled(row: Row) -> float:
    """How often the most successful trick ranks above a solved solution, by the aggregation that the row chose."""
    how = row["metrics"]["test"]["fixed_on_validation"]["how"]
    shares = [row["metrics"]["probes"][trick]["beats_solved"][how] for trick in TRICKS]
    known = [share for share in shares if share is not None]
    return max(known) if known else math.nan


def after_wrong_judged(row: Row) -> float:
    """The mean of the accuracies on right and on wrong steps after wrong ones: accepting all, or none, gives a half."""
    cells = [row["metrics"]["test"]["quadrants"][f"wrong_{now}"]["accuracy"] for now in ("right", "wrong")]
    return math.nan if None in cells else sum(cells) / len(cells)


DERIVED = {"best_of_early": best_of_early, "fooled": fooled, "after_wrong_judged": after_wrong_judged}
