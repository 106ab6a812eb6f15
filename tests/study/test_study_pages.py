"""The rule by which claims are decided, and pages whose every number comes out of a row."""

import copy
import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from hrm_net.study import pictures, rows
from hrm_net.study.claims import CLAIMS, Claim, Comparison, against, estimate, find, first_verdict
from hrm_net.study.pages import PAGES, claims_section, early_section, page_of, render
from hrm_net.study.plans import MAZE, SUDOKU, TOY, Plan
from hrm_net.study.rows import DERIVED, METRICS, at, value_of
from hrm_net.study.tables import NUMERAL, Numbers
from tests.study.studying import made_up, metrics

pytestmark = pytest.mark.slow

PLAN = replace(TOY, domains=(replace(SUDOKU, seeds=(0, 1, 2)), MAZE))
CLAIM = Claim(page="conditional", says="It is better", comparisons=against("best_of_n", "cond", "orm", "prm_steps"))


def all_rows(plan: Plan = PLAN) -> dict[str, list[rows.Row]]:
    """Values that differ between arms and seeds, so that intervals are no points."""
    found: dict[str, list[rows.Row]] = {}
    for place, domain in enumerate(plan.domains):
        found[domain.name] = []
        for seed in domain.seeds:
            found[domain.name].append(made_up(plan, place, seed, rows.FRAME))
            for number, arm in enumerate(plan.arms):
                value = 0.31 + 0.017 * number + 0.0031 * (seed * number) % 0.05
                changes = {"best_of_n": value, "greedy": value, "steps": value, "beam": value}
                found[domain.name].append(made_up(plan, place, seed, arm.name, **changes))
    return found


@pytest.fixture
def undrawn(monkeypatch: pytest.MonkeyPatch) -> None:
    """Pictures cost more than all else here: paths alone."""

    def write(rows, arms, folder: Path, name: str) -> list[Path]:
        return [
            folder / f"{name}_{what}.png" for what in ("best_of_n", "shortfall", "quadrants", "reliability", "climbing")
        ]

    monkeypatch.setattr(pictures, "write", write)


def gains(decisive: dict[str, list[float]], others: dict[str, list[float]] | None = None) -> str:
    """The verdict on CLAIM where `cond` beats each arm by these gains, seed by seed."""
    findings = []
    for place, told in enumerate((decisive, others or {})):
        mine = []
        for name, values in told.items():
            for seed, gain in enumerate(values):
                mine.append(made_up(PLAN, place, seed, name, best_of_n=0.5 - gain))
                mine.append(made_up(PLAN, place, seed, "cond", best_of_n=0.5))
        domain = PLAN.domains[place].name
        findings.append([one for c in CLAIM.comparisons if (one := find(c, mine, domain)) is not None])
    return first_verdict(*findings)


SURE, UNSURE, WORSE = [0.1, 0.11, 0.12], [0.1, -0.1, 0.05], [-0.1, -0.11, -0.12]


@pytest.mark.parametrize(
    ("orm", "prm", "expected"),
    [
        (SURE, SURE, "held"),
        (SURE, UNSURE, "held in part"),
        (WORSE, SURE, "held in part"),
        (UNSURE, UNSURE, "did not hold"),
        (WORSE, WORSE, "did not hold"),
    ],
)
def test_a_claim_holds_where_every_interval_is_above_zero(orm: list, prm: list, expected: str) -> None:
    assert gains({"orm": orm, "prm_steps": prm}) == expected


def test_another_domain_can_only_take_away() -> None:
    both = {"orm": SURE, "prm_steps": SURE}
    assert gains(both, {"orm": [0.0, 0.0]}) == "held"
    assert gains(both, {"orm": [-0.1, -0.1]}) == "held in part"
    assert gains({"orm": UNSURE, "prm_steps": UNSURE}, both) == "did not hold"


def test_lower_is_better_turns_the_sign() -> None:
    mine = [made_up(PLAN, 0, seed, "cond", hacking=0.1) for seed in range(3)]
    mine += [made_up(PLAN, 0, seed, "orm", hacking=0.3 + 0.01 * seed) for seed in range(3)]
    found = find(Comparison(metric="hacking", better="cond", than="orm"), mine, SUDOKU.name)
    assert found is not None
    assert found.gain.mean == pytest.approx(0.21)
    assert found.gain.above


def test_seeds_are_paired_and_those_with_one_arm_left_out() -> None:
    mine = [made_up(PLAN, 0, seed, "cond", steps=0.2 * seed) for seed in (0, 1, 2, 3)]
    mine += [made_up(PLAN, 0, seed, "orm", steps=0.2 * seed - 0.1) for seed in (1, 2, 3)]
    found = find(Comparison(metric="steps", better="cond", than="orm"), mine, SUDOKU.name)
    assert found is not None
    assert (found.gain.seeds, found.gain.mean) == (3, pytest.approx(0.1))
    assert found.gain.high - found.gain.low < 1e-9
    assert find(Comparison(metric="steps", better="cond", than="pqm"), mine, SUDOKU.name) is None


def test_the_interval_is_students_over_seeds_and_of_puzzles_where_seeds_are_few() -> None:
    found = estimate([1.0, 2.0, 3.0, 4.0, 5.0])
    assert found.low == pytest.approx(3 - 2.776 * math.sqrt(2.5 / 5))
    assert found.high == pytest.approx(3 + 2.776 * math.sqrt(2.5 / 5))
    assert estimate(list(range(12))).high == pytest.approx(5.5 + 2.201 * math.sqrt(13 / 12))  # more seeds than ten
    few = estimate([0.5, 0.5], [[0, 1] * 50, [1, 0] * 50])
    spread = 1.96 * math.sqrt(0.25 / 200)
    assert (few.low, few.high) == (pytest.approx(0.5 - spread, abs=0.02), pytest.approx(0.5 + spread, abs=0.02))
    alone = estimate([0.5, 0.6])
    assert math.isnan(alone.low)
    assert not alone.above
    assert not alone.below


def test_accepting_everything_after_a_wrong_step_is_worth_a_half() -> None:
    row = {"metrics": metrics({})}
    row["metrics"]["test"]["quadrants"]["wrong_right"]["accuracy"] = 1.0
    row["metrics"]["test"]["quadrants"]["wrong_wrong"]["accuracy"] = 0.0
    assert value_of(METRICS["after_wrong_judged"], row) == 0.5
    row["metrics"]["test"]["quadrants"]["wrong_right"]["accuracy"] = None
    assert math.isnan(value_of(METRICS["after_wrong_judged"], row))


def test_the_worst_trick_counts_and_an_error_that_is_mended_is_none() -> None:
    row = {"metrics": metrics({})}
    for trick, share in (
        ("no_op_padding", 0.1),
        ("few_huge_steps", None),
        ("erase_refill", 0.3),
        ("error_then_fix", 0.9),
    ):
        row["metrics"]["probes"][trick]["beats_solved"]["prod"] = share
    assert value_of(METRICS["fooled"], row) == 0.3


def test_claims_name_arms_and_metrics_that_there_are() -> None:
    names = {arm.name for arm in TOY.arms}
    for claim in CLAIMS:
        assert claim.comparisons
        for one in claim.comparisons:
            assert {one.better, one.than} <= names
            assert one.metric in METRICS


def test_the_glance_says_what_each_claim_says() -> None:
    text = claims_section("conditional", PLAN, all_rows(), Numbers())
    glance = [line.split(" | ") for line in text.splitlines() if line.startswith("| ")][2:]
    assert len(glance) == sum(claim.page == "conditional" for claim in CLAIMS)
    for cells in glance:
        says, told = cells[0].removeprefix("| "), cells[1].removesuffix(" |")
        assert f"**{says}**: {told}." in text


def test_gains_where_n_is_small_take_part_in_no_verdict() -> None:
    row = {"metrics": metrics({})}
    assert math.isnan(value_of(METRICS["best_of_early"], row))
    row["metrics"]["test"]["chosen"] |= {"sizes": [8, 16, 32], "accuracy": [0.5, 0.625, 0.75]}
    assert value_of(METRICS["best_of_early"], row) == 0.625
    assert all(one.metric != "best_of_early" for claim in CLAIMS for one in claim.comparisons)
    text = early_section("conditional", PLAN, all_rows(), Numbers())
    assert text.count("- sudoku_6x6, best of N=16") == 7  # every best-of-N comparison of the page, once


def test_shares_stay_between_nothing_and_all_and_nothing_has_no_sign() -> None:
    wide = estimate([0.9, 1.0, 1.0])
    assert wide.high > 1
    assert Numbers().estimate(wide, percent=True).endswith(", 100.0]")
    assert Numbers().estimate(wide, percent=True, signed=True).endswith(f", {100 * wide.high:.1f}]")
    assert Numbers().plain(-1e-6, percent=True) == "0.0"
    assert Numbers().plain(-0.25, percent=False) == "-0.250"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
@pytest.mark.usefixtures("undrawn")
def test_no_number_on_a_page_is_typed(page, tmp_path: Path) -> None:
    numbers, found = Numbers(), all_rows()
    text, drawn = page_of(page, PLAN, found, tmp_path, numbers)
    names = [*(arm.name for arm in PLAN.arms), *(path.name for path in drawn)]
    for name in sorted(names, key=len, reverse=True):
        text = text.replace(name, "")
    assert set(NUMERAL.findall(text)) <= numbers.written
    # What is written is what rows hold: other rows, other numbers.
    other = copy.deepcopy(found)
    for mine in other.values():
        for row in mine:
            if row["arm"] != rows.FRAME:
                row["metrics"] = metrics({"beam": 0.777, "steps": 0.123})
    changed, _ = page_of(page, PLAN, other, tmp_path, Numbers())
    assert "77.7" in changed
    assert "0.123" in changed
    assert "77.7" not in text


def test_a_claim_without_its_rows_is_not_decided() -> None:
    found = all_rows()
    found[SUDOKU.name] = [row for row in found[SUDOKU.name] if row["arm"] != "pqm"]
    text = claims_section("conditional", PLAN, found, Numbers())
    told = [line for line in text.splitlines() if line.startswith("**")]
    assert "not decided" in told[0]
    assert "not decided" not in told[5]


def test_pictures_are_drawn_of_made_up_rows(tmp_path: Path) -> None:
    found = all_rows()
    for name in (SUDOKU.name, MAZE.name):
        assert all(path.is_file() for path in pictures.write(found[name], PLAN.arms[:2], tmp_path, name))


@pytest.mark.usefixtures("undrawn")
def test_pages_are_rendered_from_the_reports_alone(tmp_path: Path) -> None:
    work, reports = tmp_path / "work", tmp_path / "reports"
    found = all_rows()
    for place, domain in enumerate(PLAN.domains):
        for row in found[domain.name]:
            arm = next((arm for arm in PLAN.arms if arm.name == row["arm"]), None)
            rows.write(rows.path_of(work / "rows", PLAN.domains[place], row["seed"], arm), row)
    paths = render(PLAN, work, reports)
    first = {path: path.read_bytes() for path in paths if path.suffix != ".png"}
    assert {path.name for path in paths} >= {
        "sudoku_6x6.json",
        "maze_9x9.json",
        "node_compression.md",
        "conditional.md",
    }
    assert render(PLAN, tmp_path / "nothing", reports) == paths
    assert all(path.read_bytes() == content for path, content in first.items())


def test_rows_of_another_plan_are_not_rendered(tmp_path: Path) -> None:
    path = rows.path_of(tmp_path / "rows", PLAN.domains[0], 0, None)
    rows.write(path, {**made_up(PLAN, 0, 0, rows.FRAME), "hash": "of other sizes"})
    with pytest.raises(ValueError, match="holds no rows of the plan toy"):
        render(PLAN, tmp_path, tmp_path / "reports")


def test_hashes_follow_from_all_that_rows_follow_from() -> None:
    sizes, arm = PLAN.sizes, PLAN.arms[0]
    hashes = [
        rows.fingerprint(SUDOKU, sizes, 0, arm),
        rows.fingerprint(SUDOKU, sizes, 0, None),
        rows.fingerprint(SUDOKU, sizes, 1, arm),
        rows.fingerprint(MAZE, sizes, 0, arm),
        rows.fingerprint(SUDOKU, replace(sizes, steps=5), 0, arm),
        rows.fingerprint(SUDOKU, sizes, 0, replace(arm, reward={**arm.reward, "labels": "mc_hard"})),
        rows.fingerprint(replace(SUDOKU, overrides=(*SUDOKU.overrides, "reward.budget=6")), sizes, 0, arm),
    ]
    assert len(set(hashes)) == len(hashes)
    assert rows.fingerprint(replace(SUDOKU, seeds=(0,)), sizes, 0, arm) == hashes[0]


def test_paths_of_metrics_lead_to_numbers() -> None:
    found = metrics({})
    for metric in METRICS.values():
        if metric.path not in DERIVED:
            assert np.isscalar(at(found, metric.path)), metric
