"""Long work is never silent for more than a minute, and on a terminal it is a bar with the time left."""

import io
import re
import time

import pytest

from hrm_net import progress
from hrm_net.progress import Progress


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_a_unit_that_takes_long_is_not_silent(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]):
    monkeypatch.setattr(progress, "MINUTE", 0.05)
    with Progress("evaluating", 8, unit="segments") as bar:
        bar.advance()
        time.sleep(0.4)
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) >= 3
    assert all(re.fullmatch(r"evaluating 1/8 segments, 0\.0 min, 0\.\d left", line) for line in lines)


def test_work_of_unknown_size_says_how_long_it_has_taken(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    monkeypatch.setattr(progress, "MINUTE", 0.05)
    with Progress("evaluating", None):
        time.sleep(0.2)
    assert "evaluating, 0.0 min\n" in capsys.readouterr().out


def test_lines_come_as_often_as_asked_and_not_in_the_first_minute_otherwise(capsys: pytest.CaptureFixture[str]):
    for lines, expected in ((4, 4), (0, 0)):
        with Progress("step", 100, lines=lines) as bar:
            for step in range(100):
                bar.advance(f"loss {step}")
        out = capsys.readouterr().out.splitlines()
        assert len(out) == expected
        assert not out or out[-1].startswith("step 100/100, 0.0 min, 0.0 left: loss 99")


def test_a_terminal_sees_a_bar_and_what_is_said(monkeypatch: pytest.MonkeyPatch):
    screen = Terminal()
    monkeypatch.setattr("sys.stdout", screen)
    with Progress("evaluating", 10) as bar:
        bar.advance("halfway")
        bar.name("evaluating minimal")
        bar.say("a line")
    shown = screen.getvalue()
    assert "evaluating minimal" in shown
    assert "1/10" in shown
    assert "a line" in shown


def test_nothing_is_shown_where_nothing_is_wanted(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]):
    monkeypatch.setattr(progress, "MINUTE", 0.02)
    with Progress("evaluating", 8, shown=False) as bar:
        bar.advance()
        time.sleep(0.1)
    assert capsys.readouterr().out == ""
