"""Pictures of scorers show the numbers they are given."""

import math

import numpy as np
import pytest
from matplotlib.figure import Figure

from hrm_net.evaluation.drawing import series_style
from hrm_net.reward import figures
from hrm_net.reward.metrics.best_of_n import best_of_n_curve, oracle_curve, random_curve
from hrm_net.reward.metrics.ranking import quadrants, reliability
from hrm_net.reward.search import figures as search_figures


@pytest.fixture
def drawn(monkeypatch):
    """The figures that get saved."""
    kept = []
    save = Figure.savefig
    monkeypatch.setattr(Figure, "savefig", lambda self, *args, **how: (kept.append(self), save(self, *args, **how))[1])
    return kept


def _line(axes, label):
    return next(line for line in axes.get_lines() if line.get_label() == label)


def test_best_of_n_curves_with_their_intervals_and_frames(drawn, tmp_path):
    rng = np.random.default_rng(0)
    solved = rng.random((20, 64)) < 0.4
    curves = {name: best_of_n_curve(rng.random((20, 64)) + solved, solved).summary(rng) for name in ("prm", "hier")}
    curves |= {"oracle": oracle_curve(solved).summary(rng), "random": random_curve(solved).summary(rng)}
    path = figures.best_of_n_curves(curves, tmp_path / "deep" / "curves.png")
    assert path.stat().st_size > 5000
    (axes,) = drawn[0].axes
    assert axes.get_xscale() == "log"
    assert [tick.get_text() for tick in axes.get_xticklabels()] == ["1", "2", "4", "8", "16", "32", "64"]
    for name, curve in curves.items():
        assert _line(axes, name).get_ydata() == pytest.approx(curve["accuracy"])
    assert len(axes.collections) == 2  # intervals of scorers, none of frames
    band = axes.collections[0].get_paths()[0].vertices
    assert band[:, 1].max() == pytest.approx(max(curves["prm"]["high"]))
    assert band[:, 1].min() == pytest.approx(min(curves["prm"]["low"]))


def test_more_scorers_than_colours_are_told_apart(drawn, tmp_path):
    solved = np.random.default_rng(0).random((5, 8)) < 0.5
    curve = random_curve(solved).summary(np.random.default_rng(0))
    figures.best_of_n_curves({f"scorer {i}": curve for i in range(9)}, tmp_path / "curves.png")
    looks = {(line.get_color(), line.get_linestyle()) for line in drawn[0].axes[0].get_lines()}
    assert len(looks) == 9


def test_quadrants_stand_where_their_labels_say(drawn, tmp_path):
    labels, previous = np.array([True, True, False, True]), np.array([True, False, True, True])
    table = quadrants(np.array([0.9, 0.1, 0.2, 0.3]), labels, previous)
    figures.quadrant_heat_maps({"prm": table, "hier": table, **dict.fromkeys("abc", table)}, tmp_path / "quadrants.png")
    axes = drawn[0].axes[0]
    shares = np.asarray(axes.images[0].get_array())
    assert shares[:1].tolist() == [[0.5, 1.0]]  # step before right: this one right, wrong
    assert shares[1, 0] == 0.0  # was wrong, now right, and not seen as right
    assert math.isnan(shares[1, 1])
    texts = {tuple(round(x) for x in text.get_position()): text.get_text() for text in axes.texts[::2]}
    assert texts == {(0, 0): "50 %", (1, 0): "100 %", (0, 1): "0 %", (1, 1): "none"}
    assert (axes.get_xlabel(), axes.get_ylabel()) == ("this step", "step before")
    assert sum(panel.get_visible() for panel in drawn[0].axes) == 6  # five and the colour bar


def test_reliability_has_a_mark_a_bin(drawn, tmp_path):
    scores, labels = np.array([0.95, 0.95, 0.15, 0.15]), np.array([True, False, False, False])
    figures.reliability_diagram({"cond": reliability(scores, labels)}, tmp_path / "reliability.png")
    (axes,) = drawn[0].axes
    marks = next(each for each in axes.collections if each.get_label() == "cond (ECE 30.0 %)")
    assert np.asarray(marks.get_offsets()) == pytest.approx(np.array([[0.15, 0.0], [0.95, 0.5]]))


def test_climbing_shows_score_and_truth(drawn, tmp_path):
    curve = {"score": [0.1, 0.5, 0.9], "right": [0.2, 0.2, 0.1], "solved": [0.0, 0.0, 0.0]}
    search_figures.climbing_curves({"prm": curve}, tmp_path / "climb.png")
    (axes,) = drawn[0].axes
    assert _line(axes, "score").get_ydata() == pytest.approx([0.1, 0.5, 0.9])
    assert _line(axes, "cells right").get_ydata() == pytest.approx([0.2, 0.2, 0.1])


def test_search_has_a_panel_a_head_and_a_mark_a_point(drawn, tmp_path):
    def point(kind, tries, accuracy):
        return {"kind": kind, "name": f"{kind} {tries}", "tries": tries, "accuracy": accuracy, "low": accuracy - 0.1,
                "high": accuracy + 0.1, "policy_calls": 5.0 * tries, "scorer_calls": 5.0 * tries}  # fmt: skip

    row = {"how": "prod", "points": [point("greedy", 4, 0.7), point("best_of_n", 1, 0.3), point("best_of_n", 4, 0.6)]}
    found = {"puzzles": 7, "heads": {"prm": row, "hier_fine": row, "oracle": row}}
    search_figures.search_curves(found, tmp_path / "search.png")
    panels = drawn[0].axes
    assert [axes.get_title(loc="left") for axes in panels] == [
        "prm (ranked by prod)", "hier, single (ranked by prod)", "oracle"
    ]  # fmt: skip
    lines = [line.get_xydata().tolist() for line in panels[0].get_lines() if len(line.get_xydata())]
    assert [[5.0, 0.3], [20.0, 0.6]] in lines
    assert [[20.0, 0.7]] in lines


def test_probes_stand_where_their_labels_say(drawn, tmp_path):
    def row(share):
        each = {"beats_solved": {"last": share}, "beats_failed": {"last": None}}
        return {"how": "last", "probes": dict.fromkeys(search_figures.PROBES, each)}

    search_figures.probe_heat_maps({"prm": row(0.25), "cond": row(0.75)}, tmp_path / "probes.png")
    solved, failed = drawn[0].axes[:2]
    assert np.asarray(solved.images[0].get_array()).tolist() == [[0.25, 0.75]] * len(search_figures.PROBES)
    assert [text.get_text() for text in solved.texts[:2]] == ["25 %", "75 %"]
    assert {text.get_text() for text in failed.texts} == {"none"}
    assert [text.get_text() for text in solved.get_xticklabels()] == ["prm\nlast", "cond\nlast"]


def test_no_two_of_many_series_look_alike() -> None:
    looks = [series_style(i) for i in range(36)]
    assert len({(colour, marker) for colour, marker, _ in looks}) == 36
