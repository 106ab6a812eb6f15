"""How a command ends: the kind of an error is decided where it is raised."""

import pytest

from hrm_net.command_line import exit_codes
from puzzles.errors import UserError


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
