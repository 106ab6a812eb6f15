"""benchmarks/gpu.py: every part runs at tiny sizes on a CPU, and where there is no GPU it says what to do."""

import json
import sys
from pathlib import Path
from types import ModuleType

import pytest
import torch

from tests.paths import REPO


@pytest.fixture
def benchmark(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    monkeypatch.syspath_prepend(str(REPO / "benchmarks"))
    import gpu  # pyright: ignore[reportMissingImports]

    return gpu


def test_the_page_on_scale_holds_what_is_computed(benchmark: ModuleType):
    import scale  # pyright: ignore[reportMissingImports]

    assert scale.text() in (REPO / "docs/scale.md").read_text(encoding="utf-8")


@pytest.mark.slow
def test_every_part_runs_on_a_cpu(benchmark: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(benchmark, "gpu_tests", lambda device: [{"result": f"on {device}"}])
    monkeypatch.setattr(sys, "argv", ["gpu.py", "--device", "cpu", "--quick", "--output", str(tmp_path)])
    with pytest.raises(SystemExit) as ended:
        benchmark.main()
    parts = json.loads((tmp_path / "gpu.json").read_text())["parts"]
    assert ended.value.code == 0, parts
    assert list(parts) == ["tests", "roofline", "training step", "data parallel", "attention", "solving"]
    assert [row["way"] for row in parts["data parallel"]["rows"]] == ["one process", "ddp", "fsdp"]
    assert all(row["ms"] > 0 for row in parts["training step"]["rows"])
    page = (tmp_path / "gpu.md").read_text()
    assert "a trial of the code, not of a GPU" in page
    assert page.count("\n## ") == 6


def test_a_part_that_fails_is_written_down(benchmark: ModuleType):
    def part() -> list:
        raise RuntimeError("no kernel\nfor this")

    assert benchmark.run("part", part, 0.0)["error"] == "RuntimeError: no kernel for this"
    assert benchmark.run("part", part, 590.0)["error"] == "left out: 590 s had passed"


@pytest.mark.skipif(torch.cuda.is_available(), reason="this machine has CUDA")
def test_without_a_gpu_it_says_what_to_do(
    benchmark: ModuleType, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    monkeypatch.setattr(sys, "argv", ["gpu.py"])
    with pytest.raises(SystemExit) as ended:
        benchmark.main()
    assert ended.value.code == 2
    assert capsys.readouterr().err.startswith("error: no CUDA device: run it on a machine with an NVIDIA GPU")
