"""The model card: README.md beside config.json, which says what a model is, how it was trained and how to load it."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from puzzles.errors import UserError

CARD, RESULTS = "README.md", "results.json"
PAPER = "*Hierarchical Reasoning Model* (arXiv 2506.21734)"
# How each kind of model is loaded and used. SOURCE and PUZZLE are replaced.
USES = {
    "solver": """\
import hrm_net
import puzzles

model = hrm_net.HRM.from_pretrained(SOURCE)
solution = hrm_net.solve(model, PUZZLE, [question])  # question: a puzzle as text
print(solution.solved, solution.answers, solution.confidence)""",
    "network of a step scorer": """\
from hrm_net.reward.model import RewardModel

model = RewardModel.from_pretrained(SOURCE)
state, out = model(model.initial_state(rows), rows)  # one segment; a logit for each objective""",
    "step scorer": """\
from hrm_net.reward import StepScorer

scorer = StepScorer.from_pretrained(SOURCE)
scores = scorer.score([question], [[steps]])  # [problem][candidate][step], each in [0, 1]""",
    "judge of two candidates": """\
from hrm_net.reward.pair import PairJudge

judge = PairJudge.from_pretrained(SOURCE)
print(judge.compare([question], [one], [another]).probability)  # that `one` is the better one""",
    "judge of two texts": """\
from hrm_net.reward import TextJudge

judge = TextJudge.from_pretrained(SOURCE)
print(judge.compare([question], [one], [another]).probability)  # that `one` is the better one""",
}


def read_results(results: Mapping[str, Any] | str | Path) -> dict[str, Any]:
    """What `python evaluate.py` wrote, as a dict or from its file; UserError for anything else."""
    if isinstance(results, Mapping):
        found, where = dict(results), "results"
    else:
        where = f"results={results}"
        try:
            found = json.loads(Path(results).read_text(encoding="utf-8"))
        except OSError as error:
            raise UserError(f"{where}: {error.strerror}") from None
        except (ValueError, RecursionError) as error:
            raise UserError(f"{where}: is not JSON: {' '.join(str(error).split())[:200]}") from None
    sets = found.get("sets") if isinstance(found, dict) else None
    if not isinstance(sets, dict) or not all(isinstance(one, dict) for one in sets.values()):
        raise UserError(f"{where}: has no object `sets`, which python evaluate.py writes")
    return found


def model_card(
    config: Mapping[str, Any], parameters: int, source: str, results: Mapping[str, Any] | None = None
) -> str:
    """The card of a model with this config.json, as Markdown with the Hub's metadata.

    `source`: what from_pretrained is given, a directory or a name on the Hub. No licence is stated: it is the choice of
    who publishes the weights.
    """
    kind, puzzle = _kind(config), dict(config.get("puzzle") or {})
    name = puzzle.pop("name", None)
    tags = ["hierarchical-reasoning-model", "pytorch", *([name] if name else [])]
    options = ", ".join(f"{key}={value!r}" for key, value in puzzle.items())
    built = f'puzzles.get("{name}"{", " if options else ""}{options})' if name else "puzzle"
    use = USES[kind].replace("SOURCE", json.dumps(source)).replace("PUZZLE", built)
    parts = [
        "---", "library_name: hrm-net", "tags:", *(f"- {tag}" for tag in tags), "---", "",
        f"# {source}", "",
        f"A {kind}{f' for {name}' if name else ''} with {parameters:,} parameters, of hrm-net: {PAPER}.", "",
        "## How to load it", "", "```bash", 'pip install "hrm-net[hub]"', "```", "", "```python", use, "```", "",
        "## Data", "", *_data(name, built, config), "",
        "## Results", "", *_table(results), "",
        "## Configuration", "", "`config.json`:", "", "```json", json.dumps(config, indent=1), "```",
    ]  # fmt: skip
    return "\n".join(parts) + "\n"


def _kind(config: Mapping[str, Any]) -> str:
    if "judge" in config and config["model"]["inputs"] != "grids":
        return "judge of two texts"
    if "judge" in config:
        return "judge of two candidates"
    if "scorer" in config:
        return "step scorer"
    return "network of a step scorer" if "objectives" in config["model"] else "solver"


def _data(name: str | None, built: str, config: Mapping[str, Any]) -> list[str]:
    if name is None:
        return ["The model was saved without its puzzle."]
    if name == "text":
        return ["It reads solutions in words."]
    lines = [f"It works on the puzzle `{built}`."]
    if config.get("data"):
        lines += ["", "Its training data:", "", "```json", json.dumps(config["data"], indent=1), "```"]
    if config.get("run"):
        lines += ["", f"It was trained by `python train.py {' '.join(config['run'])}`."]
    return lines


def _table(results: Mapping[str, Any] | None) -> list[str]:
    """The numbers of each set that stand at its top level; results.json has all."""
    if results is None:
        return ["The model was saved without results."]
    sets = results["sets"]
    rows = {name: {key: value for key, value in one.items() if _is_number(value)} for name, one in sets.items()}
    keys = list(dict.fromkeys(key for one in rows.values() for key in one))
    lines = ["| measure |" + "".join(f" {name} |" for name in rows), "|---|" + "---|" * len(rows)]
    for key in keys:
        cells = (
            f" {one[key]:.4g} |" if isinstance(one.get(key), float) else f" {one.get(key, '')} |"
            for one in rows.values()
        )
        lines.append(f"| {key} |" + "".join(cells))
    return [
        *lines,
        "",
        f"`{RESULTS}` has every number, and the hardware and the versions that they were measured with.",
    ]


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)
