"""Tournaments on judges that are known: counts of games, who wins how often, orders, and what is refused."""

import itertools
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hrm_net.reward.pair.judge import Comparison
from hrm_net.reward.pair.ratings import bradley_terry, elo
from hrm_net.reward.pair.tournament import bracket, tournament, tournaments
from puzzles import rng
from puzzles.errors import UserError
from tests.examples import num_examples
from tests.reward.pair.judges import CoinVotes, FunctionJudge, ScriptedJudge, by_strength
from tests.reward.rewarding import refusal


@given(st.lists(st.integers(0, 40), min_size=1, max_size=20), st.integers(0, 99), st.booleans())
@num_examples(60)
def test_a_knockout_takes_one_game_less_than_there_are_answers(players: list[int], seed: int, seeded: bool) -> None:
    judge, different = FunctionJudge(by_strength), len(set(players))
    seeding = [-float(one) for one in players] if seeded else None
    found = tournament(judge, "p", players, seed=seed, seeding=seeding)
    assert (found.games, found.rounds) == (different - 1, math.ceil(math.log2(different)))
    assert found.segments == 2 * found.games
    assert len(judge.calls) == found.rounds
    assert sorted(found.order) == list(range(len(players)))
    assert players[found.order[0]] == max(players)
    assert all(one != other for _, one, other in judge.played)
    scores = [found.scores[i] for i in found.order]
    assert scores == sorted(scores, reverse=True)
    for answer in set(players):  # equal answers share a score and stand beside each other
        places = [place for place, i in enumerate(found.order) if players[i] == answer]
        assert places == list(range(places[0], places[0] + len(places)))
        assert len({found.scores[i] for i in found.order if players[i] == answer}) == 1


def test_the_best_wins_a_knockout_with_p_to_the_rounds() -> None:
    """Over every outcome of the seven games of eight players, each weighted with its probability."""
    p, total = 0.8, 0.0
    for script in itertools.product((True, False), repeat=7):
        weight = math.prod(p if right else 1 - p for right in script)
        total += weight * (tournament(ScriptedJudge(script), "p", list(range(8)), seed=3).order[0] == 7)
    assert total == pytest.approx(p**3, abs=1e-12)


def test_the_seeded_meet_late_and_get_the_byes() -> None:
    assert bracket(8) == [0, 7, 3, 4, 1, 6, 2, 5]
    judge = FunctionJudge(by_strength)
    found = tournament(judge, "p", list(range(6)), seeding=[0.0, 1, 2, 3, 4, 5])
    assert judge.calls == [2, 2, 1]
    assert {frozenset(game[1:]) for game in judge.played[:2]} == {frozenset((3, 0)), frozenset((2, 1))}
    assert found.order == [5, 4, 2, 3, 1, 0]
    assert found.scores == [0.0, 0.0, 1.0, 1.0, 2.0, 3.0]


def test_who_loses_to_the_winner_comes_before_who_loses_to_the_second() -> None:
    found = tournament(FunctionJudge(by_strength), "p", [1, 2, 3, 4], seeding=[1.0, 2, 3, 4])
    assert found.order == [3, 2, 0, 1]


@given(st.integers(2, 9), st.integers(0, 999))
@num_examples(40)
def test_bradley_terrys_order_is_the_order_of_wins_after_a_round_robin(num: int, seed: int) -> None:
    table = rng(seed, "test").random((num, num))
    judge = FunctionJudge(lambda i, j: float(table[i, j] if i < j else 1 - table[j, i]))
    found = tournament(judge, "p", list(range(num)), kind="round_robin")
    assert (found.games, found.rounds) == (num * (num - 1) // 2, 1)
    beats = np.where(np.triu(np.ones((num, num)), 1) > 0, table >= 0.5, table.T < 0.5) & ~np.eye(num, dtype=bool)
    wins = beats.sum(axis=1)
    for i, j in itertools.combinations(range(num), 2):
        assert np.sign(found.scores[i] - found.scores[j]) == np.sign(wins[i] - wins[j])
    assert wins[found.order].tolist() == sorted(wins, reverse=True)


def test_bradley_terrys_strengths_solve_its_equation() -> None:
    """Wins are what the strengths predict, with half a game won and lost against an average player."""
    wins = np.array([[0, 3, 1, 0], [1, 0, 2, 2], [0, 1, 0, 4], [1, 0, 0, 0]], float)
    s = bradley_terry(wins)
    predicted = ((wins + wins.T) / (1 + np.exp(-(s[:, None] - s)))).sum(axis=1) + 1 / (1 + np.exp(-s))
    np.testing.assert_allclose(predicted, wins.sum(axis=1) + 0.5, atol=1e-4)


def test_elo_keeps_its_sum_and_favours_who_wins() -> None:
    games = np.array([[0, 1], [0, 2], [1, 2], [0, 3], [1, 3], [2, 3]])
    found = elo(games, rng(0, "elo"), 4)
    assert found.sum() == pytest.approx(4 * 1500)
    assert found.tolist() == sorted(found, reverse=True)
    one = elo(games[:1], rng(0, "elo"), 2)
    np.testing.assert_allclose(one, [1508, 1492])


def test_all_games_of_a_round_of_all_problems_go_to_the_judge_at_once() -> None:
    judge = FunctionJudge(by_strength)
    found = tournaments(judge, ["a", "b", "c"], [list(range(8)), [4], [1, 1, 2]])
    assert judge.calls == [4 + 1, 2, 1]
    assert [one.games for one in found] == [7, 0, 1]
    alone = [tournament(FunctionJudge(by_strength), "a", list(range(8)))]
    assert alone[0] == found[0]


def test_one_candidate_and_equal_candidates_play_no_game() -> None:
    judge = FunctionJudge(lambda first, second: pytest.fail("played"))
    one = tournament(judge, "p", ["x"])
    assert (one.order, one.scores, one.games, one.segments) == ([0], [0.0], 0, 0)
    for kind in ("knockout", "round_robin"):
        same = tournament(judge, "p", ["x", "x", "x"], kind=kind)
        assert (same.order, same.scores, same.games) == ([0, 1, 2], [0.0] * 3, 0)


@pytest.mark.parametrize(("votes", "winner"), [([0.9, 0.4, 0.3], 0), ([0.6, 0.2, 0.8], 1), ([0.9, 0.1, 0.1], 0)])
def test_a_game_goes_to_the_majority_of_votes(votes: list[float], winner: int) -> None:
    """`votes`: that the larger of 0 and 1 wins."""
    found = tournament(CoinVotes(votes), "p", [0, 1], votes=3)
    assert found.order[0] == winner
    assert (found.games, found.segments) == (1, 3)


def test_mistakes_are_one_line() -> None:
    judge, strange = FunctionJudge(by_strength), FunctionJudge(lambda first, second: float("nan"))
    cases = {
        "kind=league: must be one of knockout, round_robin": lambda: tournament(judge, "p", [1, 2], kind="league"),
        "votes=2: must be an odd number, so that no vote ends in a draw": lambda: tournament(
            judge, "p", [1, 2], votes=2
        ),
        "votes=3: must be 1, this judge has no symmetries to vote over": lambda: tournament(
            judge, "p", [1, 2], votes=3
        ),
        "candidates[0]: has no candidate": lambda: tournament(judge, "p", []),
        "1 lists of candidates for 2 problems: must be equally many": lambda: tournaments(judge, ["p", "q"], [[1]]),
        "judge: game 0 has the probability nan: must be a number from 0 to 1": lambda: tournament(strange, "p", [1, 2]),
        "seedings[0]: must hold a finite number for each of the 2 candidates": lambda: tournament(
            judge, "p", [1, 2], seeding=[1.0]
        ),
        "seeding: must be left out for kind=round_robin, in which everybody meets": lambda: tournament(
            judge, "p", [1, 2], kind="round_robin", seeding=[1.0, 2.0]
        ),
    }
    for line, call in cases.items():
        assert refusal(call) == line


def test_a_probability_above_one_is_refused() -> None:
    class Loud(FunctionJudge):
        def compare(self, problems, first, second) -> Comparison:
            return Comparison(probability=np.array([1.5]), segments=np.array([1]))

    with pytest.raises(UserError, match=r"probability 1.5: must be a number from 0 to 1"):
        tournament(Loud(by_strength), "p", [1, 2])
