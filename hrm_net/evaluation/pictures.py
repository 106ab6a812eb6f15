"""All pictures of an evaluation in one folder."""

from collections.abc import Mapping, Sequence
from itertools import zip_longest
from pathlib import Path

import numpy as np

from hrm_net.evaluation import figures
from hrm_net.evaluation.drawing import Record
from hrm_net.evaluation.results import Results
from hrm_net.evaluation.trace import Trace, most_telling
from puzzles.drawing.render import mistakes, render_gallery, render_gif, render_strip


def write_figures(results: Results, directory: str | Path, records: Sequence[Record] = ()) -> list[Path]:
    """Charts of the results and, from metrics.jsonl's records, of the training. Returns the paths."""
    directory = Path(directory)
    paths = [figures.learning_curves(records, directory / "learning_curves.png")] if records else []
    return [
        *paths,
        figures.accuracy_by_segments(results, directory / "accuracy_by_segments.png"),
        figures.difficulty_bars(results, directory / "difficulty.png"),
        figures.calibration_diagram(results, directory / "calibration.png"),
    ]


def write_filling_in(followed: Trace, directory: str | Path, name: str = "filling_in", frames: int = 9) -> list[Path]:
    """NAME.png, a strip of at most `frames` states until the answer settles, and NAME.gif with all of those."""
    directory = Path(directory)
    directory.mkdir(parents=True, exist_ok=True)
    settled = followed.settled_at
    chosen = np.unique(np.linspace(0, settled - 1, min(frames, settled)).round().astype(int))
    captions = [f"segment {i + 1}" for i in range(settled)]
    puzzle, inputs, states, labels = followed.puzzle, followed.inputs, followed.states[:settled], followed.labels
    strip = render_strip(puzzle, inputs, states[chosen], labels, captions=[captions[i] for i in chosen])
    strip.save(directory / f"{name}.png")
    gif = render_gif(puzzle, inputs, states, labels, directory / f"{name}.gif", captions=captions)
    return [directory / f"{name}.png", gif]


def write_followed(followed: Mapping[str, Sequence[Trace]], directory: str | Path) -> list[Path]:
    """One puzzle filling in, and the galleries, of a set's traces by its name.

    Several sets: one puzzle of each fills in, as filling_in_NAME, and each has its turn in the galleries.
    """
    if len(followed) == 1:
        (traces,) = followed.values()
        return write_filling_in(most_telling(traces[:32]), directory) + write_galleries(traces, directory)
    paths = []
    for name, traces in followed.items():
        paths += write_filling_in(most_telling(traces[:32]), directory, f"filling_in_{name.replace('/', '_')}")
    turns = []
    for solved in (False, True):
        each = [
            [(f"{name} {i + 1}", one) for i, one in enumerate(traces) if one.solved == solved]
            for name, traces in followed.items()
        ]
        turns += [found for turn in zip_longest(*each) for found in turn if found is not None]
    return paths + write_galleries([one for _, one in turns], directory, names=[name for name, _ in turns])


def write_galleries(
    traces: Sequence[Trace], directory: str | Path, most: int = 6, names: Sequence[str] | None = None
) -> list[Path]:
    """failures.png and solved.png: target and last state of at most `most` puzzles each, under what is wrong in words.

    Right and wrong are by the puzzle's rules, as in `Trace.solved`; a gallery without puzzles is not written. `names`
    of the puzzles: by default their numbers.
    """
    names = names or [f"puzzle {i + 1}" for i in range(len(traces))]
    directory = Path(directory)
    directory.mkdir(parents=True, exist_ok=True)
    paths = []
    for name, solved in (("failures", False), ("solved", True)):
        shown = [(called, one) for called, one in zip(names, traces, strict=True) if one.solved == solved][:most]
        if not shown:
            continue
        rows = [(one.inputs, one.states[-1], _known(one)) for _, one in shown]
        captions = [f"{called}: {mistakes(one.puzzle, *row)}" for (called, one), row in zip(shown, rows, strict=True)]
        inputs, states, labels = (np.stack(parts) for parts in zip(*rows, strict=True))
        path = directory / f"{name}.png"
        render_gallery(shown[0][1].puzzle, inputs, states, labels, captions=captions).save(path)
        paths.append(path)
    return paths


def _known(followed: Trace) -> np.ndarray:
    assert followed.labels is not None, "a puzzle of a set has its answer"
    return followed.labels
