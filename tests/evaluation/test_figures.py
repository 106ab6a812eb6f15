"""Charts show the numbers they are given; the live view and the folder of pictures hold every state."""

import io
import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest
from matplotlib.figure import Figure
from PIL import Image, ImageSequence
from rich.console import Console

import puzzles
from hrm_net.data.puzzle_sets import PuzzleSet
from hrm_net.evaluation import figures, live
from hrm_net.evaluation.evaluate import evaluate
from hrm_net.evaluation.figures import write_figures
from hrm_net.evaluation.trace import traces, write_filling_in, write_galleries, write_trace_pictures
from puzzles.drawing.render import render_gallery
from tests.puzzles.steps.revealing import NEVER, Revealing, revealed

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def results():
    easy, hard = revealed([1, 1, 2, 3, 4, 5]), revealed([2, 5, 8, 17, 32, NEVER], box="2x3")
    easy.name, hard.name = "easy", "hard"
    scores = [evaluate(Revealing(each.puzzle.vocab_size), [each], progress=False) for each in (easy, hard)]
    scores[0].sets.update(scores[1].sets)
    return scores[0]


@pytest.fixture(scope="module")
def followed():
    puzzle_set = revealed([3])
    return traces(Revealing(puzzle_set.puzzle.vocab_size), puzzle_set, 1, 6)[0]


@pytest.fixture
def drawn(monkeypatch):
    """The figures that get saved."""
    kept = []
    save = Figure.savefig
    monkeypatch.setattr(Figure, "savefig", lambda self, *args, **how: (kept.append(self), save(self, *args, **how))[1])
    return kept


def _records(steps=50, seconds=2.0):
    train = [{"step": i, "kind": "train", "seconds": i * seconds, "loss": 1 / i} for i in range(1, steps + 1)]
    validation = [
        {
            "step": i,
            "kind": "validation",
            "seconds": i * seconds,
            "set": name,
            "solve_rate": i / 100,
            "cell_accuracy": 0.9,
        }
        for i in range(10, steps + 1, 10)
        for name in ("a", "b")
    ]
    return sorted(train + validation, key=lambda record: record["step"])


def _frames(image):
    return sum(1 for _ in ImageSequence.Iterator(image))


def _line(axes, label):
    return next(line for line in axes.get_lines() if line.get_label() == label)


@pytest.mark.slow
def test_learning_curves_show_every_record(drawn, tmp_path):
    path = figures.learning_curves(_records(), tmp_path / "deep" / "curves.png")
    loss, solve = drawn[0].axes
    assert _line(loss, "each record").get_ydata() == pytest.approx([1 / i for i in range(1, 51)])
    assert _line(solve, "b").get_xydata() == pytest.approx(np.array([[i, i / 100] for i in range(10, 51, 10)]))
    with Image.open(path) as image:
        assert image.size == (1200, 552)


def test_minutes_stand_above_the_steps_they_belong_to(drawn, tmp_path):
    records = _records(seconds=6.0)
    for record in records:
        if record["step"] > 25:
            record["seconds"] += 300  # a pause of five minutes
    figures.learning_curves(records, tmp_path / "curves.png")
    (above,) = drawn[0].axes[0].child_axes
    forward, backward = above._functions
    assert forward([20, 30]) == pytest.approx([2, 8])
    assert backward(forward(np.arange(-5, 80))) == pytest.approx(np.arange(-5, 80))


@pytest.mark.parametrize(
    "records", [_records()[:1], [r for r in _records() if r["kind"] == "validation"], _records(steps=2)]
)
def test_short_runs_can_be_drawn(records, tmp_path):
    figures.learning_curves(records, tmp_path / "curves.png")
    assert (tmp_path / "curves.png").stat().st_size > 5000


def test_segments_chart_has_a_line_a_set_on_a_doubling_scale(drawn, results, tmp_path):
    figures.accuracy_by_segments(results, tmp_path / "segments.png")
    (axes,) = drawn[0].axes
    assert axes.get_xscale() == "log"
    assert [tick.get_text() for tick in axes.get_xticklabels()] == ["1", "2", "4", "8", "16", "32"]
    assert _line(axes, "easy").get_ydata() == pytest.approx(np.array([2, 3, 5, 6, 6, 6]) / 6)
    assert _line(axes, "hard").get_ydata() == pytest.approx(np.array([0, 1, 1, 3, 3, 5]) / 6)


def test_calibration_diagram_has_a_mark_a_bin(drawn, results, tmp_path):
    figures.calibration_diagram(results, tmp_path / "calibration.png")
    (axes,) = drawn[0].axes
    marks = {each.get_label(): np.asarray(each.get_offsets()) for each in axes.collections}
    sure, unsure = 1 / (1 + np.exp(-4)), 1 / (1 + np.exp(4))
    expected = {"easy": [[sure, 1]], "hard": [[unsure, 0], [sure, 1]]}
    for name, points in expected.items():
        label = next(label for label in marks if label.startswith(f"{name} (ECE 1.8 %"))
        assert marks[label] == pytest.approx(np.array(points), abs=1e-6)


def test_difficulty_bars_stand_in_order_with_their_rates(drawn, results, tmp_path):
    row = results.sets["hard"]
    table = {"50+": (4, 0.25), "0": (10, 0.9), "5-9": (8, 0.5), "10-19": (2, 0.0)}
    row["by_difficulty"] = {
        bucket: {"puzzles": num, "solve_rate": share, "interval": (max(0.0, share - 0.1), share + 0.1)}
        for bucket, (num, share) in table.items()
    }
    row["difficulty_unit"] = "moves of the shortest path"
    figures.difficulty_bars(results, tmp_path / "difficulty.png")
    (axes,) = drawn[0].axes
    assert axes.get_xlabel() == "difficulty: guesses of the exact search, moves of the shortest path"
    assert [tick.get_text() for tick in axes.get_xticklabels()] == ["0", "5-9", "10-19", "50+"]
    bars = next(group for group in axes.containers if group.get_label() == "hard")
    middle = {round(bar.get_x() + bar.get_width() / 2 - 0.2): bar.get_height() for bar in bars}
    assert middle == {0: 0.9, 1: 0.5, 2: 0.0, 3: 0.25}


@pytest.mark.slow
def test_folder_of_pictures(results, followed, tmp_path):
    paths = write_figures(results, tmp_path / "pictures", _records())
    paths += write_filling_in(followed, tmp_path / "pictures")
    assert sorted(path.name for path in paths) == sorted(path.name for path in (tmp_path / "pictures").iterdir())
    assert len(paths) == 6
    assert len(write_figures(results, tmp_path / "without")) == 3
    with Image.open(next(path for path in paths if path.suffix == ".gif")) as gif:
        assert _frames(gif) == 4  # the puzzle and three segments: then it is settled


@pytest.fixture(scope="module")
def mazes():
    """The trace of a maze whose last state is its target, and of one whose path was never drawn."""
    puzzle = puzzles.get("maze", rows=11, columns=11)
    inputs, labels = puzzle.generate(np.random.default_rng(0), 2, kind="dfs")
    puzzle_set = PuzzleSet("mazes", puzzle, inputs, labels, np.array([2, NEVER]))
    return traces(Revealing(puzzle.vocab_size), puzzle_set, 2, 4)


def test_galleries_show_the_solved_and_the_others_apart(mazes, tmp_path, monkeypatch):
    shown = []

    def spy(puzzle, inputs, states, labels, *, captions):
        shown.append((states, captions))
        return render_gallery(puzzle, inputs, states, labels, captions=captions)

    monkeypatch.setattr("hrm_net.evaluation.trace.render_gallery", spy)
    paths = write_galleries(mazes * 5, tmp_path)
    assert [path.name for path in paths] == ["failures.png", "solved.png"]
    (failed, blame), (solved, praise) = shown
    assert (failed == mazes[1].inputs).all()
    assert blame == [f"puzzle {i}: broken: no path drawn" for i in (2, 4, 6, 8, 10)]
    assert (solved == mazes[0].labels).all()
    assert praise == [f"puzzle {i}: solved" for i in (1, 3, 5, 7, 9)]
    write_galleries(mazes * 20, tmp_path)
    assert len(shown[2][1]) == 6
    assert [path.name for path in write_galleries(mazes[:1], tmp_path)] == ["solved.png"]


def test_sets_take_turns_in_galleries_and_each_fills_in(mazes, tmp_path, monkeypatch):
    shown = []

    def spy(puzzle, inputs, states, labels, *, captions):
        shown.append(captions)
        return render_gallery(puzzle, inputs, states, labels, captions=captions)

    monkeypatch.setattr("hrm_net.evaluation.trace.render_gallery", spy)
    sets = {"some/dfs": mazes * 2, "right": mazes[:1] * 9}
    paths = write_trace_pictures(sets, tmp_path / "several")
    strips = ["filling_in_some_dfs.png", "filling_in_some_dfs.gif", "filling_in_right.png", "filling_in_right.gif"]
    assert [path.name for path in paths] == [*strips, "failures.png", "solved.png"]
    assert all(path.is_file() for path in paths)
    assert shown[0] == [f"some/dfs {i}: broken: no path drawn" for i in (2, 4)]
    assert shown[1] == [
        f"{name}: solved" for name in ("some/dfs 1", "right 1", "some/dfs 3", "right 2", "right 3", "right 4")
    ]
    alone = write_trace_pictures({"some/dfs": mazes}, tmp_path / "alone")
    assert [path.name for path in alone] == ["filling_in.png", "filling_in.gif", "failures.png", "solved.png"]
    assert shown[2] == ["puzzle 2: broken: no path drawn"]


def test_puzzles_without_rules_are_solved_by_their_labels(mazes):
    class Unruly(type(mazes[0].puzzle)):
        def __init__(self):
            super().__init__(rows=11, columns=11)
            self.verifiable = False

    for one, solved in zip(mazes, (True, False), strict=True):
        masked = one.labels.astype(int)
        masked[:3] = -100, 0, -100
        assert replace(one, puzzle=Unruly(), labels=masked).solved is solved
        assert replace(one, puzzle=Unruly(), labels=None).solved is False


def test_live_view_sets_the_target_beside_a_maze_where_it_fits(mazes):
    texts = []
    for width in (80, 40):
        output = io.StringIO()
        live.show(mazes[0], console=Console(file=output, width=width, force_terminal=True, height=24), seconds=0.0)
        texts.append(output.getvalue())
    assert ["target" in text for text in texts] == [True, False]
    assert all("segment 2 of 4, solved, confidence 98 %" in text for text in texts)


@pytest.mark.slow
def test_pyplot_and_its_global_state_stay_out():
    code = (
        "import sys\nfrom hrm_net.evaluation import figures, live, trace\nsys.exit('matplotlib.pyplot' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_live_view_prints_first_and_last_state_where_there_is_no_terminal(followed):
    output = io.StringIO()
    console = Console(file=output, width=80)
    live.show(followed, console=console, seconds=1000.0)
    text = output.getvalue()
    assert "\x1b" not in text
    assert text.count("┌") == 2
    assert "segment 6 of 6, all right, confidence 98 %" in text
    cells = "".join(text.split("segment 6")[1].split("98 %")[1].split())
    answer = followed.puzzle.format(followed.labels)
    assert "".join(symbol for symbol in cells if symbol.isdigit()) == answer


def test_live_view_plays_the_segments_on_a_terminal(followed):
    output = io.StringIO()
    console = Console(file=output, width=80, force_terminal=True, height=40)
    live.show(followed, console=console, seconds=0.0)
    text = output.getvalue()
    blanks = int((followed.inputs == 1).sum())
    places = [text.index(f"segment {i} of 6") for i in (1, 2, 3, 6)]
    assert places == sorted(places)
    assert text.count(f"{blanks} wrong") == 2
    assert "segment 4 of 6" not in text  # settled: straight to the end
