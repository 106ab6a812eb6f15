"""A folder of static files: the page of `hrm-serve`, whose models run in the browser."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import hrm_net.serve
import puzzles
from hrm_net.export import onnx_file, runtime
from hrm_net.export.segment import SolverSegment, description
from hrm_net.serve.served import Served
from puzzles.errors import UserError

OURS, SERVED = Path(__file__).parent / "page", Path(hrm_net.serve.__file__).parent
# Files of hrm-serve as they are; its client.js has another module in its place here.
SHARED = ("page.css", "page.js", "boards.js", "chart.js", "icon.svg")
OWN = ("client.js", "worker.js", "solver.js", "sudoku.js", "maze.js")
DOMAINS = ("sudoku", "maze")
INDEX, PUZZLES, RUNTIME = "index.html", "puzzles.json", "onnxruntime-web"
# The browser itself refuses every other host. A file server cannot be asked to send this as a header.
POLICY = (
    "default-src 'none'; script-src 'self' 'wasm-unsafe-eval'; worker-src 'self'; style-src 'self'; "
    "connect-src 'self'; img-src 'self'; base-uri 'none'; form-action 'none'"
)


def check(served: Served) -> SolverSegment:
    """The segment that the page will run; UserError for a model whose puzzle or whose states the page does not know."""
    if served.name not in DOMAINS:
        raise UserError(
            f"run={served.origin}: solves {served.name}; the page knows the rules of {' and '.join(DOMAINS)}"
        )
    segment = SolverSegment(served.model)  # pyright: ignore[reportArgumentType]
    config = segment.core.config
    if config.state != "fixed":
        raise UserError(f"run={served.origin}: model.state={config.state}: the page starts from fixed states only")
    if list(segment.limits.limit) != ["inputs"]:
        raise UserError(f"run={served.origin}: has {config.num_puzzle_ids} puzzle identifiers; the page gives none")
    return segment


def write(
    models: list[Served], directory: Path, tarball: Path, *, puzzles_each: int, say: Callable[[str], None] = print
) -> None:
    """Write the page into `directory`, which is made. `puzzles_each`: for each level of each kind of puzzle.

    `tarball` is onnxruntime-web's (`runtime.find`). Each model is compared with PyTorch before its file is put in place
    (`onnx_file.write`). `say` is told what was done.
    """
    segments = [check(served) for served in models]
    directory.mkdir(parents=True, exist_ok=True)
    described = []
    for served, segment in zip(models, segments, strict=True):
        folder = directory / f".{served.name}"
        compared = onnx_file.write(segment, folder, {})
        (folder / onnx_file.MODEL).replace(directory / f"{served.name}.onnx")
        shutil.rmtree(folder)
        described.append(describe(served, segment, puzzles_each))
        largest = max(compared.differences.values())
        say(f"{served.name}: {served.origin}, the same answers as PyTorch, largest difference {largest:.1e}")
    assemble(described, directory, tarball)


def describe(served: Served, segment: SolverSegment, puzzles_each: int) -> dict[str, Any]:
    """What the page must know of a model: what hrm-serve tells of it, how to run it, and puzzles of every level."""
    told = description(segment, {})
    return served.describe() | {
        "file": f"{served.name}.onnx",
        "initial_state": told["initial_state"],
        "state_shape": told["states"]["z_H"][1:],
        "generated": {level.name: _generate(served, level.targets, puzzles_each) for level in _levels(served)},
    }


def assemble(described: list[dict[str, Any]], directory: Path, tarball: Path) -> None:
    """Write everything but the models: the page, the list of puzzles and onnxruntime-web."""
    for folder, names in ((SERVED, SHARED), (OURS, OWN)):
        for name in names:
            shutil.copyfile(folder / name, directory / name)
    page = (SERVED / "page.html").read_text("utf-8")
    charset = '<meta charset="utf-8">\n'
    assert page.count(charset) == 1
    policy = f'<meta http-equiv="content-security-policy" content="{POLICY}">\n'
    (directory / INDEX).write_text(page.replace(charset, charset + policy), encoding="utf-8")
    told = {"puzzles": described, "max_segments": max(one["segments"] for one in described), "judges": 0}
    (directory / PUZZLES).write_text(json.dumps(told, ensure_ascii=False) + "\n", encoding="utf-8")
    runtime.unpack(tarball, directory / RUNTIME)


def _levels(served: Served) -> list[puzzles.base.Level]:
    return served.puzzle.page().levels


def _generate(served: Served, targets: dict[str, Any], num: int) -> list[str]:
    inputs, _ = served.puzzle.generate(puzzles.rng(0, "page"), num, **targets)
    return [served.puzzle.format_board(row, row) for row in inputs]
