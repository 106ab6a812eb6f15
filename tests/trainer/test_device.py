"""`compile=auto`: what is wrong with a machine is said in one line, before the run or in the middle of it."""

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch

from hrm_net.trainer import device
from hrm_net.trainer.device import explain_compile_error, resolve_compile

pytestmark = pytest.mark.slow

CPU = torch.device("cpu")
BROKEN_COMPILER = """#!/bin/bash
case "$*" in *--version*) exec g++ --version;; esac
echo "fatal error: Python.h: No such file or directory" >&2
exit 1
"""


class CompilerError(RuntimeError):
    """As PyTorch words it: the command, and then what the compiler said."""

    def __init__(self, output: str) -> None:
        super().__init__(f"C++ compile error\n\nCommand:\ng++ main.cpp -o main.so\n\nOutput:\n{output}\n")


@pytest.fixture(autouse=True)
def fresh() -> Iterator[None]:
    device._trial.cache_clear()
    yield
    device._trial.cache_clear()


def failing(monkeypatch: pytest.MonkeyPatch, error: Exception) -> None:
    def fail(device_type: str) -> None:
        raise error

    monkeypatch.setattr(device, "_compile_trivial_kernel", fail)


def test_without_a_compiler(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setenv("CXX", "/nonexistent/compiler")
    assert resolve_compile("false", CPU) is False
    assert resolve_compile("auto", CPU) is False
    out = capsys.readouterr().out
    assert out.startswith("compile=auto: running eager, about half as fast (no C++ compiler found; install one")
    assert out.count("\n") == 1


LINES = [
    (CompilerError("fatal error: Python.h: No such file or directory"), "fails: fatal error: Python.h", "python3-dev"),
    (
        CompilerError("g++: sorry\n\x1b[31merror: no such option\x1b[0m"),
        "fails: error: no such option",
        "apt install g++",
    ),
    (
        OSError(28, "No space left on device", "/full/x.cpp"),
        "/full/x.cpp: No space left",
        "set TORCHINDUCTOR_CACHE_DIR",
    ),
    (RuntimeError("tail\nNo space left on device"), "No space left on device", "set TORCHINDUCTOR_CACHE_DIR"),
    (RuntimeError("\n  driver too old\nstack\nstack"), "torch.compile fails: driver too old", ""),
]


@pytest.mark.parametrize(("error", "reason", "remedy"), LINES)
def test_each_cause_is_one_line_with_what_helps(
    error: Exception, reason: str, remedy: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    failing(monkeypatch, error)
    assert resolve_compile("auto", CPU) is False
    out = capsys.readouterr().out
    assert out.count("\n") == 1
    assert reason in out
    assert remedy in out
    assert "\x1b" not in out
    with pytest.raises(ValueError, match=r"^compile=true: .*; or use compile=false$"):
        resolve_compile("true", CPU)


@pytest.mark.parametrize("variable", ["TORCHINDUCTOR_CACHE_DIR", "CXX"])
def test_a_path_with_a_space_is_named(variable: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(variable, "/home/me/My Projects/x")
    line = explain_compile_error(CompilerError("g++: fatal error: input file '/home/me/My' is the output file"))
    assert "as /home/me/My Projects/x has" in line
    assert variable in line


def test_the_machine_is_tried_once(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    tried = []
    monkeypatch.setattr(device, "_compile_trivial_kernel", tried.append)
    monkeypatch.setattr(device, "_fall_back_to_eager", lambda wanted: None)
    assert [resolve_compile(request, CPU) for request in ("auto", "true", "auto")] == [True] * 3
    assert tried == ["cpu"]
    assert capsys.readouterr().out == ""


def run(program: str, environment: dict[str, str]) -> str:
    """Standard output and error of a fresh interpreter, which must succeed."""
    done = subprocess.run(
        [sys.executable, "-c", program], env={**os.environ, "OMP_NUM_THREADS": "1", **environment},
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout
    return done.stdout


RESOLVE = """
import torch
from hrm_net.trainer.device import resolve_compile
assert resolve_compile("auto", torch.device("cpu")) is {expected}
weight = torch.nn.Parameter(torch.ones(2))
torch.optim.AdamW([weight])
"""


@pytest.mark.slow
@pytest.mark.parametrize("broken", ["compiler", "cache with a space", "cache is a file"])
def test_a_machine_that_cannot_compile_runs_eager(broken: str, tmp_path: Path) -> None:
    spaced, compiler, file = tmp_path / "My Projects", tmp_path / "badcxx", tmp_path / "file"
    spaced.mkdir()
    file.touch()
    compiler.write_text(BROKEN_COMPILER, encoding="utf-8")
    compiler.chmod(0o755)
    environment, words = {
        "compiler": ({"CXX": str(compiler)}, "apt install python3-dev"),
        "cache with a space": ({"TORCHINDUCTOR_CACHE_DIR": str(spaced)}, f"{spaced} has; set TORCHINDUCTOR_CACHE_DIR"),
        "cache is a file": ({"TORCHINDUCTOR_CACHE_DIR": str(file)}, f"{file}: File exists"),
    }[broken]
    out = run(RESOLVE.format(expected=False), environment)
    assert out.startswith("compile=auto: running eager, about half as fast (")
    assert words in out
    assert out.count("\n") == 1


MID_RUN = """
import torch
import torch._inductor.config as inductor
from hrm_net.trainer.device import resolve_compile

assert resolve_compile("auto", torch.device("cpu"))

class Block(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.linear = torch.nn.Linear(8, 8)

    def forward(self, z):
        return self.linear(z).sin()

torch.manual_seed(0)
blocks = torch.nn.Sequential(Block(), Block())

def gradient(rows):
    blocks.zero_grad()
    blocks(torch.linspace(-1, 1, 8 * rows).view(rows, 8)).square().sum().backward()
    return blocks[0].linear.weight.grad.clone()

wanted = {rows: gradient(rows) for rows in (4, 6)}
for block in blocks:
    block.compile(dynamic=False)
torch.testing.assert_close(gradient(4), wanted[4])
print("compiled")
inductor.cpp.cxx = (None, "{compiler}")
torch.testing.assert_close(gradient(6), wanted[6])
torch.testing.assert_close(gradient(4), wanted[4])
"""


@pytest.mark.slow
def test_another_shape_that_does_not_compile_goes_on_eager(tmp_path: Path) -> None:
    compiler = tmp_path / "badcxx"
    compiler.write_text(BROKEN_COMPILER, encoding="utf-8")
    compiler.chmod(0o755)
    program = MID_RUN.replace("{compiler}", str(compiler))
    out = run(program, {}).splitlines()
    assert out[0] == "compiled"
    assert out[1].startswith("compile=auto: going on eager, about half as fast (the C++ compiler")
    assert len(out) == 2
