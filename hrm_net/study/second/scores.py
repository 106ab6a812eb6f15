"""Scores of a network of several heads, kept in a file: each row passes the network once, whichever arm is measured."""

from pathlib import Path

import numpy as np
from jaxtyping import Float

from hrm_net.reward.scorer import StepScorer
from hrm_net.reward.scoring import SharedScores
from puzzles.atomic_write import atomic_write
from puzzles.steps.rows import StepRows

KEYS = "keys"


class KeptScores:
    """One head of a network, as `hrm_net.study.second.measure` asks it. `save` keeps the scores of all heads.

    The file holds `keys` [rows, 16], see `hrm_net.reward.scoring.row_keys`, and an array [rows] for each head. It must
    be of this network at this depth.
    """

    def __init__(self, scorer: StepScorer, path: Path) -> None:
        self.objective, self.rules, self.path = scorer.objective, scorer.rules, path
        self.shared = SharedScores(scorer.model, segments=scorer.segments, batch_size=scorer.batch_size)
        if path.is_file():
            with np.load(path, allow_pickle=False) as file:
                self.shared.places = {key.tobytes(): place for place, key in enumerate(file[KEYS])}
                self.shared.known = {head: [file[head]] for head in self.shared.known}

    def score_rows(self, rows: StepRows) -> Float[np.ndarray, " rows"]:
        """The scores of single steps by the head."""
        return self.shared.of(self.objective, rows)

    def save(self) -> None:
        """Write the file whole or not at all."""
        keys = np.array([np.frombuffer(key, np.uint8) for key in self.shared.places])
        scores = {head: np.concatenate(parts) for head, parts in self.shared.known.items()}
        with atomic_write(self.path, binary=True) as file:
            np.savez(file, allow_pickle=False, **{KEYS: keys}, **scores)
