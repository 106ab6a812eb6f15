"""Games to learn from: two candidates of one puzzle, of which exactly one can still come right.

Most are between unfinished solutions that neither counting nor a glance at the rules tells apart
(`puzzles.steps.prefixes`). A share are between complete solutions, a group of its own, where the rules alone decide.
The games of a run are made once from its seed and kept in `pairs/pairs.npz` beside `made_from.json`.
"""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, fields, replace
from pathlib import Path

import numpy as np
from jaxtyping import Bool, Int64, Integer, UInt8

import puzzles
from hrm_net.data.generated import distinct_puzzles
from hrm_net.reward.data.solutions import SolutionSource, policy_values
from hrm_net.reward.pair.games import GridGames
from puzzles.atomic_write import write_text
from puzzles.errors import UserError
from puzzles.steps.full import FullSolver
from puzzles.steps.policies import sample_states
from puzzles.steps.prefixes import sample_pairs

FOLDER, PAIRS, STAMP = "pairs", "pairs.npz", "made_from.json"
ATTEMPTS = 16  # at a whole solution of each puzzle, of which the wrong ones play against a right one
# The keys of `reward`, and of `reward.pair`, that the games depend on.
MADE_FROM = ("regime", "budget", "cells_per_step")
PAIR_MADE_FROM = ("steps", "games", "complete")


@dataclass(kw_only=True, slots=True)
class Pairs:
    """Games as columns. `first` is the better one exactly where `better` holds."""

    problem: UInt8[np.ndarray, "games seq"]
    first: UInt8[np.ndarray, "games seq"]
    second: UInt8[np.ndarray, "games seq"]
    better: Bool[np.ndarray, " games"]
    # Steps taken by either; 0 for complete solutions.
    steps: Int64[np.ndarray, " games"]

    def __len__(self) -> int:
        return len(self.better)

    @property
    def complete(self) -> Bool[np.ndarray, " games"]:
        return self.steps == 0

    @property
    def worse(self) -> UInt8[np.ndarray, "games seq"]:
        """The candidate of each game that cannot come right."""
        return np.where(self.better[:, None], self.second, self.first)

    @property
    def games(self) -> GridGames:
        """What a model is shown."""
        return GridGames(problem=self.problem, first=self.first, second=self.second)

    def take(self, index: Integer[np.ndarray, " some"] | Bool[np.ndarray, " games"] | slice) -> "Pairs":
        return Pairs(**{name: getattr(self, name)[index] for name in COLUMNS})

    @staticmethod
    def concatenate(parts: "Sequence[Pairs]") -> "Pairs":
        return Pairs(**{name: np.concatenate([getattr(part, name) for part in parts]) for name in COLUMNS})

    def describe(self) -> str:
        """How much there is, in words."""
        done = int(self.complete.sum())
        lengths = np.unique(self.steps[~self.complete])
        spread = f" of {lengths.min()} to {lengths.max()} steps" if len(lengths) else ""
        return f"{len(self) - done:,} games between prefixes{spread}, {done:,} between complete solutions"


COLUMNS = tuple(column.name for column in fields(Pairs))


def pairs_of(source: SolutionSource, problems: UInt8[np.ndarray, "problems seq"], purpose: str) -> Pairs:
    """The games of these problems: those of complete solutions, then prefixes by their number of steps.

    UserError where no problem of some length has two prefixes that only the solution tells apart.
    """
    pair, budget = source.reward.pair, source.reward.budget
    shortest, longest = pair.steps
    cut = round(pair.complete * len(problems))
    parts = [_complete(source, problems[:cut], puzzles.rng(source.seed, purpose, 0))] if cut else []
    for steps in range(shortest, longest + 1):
        mine = problems[cut + steps - shortest :: longest - shortest + 1]
        if len(mine):
            rng = puzzles.rng(source.seed, purpose, steps)
            found = sample_pairs(source.policy, source.rules, rng, mine, steps=steps, budget=budget, pairs=pair.games)
            parts.append(
                Pairs(
                    problem=found.problem,
                    first=found.first,
                    second=found.second,
                    better=found.first_alive,
                    steps=np.full(len(found.first_alive), steps),
                )
            )
    return Pairs.concatenate(parts)


def make(source: SolutionSource) -> Pairs:
    """The games of `data.puzzles` distinct puzzles of the training fold."""
    num = source.data.puzzles
    assert num is not None
    rng = puzzles.rng(source.seed, "training set")
    problems, answers, _ = distinct_puzzles(source.rules.puzzle, source.data.curriculum[-1].mix, num, rng)
    source.rules.remember(problems, answers)
    order = puzzles.rng(source.seed, "order of pairs").permutation(num)
    return pairs_of(source, np.asarray(problems, np.uint8)[order], "pairs")


def prepare(source: SolutionSource, run_dir: Path) -> tuple[Pairs, str]:
    """The games of a run and their hash: read where its directory has them, else made and kept there.

    UserError where the directory holds games of another configuration, or a damaged file.
    """
    folder = run_dir / FOLDER
    wanted, stamp, path = made_from(source), folder / STAMP, folder / PAIRS
    if stamp.is_file():
        return _read(stamp, path, wanted)
    pairs = make(source)
    folder.mkdir(parents=True, exist_ok=True)
    np.savez(path, **{name: getattr(pairs, name) for name in COLUMNS})
    digest = _sha256(path)
    write_text(stamp, json.dumps({"made_from": wanted, "sha256": digest}, indent=2) + "\n")
    return pairs, digest


def made_from(source: SolutionSource) -> dict:
    """Everything that the games depend on, as JSON values."""
    reward, puzzle = asdict(source.reward), source.rules.puzzle
    found = {
        "seed": source.seed, "puzzle": {"name": puzzle.name, **puzzle.options}, "puzzles": source.data.puzzles,
        "mix": [asdict(one) for one in source.data.curriculum[-1].mix],
        **{key: reward[key] for key in MADE_FROM}, "policy": policy_values(source.reward),
        **{f"pair.{key}": reward["pair"][key] for key in PAIR_MADE_FROM},
    }  # fmt: skip
    return json.loads(json.dumps(found))


def without_complete(source: SolutionSource) -> SolutionSource:
    """The same source, with games between prefixes alone."""
    return replace(source, reward=replace(source.reward, pair=replace(source.reward.pair, complete=0.0)))


def _complete(source: SolutionSource, problems: np.ndarray, rng: np.random.Generator) -> Pairs:
    """Up to `games` wrong complete solutions of each problem, each against a right one."""
    rules, each = source.rules, source.reward.pair.games
    policy = FullSolver(rules, error=max(source.reward.policy.error, 0.05), regime="fill")
    rows = np.repeat(problems, ATTEMPTS, axis=0)
    states, lengths = sample_states(policy, rules, rng, rows, rules.puzzle.seq_len)
    last = states[np.arange(len(rows)), lengths]
    right = rules.targets(rows, last, last)
    wrong = (last != right).any(axis=1)
    chosen: list[int] = []
    for first in range(0, len(rows), ATTEMPTS):
        mine = first + np.flatnonzero(wrong[first : first + ATTEMPTS])
        different = mine[np.sort(np.unique(last[mine], axis=0, return_index=True)[1])]
        chosen += different[:each].tolist()
    index = np.array(chosen, np.int64)
    better = rng.random(len(index)) < 0.5
    good, bad = right[index], last[index]
    return Pairs(
        problem=rows[index], first=np.where(better[:, None], good, bad), second=np.where(better[:, None], bad, good),
        better=better, steps=np.zeros(len(index), np.int64),
    )  # fmt: skip


def _read(stamp: Path, path: Path, wanted: dict) -> tuple[Pairs, str]:
    try:
        found = json.loads(stamp.read_text(encoding="utf-8"))
        saved, digest = found["made_from"], found["sha256"]
    except (ValueError, KeyError, TypeError) as error:
        raise UserError(f"{stamp}: no record of how the games were made; delete {stamp.parent}") from error
    for key in sorted(saved.keys() | wanted.keys()):
        if saved.get(key) != wanted.get(key):
            text = f"{stamp.parent} was made with {key}={json.dumps(saved.get(key))}, not {json.dumps(wanted.get(key))}"
            raise UserError(f"{text}: use it again, or choose another name=")
    if not path.is_file() or _sha256(path) != digest:
        raise UserError(f"{path}: missing or damaged; delete {stamp.parent} to have it made again")
    with np.load(path, allow_pickle=False) as columns:
        return Pairs(**{name: columns[name] for name in COLUMNS}), digest


def _sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()
