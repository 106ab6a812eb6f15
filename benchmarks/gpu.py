"""What this package does on a GPU: its tests, a training step, the ways to share it out, attention, solving.

python benchmarks/gpu.py [--output DIR]           on a machine with CUDA; under ten minutes
python benchmarks/gpu.py --device cpu --quick     the same code at tiny sizes, to try it where there is no GPU

Writes gpu.json and gpu.md into DIR (default runs/gpu). A part that fails is written down with its error, and the others
run; the exit code is then 1.
"""

import argparse
import json
import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from gpu_parts import Sizes, attention, data_parallel, roofline, solving, training_step

from hrm_net.provenance import provenance

REPO = Path(__file__).resolve().parents[1]
TIME_LIMIT = 600  # seconds of the whole command; a part that would start later is left out and said to be
Row = dict[str, Any]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--device", default="cuda", choices=("cuda", "cpu"), help="default: %(default)s")
    parser.add_argument("--quick", action="store_true", help="tiny sizes and few repeats")
    parser.add_argument("--output", type=Path, default=Path("runs/gpu"), help="folder; default: %(default)s")
    parser.add_argument("--no-tests", action="store_true", help="leave the tests out")
    options = parser.parse_args()
    if options.device == "cuda" and not torch.cuda.is_available():
        what = "run it on a machine with an NVIDIA GPU and PyTorch for CUDA (nvidia-smi shows the GPU)"
        print(f"error: no CUDA device: {what}; --device cpu --quick tries the same code here", file=sys.stderr)
        sys.exit(2)
    sizes = Sizes(device=torch.device(options.device), quick=options.quick)
    parts: dict[str, Callable[[], list[Row]]] = {
        "tests": lambda: gpu_tests(options.device),
        "roofline": lambda: roofline(sizes),
        "training step": lambda: training_step(sizes),
        "data parallel": lambda: data_parallel(sizes),
        "attention": lambda: attention(sizes),
        "solving": lambda: solving(sizes),
    }
    if options.no_tests:
        del parts["tests"]
    found: dict[str, Any] = {"device": options.device, "quick": options.quick, **provenance(0), "parts": {}}
    started = time.monotonic()
    for name, part in parts.items():
        found["parts"][name] = run(name, part, time.monotonic() - started)
    options.output.mkdir(parents=True, exist_ok=True)
    (options.output / "gpu.json").write_text(json.dumps(found, indent=2) + "\n", encoding="utf-8")
    (options.output / "gpu.md").write_text(page(found), encoding="utf-8")
    print(page(found))
    print(f"written: {options.output / 'gpu.json'}, {options.output / 'gpu.md'}")
    sys.exit(any("error" in part for part in found["parts"].values()))


def run(name: str, part: Callable[[], list[Row]], elapsed: float) -> dict[str, Any]:
    """The rows of a part, or its error, and its seconds."""
    if elapsed > TIME_LIMIT - 60:
        return {"error": f"left out: {elapsed:.0f} s had passed", "seconds": 0.0}
    print(f"{name} ...", flush=True)
    started = time.monotonic()
    try:
        result: dict[str, Any] = {"rows": part()}
    except Exception as error:  # whatever a driver, a compiler or a kernel makes of it: the others shall be measured
        result = {"error": f"{type(error).__name__}: {' '.join(str(error).split())[:500]}"}
    if torch.cuda.is_available():
        torch.cuda.empty_cache()
    return {**result, "seconds": round(time.monotonic() - started, 1)}


def gpu_tests(device: str) -> list[Row]:
    """tests/gpu on the device; an error where one fails."""
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "tests/gpu"]
    environment = os.environ | {"HRM_TEST_DEVICE": device}
    done = subprocess.run(command, cwd=REPO, env=environment, capture_output=True, text=True, timeout=300)
    lines = [line for line in done.stdout.splitlines() if line.strip()]
    if done.returncode:
        raise RuntimeError("; ".join(line for line in lines if line.startswith(("FAILED", "ERROR"))) or lines[-1])
    return [{"result": lines[-1].strip("= ")}]


def page(found: dict[str, Any]) -> str:
    """The parts as tables in Markdown."""
    hardware, versions = found["hardware"], found["versions"]
    where = hardware["gpu"] if found["device"] == "cuda" else f"{hardware['cpu']} (a trial of the code, not of a GPU)"
    lines = ["# GPU benchmark", "", f"{where}; PyTorch {versions['torch']}; commit {found['commit']}."]
    if found["quick"]:
        lines += ["", "Tiny sizes (`--quick`): the figures say nothing about real runs."]
    for name, part in found["parts"].items():
        lines += ["", f"## {name.capitalize()}", ""]
        if "error" in part:
            lines.append(f"Failed after {part['seconds']} s: {part['error']}")
            continue
        keys = list(dict.fromkeys(key for row in part["rows"] for key in row))
        lines += ["| " + " | ".join(keys) + " |", "|" + "---|" * len(keys)]
        lines += ["| " + " | ".join(show(row.get(key)) for key in keys) + " |" for row in part["rows"]]
    return "\n".join(lines) + "\n"


def show(value: Any) -> str:
    """A cell of a table."""
    if isinstance(value, float):
        return f"{value:.3g}" if abs(value) < 1000 else f"{value:,.0f}"
    return "" if value is None else str(value)


if __name__ == "__main__":
    main()
