"""`pair`: a judge that compares two candidate answers to one problem, and thinks longer when the comparison is hard.

    from hrm_net.reward.pair import PairJudge, tournament

    judge = PairJudge.from_pretrained("pair_sudoku_6x6")
    found = judge.compare(problems, first, second)  # found.probability[i]: that first[i] is the better one
    ranking = tournament(judge, problem, candidates, kind="knockout", votes=3)

    games.py       a comparison as two rows of a step scorer's network       judge.py       what people call
    objectives.py  the losses of verdicts and of halting                    tournament.py  knockouts and round robins
    data.py        pairs of prefixes to learn from                          ratings.py     Bradley-Terry and Elo

The design follows Reward Reasoning Models (arXiv 2505.14674): reason before rewarding, compare two answers at a time
and never call a draw, spend more compute on harder comparisons, and rank many answers by tournaments and votes. Where
they write a chain of thought, this judge runs more segments of its recurrent core.
"""

from typing import TYPE_CHECKING, Any

# Not lazily: once its module is imported, the package's name `tournament` would be that module.
from hrm_net.reward.pair.tournament import Ranking, tournament, tournaments

if TYPE_CHECKING:
    from hrm_net.reward.pair.judge import Comparison, PairJudge

__all__ = ["Comparison", "PairJudge", "Ranking", "tournament", "tournaments"]


def __getattr__(name: str) -> Any:
    if name not in ("Comparison", "PairJudge"):
        raise AttributeError(f"module 'hrm_net.reward.pair' has no attribute {name!r}")
    from hrm_net.reward.pair import judge

    return getattr(judge, name)
