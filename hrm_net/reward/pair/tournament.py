"""Tournaments: many candidates ranked by a judge that compares two at a time.

A knockout of n different answers takes n - 1 games in ceil(log2 n) rounds; a round robin takes n (n - 1) / 2 games in
one round, and Bradley-Terry makes one order of them. Equal answers share a place and never play each other. All games
of a round, of all problems, go to the judge in one call.
"""

from dataclasses import dataclass, field
from typing import Any, Protocol, runtime_checkable

import numpy as np
from jaxtyping import Float64, Integer, Shaped

import puzzles
from hrm_net.reward.candidates import read_list
from hrm_net.reward.pair import ratings
from puzzles.errors import UserError

KINDS = ("knockout", "round_robin")
Pair = tuple[int, int]


@runtime_checkable
class Compared(Protocol):
    """What a judge says of some games. With votes, both columns have an axis of votes behind that of games."""

    # That the first of the two is the better one.
    probability: Float64[np.ndarray, "games *votes"]
    # Segments that it thought; 0 where it did not have to.
    segments: Integer[np.ndarray, "games *votes"]


@runtime_checkable
class Judge(Protocol):
    """Anything that compares pairs of candidates."""

    def compare(self, problems: Any, first: Any, second: Any) -> Compared: ...


@runtime_checkable
class VotingJudge(Protocol):
    """A judge that looks at a game from several sides: `num` different symmetric images of it."""

    def votes(self, problems: Any, first: Any, second: Any, *, num: int, seed: int) -> Compared: ...


@runtime_checkable
class ReadingJudge(Protocol):
    """A judge that reads candidates: in any form, and refuses those of another problem."""

    def read(self, problem: Any, candidates: Any) -> tuple[Any, list[np.ndarray]]:
        """The problem and the candidates in a form that `compare` takes; equal answers are equal arrays."""
        ...


@dataclass(kw_only=True, slots=True)
class Ranking:
    """The candidates of one problem, best first, and what it took."""

    # Places of the candidates, the best first; equal answers stand beside each other in the order they came in.
    order: list[int]
    # Of each candidate, in the order they came in: rounds survived (knockout), or log-strength (round robin).
    scores: list[float]
    # Games that were played, and segments thought in all of them, votes included.
    games: int
    segments: int
    rounds: int = 0
    # Elo ratings of the candidates, for display (round robin; else empty).
    elo: list[float] = field(default_factory=list)


def tournament(
    judge: Judge,
    problem: Any,
    candidates: Any,
    kind: str = "knockout",
    votes: int = 1,
    seed: int = 0,
    seeding: Any = None,
) -> Ranking:
    """The ranking of the candidates of one problem; see `tournaments`. `seeding` gives a number for each candidate."""
    seedings = None if seeding is None else [seeding]
    return tournaments(judge, [problem], [candidates], kind=kind, votes=votes, seed=seed, seedings=seedings)[0]


def tournaments(
    judge: Judge,
    problems: Any,
    candidates: Any,
    *,
    kind: str = "knockout",
    votes: int = 1,
    seed: int = 0,
    seedings: Any = None,
) -> list[Ranking]:
    """A tournament of the candidates of each problem, all at once.

    `votes`: an odd number of symmetric images of each game that the judge votes on. `seed`: of byes and of the draw,
    and of the symmetries. `seedings` (knockout): what is thought of each candidate beforehand, higher is better; the
    best get the byes and meet late. A single candidate, or candidates that are all equal, are returned without a game.
    A game at exactly 1/2 goes to the first of the two in the draw. UserError for no candidate, an unknown kind, votes
    that are even, more than there are symmetries, or that the judge does not offer, a candidate of another problem, and
    a probability that is not a number from 0 to 1.
    """
    if kind not in KINDS:
        raise UserError(f"kind={kind}: must be one of {', '.join(KINDS)}")
    if isinstance(votes, bool) or not isinstance(votes, int) or votes < 1 or votes % 2 == 0:
        raise UserError(f"votes={votes}: must be an odd number, so that no vote ends in a draw")
    if votes > 1 and not isinstance(judge, VotingJudge):
        raise UserError(f"votes={votes}: must be 1, this judge has no symmetries to vote over")
    if seedings is not None and kind != "knockout":
        raise UserError("seeding: must be left out for kind=round_robin, in which everybody meets")
    problems, candidates = read_list(problems, "problems"), read_list(candidates, "lists of candidates")
    if len(problems) != len(candidates):
        raise UserError(f"{len(candidates)} lists of candidates for {len(problems)} problems: must be equally many")
    draws = []
    for i, (problem, listed) in enumerate(zip(problems, candidates, strict=True)):
        given = None if seedings is None else seedings[i]
        draws.append(_enter(judge, i, problem, listed, kind, puzzles.rng(seed, "tournament", i), given))
    while True:
        rounds = [draw.pairs() for draw in draws]
        if not any(rounds):
            return [draw.ranking() for draw in draws]
        flat = [(draw, pair) for draw, pairs in zip(draws, rounds, strict=True) for pair in pairs]
        asked = [draw.problem for draw, _ in flat]
        first, second = ([draw.answers[pair[side]] for draw, pair in flat] for side in (0, 1))
        won, segments = _play(judge, asked, first, second, votes, seed)
        start = 0
        for draw, pairs in zip(draws, rounds, strict=True):
            if pairs:
                mine = slice(start, start + len(pairs))
                draw.record(pairs, won[mine], segments[mine])
                start += len(pairs)


def _play(judge: Judge, problems: list, first: list, second: list, votes: int, seed: int) -> tuple[Any, Any]:
    """(whether the first wins each game, the segments of each game)."""
    if votes == 1:
        found = judge.compare(problems, first, second)
    else:
        assert isinstance(judge, VotingJudge)
        found = judge.votes(problems, first, second, num=votes, seed=seed)
    probability = np.asarray(found.probability, np.float64).reshape(len(problems), votes)
    inside = (probability >= 0) & (probability <= 1)
    if not inside.all():
        game = int(np.argmin(inside.all(axis=1)))
        wrong = probability[game][~inside[game]][0]
        raise UserError(f"judge: game {game} has the probability {wrong}: must be a number from 0 to 1")
    won = (probability >= 0.5).sum(axis=1) * 2 > votes
    return won, np.asarray(found.segments).reshape(len(problems), votes).sum(axis=1)


def _enter(
    judge: Judge, i: int, problem: Any, listed: Any, kind: str, rng: np.random.Generator, seeding: Any
) -> "_Knockout | _RoundRobin":
    """The draw of one problem's candidates, read and grouped by answer."""
    listed = read_list(listed, "candidates")
    if not listed:
        raise UserError(f"candidates[{i}]: has no candidate")
    if seeding is not None:
        seeding = np.asarray(seeding, np.float64)
        if seeding.shape != (len(listed),) or not np.isfinite(seeding).all():
            raise UserError(f"seedings[{i}]: must hold a finite number for each of the {len(listed)} candidates")
    if isinstance(judge, ReadingJudge):
        try:
            problem, listed = judge.read(problem, listed)
        except UserError as error:
            raise UserError(f"problems[{i}]: {error}") from None
    places: dict[Any, int] = {}
    team = np.array([places.setdefault(_key(one), len(places)) for one in listed])
    answers = [listed[int(np.argmax(team == place))] for place in range(len(places))]
    if kind == "round_robin":
        return _RoundRobin(problem, answers, team, rng)
    drawn = rng.permutation(len(answers))
    if seeding is not None:
        best = np.array([seeding[team == place].max() for place in range(len(answers))])
        drawn = drawn[np.argsort(-best[drawn], kind="stable")]
    return _Knockout(problem, answers, team, rng, drawn.tolist())


class _Draw:
    """What both kinds of tournament share: one problem, its different answers, and the answer of each candidate."""

    def __init__(
        self, problem: Any, answers: list[Any], team: Shaped[np.ndarray, " candidates"], rng: np.random.Generator
    ) -> None:
        self.problem, self.answers, self.team, self.rng = problem, answers, team, rng
        self.games = self.segments = self.rounds = 0

    def count(self, segments: np.ndarray) -> None:
        self.games += len(segments)
        self.segments += int(segments.sum())
        self.rounds += 1

    def ranked(self, teams: list[int], scores: np.ndarray, elo: np.ndarray | None = None) -> Ranking:
        """The ranking of the candidates where the answers come in the order `teams`."""
        order = [int(i) for team in teams for i in np.flatnonzero(self.team == team)]
        return Ranking(
            order=order, scores=[float(scores[team]) for team in self.team], games=self.games, segments=self.segments,
            rounds=self.rounds, elo=[] if elo is None else [float(elo[team]) for team in self.team],
        )  # fmt: skip


class _Knockout(_Draw):
    """A bracket with as many places as the next power of two; missing players are byes of the first round."""

    def __init__(self, problem: Any, answers: list, team: np.ndarray, rng: np.random.Generator, drawn: list) -> None:
        super().__init__(problem, answers, team, rng)
        size = 1 << (len(drawn) - 1).bit_length()
        # The best of the draw and the second best can meet in the last round only, and so on.
        self.bracket: list[int | None] = [drawn[seat] if seat < len(drawn) else None for seat in bracket(size)]
        self.survived = np.zeros(len(answers), np.int64)
        self.beaten_by: dict[int, int] = {}

    def pairs(self) -> list[Pair]:
        halves = zip(self.bracket[::2], self.bracket[1::2], strict=False)
        return [(a, b) for a, b in halves if a is not None and b is not None]

    def record(self, pairs: list[Pair], won: np.ndarray, segments: np.ndarray) -> None:
        self.count(segments)
        winners = {pair: pair[0] if first else pair[1] for pair, first in zip(pairs, won.tolist(), strict=True)}
        advanced: list[int | None] = []
        for a, b in zip(self.bracket[::2], self.bracket[1::2], strict=True):
            if a is None or b is None:
                winner = b if a is None else a
            else:
                winner = winners[a, b]
                self.beaten_by[b if winner == a else a] = winner
            if winner is not None:
                self.survived[winner] += 1
            advanced.append(winner)
        self.bracket = advanced

    def ranking(self) -> Ranking:
        """By rounds survived; of those that left in the same round, who lost to the better one comes first."""
        teams: list[int] = []
        place: dict[int, int] = {}
        for rounds in range(int(self.survived.max()), -1, -1):
            level = [team for team in range(len(self.answers)) if self.survived[team] == rounds]
            level.sort(key=lambda team: place[self.beaten_by[team]] if team in self.beaten_by else -1)
            for team in level:
                place[team] = len(teams)
                teams.append(team)
        return self.ranked(teams, self.survived)


class _RoundRobin(_Draw):
    """Everybody meets everybody else once."""

    def __init__(self, problem: Any, answers: list, team: np.ndarray, rng: np.random.Generator) -> None:
        super().__init__(problem, answers, team, rng)
        self.wins = np.zeros((len(answers), len(answers)))
        self.played = len(answers) < 2

    def pairs(self) -> list[Pair]:
        num = len(self.answers)
        return [] if self.played else [(i, j) for i in range(num) for j in range(i + 1, num)]

    def record(self, pairs: list[Pair], won: np.ndarray, segments: np.ndarray) -> None:
        self.count(segments)
        self.played = True
        for (i, j), first in zip(pairs, won.tolist(), strict=True):
            self.wins[(i, j) if first else (j, i)] = 1.0

    def ranking(self) -> Ranking:
        """By Bradley-Terry's strength; equal ones in the order they came in."""
        strengths = ratings.bradley_terry(self.wins)
        games = np.argwhere(self.wins).astype(np.int64)
        elo = ratings.elo(games, self.rng, len(self.answers))
        return self.ranked(np.argsort(-strengths, kind="stable").tolist(), strengths, elo)


def bracket(size: int) -> list[int]:
    """The seats of a bracket of `size` places, a power of two: neighbours meet, and seat i meets seat j < i as late as
    their ranks allow."""
    seats = [0]
    while len(seats) < size:
        seats = [place for seat in seats for place in (seat, 2 * len(seats) - 1 - seat)]
    return seats


def _key(candidate: Any) -> Any:
    """The same for equal answers."""
    if hasattr(candidate, "tolist"):
        candidate = candidate.tolist()
    return repr(candidate)
