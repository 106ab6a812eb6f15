"""`hrm-export`: writes a trained model in a form that runs without this package."""

import argparse
import time
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from hrm_net.command_line import Parser, exit_codes
from puzzles.errors import UserError

if TYPE_CHECKING:
    from hrm_net.export.segment import Segment
    from hrm_net.recipes.model_source import ModelSource

DESCRIPTION = "Write a trained model in a form that runs without this package."
ONNX = """\
Write one segment of a solver or a step scorer (the state goes in, the next state and the answer come out) as
model.onnx, for any batch size, and its inputs, outputs and initial state as model.json. The file is compared with
PyTorch before it is put in place."""
PAGE = """\
Write a folder of static files: the page of hrm-serve, whose models run in the browser. Any file server can serve it; it
asks no other host for anything. onnxruntime-web is fetched once from the npm registry (33 MB), checked and kept."""
HF = """\
Write a step scorer of texts and the language model that it reads as a folder that transformers loads: config.json,
model.safetensors, the tokenizer, and the file that auto_map names. AutoModelForTokenClassification gives the score of
each step, AutoModelForSequenceClassification that of the last one."""
EXAMPLES = """\
examples:
  hrm-export onnx sudoku_extreme out/        weights that ship with the package
  hrm-export onnx runs/maze out/             the best checkpoint of a training run
  hrm-export onnx scorer_6x6 out/            a step scorer
  hrm-export hf runs/reward_language_model out/ --head prm   a step scorer over a language model, for transformers
  hrm-export page site/                      Sudoku and mazes, with weights that ship with the package
  python -m http.server -d site/             look at it: http://127.0.0.1:8000/

Exit code 2: bad input, named in one line.
"""
SHIPPED = ("sudoku_extreme", "maze_15x15")  # of which the page is made by default


def main(argv: Sequence[str] | None = None) -> None:
    """`hrm-export ...`."""
    with exit_codes():
        arguments = _parser().parse_args(argv)
        {"onnx": _onnx, "hf": _hf, "page": _page}[arguments.format](arguments)


def _parser() -> argparse.ArgumentParser:
    parser = Parser("hrm-export", description=DESCRIPTION, epilog=EXAMPLES)
    formats = parser.add_subparsers(dest="format", required=True, metavar="onnx|hf|page", help="what is written")
    onnx = formats.add_parser("onnx", description=ONNX, help="one segment as an ONNX file")
    onnx.add_argument(
        "run", metavar="RUN", help="directory of a training run or of save_pretrained, or shipped weights, by name"
    )
    hf = formats.add_parser("hf", description=HF, help="a step scorer over a language model, for transformers")
    hf.add_argument("run", metavar="RUN", help="directory of a training run over texts, or of its scorer")
    hf.add_argument(
        "--head", metavar="NAME", help="a head of the run: orm, prm, pqm, hier or cond (default: its last one)"
    )
    page = formats.add_parser("page", description=PAGE, help="a page that solves puzzles in the browser")
    page.add_argument(
        "--run", action="append", default=[], metavar="RUN",
        help="a solver of Sudoku or mazes, as for onnx; may be repeated, one for each kind of puzzle "
        f"(default: {' and '.join(SHIPPED)})",
    )  # fmt: skip
    page.add_argument(
        "--puzzles", type=int, default=100, metavar="N", help="generated puzzles of each level (default: %(default)s)"
    )
    page.add_argument(
        "--runtime", type=Path, metavar="FILE", help="onnxruntime-web's package, where there is no network"
    )
    for each in (onnx, hf, page):
        each.add_argument(
            "directory", metavar="DIR", type=Path, help="where the files go; it must not exist yet, or be empty"
        )
    return parser


def _onnx(arguments: argparse.Namespace) -> None:
    from hrm_net.export import onnx_file

    onnx_file.check_installed()
    check_directory(arguments.directory)
    segment, source = find_segment(arguments.run)
    started = time.perf_counter()
    about = {"model": source.path.name, "puzzle": source.puzzle}
    compared = onnx_file.write(segment, arguments.directory, about)
    largest = max(compared.differences.values())
    print(
        f"{compared.rows} rows x {compared.segments} segments: the same answers as PyTorch, largest difference "
        f"{largest:.1e} (allowed {onnx_file.TOLERANCE:g}); {time.perf_counter() - started:.0f} s"
    )
    for name in (onnx_file.MODEL, onnx_file.DESCRIPTION):
        path = arguments.directory / name
        print(f"{path}  {path.stat().st_size / 1e6:.2f} MB")


def _hf(arguments: argparse.Namespace) -> None:
    from hrm_net.reward.text.backbone import check_installed

    check_installed("hrm-export hf")
    check_directory(arguments.directory)
    from hrm_net.hf import save_for_transformers
    from hrm_net.hf.convert import objective_of

    save_for_transformers(arguments.run, arguments.directory, arguments.head)
    size = sum(path.stat().st_size for path in arguments.directory.iterdir())
    print(f"{arguments.directory}  {size / 1e6:.1f} MB, head {objective_of(arguments.directory)}; it loads by")
    print("import hrm_net.hf")
    print(f"AutoModelForTokenClassification.from_pretrained({str(arguments.directory)!r})")


def _page(arguments: argparse.Namespace) -> None:
    from hrm_net.export import onnx_file, page, runtime
    from hrm_net.serve.command import load

    onnx_file.check_installed()
    check_directory(arguments.directory)
    if arguments.puzzles < 1:
        raise UserError(f"puzzles={arguments.puzzles}: must be at least 1")
    models = load(arguments.run, "cpu", "fp32", SHIPPED)
    for served in models:
        page.check(served)
    tarball = runtime.find(arguments.runtime)
    print("exporting the models takes about a minute each", flush=True)
    page.write(models, arguments.directory, tarball, puzzles_each=arguments.puzzles)
    size = sum(path.stat().st_size for path in arguments.directory.rglob("*") if path.is_file())
    print(f"{arguments.directory}  {size / 1e6:.1f} MB; look at it: python -m http.server -d {arguments.directory}")


def find_segment(run: str) -> "tuple[Segment, ModelSource]":
    """The segment of a run's best weights or of shipped weights; UserError where there is none or it has no export."""
    from hrm_net.export.segment import ScorerSegment, SolverSegment
    from hrm_net.recipes import step_scorer
    from hrm_net.recipes.config import TEXT
    from hrm_net.recipes.model_source import find_model
    from hrm_net.reward.heads import PAIR
    from hrm_net.reward.model import RewardModel

    source = find_model(run)
    if not source.heads:
        return SolverSegment(source.load()), source
    if source.puzzle["name"] == TEXT or source.heads == [PAIR]:
        kind = "a judge" if source.heads == [PAIR] else "a scorer of texts"
        raise UserError(f"run={run}: holds {kind}; only solvers and step scorers of puzzles are exported")
    if source.config is None:
        return ScorerSegment(RewardModel.from_pretrained(source.path)), source
    return ScorerSegment(step_scorer.load(source.path, source.config)), source


def check_directory(directory: Path) -> None:
    """UserError for a file, and for a directory that holds something."""
    if directory.exists() and not directory.is_dir():
        raise UserError(f"DIR={directory}: is a file; give a directory")
    if directory.is_dir() and any(directory.iterdir()):
        raise UserError(f"DIR={directory}: is not empty; give a new directory")
