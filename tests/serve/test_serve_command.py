"""`hrm-serve`: what it serves, and what it refuses."""

import json
import signal
import subprocess
import sys

import pytest

import puzzles
from hrm_net.model import HRM
from hrm_net.nn.config import HRMConfig
from hrm_net.serve import command
from tests.paths import REPO
from tests.serve.serving import Client

pytestmark = pytest.mark.slow


def refused(capsys, *arguments: str) -> str:
    with pytest.raises(SystemExit) as caught:
        command.main(arguments)
    out, err = capsys.readouterr()
    assert (caught.value.code, out, err.count("\n")) == (2, "", 1)
    return err.removeprefix("error: ").rstrip("\n")


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        (["--host", "0.0.0.0"], "host=0.0.0.0: other machines would reach it"),
        (["--host", "somewhere"], "host=somewhere: must be an address"),
        (["--port", "70000"], "port=70000: must lie in 0..65535"),
        (["--port", "x"], "argument --port: invalid int value"),
        (["--run", "nowhere"], "run=nowhere: no such directory"),
    ],
)
def test_what_the_command_refuses(capsys, arguments, reason):
    assert reason in refused(capsys, *arguments)


def test_a_taken_port_is_told(capsys):
    with command.listen("127.0.0.1", 0) as taken:
        port = str(taken.getsockname()[1])
        assert "--port 0 takes a free one" in refused(capsys, "--port", port)


def test_without_its_extra_it_says_what_to_install(capsys, monkeypatch):
    monkeypatch.setitem(sys.modules, "uvicorn", None)
    assert refused(capsys) == 'hrm-serve needs starlette and uvicorn: pip install "hrm-net[serve]"'


def test_models_of_runs_beside_the_shipped_one(tmp_path):
    saved: dict[str, str] = {}
    for name, options in (("maze", {"rows": 5, "columns": 5}), ("sudoku", {"box": "2x2"}), ("arc", {"canvas": 5})):
        puzzle = puzzles.get(name, **options)
        config = HRMConfig(vocab_size=puzzle.vocab_size, seq_len=puzzle.seq_len, hidden_size=8, num_heads=1, h_layers=1)
        HRM(config).save_pretrained(tmp_path / name)
        path = tmp_path / name / "config.json"
        path.write_text(json.dumps(json.loads(path.read_text()) | {"puzzle": {"name": name, **options}}))
        saved[name] = str(tmp_path / name)
    both = command.load([saved["maze"]], "cpu", "fp32")
    assert [(one.name, one.origin) for one in both] == [
        ("sudoku", "shipped weights sudoku_extreme"),
        ("maze", saved["maze"]),
    ]
    own = command.load([saved["maze"], saved["sudoku"]], "cpu", "fp32")
    assert [(one.name, one.origin) for one in own] == [("maze", saved["maze"]), ("sudoku", saved["sudoku"])]
    with pytest.raises(ValueError, match="a second model for maze"):
        command.load([saved["maze"], saved["maze"]], "cpu", "fp32")
    with pytest.raises(ValueError, match="must be told which family of arc is meant"):
        command.load([saved["arc"]], "cpu", "fp32")


def test_the_command_serves_until_it_is_interrupted():
    code = "from hrm_net.serve.command import main; main(['--port', '0'])"
    started = subprocess.Popen(
        [sys.executable, "-c", code], cwd=REPO, text=True, stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )  # fmt: skip
    try:
        assert started.stdout is not None
        line = started.stdout.readline()
        assert line.startswith("http://127.0.0.1:"), line or started.communicate()[1]
        assert line.endswith("/  sudoku (shipped weights sudoku_extreme); Ctrl-C ends\n")
        client = Client(int(line.removeprefix("http://127.0.0.1:").partition("/")[0]))
        assert client("GET", "/api/puzzles").json["puzzles"][0]["name"] == "sudoku"
        started.send_signal(signal.SIGINT)
        out, err = started.communicate(timeout=120)
        assert (started.returncode, out, err) == (0, "", "")
    finally:
        started.kill()
