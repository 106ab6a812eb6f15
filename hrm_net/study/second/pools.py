"""What all arms of a seed are judged on: prefixes that look alike, complete solutions, and the admission test."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np

import puzzles
from hrm_net.recipes.step_scorer import solution_source
from hrm_net.reward import baseline
from hrm_net.reward.data.solutions import Solutions, SolutionSource, build_policy, sample
from hrm_net.reward.search.guided import unlabelled_rows
from hrm_net.study.plans import config, overrides
from hrm_net.study.pool import load as load_solutions
from hrm_net.study.pool import save
from hrm_net.study.second.plan import PrefixDomain, PrefixSizes
from puzzles import splits
from puzzles.atomic_write import atomic_write
from puzzles.errors import UserError
from puzzles.steps.full import FullSolver
from puzzles.steps.labels import label_states
from puzzles.steps.policies import Policy, run, solved
from puzzles.steps.prefixes import Prefixes, sample_prefixes
from puzzles.steps.rows import StepRows
from puzzles.steps.rules import StepRules

ARRAYS = ("problem", "states", "alive", "place")
NUMBERS = ("budget", "cells_per_step", "fill")


@dataclass(kw_only=True, slots=True)
class Pool:
    """Prefixes and the steps in them; `continued` says which came right when the policy went on from them."""

    prefixes: Prefixes
    ok: np.ndarray  # [problems, candidates, steps]: whether each step is right
    continued: np.ndarray  # [problems, candidates]

    @property
    def shape(self) -> tuple[int, int, int]:
        """Problems, candidates and steps."""
        return self.ok.shape[0], self.ok.shape[1], self.ok.shape[2]

    def rows(self) -> StepRows:
        """Every step, prefix after prefix, labelled by whether it is right."""
        num, each, steps = self.shape
        states = self.prefixes.states
        before, after = (states[:, :, part].reshape(num * each * steps, -1) for part in (np.s_[:-1], np.s_[1:]))
        left = np.tile(self.prefixes.budget - 1 - np.arange(steps), num * each)
        found = unlabelled_rows(np.repeat(self.prefixes.problem, each * steps, 0), before, after, left)
        found.label = self.ok.reshape(-1).astype(np.float32)
        return found

    def last_rows(self) -> StepRows:
        """The last step of each prefix, labelled by whether the prefix can still come right."""
        found = self.rows().take(np.arange(self.ok.size) % self.shape[2] == self.shape[2] - 1)
        found.label = self.prefixes.alive.reshape(-1).astype(np.float32)
        return found

    def problem_of(self, each: int) -> np.ndarray:
        """The problem of each of `each` rows a prefix."""
        return np.repeat(np.arange(self.shape[0]), self.shape[1] * each)


def source_of(domain: PrefixDomain, sizes: PrefixSizes, seed: int, changes: tuple[str, ...] = ()) -> SolutionSource:
    return solution_source(config([*overrides(domain, sizes, seed, None, None), *changes]))


def make(domain: PrefixDomain, sizes: PrefixSizes, seed: int, folder: Path) -> None:
    """Write the pools of prefixes that do not exist yet."""
    folder.mkdir(parents=True, exist_ok=True)
    for name in ("few", "half"):
        path = folder / f"{name}.npz"
        if not path.is_file():
            source = source_of(domain, sizes, seed)
            made = sample_pool(domain, source, name, getattr(sizes, name))
            problem = made.prefixes.problem
            answers = source.rules.targets(problem, problem, problem)
            found = {key: getattr(made.prefixes, key) for key in (*ARRAYS, *NUMBERS)}
            with atomic_write(path, binary=True) as file:
                np.savez_compressed(file, ok=made.ok, continued=made.continued, answers=answers, **found)


def load(path: Path, rules: StepRules) -> Pool:
    """The pool in a file; `rules` remember the answers, which no solver finds in ARC."""
    with np.load(path, allow_pickle=False) as file:
        found = {key: file[key] for key in ARRAYS} | {key: file[key].item() for key in NUMBERS}
        rules.remember(found["problem"], file["answers"])
        return Pool(prefixes=Prefixes(**found), ok=file["ok"], continued=file["continued"])


def sample_pool(domain: PrefixDomain, source: SolutionSource, name: str, size: tuple[int, int, float]) -> Pool:
    """Prefixes of the policy that errs as the pool wants it, continued by the policy that is learned from."""
    rules, reward = source.rules, source.reward
    writer = FullSolver(
        rules, error=domain.few_error if name == "few" else domain.half_error,
        correct=reward.policy.correct if reward.regime == "edit" else 0.0, cells_per_step=reward.cells_per_step,
        regime=reward.regime,
    )  # fmt: skip
    problems = _problems(source, domain, f"study {name} prefixes", size[0])
    rng = puzzles.rng(source.seed, f"study {name} prefixes drawn")
    found = sample_prefixes(
        writer,
        rules,
        rng,
        problems,
        steps=domain.prefix_steps,
        budget=reward.budget,
        candidates=size[1],
        share=size[2],
        width=domain.width,
    )
    num, each = found.alive.shape
    made = found.attempts(rules)
    ok = label_states(rules, made).ok.reshape(num, each, found.steps) > 0.5
    return Pool(prefixes=found, ok=ok, continued=_continued(source.policy, rules, rng, found))


def _continued(policy: Policy, rules: StepRules, rng: np.random.Generator, found: Prefixes) -> np.ndarray:
    num, each = found.alive.shape
    problems, ends = np.repeat(found.problem, each, 0), found.states[:, :, -1].reshape(num * each, -1)
    history = run(policy, rules, rng, problems, ends, np.full(len(ends), found.left))[0]
    return solved(rules, problems, history[:, -1]).reshape(num, each)


def complete(
    name: str, domain: PrefixDomain, sizes: PrefixSizes, seed: int, folder: Path, rules: StepRules
) -> tuple[Solutions, int]:
    """(complete solutions, how many of each puzzle): of the policy `full`, of the older `careless`, and of puzzles that
    leave steps over, to be `tampered` with. Sampled once and kept in `folder`; `rules` remember the answers."""
    source = source_of(domain, sizes, seed, domain.other_policy if name == "careless" else ())
    num, each = sizes.probe if name == "tampered" else sizes.complete
    path = folder / f"{name}.npz"
    if not path.is_file():
        targets = domain.probe_targets if name == "tampered" else domain.targets
        problems, answers = splits.generate(
            source.rules.puzzle, puzzles.rng(seed, f"study {name}"), num, splits.EVALUATION, **targets
        )
        source.rules.remember(problems, answers)
        rng = puzzles.rng(seed, f"study {name} solutions")
        found = sample(build_policy(source.reward, source.rules), source.rules, rng, problems, source.reward, num=each)
        if len(found.attempts) != num * each:
            raise UserError(f"{domain.name}: targets={targets}: must leave something to solve in every puzzle")
        save(path, found, answers)
    return load_solutions(path, rules), each


def admission(rules: StepRules, pool: Pool) -> baseline.Admission:
    """The baseline of counts and rules on the prefixes that are ranked and on the steps in them."""
    return baseline.admission(
        rules, pool.last_rows(), pool.rows(), (pool.problem_of(1), pool.problem_of(pool.shape[2]))
    )


def _problems(source: SolutionSource, domain: PrefixDomain, purpose: str, num: int) -> np.ndarray:
    problems, answers = splits.generate(
        source.rules.puzzle, puzzles.rng(source.seed, purpose), num, splits.EVALUATION, **domain.targets
    )
    source.rules.remember(problems, answers)
    return problems
