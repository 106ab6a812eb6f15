"""`hrm-solve` with the shipped weights: what it prints, and what it refuses."""

import io
import json
import subprocess
import sys

import numpy as np
import pytest

import puzzles
from hrm_net.checkpoints import pretrained
from hrm_net.commands import solve as solve_command
from hrm_net.model import HRM
from hrm_net.nn.config import HRMConfig
from tests.paths import REPO

PUZZLE = "53..7....6..195....98....6.8...6...34..8.3..17...2...6.6....28....419..5....8..79"
ANSWER = "534678912672195348198342567859761423426853791713924856961537284287419635345286179"


@pytest.fixture
def solve(capsys):
    """Runs the command and gives its output."""

    def run(*arguments):
        solve_command.main([str(argument) for argument in arguments])
        out, err = capsys.readouterr()
        assert err == ""
        return out

    return run


@pytest.fixture
def refused(capsys):
    def run(*arguments):
        with pytest.raises(SystemExit) as caught:
            solve_command.main([str(argument) for argument in arguments])
        out, err = capsys.readouterr()
        assert (caught.value.code, out, err.count("\n")) == (2, "", 1)
        return err.removeprefix("error: ").rstrip("\n")

    return run


def test_one_puzzle_as_text(solve):
    out = solve(PUZZLE)
    assert out.startswith(f"{ANSWER}  solved  confidence ")
    assert out.count("\n") == 1


def test_json_has_one_object_a_puzzle_in_the_order_of_the_lines(solve, tmp_path):
    puzzle = puzzles.get("sudoku")
    inputs, labels = puzzle.generate(np.random.default_rng(0), 5, clues=36)
    path = tmp_path / "puzzles.txt"
    path.write_text("\n\n".join(puzzle.format(row) for row in inputs) + "\n\n")
    found = [json.loads(line) for line in solve(path, "--json", "--batch-size", 2).splitlines()]
    assert [one["answer"] for one in found] == [puzzle.format(row) for row in labels]
    for one in found:
        assert set(one) == {"answer", "solved", "confidence", "segments", "abstained"}
        assert one["solved"] is True
        assert 0.98 <= one["confidence"] <= 1
        assert 1 <= one["segments"] <= 16


def test_a_pipe_and_windows_line_ends(solve, monkeypatch):
    monkeypatch.setattr(sys, "stdin", io.StringIO(f"{PUZZLE}\r\n{PUZZLE.replace('.', '0')}\r\n"))
    assert [json.loads(line)["answer"] for line in solve("-", "--json").splitlines()] == [ANSWER] * 2


def test_thinking_too_little_is_no_error_and_can_be_kept_quiet(solve):
    slow = ["--run", "sudoku_9x9"]  # needs two segments
    (told,) = map(json.loads, solve(PUZZLE, *slow, "--json", "--max-segments", 1).splitlines())
    assert told["solved"] is False
    assert len(told["answer"]) == 81
    (told,) = map(json.loads, solve(PUZZLE, *slow, "--json", "--max-segments", 1, "--abstain-below", 0.5).splitlines())
    assert (told["answer"], told["abstained"], told["solved"]) == (None, True, False)
    assert solve(PUZZLE, *slow, "--max-segments", 1, "--abstain-below", 0.5).startswith("-  abstained  ")


def test_restarts_and_rules_reach_the_solver(solve):
    (told,) = map(json.loads, solve(PUZZLE, "--json", "--restarts", 3, "--select", "vote", "--stop", "fixed",
                                    "--max-segments", 4).splitlines())  # fmt: skip
    assert told["segments"] == 12
    assert told["answer"] == ANSWER
    (told,) = map(json.loads, solve(PUZZLE, "--json", "--stop", "rules", "--stop", "unchanged:9").splitlines())
    assert told["solved"]


def test_a_terminal_sees_the_puzzle_fill_in(solve, monkeypatch):
    """Without waiting, and without a terminal's width: the boards of the puzzle and of each segment."""
    from hrm_net.evaluation import live

    shown = []
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True, raising=False)
    monkeypatch.setattr(live, "show", shown.append)
    out = solve(PUZZLE, "--run", "sudoku_9x9")
    assert out.startswith(ANSWER)
    (followed,) = shown
    puzzle = puzzles.get("sudoku")
    assert puzzle.format(followed.states[-1].astype(np.uint8)) == ANSWER
    assert followed.halted_at == len(followed.states) >= 2


@pytest.fixture
def maze_run(tmp_path):
    """A tiny untrained maze model as `save_pretrained` files."""
    config = HRMConfig(vocab_size=6, seq_len=12, hidden_size=16, num_heads=2, h_layers=1, l_layers=1)
    model = HRM(config)
    pretrained.save(model, tmp_path / "maze", {"puzzle": {"name": "maze", "rows": 3, "columns": 4}})
    return tmp_path / "maze"


def test_a_maze_has_its_rows_between_slashes(solve, refused, maze_run):
    (told,) = map(json.loads, solve("S.#./..#./#..G", "--run", maze_run, "--json").splitlines())
    rows = told["answer"].split("/")
    assert [len(row) for row in rows] == [4, 4, 4]
    line = refused("S.#./..#./##.G", "--run", maze_run)
    assert line.endswith("no path from S in row 1 column 1 to G in row 3 column 4")
    assert refused("S.#./..#./##.o", "--run", maze_run).endswith("no goal G")
    assert "a 3x4 maze needs 4" in refused("S.#/..#./##.G", "--run", maze_run)


def test_weights_that_serve_any_size_solve_another_one(solve, refused, tmp_path):
    config = HRMConfig(
        vocab_size=6, seq_len=12, grid_width=4, prefix_len=0, positions="none", codec="cells", block="local",
        hidden_size=16, num_heads=2, h_layers=1, l_layers=1,
    )  # fmt: skip
    pretrained.save(HRM(config), tmp_path / "any", {"puzzle": {"name": "maze", "rows": 3, "columns": 4}})
    five = ("S.#../..#../#..../...../....G", "--run", tmp_path / "any", "--size", "rows=5", "--size", "columns=5")
    (told,) = map(json.loads, solve(*five, "--json").splitlines())
    assert [len(row) for row in told["answer"].split("/")] == [5] * 5
    assert refused(*five[:3], "--size", "5").startswith("--size 5: must be KEY=VALUE, with a key among rows, columns")
    assert refused(*five[:3], "--size", "side=5").startswith("--size: puzzle.side=5: maze has the options rows")


def test_a_bad_puzzle_is_told_by_its_line_and_stops_no_other(tmp_path, capsys):
    path = tmp_path / "some.txt"
    path.write_text(f"{PUZZLE}\n\n{PUZZLE[:-1]}\n55{PUZZLE[2:]}\n{PUZZLE}\n")
    faults = [f"{path}:3: puzzle text has 80 cells: 9x9 Sudoku needs 81", f"{path}:4: two 5s in row 1"]
    for arguments in ([str(path)], [str(path), "--json"]):
        with pytest.raises(SystemExit) as caught:
            solve_command.main(arguments)
        out, err = capsys.readouterr()
        assert caught.value.code == 1
        assert err.splitlines() == [f"error: {fault}" for fault in faults]
    first, *errors, last = map(json.loads, out.splitlines())
    assert first["answer"] == last["answer"] == ANSWER
    assert errors == [{"error": fault} for fault in faults]


def test_grids_and_tables_are_read_too(solve, tmp_path):
    rows = [PUZZLE[start : start + 9] for start in range(0, 81, 9)]
    forms = {
        "grids.txt": "Grid 01\n" + "\n".join(rows) + "\nGrid 02\n" + "\n".join(rows),
        "kaggle.csv": f"quizzes,solutions\n{PUZZLE},{ANSWER}\n{PUZZLE},\n",
    }
    for name, text in forms.items():
        (tmp_path / name).write_text(text, encoding="utf-8-sig")
        found = [json.loads(line)["answer"] for line in solve(tmp_path / name, "--json").splitlines()]
        assert found == [ANSWER] * 2


def test_a_pipe_may_have_a_byte_order_mark_and_must_be_utf_8(solve, refused, monkeypatch):
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(f"\ufeff{PUZZLE}\n".encode())))
    assert json.loads(solve("-", "--json"))["answer"] == ANSWER
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(f"{PUZZLE}\n# café".encode("latin-1"))))
    assert refused("-").startswith("standard input:2: is not UTF-8 text: byte 0xe9 at column 6; if it is Latin-1")


def test_bad_puzzles_alone_are_refused(refused, tmp_path):
    path = tmp_path / "bad.txt"
    path.write_text(f"\n\n{PUZZLE[:-1]}\n")
    assert refused(path) == f"{path}:3: puzzle text has 80 cells: 9x9 Sudoku needs 81"
    path.write_text(f"x{PUZZLE[1:]}\n\n55{PUZZLE[2:]}\n")
    assert refused(path).startswith(f"{path}:1: puzzle text has 'x' at cell 1")
    assert refused(path).endswith(" (and 1 more faults)")
    path.write_text("\n \n")
    assert refused(path) == f"{path}: holds no puzzle"
    path.write_bytes(b"\xff\xfe\xfa" * 30)
    assert refused(path).startswith(f"{path}:1: is UTF-16 text, not UTF-8; convert it: iconv")
    assert refused("nothing.txt").startswith(
        "'nothing.txt': no such file, and no puzzle: puzzle text has 'n' at cell 1"
    )
    assert refused("1" * 5000).startswith("'1111")
    assert refused("\0").startswith("'\\x00': no such file, and no puzzle")


@pytest.mark.parametrize(
    ("arguments", "line"),
    [
        (["--stop", "never"], "stop=never: must be made of q, q:P"),
        (["--restarts", "0"], "restarts=0: must be at least 1"),
        (["--restarts", "two"], "argument --restarts: invalid int value: 'two'; --help lists"),
        (["--select", "luck"], "select=luck: must be one of"),
        (["--max-segments", "0"], "max_segments=0: must be at least 1"),
        (["--abstain-below", "2"], "abstain_below=2.0: must lie in 0..1"),
        (["--run", "nowhere"], "run=nowhere: no such directory"),
        (["--frobnicate"], "unrecognized arguments: --frobnicate; --help lists"),
        (["--device", "tpu"], "argument --device: invalid choice"),
    ],
)
def test_bad_options_are_told_in_one_line(refused, arguments, line):
    assert refused(PUZZLE, *arguments).startswith(line)


def test_help_shows_examples_and_every_rule(capsys):
    with pytest.raises(SystemExit) as caught:
        solve_command.main(["--help"])
    assert caught.value.code == 0
    out = capsys.readouterr().out
    for word in ("hrm-solve", "--json", "unchanged:3", "residual:0.05", "rules", "Exit code 2"):
        assert word in out


def test_it_starts_without_what_it_does_not_need():
    code = f"import sys; from hrm_net.commands.solve import main; main(['{PUZZLE}', '--json']); print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], cwd=REPO, capture_output=True, text=True, check=True)
    answer, modules = done.stdout.splitlines()
    assert json.loads(answer)["answer"] == ANSWER
    assert {"hydra", "omegaconf", "wandb", "matplotlib", "pydantic", "rich"} & set(modules.split()) == set()
