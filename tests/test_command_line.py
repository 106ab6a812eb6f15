"""How a command ends: the kind of an error is decided where it is raised."""

import os
import subprocess
import sys

import pytest

from hrm_net.command_line import Parser, exit_codes
from puzzles.errors import UserError
from tests.paths import REPO


def test_a_users_mistake_is_one_line_and_exit_code_2(capsys):
    with pytest.raises(SystemExit) as end, exit_codes():
        raise UserError("steps=0:\nmust be at least 1")
    assert end.value.code == 2
    assert capsys.readouterr().err == "error: steps=0: must be at least 1\n"


def test_an_internal_value_error_keeps_its_traceback_and_exits_with_1(capsys):
    with pytest.raises(SystemExit) as end, exit_codes():
        [].index(3)
    assert end.value.code == 1
    message = capsys.readouterr().err
    assert "Traceback (most recent call last)" in message
    assert "ValueError: " in message


def test_a_missing_file_is_the_users_mistake(tmp_path, capsys):
    with pytest.raises(SystemExit) as end, exit_codes():
        (tmp_path / "absent.txt").read_text()
    assert end.value.code == 2
    assert capsys.readouterr().err.endswith("absent.txt: No such file or directory\n")


@pytest.mark.parametrize(("chosen", "expected"), [(None, "PASSIVE"), ("ACTIVE", "ACTIVE")])
def test_threads_sleep_while_they_wait_unless_the_user_says_otherwise(chosen: str | None, expected: str) -> None:
    """PyTorch reads the policy when it is loaded, so every command must set it before."""
    environment = {key: value for key, value in os.environ.items() if key != "OMP_WAIT_POLICY"}
    code = (
        "import os, sys, hrm_net.cli; names = list(sys.modules);"
        "print(os.environ['OMP_WAIT_POLICY'], names.index('hrm_net.command_line') < names.index('torch'))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=REPO, capture_output=True, text=True, check=True,
        env=environment | ({"OMP_WAIT_POLICY": chosen} if chosen else {}),
    )  # fmt: skip
    assert done.stdout.split() == [expected, "True"]


def test_shared_options_mean_the_same_everywhere() -> None:
    parser = Parser("test")
    parser.share("--seed", help="of the test")
    parser.share("--batch-size", default=16)
    parser.share("--device")
    found = vars(parser.parse_args(["--seed", "3"]))
    assert found == {"seed": 3, "batch_size": 16, "device": "auto"}
    with pytest.raises(UserError, match="invalid choice"):
        parser.parse_args(["--device", "tpu"])
