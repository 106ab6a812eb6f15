"""A model's heads as scorers of rows that share their work: each row passes the core once, whichever head asks."""

from hashlib import blake2b

import numpy as np
from jaxtyping import Float

from hrm_net.reward.model import RewardModel
from hrm_net.reward.verdicts import logits_of, scores
from puzzles.steps.rows import StepRows


class RowScores:
    """What all heads say of rows, remembered: heads that search meet the same steps again and again."""

    def __init__(self, model: RewardModel, *, segments: int, batch_size: int) -> None:
        self.model, self.segments, self.batch_size = model, segments, batch_size
        self.places: dict[bytes, int] = {}
        self.known: dict[str, list[np.ndarray]] = {head: [] for head in model.config.objectives}

    def head(self, name: str) -> "HeadScorer":
        return HeadScorer(self, name)

    def of(self, head: str, rows: StepRows) -> Float[np.ndarray, " rows"]:
        """In [0, 1], higher is better."""
        keys = _keys(rows)
        new: dict[bytes, int] = {}
        for i, key in enumerate(keys):
            if key not in self.places:
                new.setdefault(key, i)
        if new:
            shown = rows.take(np.array(list(new.values())))
            logits = logits_of(self.model, shown, segments=self.segments, batch_size=self.batch_size)
            first = len(self.places)
            self.places |= {key: first + i for i, key in enumerate(new)}
            for name, found in logits.items():
                self.known[name].append(scores(name, found))
        if len(self.known[head]) > 1:
            self.known[head] = [np.concatenate(self.known[head])]
        if not keys:
            return np.zeros(0)
        return self.known[head][0][np.array([self.places[key] for key in keys])]


class HeadScorer:
    """One head, as `hrm_net.reward.search.guided.RowScorer`."""

    def __init__(self, shared: RowScores, name: str) -> None:
        self.shared, self.name = shared, name

    def score_rows(self, rows: StepRows) -> Float[np.ndarray, " rows"]:
        return self.shared.of(self.name, rows)


def _keys(rows: StepRows) -> list[bytes]:
    left = np.ascontiguousarray(rows.left).view(np.uint8).reshape(len(rows), 4)
    columns = np.concatenate([rows.problem, rows.before, rows.after, left, rows.span[:, None]], axis=1)
    return [blake2b(row.tobytes(), digest_size=16).digest() for row in np.ascontiguousarray(columns)]
