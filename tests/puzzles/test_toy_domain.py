"""A domain of one file and one YAML file goes through every entry point: it trains, resumes, is evaluated, solved,
drawn and served, although no other file knows it."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest

import puzzles
from hrm_net import cli
from hrm_net.commands import solve as solve_command
from hrm_net.recipes import compose
from hrm_net.serve import command as serve_command
from puzzles import registry, splits
from puzzles.drawing.render import render_image
from tests.puzzles.toy import Parity, registered

pytestmark = pytest.mark.slow

YAML = """\
# @package _global_
# The parity of each row.

defaults:
  - override /model: symbols

name: parity

puzzle:
  # The domain.
  name: parity
  # Rows of bits.
  rows: 4
  # Bits of a row, the parity included.
  columns: 4

data:
  curriculum:
    - until: 1.0
      mix:
        - weight: 1.0
          targets: {ones: 0.5}

validation:
  targets:
    even: {ones: 0.5}
"""
SHORT = [
    "puzzle=parity", "model.hidden_size=8", "model.max_segments=2", "batch_size=2", "validation.every=4",
    "validation.puzzles=4", "compile=false", "steps=4", "evaluate_puzzles=4", "device=cpu",
]  # fmt: skip
QUESTION, ANSWER = "010./110./111./000.", "0101110011110000"


@pytest.fixture
def parity(tmp_path, monkeypatch) -> Parity:
    """The domain, registered, with its YAML file beside the others, in an empty directory."""
    conf = tmp_path / "conf"
    shutil.copytree(compose.config_dir(), conf)
    (conf / "puzzle" / "parity.yaml").write_text(YAML)
    monkeypatch.setattr(compose, "config_dir", lambda: conf)
    (tmp_path / "work").mkdir()
    monkeypatch.chdir(tmp_path / "work")
    registered(monkeypatch)
    puzzle = puzzles.get("parity")
    assert isinstance(puzzle, Parity)
    return puzzle


@pytest.mark.slow
def test_it_trains_and_is_evaluated_solved_drawn_and_served(parity, capsys):
    cli.train(SHORT)
    run = Path("runs/parity")
    results = json.loads((run / "results.json").read_text())
    assert set(results["sets"]) == {"default"}
    assert results["sets"]["default"]["puzzles"] == 4
    cli.evaluate(["run=runs/parity", "puzzles=4", "max_segments=2", "output=again.json", "compile=false", "device=cpu"])
    assert json.loads(Path("again.json").read_text())["sets"]["default"]["puzzles"] == 4
    assert list(run.glob("**/*.gif")), "the evaluation draws what it solved"
    capsys.readouterr()

    solve_command.main(["--run", "runs/parity", "--json", "--device", "cpu", QUESTION])
    told = json.loads(capsys.readouterr().out)
    assert len(told["answer"]) == 16
    assert told["solved"] == (told["answer"] == ANSWER)

    sudoku, served = serve_command.load(["runs/parity"], "cpu", "fp32")
    assert (sudoku.name, served.name) == ("sudoku", "parity")
    described = served.describe()
    assert {"title": "Parity", "board": "grid", "symbols": "01", "blank": "."}.items() <= described.items()
    made = served.generate(described["levels"][0]["name"], {}, 3)
    found = served.solve(made["text"], segments=2)
    assert len(found["segments"]) in (1, 2)
    assert found["segments"][0]["verdict"] in ("solved", "no rule broken", "breaks a rule")


def test_what_a_domain_needs_not_define_has_a_default(parity):
    inputs, labels = parity.generate(puzzles.rng(0, "toy"), 200)
    assert (parity.seq_len, parity.num_puzzle_ids, parity.puzzle_identifier(ones=0.5)) == (16, 1, 0)
    assert np.array_equal(parity.parse(parity.format(inputs[0])), inputs[0])
    assert np.array_equal(parity.parse(QUESTION), parity.parse(QUESTION.replace("/", " \r\n")))
    assert parity.format(parity.solve(parity.parse(QUESTION)[None])[0]) == ANSWER
    assert parity.problem_fault(inputs[0]) is None
    assert parity.describe_state(inputs[0], labels[0])[0] == "solved"
    assert parity.difficulty(inputs).tolist() == [0.0] * 200
    turned = parity.transform(puzzles.rng(0, "turn"), inputs, labels)
    assert np.array_equal(turned[0], inputs)
    assert len(set(parity.invariant(inputs).tolist())) == len({row.tobytes() for row in inputs})
    folds = splits.fold(parity, inputs)
    assert 150 < (folds == splits.TRAIN).sum() < 200
    assert render_image(parity, inputs[0], labels[0]).width > 100
    for refused in (parity.step_rules, parity.step_symbols):
        with pytest.raises(puzzles.UserError, match="puzzle=parity: "):
            refused()


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("01", "puzzle text has 2 cells in one line: a parity of 4x4 needs 16"),
        ("010./11./111./000.", "puzzle text has 3 cells in row 2: a parity of 4x4 needs 4"),
        ("010./110./111.", "puzzle text has 3 rows: a parity of 4x4 needs 4"),
        ("010./1?0./111./000.", "puzzle text has '?' in row 2 column 2: must be one of .01"),
        ("", "puzzle text has 0 cells in one line: a parity of 4x4 needs 16"),
    ],
)
def test_its_texts_are_refused_by_size_and_symbol(text, reason):
    with pytest.raises(puzzles.UserError) as caught:
        Parity().parse(text)
    assert str(caught.value) == reason


def test_a_name_stands_for_one_domain(parity):
    registry.register("parity", Parity)  # again, as when a notebook's cell is run twice
    with pytest.raises(puzzles.UserError, match="puzzle=sudoku: there is a domain of this name already"):
        puzzles.register("sudoku", Parity)
    assert "parity" in puzzles.names()
    with pytest.raises(puzzles.UserError, match=r"puzzle\.size=3: parity has the options rows, columns"):
        puzzles.get("parity", size=3)
