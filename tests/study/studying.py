"""Made-up rows of the study of step scorers: every number that a page shows, with the values that a test wants."""

from typing import Any

from hrm_net.study import rows
from hrm_net.study.plans import Plan
from hrm_net.study.rows import METRICS

CASES = ("right_right", "right_wrong", "wrong_right", "wrong_wrong")
SIZES = [1, 2, 4]


def made_up(plan: Plan, domain: int, seed: int, name: str, **values: float) -> rows.Row:
    """The row of an arm (or of rows.FRAME); `values` by metric, the others 0.5."""
    told = plan.domains[domain]
    arm = next((arm for arm in plan.arms if arm.name == name), None)
    return {
        "domain": told.name, "arm": name, "seed": seed, "hash": rows.fingerprint(told, plan.sizes, seed, arm),
        "metrics": frame() if arm is None else metrics(values), "seconds": {"training": 60.0, "measuring": 30.0},
        "provenance": {
            "commit": "abc", "hardware": {"cpu": "a CPU"}, "versions": {"torch": "2.13.0", "numpy": "2.4.6"},
        },
    }  # fmt: skip


def metrics(values: dict[str, float]) -> dict[str, Any]:
    found: dict[str, Any] = {name: pool() for name in ("test", "other")}
    found["greedy"] = {"last": 0.5, "hacking_index": 0.5}
    found["beam"] = {"chosen": {"accuracy": 0.5, "by_puzzle": [0, 1]}}
    beaten = dict.fromkeys(("prod", "min", "last", "mean"), 0.5)
    tricks = ("no_op_padding", "few_huge_steps", "erase_refill", "error_then_fix", "failed")
    found["probes"] = {trick: {"beats_solved": dict(beaten)} for trick in tricks}
    found["climb"] = {"score": [0.25, 0.75], "right": [0.25, 0.5], "solved": [0.0, 0.0]}
    for name, value in values.items():
        put(found, METRICS[name].path, value)
        if METRICS[name].by_puzzle:
            put(found, METRICS[name].by_puzzle, [value, value])
    return found


def pool() -> dict[str, Any]:
    return {
        "chosen": curve(), "best_of_n": {how: curve() for how in ("prod", "min", "last", "mean")},
        "by_puzzle": {how: [0.5, 0.5] for how in ("chosen", "prod", "min")},
        "fixed_on_validation": {"how": "prod"}, "steps": {"auroc": 0.5}, "auroc_by_previous": {"after_wrong": 0.5},
        "quadrants": {case: {"accuracy": 0.5, "num": 7} for case in CASES}, "first_error": {"f1": 0.5},
        "calibration": {
            "ece": 0.5, "brier": 0.5, "num": 7, "bins": [{"confidence": 0.5, "accuracy": 0.25, "puzzles": 7}],
        },
        "solutions": {"auroc": 0.5, "auroc_within": 0.5},
    }  # fmt: skip


def frame() -> dict[str, Any]:
    curves = {name: curve() for name in ("random", "majority", "oracle")}
    told = {"solve_rate": 0.375, "steps_right": 0.5, "errors_mended": 0.25, "best_of_n": curves}
    return {"test": told, "other": told}


def curve() -> dict[str, Any]:
    accuracy = [0.25, 0.375, 0.5]
    return {"sizes": SIZES, "accuracy": accuracy, "low": [0.125, 0.25, 0.25], "high": [0.5, 0.5, 0.75], "score": None,
            "hacking_index": 0.0, "last": accuracy[-1]}  # fmt: skip


def put(values: dict[str, Any], path: str, value: object) -> None:
    *keys, last = path.split(".")
    for key in keys:
        values = values[key]
    assert last in values, path
    values[last] = value
