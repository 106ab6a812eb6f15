"""The study of policies: its plan and protocol agree, its rules are as written, and it runs at toy size."""

import math
from pathlib import Path

import numpy as np
import pytest

import puzzles
from hrm_net.study import command, jobs, protocols, rows
from hrm_net.study.claims import Estimate
from hrm_net.study.policies import pages
from hrm_net.study.policies.claims import (
    ADMITTED,
    CLAIMS,
    FIGURES,
    MARGIN,
    POLICIES,
    change,
    find,
    is_void,
    pilot_gain,
    resistance,
    resists,
)
from hrm_net.study.policies.measure import cut_off
from hrm_net.study.policies.plan import ARMS, CHANCE, CLONE, LEARNED, PILOT, PILOTED, POLICY, TINY, TOY, overrides
from hrm_net.study.policies.run import by_actor
from hrm_net.study.tables import Numbers
from puzzles.steps.rules import step_rules
from puzzles.steps.world import EditWorld
from puzzles.sudoku.domain import Sudoku
from tests.paths import REPO
from tests.study.toy import run_seed

DOMAIN = POLICY.domains[0]
HELD, CONTRARY, IN_PART, NOT_SHOWN = "held", "the contrary", "held in part", "could not show"


def made_up(arm: str, seed: int, **values: float | None) -> rows.Row:
    return {"domain": DOMAIN.name, "arm": arm, "seed": seed, "metrics": values}


def exactly(mean: float, spread: float = 0.0) -> Estimate:
    return Estimate(mean=mean, low=mean - spread, high=mean + spread, seeds=5)


def test_the_protocol_is_of_the_plan_that_runs() -> None:
    text = (REPO / "reports" / "policies" / "protocol.md").read_text()
    assert f"digest `{POLICY.digest}`" in text
    for arm in ARMS:
        assert f"`{arm.name}`" in text
    for pilot, domain in zip(PILOT.domains, POLICY.domains, strict=True):
        assert not set(pilot.seeds) & set(domain.seeds)
    assert PILOT.sizes == POLICY.sizes
    assert POLICY.sizes.steps % POLICY.sizes.every == 0  # type: ignore[attr-defined]


def test_every_claim_names_arms_and_figures_that_there_are() -> None:
    names = {arm.name for arm in ARMS} | {CLONE, CHANCE}
    for claim in CLAIMS:
        for one in claim.comparisons:
            assert {one.better, one.than} <= names | {""}
            assert one.metric in FIGURES
    assert set(LEARNED) <= {arm.name for arm in ARMS}


def test_the_command_knows_the_plans_of_every_protocol() -> None:
    assert set(command.NAMES) == set(protocols.BY_PLAN)
    for name in command.NAMES:
        study, plan = protocols.find(name)
        assert plan.name == name
        assert (REPO / study.reports).is_dir()
    assert len({study.reports for study in protocols.STUDIES}) == len(protocols.STUDIES)


def test_an_arm_differs_from_the_verifier_in_what_it_says(tmp_path: Path) -> None:
    told = {arm.name: overrides(DOMAIN, POLICY.sizes, 1, arm, tmp_path) for arm in ARMS}  # type: ignore[arg-type]
    usual = {one for one in told["verifier"] if not one.startswith("name=")}
    for arm, only in (
        ("verifier_beta_0", {"policy.beta=0.0"}),
        ("verifier_grpo", {"policy.algorithm=grpo"}),
        ("implicit", {"policy.reward=implicit"}),
        ("pair", {"policy.reward=pair", f"policy.scorer={tmp_path / 'judge'}"}),
        ("cond", {"policy.reward=cond", f"policy.scorer={tmp_path / 'scorer'}"}),
    ):
        assert {one for one in told[arm] if not one.startswith("name=")} - usual == only


def test_a_pilot_under_ten_points_makes_the_study_void() -> None:
    def pilot(gain: float) -> list[rows.Row]:
        return [made_up("verifier", 100, solved=0.4 + gain, clone_solved=0.4), made_up("orm", 100, solved=0.0)]

    assert pilot_gain([]) is None
    assert pilot_gain(pilot(0.3)) == pytest.approx(0.3)
    assert is_void(ADMITTED - 0.001)
    assert not is_void(ADMITTED)
    for gain, admitted, says in ((0.3, True, "gains 30.0 points"), (0.08, False, "the study is void")):
        found = pages.admission(pilot(gain), Numbers())
        assert found[0] == admitted
        assert says in found[1]
    assert not pages.admission([], Numbers())[0]
    every = [made_up(arm, seed, solved=s) for seed in range(3) for arm, s in ((CLONE, 0.4), ("verifier", 0.9))]
    first = CLAIMS[0].says
    assert f"| {first} | held |" in pages.claims_section(every, True, Numbers(), POLICIES)
    assert f"| {first} | void |" in pages.claims_section(every, False, Numbers(), POLICIES)


@pytest.mark.parametrize(
    ("lengths", "solved", "expected"),
    [
        ((1.0, 1.1, 1.2), (0.0, 0.01, 0.0), HELD),
        ((9.0, 9.1, 9.2), (0.4, 0.41, 0.39), CONTRARY),  # it neither shortens nor falls
        ((1.0, 1.1, 1.2), (0.2, 0.5, 0.3), IN_PART),
        ((1.0, 9.0, 3.0), (0.2, 0.5, 0.3), NOT_SHOWN),
    ],
)
def test_a_collapse_is_both_short_and_worse_than_the_clone(
    lengths: tuple[float, ...], solved: tuple[float, ...], expected: str
) -> None:
    every = [made_up(CLONE, seed, solved=0.4) for seed in range(3)]
    every += [
        made_up("prod", seed, length=length, solved=share)
        for seed, (length, share) in enumerate(zip(lengths, solved, strict=True))
    ]
    claim = next(one for one in CLAIMS if "collapses" in one.says)
    found = [one for comparison in claim.comparisons if (one := find(comparison, every)) is not None]
    assert len(found) == len(claim.comparisons)
    assert POLICIES.verdict(found, []) == expected


@pytest.mark.parametrize(
    ("solved", "earned", "fooled", "other", "expected"),
    [
        (exactly(0.2), exactly(1.0), exactly(0.0), True, HELD),
        (exactly(-0.04), exactly(1.0), exactly(-0.1), True, HELD),
        (exactly(0.2), exactly(1.0), None, True, HELD),  # a reward that compares has no such share
        (exactly(0.2), exactly(1.0), exactly(0.0), False, NOT_SHOWN),  # nothing was put to the test
        (exactly(0.2), exactly(0.1, 0.2), exactly(0.0), True, IN_PART),  # nothing may have been optimised
        (exactly(0.2), exactly(1.0), exactly(0.3), True, IN_PART),
        (exactly(0.0, 0.1), exactly(1.0), exactly(0.0), True, NOT_SHOWN),
        (exactly(-0.2), exactly(1.0), exactly(0.0), True, CONTRARY),
        (exactly(-0.2), exactly(1.0), exactly(0.0), False, CONTRARY),
        (exactly(-0.06, 0.03), exactly(1.0), exactly(0.0), True, NOT_SHOWN),
    ],
)
def test_a_reward_resists_hacking_only_as_the_rule_says(
    solved: Estimate, earned: Estimate, fooled: Estimate | None, other: bool, expected: str
) -> None:
    assert resists(solved, earned, fooled, other) == expected


def learned(arm: str, solved: float, seeds: int = 3) -> list[rows.Row]:
    return [
        made_up(arm, seed, solved=solved + 0.001 * seed, proxy=2.0 + 0.01 * seed, clone_proxy=1.0, fooled=0.0,
                clone_fooled=0.0)
        for seed in range(seeds)
    ]  # fmt: skip


def test_a_fall_of_another_reward_is_what_puts_one_to_the_test() -> None:
    clones = [made_up(CLONE, seed, solved=0.4) for seed in range(3)]
    assert resistance([*clones, *learned("orm", 0.6)]) == {"orm": NOT_SHOWN}
    both = [*clones, *learned("orm", 0.6), *learned("prod", 0.0)]
    assert resistance(both) == {"orm": HELD, "prod": CONTRARY}
    # A fall of less than five points tests nothing, and two seeds decide nothing.
    assert resistance([*clones, *learned("orm", 0.6), *learned("prod", 0.4 - MARGIN)])["orm"] == NOT_SHOWN
    assert resistance([*clones, *learned("orm", 0.6, seeds=2)]) == {}


def test_a_change_is_paired_by_seed_and_missing_where_a_seed_lacks_the_figure() -> None:
    every = [made_up(CLONE, seed, solved=0.1 * seed) for seed in range(3)]
    every += [made_up("orm", seed, solved=0.1 * seed + 0.2, fooled=0.1 if seed else None) for seed in range(4)]
    found = change(every, "orm", "solved", CLONE)
    assert found is not None
    assert found.mean == pytest.approx(0.2)
    assert found.seeds == 3
    assert change(every, "orm", "fooled", "clone_fooled") is None
    assert change(every, "cond", "solved", CLONE) is None


def test_cut_off_attempts_end_within_their_steps_and_others_stay() -> None:
    puzzle = Sudoku("2x2")
    world = EditWorld(step_rules(puzzle), 12)
    problems, answers = puzzle.generate(puzzles.rng(0, "cut"), 20, clues=6)
    world.rules.remember(problems, answers)
    episodes = world.run(world.legal_actor, puzzles.rng(1, "cut"), problems.astype(np.uint8))
    which = np.arange(20) % 2 == 0
    found = cut_off(episodes, which, puzzles.rng(2, "cut"))
    for name in ("states", "actions", "lengths"):
        assert (getattr(found, name)[~which] == getattr(episodes, name)[~which]).all()
    assert (found.lengths >= 1).all()
    assert (found.lengths <= episodes.lengths).all()
    assert (found.lengths[which] < episodes.lengths[which]).any()
    for i in np.flatnonzero(which):
        length = found.lengths[i]
        assert (found.states[i, : length + 1] == episodes.states[i, : length + 1]).all()
        assert (found.states[i, length:] == found.states[i, length]).all()
        assert (found.actions[i, length:] == -1).all()


@pytest.fixture(scope="module")
def toy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The jobs of one seed at toy size."""
    return run_seed(TOY, tmp_path_factory.mktemp("policies"))


@pytest.mark.slow
def test_the_whole_pipeline_runs_at_toy_size(toy: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    found = jobs.done(TOY, toy)
    assert len(found) == 1 + len(ARMS)
    every = {one["arm"]: one["metrics"] for row in found.values() for one in by_actor(row)}
    assert set(every) == {rows.FRAME, CLONE, CHANCE, *(arm.name for arm in ARMS)}
    clone = every[CLONE]["solved"]
    for arm in ARMS:
        assert every[arm.name]["clone_solved"] == clone  # all arms of a seed have one clone and one set of puzzles
        assert [one["step"] for one in every[arm.name]["curve"]] == [1, 2]
        assert math.isfinite(every[arm.name]["proxy"])
    assert every[CLONE]["kl"] == 0
    assert set(every[rows.FRAME]["trust"]) == set(LEARNED) - {"implicit"}
    command.main(["render", "--plan", TOY.name, "--work", str(toy), "--reports", str(tmp_path)])
    assert str(tmp_path / f"{TINY.name}.json") in capsys.readouterr().out
    text = (tmp_path / "policies.md").read_text()
    assert "0 of 2 seeds whole" not in text
    assert "1 of 2 seeds whole" in text
    assert "The pilot seed, which admits the study, has not run" in text
    assert text.count("| not run, rows are missing |") == len(CLAIMS) + len(LEARNED)  # one seed decides nothing
    assert len(list((tmp_path / "pictures").glob("*.png"))) == 2


@pytest.mark.slow
def test_a_job_that_was_done_is_not_done_again(toy: Path) -> None:
    weights = toy / TINY.name / "0" / "verifier" / "checkpoints" / "step_000002" / "model.safetensors"
    before = weights.stat().st_mtime_ns
    (toy / "rows" / f"{TINY.name}-verifier-0.json").unlink()
    one = ["one", "--plan", TOY.name, "--work", str(toy), "--domain", TINY.name, "--seed", "0", "--arm", "verifier"]
    command.main(one)
    assert weights.stat().st_mtime_ns == before
    assert (toy / "rows" / f"{TINY.name}-verifier-0.json").is_file()


def test_the_pilots_rows_have_a_file_of_their_own() -> None:
    assert rows.collected(Path(), PILOTED) != rows.collected(Path(), DOMAIN)
