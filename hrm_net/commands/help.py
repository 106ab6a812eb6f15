"""`--help` in plain words, made from the comments in conf/, which are those of the schema."""

import re
from pathlib import Path

from hrm_net.recipes import compose

_USE = {
    "train": """\
Train a Hierarchical Reasoning Model; the same command resumes a run that was stopped.

  python train.py                                  9x9 Sudoku, minutes on one CPU core
  python train.py experiment=sudoku_6x6_published  one of the experiments below
  python train.py steps=2000 model.hidden_size=48  any key below

Installed as a package, `hrm-train` stands for `python train.py`.""",
    "evaluate": """\
Evaluate a model by the puzzle's own rules: a table, results.json and pictures.

  python evaluate.py                                  the weights that ship with the package
  python evaluate.py run=runs/sudoku                  a training run
  python evaluate.py data=puzzles.csv output=my.json  a CSV file with a column `question`
  python evaluate.py solver=curve                     besides: accuracy against compute
  python evaluate.py run=runs/scorer search=full      of a step scorer besides: search by it, attempts to fool it

Installed as a package, `hrm-evaluate` stands for `python evaluate.py`.""",
}
_OPTIONS = """\
Options
  --cfg job            print the composed configuration and stop
  --multirun, -m       run every combination of values given as key=a,b
  --hydra-help         Hydra's own options
  hydra.run.dir=DIR    another directory for the run"""

_KEY = re.compile(r"(\s*)(\w+):\s*(.*)")


def text(name: str) -> str:
    """The help of train or evaluate: use, groups, every key with its default and sentence, options."""
    folder = compose.config_dir()
    parts = [_USE[name]]
    parts.append("Groups: choose a file by GROUP=FILE\n" + _groups(name))
    parts.append("Keys\n" + _keys(folder / f"{name}.yaml"))
    if name == "train":
        for group, file in (
            ("model", "hrm_27m"),
            ("puzzle", "sudoku"),
            ("optim", "muon_fast"),
            ("reward", "steps"),
            ("reward.pair", "pair"),
            ("policy", "learned"),
            ("logger", "none"),
        ):
            folder_name, _, only = group.partition(".")
            prefix = "" if group == "puzzle" else f"{folder_name}."
            keys = _keys(folder / folder_name / f"{file}.yaml", prefix, only)
            parts.append(f"Keys of {group}, with the values of {folder_name}={file}\n" + keys)
    else:
        for group, file in (("solver", "curve"), ("search", "full")):
            heading = f"Keys of {group}, with the values of {group}={file}\n"
            parts.append(heading + _keys(folder / group / f"{file}.yaml", f"{group}."))
    return "\n\n".join([*parts, _OPTIONS])


def _groups(name: str) -> str:
    lines = []
    for group, names in compose.groups(name).items():
        for i, file in enumerate(names):
            first = _headline(compose.config_dir() / group / f"{file}.yaml")
            lines.append(f"  {group + '=' if i == 0 else '':<12}{file:<24}{first}")
    return "\n".join(lines)


def _headline(path: Path) -> str:
    """The first sentence of a file's header."""
    comments = [line.lstrip("# ") for line in path.read_text(encoding="utf-8").splitlines() if line.startswith("#")]
    header = " ".join(line for line in comments if not line.startswith("@package"))
    return header.partition(". ")[0].partition("; ")[0].rstrip(".")


def _keys(path: Path, prefix: str = "", only: str = "") -> str:
    """`key=default` and its comment, for each commented key of a file, or of its section `only`."""
    lines, comment, parents = [], [], []
    for line in path.read_text(encoding="utf-8").splitlines():
        if line.lstrip().startswith("#"):
            comment.append(line.lstrip("# "))
            continue
        match = _KEY.fullmatch(line)
        if match:
            indent, key, value = match.groups()
            parents = [*parents[: len(indent) // 2], key]
            if comment and key != "defaults" and parents[0] != "hydra" and (not only or parents[0] == only):
                lines.append(f"  {prefix}{'.'.join(parents)}={value}" if value else f"  {prefix}{'.'.join(parents)}")
                lines += [f"      {sentence}" for sentence in comment]
        comment = []
    return "\n".join(lines)
