"""The study of judges: its plan and protocol agree, its claims are decided as written, and it runs at toy size."""

from dataclasses import replace
from pathlib import Path
from typing import Any, Literal, cast

import numpy as np
import pytest

import puzzles
from hrm_net.checkpoints import checkpoint
from hrm_net.reward.model import RewardModel
from hrm_net.reward.pair.data import Pairs
from hrm_net.reward.pair.games import trace_games
from hrm_net.study import command, jobs, rows
from hrm_net.study.demands import demand
from hrm_net.study.judges import measure, pages, pools, train
from hrm_net.study.judges.claims import CLAIMS, FIGURES, JUDGES, find
from hrm_net.study.judges.plan import ARMS, PILOT, READINGS, SYMBOLS, TINY, TOY, VOTES, JudgeSizes, Network, Reading
from hrm_net.study.judges.plan import JUDGES as PLAN
from hrm_net.study.judges.read import Reader
from hrm_net.study.judges.run import COUNTS, by_reading
from hrm_net.study.tables import Numbers
from puzzles.errors import UserError
from puzzles.sudoku.domain import Sudoku
from puzzles.sudoku.nodes import search_nodes
from puzzles.sudoku.step_rules import SudokuSteps
from tests.paths import REPO
from tests.reward.rewarding import small_scorer
from tests.study.toy import run_seed

DOMAIN = PLAN.domains[0]
PUZZLE = Sudoku("2x2")
RULES = SudokuSteps(PUZZLE)
SIZES = cast("JudgeSizes", TOY.sizes)
Kind = Literal["pair", "alone", "heads"]


def games(num: int = 6) -> Pairs:
    """Games between a right and a wrong candidate, the right one first in every second of them."""
    problems, answers = PUZZLE.generate(puzzles.rng(0, "games"), num, clues=6)
    right = answers.astype(np.uint8)
    wrong = right.copy()
    blank = (problems == 1).argmax(axis=1)
    wrong[np.arange(num), blank] = 2 + (right[np.arange(num), blank] - 1) % 4
    better = np.arange(num) % 2 == 0
    return Pairs(
        problem=problems.astype(np.uint8), first=np.where(better[:, None], right, wrong),
        second=np.where(better[:, None], wrong, right), better=better, steps=np.ones(num, np.int64),
    )  # fmt: skip


def reader(model: RewardModel, kind: Kind, depth: int | None = 2, **reading: Any) -> Reader:
    network = Network(name="n", kind=kind, depth=2, core=reading.pop("core", "relational"))
    told = Reading(name="r", says="", network="n", depth=depth, **reading)
    return Reader(reading=told, network=network, model=model, puzzle=PUZZLE, left=3, games=4, traces={})


def test_the_protocol_is_of_the_plan_that_runs() -> None:
    text = (REPO / "reports" / "judges" / "protocol.md").read_text()
    assert f"digest `{PLAN.digest}`" in text
    for reading in READINGS:
        assert f"`{reading.name}`" in text
    for pilot, domain in zip(PILOT.domains, PLAN.domains, strict=True):
        assert not set(pilot.seeds) & set(domain.seeds)
        assert len(domain.seeds) >= 3
    assert PILOT.sizes == PLAN.sizes


def test_every_claim_names_readings_and_figures_that_there_are() -> None:
    names = {one.name for one in READINGS}
    for claim in CLAIMS:
        for one in claim.comparisons:
            assert {one.better, one.than} <= names | {""}
            assert one.metric in FIGURES
    networks = {one.name for arm in ARMS for one in arm.networks}
    assert {one.network for one in READINGS} == networks


def made_up(name: str, seed: int, **values: float) -> rows.Row:
    return {"domain": DOMAIN.name, "arm": name, "seed": seed, "metrics": values}


@pytest.mark.parametrize(
    ("gains", "expected"),
    [
        ((0.05, 0.06, 0.07), "held"),
        ((0.015, 0.016, 0.017), "the contrary"),  # better, by less than what is demanded
        ((0.01, 0.03, 0.02), "could not show"),
    ],
)
def test_a_gain_counts_from_what_is_demanded_on(gains: tuple[float, ...], expected: str) -> None:
    every = [made_up("a", seed, accuracy=0.6 + gain) for seed, gain in enumerate(gains)]
    every += [made_up("b", seed, accuracy=0.6) for seed in range(4)]
    (wanted,) = demand("accuracy", "a", "b", least=0.02)
    found = find(wanted, every)
    assert found is not None
    assert found.gain.mean == pytest.approx(np.mean(gains) - 0.02)
    assert JUDGES.verdict([found], []) == expected
    (alone,) = demand("accuracy", "a", least=0.5)
    found = find(alone, every)
    assert found is not None
    assert found.gain.mean == pytest.approx(0.1 + np.mean(gains))
    assert find(demand("accuracy", "c")[0], every) is None


def test_a_figure_that_is_not_defined_decides_nothing() -> None:
    every = [made_up("a", seed, spearman=None) for seed in range(3)]  # type: ignore[arg-type]
    found = find(demand("spearman", "a", least=0.2)[0], every)
    assert found is not None
    assert JUDGES.verdict([found], []) == "could not show"


def test_equal_cost_lies_between_two_depths() -> None:
    assert measure.at_cost([0.5, 0.6, 0.9], 2.5) == pytest.approx(0.75)
    assert measure.at_cost([0.5, 0.6, 0.9], 1.0) == 0.5


def test_cyclic_triads_are_counted_one_by_one() -> None:
    rng = puzzles.rng(0, "triads")
    upper = np.triu(rng.random((5, 6, 6)) < 0.5, k=1)
    beats = upper | np.tril(~upper.transpose(0, 2, 1), k=-1)
    slow = [
        beats[n, i, j] and beats[n, j, k] and beats[n, k, i]
        for n in range(5) for i in range(6) for j in range(6) for k in range(6) if len({i, j, k}) == 3
    ]  # fmt: skip
    assert measure.cyclic(beats) == pytest.approx(sum(slow) / 3 / (5 * 20))
    order = np.triu(np.ones((1, 6, 6), bool), k=1)
    assert measure.cyclic(order) == 0


def slow_nodes(state: np.ndarray) -> tuple[bool, int]:
    """(whether it can be solved, digits written), by the step rules' own table of legal digits."""
    if not (state == 1).any():
        return True, 0
    legal = RULES.legal(np.ones_like(state)[None], state[None])[0]
    counts = np.where(state == 1, legal.sum(axis=1), 99)
    nodes, cell = 0, int(counts.argmin())
    for digit in np.flatnonzero(legal[cell]):
        written = state.copy()
        written[cell] = digit
        solved, below = slow_nodes(written)
        nodes += 1 + below
        if solved:
            return True, nodes
    return False, nodes


def test_nodes_of_a_search_are_those_of_a_slow_one() -> None:
    rng = puzzles.rng(1, "nodes")
    problems, answers = PUZZLE.generate(rng, 12, clues=5)
    assert search_nodes(RULES, answers).tolist() == [0] * 12
    lost = problems.copy()
    for state in lost:  # a legal digit in a random blank cell: most of these cannot come right
        legal = np.argwhere(RULES.legal(np.ones_like(state)[None], state[None])[0])
        cell, digit = legal[rng.integers(len(legal))]
        state[cell] = digit
    for states in (problems, lost):
        assert search_nodes(RULES, states).tolist() == [slow_nodes(state)[1] for state in states]
    assert not all(slow_nodes(state)[0] for state in lost)


def test_a_reading_is_a_prefix_of_its_networks_trace() -> None:
    model, pairs = small_scorer("symbols", ("pair",)), games()
    whole = trace_games(model, pairs.games, segments=2, batch_size=4)
    one = reader(model, "pair", depth=1)
    np.testing.assert_allclose(one.trace("games", pairs).logits, whole.logits[:, :1], rtol=1e-5)
    found = reader(model, "pair").compare(list(pairs.problem), list(pairs.first), list(pairs.second))
    np.testing.assert_allclose(found.probability, 1 / (1 + np.exp(-whole.logits[:, 1])), rtol=1e-5)
    assert found.segments.tolist() == [2] * len(pairs)


@pytest.mark.parametrize(("kind", "heads", "head"), [("alone", ("pair",), ""), ("heads", ("prm", "cond"), "cond")])
def test_a_scalar_gives_a_candidate_the_same_score_against_everybody(kind: Kind, heads: tuple, head: str) -> None:
    model, pairs = small_scorer("symbols", heads), games()
    one = reader(model, kind, head=head)
    logits = one.trace("games", pairs).logits
    own = one.scores(pairs.problem, pairs.first, 2) - one.scores(pairs.problem, pairs.second, 2)
    np.testing.assert_allclose(logits, own, rtol=1e-4, atol=1e-6)
    swapped = Pairs(problem=pairs.problem, first=pairs.second, second=pairs.first, better=~pairs.better,
                    steps=pairs.steps)  # fmt: skip
    np.testing.assert_allclose(reader(model, kind, head=head).trace("games", swapped).logits, -logits, atol=1e-5)
    states = np.stack([pairs.first, pairs.second, pairs.first], axis=1)
    chosen, cost = one.best(pairs.problem, states, 0)
    assert (chosen == np.where(logits[:, -1] >= 0, 0, 1)).all()
    assert cost == 3 * 2


def test_a_knockout_costs_two_rows_a_game() -> None:
    pairs = games()
    states = np.stack([pairs.first, pairs.second], axis=1)
    chosen, cost = reader(small_scorer("symbols", ("pair",)), "pair").best(pairs.problem, states, 0)
    assert set(chosen.tolist()) <= {0, 1}
    assert cost == 2 * 2  # one game of two rows and two segments


def test_more_votes_begin_with_fewer() -> None:
    pairs, model = games(), small_scorer("symbols", ("pair",))
    many = reader(model, "pair", votes=max(VOTES), core=SYMBOLS)
    share = many.voted(pairs, 0)
    single = reader(model, "pair", votes=1, core=SYMBOLS)
    first = single.voted(pairs, 0)
    assert set(first.tolist()) <= {0.0, 1.0}
    assert (many.traces["votes", "2"][0] == first).all()
    assert (share * max(VOTES) == np.round(share * max(VOTES))).all()


@pytest.fixture(scope="module")
def toy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The jobs of one seed at toy size."""
    return run_seed(TOY, tmp_path_factory.mktemp("judges"))


@pytest.mark.slow
def test_the_whole_pipeline_runs_at_toy_size(toy: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    found = jobs.done(TOY, toy)
    assert len(found) == 2 + len(ARMS)
    every = {one["arm"]: one["metrics"] for row in found.values() for one in by_reading(row)}
    assert set(every) == {rows.FRAME, COUNTS, *(one.name for one in READINGS)}
    for name, depth in (("fixed_2", 2), ("fixed_8", 8), ("direct", 1), ("pointwise_8", 8), ("prm", 8)):
        assert every[name]["segments"] == depth
        assert len(every[name]["by_segment"]) == depth
        assert 0 <= every[name]["accuracy"] <= 1
    assert every["fixed_2"]["by_segment"] == every["fixed_8"]["by_segment"][:2]
    assert 1 <= every["closed"]["segments"] <= 8
    assert every["direct"]["training_cost"] * 4.5 == pytest.approx(every["direct_flops"]["training_cost"])
    command.main(["render", "--plan", TOY.name, "--work", str(toy), "--reports", str(tmp_path)])
    assert (tmp_path / "judges.md").is_file()
    assert len(list((tmp_path / "pictures").glob("*.png"))) == 2
    assert str(tmp_path / f"{TINY.name}.json") in capsys.readouterr().out
    text = (tmp_path / "judges.md").read_text()
    assert text.count("1 of 2 seeds whole") == 2
    assert text.count("| not run, rows are missing |") == len(CLAIMS)  # one seed decides nothing


@pytest.mark.slow
def test_halting_is_learned_from_the_end_of_one_warm_up(toy: Path) -> None:
    fixed = checkpoint.load(toy / TINY.name / "0" / "fixed" / "checkpoints" / f"step_{SIZES.warmup:06d}")
    for name in ("closed", "exact", "grpo"):
        folder = toy / TINY.name / "0" / name / "checkpoints"
        assert min(checkpoint.steps(folder)) > SIZES.warmup
        if name == "grpo":
            newest = checkpoint.newest(folder)
            assert newest is not None
            before = checkpoint.load(newest).state["before"]
            assert all((before[key] == value).all() for key, value in fixed.state["model"].items())


@pytest.mark.slow
def test_a_job_that_is_called_again_trains_nothing(toy: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(train.NetworkTraining, "update", None)
    network = Network(name="fixed")
    run = train.train(toy, TINY, SIZES, 0, network)
    assert run.steps == SIZES.steps
    labels = train.network_folder(toy, TINY, 0, Network(name="shuffled"))
    assert labels.is_dir()


def test_games_that_counting_wins_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    pairs = games(400)
    told = {"games": pairs, "validation": pairs, "other": pairs}
    telling = np.where(pairs.better, 1.0, -1.0)[:, None]
    monkeypatch.setattr(pools, "differences", lambda rules, pairs: telling)
    with pytest.raises(UserError, match=r"a domain: counts and rules are right in 1.000 of the games: must be within"):
        pools.frame(RULES, told.__getitem__, "a domain")


def test_a_page_of_one_row_says_what_has_not_run(tmp_path: Path) -> None:
    domain = PLAN.domains[0]
    frame = {
        "domain": domain.name, "arm": rows.FRAME, "seed": 1, "hash": "x", "seconds": {"measuring": 1.0},
        "provenance": {"commit": "abc", "hardware": {"cpu": "a CPU"}},
        "metrics": {
            "counts": {"accuracy": 0.5, "other": 0.5, "brier": None}, "games": dict.fromkeys(pools.GAMES, 9),
            "problems": dict.fromkeys(pools.SETS, 5), "nodes": {"mean": 5.0, "quantiles": [1, 2, 3, 4, 5]},
            "chance": 0.1, "oracle": 0.9,
        },
    }  # fmt: skip
    text, drawn = pages.page_of(PLAN, {domain.name: [frame], PLAN.domains[1].name: []}, tmp_path, Numbers())
    assert not drawn
    assert text.count("| not run |") >= len(READINGS)
    assert "1 of 15 jobs, 0 of 5 seeds whole" in text
    assert replace(PLAN, name="x").digest != PLAN.digest
