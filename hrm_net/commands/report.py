"""`hrm-report`: what a sweep of seeds has reached, as one table and one picture."""

import json
from collections.abc import Sequence
from pathlib import Path

from hrm_net.command_line import Parser, exit_codes

DESCRIPTION = """\
Read finished runs and write report.md, report.json and curves.png: of each setting the mean over its seeds, the 95 %
interval of that mean by Student's t, and the value of each run by its directory."""
EXAMPLES = """\
examples:
  python train.py -m seed=0,1,2 name=sweep      train three seeds
  hrm-report runs/sweep/*                       write runs/sweep/report.md and the others
"""


def main(argv: Sequence[str] | None = None) -> None:
    """`hrm-report RUN ...`."""
    with exit_codes():
        parser = Parser("hrm-report", description=DESCRIPTION, epilog=EXAMPLES)
        parser.add_argument("runs", nargs="+", type=Path, metavar="RUN", help="directory of a run; others are skipped")
        parser.add_argument("--output", type=Path, metavar="DIR", help="where to write (default: beside the first run)")
        given = parser.parse_args(argv)
        _write(given.runs, given.output)


def _write(paths: Sequence[Path], output: Path | None) -> None:
    from hrm_net.evaluation import sweep
    from puzzles.atomic_write import write_text

    named = [path for path in paths if path.is_dir() or not path.exists()]  # a shell's * names report.md as well
    found = sweep.settings([sweep.read_run(path) for path in named])
    directory = output or paths[0].parent
    directory.mkdir(parents=True, exist_ok=True)
    rows = sweep.table(found)
    text = sweep.markdown(rows)
    write_text(directory / "report.md", text)
    write_text(directory / "report.json", json.dumps(rows, indent=2, allow_nan=False) + "\n")
    picture = sweep.curves(found, directory / "curves.png")
    print(text)
    print(f"report: {directory / 'report.md'}, {directory / 'report.json'}, {picture}")
