"""Strengths of players from the games that they played: Bradley-Terry, and Elo for display."""

import numpy as np
from jaxtyping import Float64, Int64

ELO_START, ELO_K, ELO_ORDERS = 1500.0, 16.0, 100
PRIOR = 0.5  # games that each player wins, and loses, against an imagined average player


def bradley_terry(wins: Float64[np.ndarray, "players players"]) -> Float64[np.ndarray, " players"]:
    """The log-strength s of each player, where i beats j with probability sigmoid(s_i - s_j).

    `wins[i, j]` counts the games that i won against j. Each player also wins and loses half a game against a player of
    strength 0, so that nobody who won everything is infinitely strong. After a complete round robin the order of the
    strengths is that of the wins (Bradley and Terry 1952): every player meets the same field, and the number of wins is
    a sufficient statistic.
    """
    from scipy.optimize import minimize
    from scipy.special import expit

    num = len(wins)
    games = wins + wins.T
    won = wins.sum(axis=1)

    def loss(s: np.ndarray) -> tuple[float, np.ndarray]:
        gap = s[:, None] - s
        value = (wins * np.logaddexp(0.0, -gap)).sum() + PRIOR * (np.logaddexp(0.0, s) + np.logaddexp(0.0, -s)).sum()
        return float(value), (games * expit(gap)).sum(axis=1) - won + PRIOR * (2 * expit(s) - 1)

    def curvature(s: np.ndarray) -> np.ndarray:
        gap = expit(s[:, None] - s)
        weight = games * gap * (1 - gap)
        own = PRIOR * 2 * expit(s) * (1 - expit(s))
        return np.diag(weight.sum(axis=1) + own) - weight

    found = minimize(loss, np.zeros(num), jac=True, hess=curvature, method="trust-exact", options={"gtol": 1e-10})
    # Rounded, so that players with equal records are equal.
    return np.round(found.x, 6) + 0.0


def elo(games: Int64[np.ndarray, "games two"], rng: np.random.Generator, num: int) -> Float64[np.ndarray, " players"]:
    """Elo ratings of `num` players after these games (winner, loser), as the mean over random orders of the games.

    A player's rating moves by K (1 - expected) per game, where the expected result is 1 / (1 + 10^(-gap / 400)). It
    depends on the order of the games, and is therefore shown beside Bradley-Terry, not in its place.
    """
    ratings = np.full((ELO_ORDERS, num), ELO_START)
    orders = np.stack([rng.permutation(len(games)) for _ in range(ELO_ORDERS)])
    rows = np.arange(ELO_ORDERS)
    for place in orders.T:
        winner, loser = games[place].T
        gap = ratings[rows, winner] - ratings[rows, loser]
        move = ELO_K / (1 + 10 ** (gap / 400))
        ratings[rows, winner] += move
        ratings[rows, loser] -= move
    return ratings.mean(axis=0)
