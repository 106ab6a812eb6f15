"""Steps of solutions as rows of hidden states, which are kept on disk by hash."""

from collections.abc import Iterable, Iterator, Sequence
from hashlib import blake2b
from pathlib import Path

import numpy as np
from jaxtyping import Float16

from hrm_net.progress import Progress
from hrm_net.reward.inputs import CURRENT
from hrm_net.reward.text.backbone import Backbone, Ids
from hrm_net.reward.text.examples import TextExample
from puzzles.atomic_write import atomic_write

Window = Float16[np.ndarray, "token size"]


class StateRows:
    """Examples as rows of the hidden states at the last `length` tokens of a step, its separator included."""

    def __init__(self, backbone: Backbone, length: int, cache: str | Path | None = None) -> None:
        """`cache`: the directory that keeps the states; None keeps none."""
        self.backbone, self.length = backbone, length
        self.folder = None
        if cache is not None:
            self.folder = Path(cache).expanduser() / f"{backbone.digest()}-{length}"

    def inputs(self, rows: Sequence[TextExample]) -> dict[str, np.ndarray]:
        """states [rows, length, size] with the last token in the last place, part [rows, length] and span [rows].

        UserError for a step whose tokens lie beyond the longest text that the language model takes.
        """
        encoded = []
        for row in rows:
            ids, starts = self.backbone.encode(row.problem, [*row.previous, *row.parts])
            encoded.append((ids, len(ids) - starts[len(row.previous)]))
        found = dict(self.windows(ids for ids, _ in encoded))
        states = np.zeros((len(rows), self.length, self.backbone.size), np.float16)
        part = np.zeros((len(rows), self.length), np.uint8)
        for i, (ids, num) in enumerate(encoded):
            first = max(0, self.length - num)
            states[i, first:] = found[ids][len(found[ids]) - (self.length - first) :]
            part[i, first:] = CURRENT
        return {"states": states, "part": part, "span": np.array([row.span for row in rows], np.uint8)}

    def windows(self, sequences: Iterable[Ids]) -> Iterator[tuple[Ids, Window]]:
        """The last states of each sequence (at most `length`), in any order, from the disk or the language model."""
        missing = []
        for ids in set(sequences):
            path = self._path(ids)
            if path is not None and path.is_file():
                yield ids, np.load(path)
            else:
                missing.append(ids)
        shown = bool(missing) and self.folder is not None
        with Progress("steps read by the language model", len(missing), shown=shown, transient=True) as progress:
            for ids, window in self.backbone.last_states(missing, self.length):
                path = self._path(ids)
                if path is not None:
                    path.parent.mkdir(parents=True, exist_ok=True)
                    with atomic_write(path, binary=True) as file:
                        np.save(file, window)
                progress.advance()
                yield ids, window

    def _path(self, ids: Ids) -> Path | None:
        if self.folder is None:
            return None
        name = blake2b(np.array(ids, np.int64).tobytes(), digest_size=16).hexdigest()
        return self.folder / name[:2] / f"{name}.npy"
