"""Saved scorers whose files are damaged or incomplete are refused in one line that names the file."""

import json
from pathlib import Path
from typing import Any

import pytest

import puzzles
from hrm_net.reward import StepScorer
from puzzles.errors import UserError
from tests.reward.rewarding import small_scorer


@pytest.mark.parametrize(
    ("key", "value", "message"),
    [
        ("segments", 2.0, r"config\.json: scorer\.segments=2\.0: must be a whole number"),
        ("segments", True, r"config\.json: scorer\.segments=true: must be a whole number"),
        ("fine_weight", "1", r'config\.json: scorer\.fine_weight="1": must be a number'),
        ("objective", 3, r"config\.json: scorer\.objective=3: must be a name"),
        ("stop", [], r"config\.json: scorer\.stop=\[\]: must be a number or null"),
    ],
)
def test_saved_settings_of_another_type_are_refused(key: str, value: Any, message: str, tmp_path: Path):
    scorer = StepScorer(small_scorer("symbols", ("prm",)), puzzles.get("sudoku", box="2x2"), "prm")
    scorer.save_pretrained(tmp_path)
    path = tmp_path / "config.json"
    config = json.loads(path.read_text())
    config["scorer"][key] = value
    path.write_text(json.dumps(config))
    with pytest.raises(UserError, match=message):
        StepScorer.from_pretrained(tmp_path)


def test_files_without_a_puzzle_are_refused(tmp_path: Path):
    small_scorer("symbols", ("prm",)).save_pretrained(tmp_path)
    with pytest.raises(ValueError, match=r"config\.json: has no object `puzzle`"):
        StepScorer.from_pretrained(tmp_path)
    with pytest.raises(ValueError, match=r"config\.json: no such file"):
        StepScorer.from_pretrained(tmp_path / "none")
