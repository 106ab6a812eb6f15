"""What a step scorer learns from: solutions of training puzzles, made once from the run's seed and kept beside it.

steps/trajectories.npz   whole solutions, for the heads that learn from outcomes and orders
steps/single_rows.npz    rows by themselves: merged steps, nodes of trees
steps/made_from.json     the configuration they were made from, and their hashes; written last
"""

import hashlib
import json
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
from jaxtyping import Integer

import puzzles
from hrm_net.data.generated import distinct_puzzles
from hrm_net.reward.data.solutions import Solutions, SolutionSource, policy_values, sample
from hrm_net.reward.examples import Examples, from_steps
from hrm_net.reward.heads import MERGED_ROWS, TRAJECTORIES, any_needs
from puzzles.atomic_write import write_text
from puzzles.errors import UserError
from puzzles.steps.files import load_rows, load_trajectories, save
from puzzles.steps.rows import StepRows, StepTrajectories

TRAJECTORIES_FILE, SINGLE_ROWS_FILE = "trajectories.npz", "single_rows.npz"
AT_ONCE = 64  # puzzles whose solutions are made together
# The keys of `reward` that the solutions depend on, beside seed and puzzles.
MADE_FROM = (
    "regime", "budget", "cells_per_step", "data", "candidates", "trees", "height", "children", "labels",
    "fine", "coarse", "compression", "error",
)  # fmt: skip


@dataclass(kw_only=True, slots=True)
class StepData:
    """Whole solutions and single rows, as they are kept in files; either may be missing, not both."""

    trajectories: StepTrajectories | None
    single_rows: StepRows | None

    def __post_init__(self) -> None:
        assert self.trajectories is not None or self.single_rows is not None

    def examples(self) -> Examples:
        return from_steps(self.trajectories, self.single_rows)


def prepare(source: SolutionSource, run_dir: Path) -> tuple[StepData, str]:
    """The data of a run and its hash: read where the run's directory has it, else made and kept there.

    UserError where the directory holds data of another configuration, or damaged files.
    """
    folder = run_dir / "steps"
    wanted = made_from(source)
    stamp = folder / "made_from.json"
    if stamp.is_file():
        return _read(folder, stamp, wanted)
    data = make(source)
    folder.mkdir(parents=True, exist_ok=True)
    files = {}
    for name, part in ((TRAJECTORIES_FILE, data.trajectories), (SINGLE_ROWS_FILE, data.single_rows)):
        if part is not None:
            save(folder / name, part)
            files[name] = _sha256(folder / name)
    write_text(stamp, json.dumps({"made_from": wanted, "files": files}, indent=2) + "\n")
    return data, _digest(files)


def made_from(source: SolutionSource) -> dict:
    """Everything that the data depends on, as JSON values."""
    reward, puzzle = asdict(source.reward), source.rules.puzzle
    mix = [asdict(one) for one in source.data.curriculum[-1].mix]
    heads = source.reward.objectives
    found = {
        "seed": source.seed, "puzzle": {"name": puzzle.name, **puzzle.options},
        "puzzles": source.data.puzzles, "mix": mix,
        "merged": any_needs(heads, MERGED_ROWS), "whole": any_needs(heads, TRAJECTORIES),
        **{key: reward[key] for key in MADE_FROM}, "policy": policy_values(source.reward),
        **({"cut": reward["cut"]} if reward["cut"] else {}),  # which older runs do not have
    }  # fmt: skip
    return json.loads(json.dumps(found))


def make(source: SolutionSource) -> StepData:
    """Solutions, or trees of rollouts, of `data.puzzles` distinct puzzles of the training fold."""
    rules, policy, reward, num = source.rules, source.policy, source.reward, source.data.puzzles
    assert num is not None
    rng = puzzles.rng(source.seed, "training set")
    problems, answers, _ = distinct_puzzles(rules.puzzle, source.data.curriculum[-1].mix, num, rng)
    rules.remember(problems, answers)
    merged, whole = any_needs(reward.objectives, MERGED_ROWS), any_needs(reward.objectives, TRAJECTORIES)
    if reward.kind == "trees":
        from hrm_net.reward.data import trees  # what grows trees loads when it is needed

        short = reward.height not in (None, reward.budget)
        found = trees.make(reward, rules, policy, problems, source.seed, merged=merged, whole=whole and not short)
        paths = found[0]
        if whole and short:  # no path through such a tree is a whole solution
            parts = solutions_of(source, problems[: reward.trees], "solutions", num=reward.candidates)
            paths = StepTrajectories.concatenate([part.trajectories(reward) for part in parts])
        return StepData(trajectories=paths, single_rows=found[1])
    parts = solutions_of(source, problems, "solutions", num=reward.candidates)
    trajectories = StepTrajectories.concatenate([part.trajectories(reward) for part in parts])
    pairs = StepRows.concatenate([part.merged(reward) for part in parts]) if merged else None
    return StepData(trajectories=trajectories, single_rows=pairs if pairs is not None and len(pairs) else None)


def solutions_of(
    source: SolutionSource,
    problems: Integer[np.ndarray, "num seq"],
    purpose: str,
    *,
    num: int,
    exact: bool = False,
) -> list[Solutions]:
    """`num` solutions of each problem, AT_ONCE puzzles at a time; no part depends on the others. `exact`: no rollouts,
    whatever labels the run learns from."""
    reward, parts = source.reward, []
    rollouts = reward.labels != "exact" and not exact
    for first in range(0, len(problems), AT_ONCE):
        rng, piece = puzzles.rng(source.seed, purpose, first), problems[first : first + AT_ONCE]
        parts.append(sample(source.policy, source.rules, rng, piece, reward, num=num, rollouts=rollouts))
    return parts


def _read(folder: Path, stamp: Path, wanted: dict) -> tuple[StepData, str]:
    try:
        found = json.loads(stamp.read_text(encoding="utf-8"))
        saved, files = found["made_from"], dict(found["files"])
    except (ValueError, KeyError, TypeError) as error:
        raise UserError(f"{stamp}: no record of how the solutions were made; delete {folder}") from error
    for key in sorted(saved.keys() | wanted.keys()):
        if saved.get(key) != wanted.get(key):
            text = f"{folder} was made with {key}={json.dumps(saved.get(key))}, not {json.dumps(wanted.get(key))}"
            raise UserError(f"{text}: use it again, or choose another name=")
    known = {TRAJECTORIES_FILE, SINGLE_ROWS_FILE}
    if unknown := sorted(files.keys() - known):
        raise UserError(f"{stamp}: names {unknown[0]}, which another version wrote; delete {folder}")
    for name, expected in files.items():
        if not (folder / name).is_file() or _sha256(folder / name) != expected:
            raise UserError(f"{folder / name}: missing or damaged; delete {folder} to have it made again")
    data = StepData(
        trajectories=load_trajectories(folder / TRAJECTORIES_FILE) if TRAJECTORIES_FILE in files else None,
        single_rows=load_rows(folder / SINGLE_ROWS_FILE) if SINGLE_ROWS_FILE in files else None,
    )
    return data, _digest(files)


def _sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def _digest(files: dict[str, str]) -> str:
    return hashlib.sha256(json.dumps(files, sort_keys=True).encode()).hexdigest()
