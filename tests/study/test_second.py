"""The second protocol: no comparison that counting wins is admitted, four verdicts, pages that say what has not run."""

import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

import puzzles
from hrm_net.reward import RewardModel, StepScorer, baseline
from hrm_net.reward.baseline import Admission, admit
from hrm_net.study import jobs, rows
from hrm_net.study.claims import Finding, against, estimate
from hrm_net.study.second import measure, pages, pools
from hrm_net.study.second.claims import CLAIMS, FIGURES, SECOND, find, value, verdict
from hrm_net.study.second.plan import PILOT, TINY, TOY, PrefixSizes
from hrm_net.study.second.plan import SECOND as PLAN
from hrm_net.study.second.scores import KeptScores
from hrm_net.study.tables import Numbers
from puzzles.errors import UserError
from puzzles.steps.attempts import attempts
from puzzles.steps.labels import label_states
from puzzles.steps.policies import CarelessSolver, sample_states
from puzzles.steps.rows import trajectories_of
from puzzles.steps.rules import step_rules
from tests.paths import REPO
from tests.reward.rewarding import small_scorer

SURE, UNSURE, WORSE, NOTHING = [0.1, 0.11, 0.12], [0.1, -0.1, 0.05], [-0.1, -0.11, -0.12], [0.0, 0.0, 0.0]


def careless():
    """(rules, complete solutions of today's policy): a failed one of them ends with blanks."""
    rules = step_rules(puzzles.get("sudoku", box="2x2"))
    problems, answers = rules.puzzle.generate(puzzles.rng(0, "careless"), 30, clues=5)
    rules.remember(problems, answers)
    problems = np.repeat(problems, 8, 0)
    policy = CarelessSolver(rules, error=0.15, cells_per_step=3)
    states, lengths = sample_states(policy, rules, puzzles.rng(1, "careless"), problems, 4)
    made = attempts(rules.puzzle, problems, states, lengths, budget=4, cells_per_step=3, regime="fill")
    return rules, trajectories_of(made, label_states(rules, made))


def test_complete_solutions_that_end_with_blanks_are_not_admitted() -> None:
    rules, found = careless()
    last = found.rows.take(found.starts[1:] - 1)
    last.label = found.outcome.astype(np.float32)
    problem = np.arange(len(found)) // 8
    told = baseline.admission(rules, last, found.rows, (problem, problem[found.attempts()]))
    assert told.compared > 0.98
    with pytest.raises(
        UserError, match=r"sudoku: counts and rules have an AUROC of (0\.9|1\.0)\d+ on what is compared"
    ):
        admit(told, "sudoku")


@pytest.mark.parametrize(
    ("compared", "steps", "message"),
    [
        (0.47, 0.5, "AUROC of 0.470 on what"),
        (0.56, 0.5, "AUROC of 0.560 on what"),
        (0.5, 0.61, "0.610 on single steps"),
    ],
)
def test_what_is_not_admitted_is_named_with_its_figure(compared: float, steps: float, message: str) -> None:
    with pytest.raises(UserError, match=message):
        admit(Admission(compared=compared, error=0.01, steps=steps), "a set")
    admit(Admission(compared=0.5, error=0.01, steps=0.55), "a set")


def test_cross_validation_never_learns_from_the_problem_that_it_judges() -> None:
    rng = puzzles.rng(0, "cross")
    groups = np.repeat(np.arange(40), 10)
    labels = rng.random(400) < 0.5
    features = groups[:, None] == np.arange(40)  # tells the problem, and nothing about others
    own = np.array([labels[groups == one].mean() for one in range(40)])[groups]
    told = baseline.cross_validated(np.concatenate([features, own[:, None] * 0], 1).astype(float), labels, groups)
    assert abs(np.corrcoef(told, own)[0, 1]) < 0.5
    clear = baseline.cross_validated(labels[:, None] + 0.1 * rng.standard_normal((400, 1)), labels, groups)
    assert ((clear > 0.5) == labels).mean() > 0.99
    with pytest.raises(UserError, match="has 3 problems to learn from: must be at least 5"):
        baseline.cross_validated(features[:30].astype(float), labels[:30], groups[:30])


def findings(*gains: list[float]) -> list[Finding]:
    return [
        Finding(comparison=against("policy", "cond", "orm")[0], domain="d", gain=estimate(one), better=0.5, than=0.5)
        for one in gains
    ]


@pytest.mark.parametrize(
    ("decisive", "other", "expected"),
    [
        ([SURE, SURE], [], "held"),
        ([SURE, SURE], [WORSE], "held in part"),
        ([SURE, UNSURE], [], "held in part"),
        ([SURE, WORSE], [], "held in part"),
        ([UNSURE, UNSURE], [SURE], "could not show"),
        ([NOTHING, NOTHING], [], "could not show"),
        ([WORSE, UNSURE], [], "the contrary"),
        ([WORSE, WORSE], [], "the contrary"),
        ([SURE[:2], SURE[:2]], [], "could not show"),
    ],
)
def test_verdicts_tell_nothing_shown_from_the_contrary(decisive: list, other: list, expected: str) -> None:
    assert verdict(findings(*decisive), findings(*other)) == expected


def test_the_plan_has_what_the_first_one_lacked() -> None:
    pairs = {(one.better, one.than) for claim in CLAIMS for one in claim.comparisons}
    assert ("hier_hnc", "prm") in pairs  # from equally many rollouts
    first = PLAN.domains[0]
    assert {"reward.regime=fill", "reward.policy.name=full"} <= set(first.overrides)
    for domain in PLAN.domains:
        assert len(domain.seeds) >= 3
        assert not set(domain.seeds) & set(next(one.seeds for one in PILOT.domains if one.name == domain.name))
    names = {arm.name for arm in PLAN.arms}
    for claim in CLAIMS:
        for one in claim.comparisons:
            assert {one.better, one.than} <= names
            assert one.metric in FIGURES


def test_the_protocol_is_of_the_plan_that_runs() -> None:
    text = (REPO / "reports" / "protocol.md").read_text()
    assert f"digest `{PLAN.digest}`" in text
    for arm in PLAN.arms:
        assert f"`{arm.name}`" in text


@pytest.fixture(scope="module")
def pool() -> pools.Pool:
    assert isinstance(TOY.sizes, PrefixSizes)
    source = pools.source_of(TINY, TOY.sizes, 0)
    return pools.sample_pool(TINY, source, "few", (8, 4, 0.3))


def test_a_pool_knows_what_came_of_each_prefix(pool: pools.Pool) -> None:
    num, each, steps = pool.shape
    assert not pool.continued[~pool.prefixes.alive].any()  # regime fill: lost is lost
    assert (pool.ok.all(2) == pool.prefixes.alive).all()
    rows_ = pool.rows()
    assert len(rows_) == num * each * steps
    assert (rows_.after[steps - 1 :: steps] == pool.prefixes.states[:, :, -1].reshape(num * each, -1)).all()
    assert (pool.last_rows().label.reshape(num, each) == pool.prefixes.alive).all()


def test_an_oracle_of_prefixes_reaches_the_oracles_row(pool: pools.Pool) -> None:
    truth = pool.prefixes.alive.reshape(-1)
    steps = np.repeat(truth, pool.shape[2]).astype(float)
    found = measure._best_of(lambda _: steps, "last", pool)
    assert found["solver"]["accuracy"][-1] == pytest.approx(pool.prefixes.alive.any(1).mean())
    assert found["solver"]["accuracy"][0] == pytest.approx(pool.prefixes.alive.mean())


def made_up(domain, name: str, seed: int, **values: float) -> rows.Row:
    arm = next((arm for arm in PLAN.arms if arm.name == name), None)
    curve = {"sizes": [1, 16, 64], "accuracy": [0.1, 0.2, values.get("policy", 0.3)], "by_problem": [0.0, 1.0]}
    ranked = {"auroc": values.get("full_pooled", 0.5), "within": 0.5, "best_of_n": curve}
    prefix = {"policy": curve, "solver": curve}
    told = {
        "prefix": prefix,
        "auroc": 0.5,
        "steps": 0.5,
        "brier": 0.25,
        "full": ranked,
        "careless": ranked,
        "fooled": 0.5,
    }
    told["probes"] = {
        trick: {"num": 0, "beats_solved": None}
        for trick in ("no_op_padding", "erase_refill", "few_huge_steps", "error_then_fix")
    }
    if arm is None:
        both = {"oracle": curve, "random": curve}
        solved = {"solve_rate": 0.4, "oracle": curve}
        told = {
            "counts_and_rules": told, "prefix": {"policy": both, "solver": both}, "full": solved, "careless": solved,
            "problems": {"few": 50, "half": 80}, "alive": 0.03,
        }  # fmt: skip
    return {
        "domain": domain.name, "arm": name, "seed": seed, "metrics": told, "seconds": {"training": 1.0},
        "hash": rows.fingerprint(domain, PLAN.sizes, seed, arm),
        "provenance": {"commit": "abc", "hardware": {"cpu": "a CPU"}, "versions": {}},
    }  # fmt: skip


def all_rows() -> pages.Found:
    found: pages.Found = {}
    for domain in PLAN.domains:
        found[domain.name] = [made_up(domain, rows.FRAME, seed) for seed in domain.seeds]
        for number, arm in enumerate(PLAN.arms_of(domain)):
            values = {"policy": 0.3 + 0.02 * number}
            found[domain.name] += [made_up(domain, arm.name, seed, **values) for seed in domain.seeds]
    return found


@pytest.fixture(autouse=True)
def undrawn(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pages, "best_of_n_picture", lambda rows, arms, folder, name: folder / f"{name}.png")


@pytest.mark.parametrize("page", pages.PAGES, ids=lambda page: page.name)
def test_counts_and_rules_stand_in_every_table_and_what_has_not_run_is_said(page, tmp_path: Path) -> None:
    found = all_rows()
    text, _ = pages.page_of(page, PLAN, found, tmp_path, Numbers())
    tables = text.count("| counts and rules |")
    assert tables == 2 * len(pages.domains_of(page, PLAN))
    assert "not run" not in text.split("## Claims")[1]
    for name in found:
        found[name] = [row for row in found[name] if row["arm"] not in ("cond", "hier_hnc") or row["seed"] == 0]
    text, _ = pages.page_of(page, PLAN, found, tmp_path, Numbers())
    told = [line for line in text.splitlines() if line.startswith("**")]
    assert all("not run, rows are missing" in line for line in told if "noise" not in line)
    assert "the others are shown as not run" in text
    found[pages.domains_of(page, PLAN)[0].name] = []
    assert "Not run." in pages.page_of(page, PLAN, found, tmp_path, Numbers())[0]


def test_gains_are_paired_by_seed() -> None:
    domain = PLAN.domains[0]
    mine = [made_up(domain, "cond", seed, policy=0.3 + 0.1 * seed) for seed in range(3)]
    mine += [made_up(domain, "orm", seed, policy=0.1 + 0.1 * seed) for seed in range(4)]
    found = find(against("policy", "cond", "orm")[0], mine, domain.name)
    assert found is not None
    assert (found.gain.seeds, found.gain.mean) == (3, pytest.approx(0.2))
    assert found.gain.low == pytest.approx(0.2)
    assert find(against("policy", "cond", "pqm")[0], mine, domain.name) is None
    assert math.isnan(value("fooled", {"metrics": {"fooled": None}}))
    assert SECOND.few_seeds_by_puzzle is False


def test_kept_scores_are_the_scorers_own_and_the_second_head_asks_the_network_nothing(
    pool: pools.Pool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    model, puzzle, rows_ = small_scorer("symbols", ("orm", "cond")), puzzles.get("sudoku", box="2x2"), pool.rows()
    orm, cond = (StepScorer(model, puzzle, head, segments=1) for head in ("orm", "cond"))
    first = KeptScores(orm, tmp_path / "scores.npz")
    np.testing.assert_allclose(first.score_rows(rows_), orm.score_rows(rows_), rtol=1e-5)
    first.save()
    own = cond.score_rows(rows_)
    monkeypatch.setattr(RewardModel, "forward", None)
    second = KeptScores(cond, tmp_path / "scores.npz")
    np.testing.assert_allclose(second.score_rows(rows_), own, rtol=1e-5)
    assert second.objective == "cond"


def test_no_arm_is_trained_where_the_pools_were_not_admitted(tmp_path: Path, capsys) -> None:
    from hrm_net.study import command

    one = ["one", "--plan", TOY.name, "--work", str(tmp_path), "--domain", TINY.name, "--seed", "0", "--arm", "cond"]
    with pytest.raises(SystemExit, match="2"):
        command.main(one)
    assert "its start is not made or not admitted" in capsys.readouterr().err
    assert not list(tmp_path.iterdir())


@pytest.mark.slow
def test_the_whole_pipeline_runs_at_toy_size(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys) -> None:
    from hrm_net.study import command

    monkeypatch.setattr(baseline, "admit", lambda found, what: None)  # too few prefixes to tell at this size
    for arm in (None, "cond", "hier_hnc"):
        one = ["one", "--plan", TOY.name, "--work", str(tmp_path), "--domain", TINY.name, "--seed", "0"]
        command.main([*one, *(["--arm", arm] if arm else [])])
    assert len(jobs.done(TOY, tmp_path)) == 3
    command.main(["render", "--plan", TOY.name, "--work", str(tmp_path), "--reports", str(tmp_path)])
    assert "not run" in (tmp_path / "conditional.md").read_text()
    assert str(tmp_path / "sudoku_4x4_fill.json") in capsys.readouterr().out
    assert replace(TOY, name="x").digest != TOY.digest
