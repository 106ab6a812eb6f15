"""Comparisons that neither counting nor the rules can win: unfinished solutions that look alike and differ in hope.

The prefixes of one problem are attempts of one policy, cut after the same number of steps. They have equal blanks after
every step, equal steps left, and break no rule. Those that can still come right are matched with those that cannot by
the score that counts and rules give them (propensity score matching, Rosenbaum and Rubin 1983): a logistic regression
on `puzzles.steps.visible.counts_and_rules` of every step. Labels are exact (`puzzles.steps.labels`): in the regime
"fill" a prefix can come right exactly while no wrong value is written, in "edit" while the budget suffices to mend what
is wrong.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Int64, Integer, UInt8

from puzzles.errors import UserError
from puzzles.steps.attempts import Attempts, attempts
from puzzles.steps.labels import label_states
from puzzles.steps.logistic import Logistic
from puzzles.steps.policies import Policy
from puzzles.steps.rows import rows_of
from puzzles.steps.rules import StepRules
from puzzles.steps.visible import counts_and_rules, faults

WIDTH = 0.1  # scores this close, in standard deviations over all proposals, are one stratum
ROUNDS = 8  # how often proposals are drawn again for problems that lack suitable ones
Problems = Integer[np.ndarray, "num seq"]


@dataclass(kw_only=True, slots=True)
class Prefixes:
    """`candidates` prefixes of each of `problems` puzzles, and whether each can still come right."""

    problem: UInt8[np.ndarray, "problems seq"]
    states: UInt8[np.ndarray, "problems candidates states seq"]  # the start first
    alive: Bool[np.ndarray, "problems candidates"]
    place: Int64[np.ndarray, " problems"]  # which of the problems that were given; the others had no such prefixes
    budget: int
    cells_per_step: int
    fill: bool

    @property
    def steps(self) -> int:
        """Steps taken in each prefix."""
        return self.states.shape[2] - 1

    @property
    def left(self) -> int:
        """Steps left after each prefix."""
        return self.budget - self.steps

    def attempts(self, rules: StepRules) -> Attempts:
        """The prefixes as attempts, those of one problem next to each other."""
        num, each = self.alive.shape
        return attempts(
            rules.puzzle, np.repeat(self.problem, each, 0), self.states.reshape(num * each, *self.states.shape[2:]),
            np.full(num * each, self.steps), budget=self.budget, cells_per_step=self.cells_per_step,
            regime="fill" if self.fill else "edit",
        )  # fmt: skip


@dataclass(kw_only=True, slots=True)
class PrefixPairs:
    """Games of two prefixes of one problem; exactly one of them can still come right."""

    problem: UInt8[np.ndarray, "pairs seq"]
    first: UInt8[np.ndarray, "pairs seq"]  # end states
    second: UInt8[np.ndarray, "pairs seq"]
    first_alive: Bool[np.ndarray, " pairs"]  # second is alive exactly where first is not
    place: Int64[np.ndarray, " pairs"]  # which of the problems that were given
    left: int  # steps left after either


def sample_prefixes(
    policy: Policy,
    rules: StepRules,
    rng: np.random.Generator,
    problems: Problems,
    *,
    steps: int,
    budget: int,
    candidates: int,
    share: float = 0.5,
    proposals: int = 256,
    width: float = WIDTH,
) -> Prefixes:
    """`candidates` prefixes of `steps` steps of each problem, each of which comes right with the chance `share`.

    Attempts of the policy are drawn, `proposals` of a problem at a time, and those that break no rule are kept. They
    fall into strata of close scores by counts and rules, `width` standard deviations wide; prefixes of other blanks
    than most are left out. A stratum is drawn first, then a prefix of it; strata with prefixes of one kind alone are
    left out, as are problems whose strata do not hold `candidates` different prefixes. UserError where no problem
    remains.
    """
    _check(steps, budget, share, width)
    found = _pools(
        policy, rules, rng, problems, steps, budget, proposals, width, lambda pool: pool.room(share) >= candidates
    )
    states, alive, place = [], [], []
    for index, pool in found.items():
        if pool.room(share) >= candidates:
            chosen = pool.draw(rng, candidates, share)
            states.append(pool.states[chosen])
            alive.append(pool.alive[chosen])
            place.append(index)
    if not place:
        raise UserError(f"steps={steps}, candidates={candidates}: no problem has prefixes that only the solution tells")
    return Prefixes(
        problem=np.asarray(problems, np.uint8)[place], states=np.stack(states), alive=np.stack(alive),
        place=np.array(place, np.int64), budget=budget, cells_per_step=policy.cells_per_step,
        fill=policy.regime == "fill",
    )  # fmt: skip


def sample_pairs(
    policy: Policy,
    rules: StepRules,
    rng: np.random.Generator,
    problems: Problems,
    *,
    steps: int,
    budget: int,
    pairs: int = 4,
    proposals: int = 256,
    width: float = WIDTH,
) -> PrefixPairs:
    """Up to `pairs` games of each problem, each of two prefixes of one stratum (see `sample_prefixes`), in random
    order; no prefix plays twice. UserError where no problem has any."""
    _check(steps, budget, 0.5, width)
    found = _pools(
        policy, rules, rng, problems, steps, budget, proposals, width, lambda pool: pool.room(0.5) >= 2 * pairs
    )
    columns: dict[str, list] = {"first": [], "second": [], "first_alive": [], "place": []}
    for index, pool in found.items():
        for good, bad in pool.games(rng)[:pairs]:
            order = (good, bad) if rng.random() < 0.5 else (bad, good)
            columns["first"].append(pool.states[order[0], -1])
            columns["second"].append(pool.states[order[1], -1])
            columns["first_alive"].append(order[0] == good)
            columns["place"].append(index)
    if not columns["place"]:
        raise UserError(f"steps={steps}: no problem has two prefixes that only the solution tells apart")
    place = np.array(columns["place"], np.int64)
    return PrefixPairs(
        problem=np.asarray(problems, np.uint8)[place], first=np.stack(columns["first"]),
        second=np.stack(columns["second"]), first_alive=np.array(columns["first_alive"]), place=place,
        left=budget - steps,
    )  # fmt: skip


@dataclass(slots=True)
class _Pool:
    """Different prefixes of one problem, whether they are alive, and their strata, of which each holds both kinds."""

    states: UInt8[np.ndarray, "num states seq"]
    alive: Bool[np.ndarray, " num"]
    stratum: Int64[np.ndarray, " num"]

    def room(self, share: float) -> int:
        """How many candidates there are, `share` of them alive in every stratum."""
        return int(self._capacity(share).sum())

    def _capacity(self, share: float) -> Int64[np.ndarray, " strata"]:
        kinds = [np.bincount(self.stratum[self.alive == kind], minlength=self.stratum.max() + 1) for kind in (1, 0)]
        parts = [kind / part for kind, part in zip(kinds, (share, 1 - share), strict=True) if part > 0]
        return np.floor(np.min(parts, axis=0)).astype(np.int64)

    def draw(self, rng: np.random.Generator, num: int, share: float) -> Int64[np.ndarray, " chosen"]:
        """Places of `num` different prefixes, in random order, each alive with the chance `share` whatever its
        stratum."""
        chosen = []
        for stratum, size in enumerate(rng.multivariate_hypergeometric(self._capacity(share), num)):
            good, bad = (rng.permutation(np.flatnonzero((self.stratum == stratum) & (self.alive == k))) for k in (1, 0))
            alive = int(np.clip(rng.binomial(size, share), size - len(bad), len(good)))
            chosen += [good[:alive], bad[: size - alive]]
        return rng.permutation(np.concatenate(chosen))

    def games(self, rng: np.random.Generator) -> list[tuple[int, int]]:
        """(an alive prefix, another one of its stratum) in random order; none occurs twice."""
        found = []
        for stratum in range(int(self.stratum.max()) + 1):
            good, bad = (rng.permutation(np.flatnonzero((self.stratum == stratum) & (self.alive == k))) for k in (1, 0))
            found += list(zip(good.tolist(), bad.tolist(), strict=False))
        return [found[i] for i in rng.permutation(len(found))]


def _check(steps: int, budget: int, share: float, width: float) -> None:
    if not 1 <= steps < budget:
        raise UserError(f"steps={steps}: must be from 1 to budget - 1 = {budget - 1}")
    if not 0 <= share <= 1:
        raise UserError(f"share={share}: must be from 0 to 1")
    if not width > 0:
        raise UserError(f"width={width}: must be above 0")


def _pools(
    policy: Policy, rules: StepRules, rng: np.random.Generator, problems: Problems, steps: int, budget: int,
    proposals: int, width: float, enough: Callable[[_Pool], bool],
) -> dict[int, _Pool]:  # fmt: skip
    """By place of a problem, its prefixes in strata that hold both kinds; more are drawn until there are enough."""
    drawn: dict[int, list[_Drawn]] = {}
    found: dict[int, _Pool] = {}
    judge: _Judge | None = None
    todo = np.arange(len(problems))
    for _ in range(ROUNDS):
        at_once = max(1, 8192 // proposals)
        for first in range(0, len(todo), at_once):
            some = todo[first : first + at_once]
            for index, one in _propose(policy, rules, rng, problems, some, steps, budget, proposals):
                drawn.setdefault(index, []).append(one)
        judge = judge or _Judge.fit([one for mine in drawn.values() for one in mine], width)
        for index in todo.tolist():
            pool = None if judge is None or index not in drawn else _in_strata(drawn[index], judge)
            if pool is not None:
                found[index] = pool
        todo = np.array([i for i in todo.tolist() if i not in found or not enough(found[i])], np.int64)
        if len(todo) == 0:
            break
    return dict(sorted(found.items()))


@dataclass(slots=True)
class _Drawn:
    """Prefixes of one problem that break no rule."""

    states: np.ndarray  # [num, states, seq]
    alive: np.ndarray  # [num]
    blanks: np.ndarray  # [num, states]
    features: np.ndarray  # [num, features], counts and rules of every step


@dataclass(slots=True)
class _Judge:
    """Counts and rules, in bins of their score."""

    model: Logistic
    width: float

    @classmethod
    def fit(cls, drawn: list[_Drawn], width: float) -> "_Judge | None":
        """None where proposals of one kind alone were drawn."""
        if not drawn or len({*np.concatenate([one.alive for one in drawn]).tolist()}) < 2:
            return None
        features = np.concatenate([one.features for one in drawn])
        model = Logistic.fit(features, np.concatenate([one.alive for one in drawn]))
        return cls(model, width * max(float(model.score(features).std()), 1e-9))

    def bins(self, features: np.ndarray) -> Int64[np.ndarray, " num"]:
        return np.floor(self.model.score(features) / self.width).astype(np.int64)


def _propose(policy: Policy, rules: StepRules, rng: np.random.Generator, problems, places, steps, budget, proposals):
    """(place of a problem, prefixes of it that break no rule)."""
    rows = np.repeat(np.asarray(problems, np.uint8)[places], proposals, 0)
    history = np.repeat(rules.start(rows)[:, None], steps + 2, 1)
    for t in range(steps):
        history[:, t + 1] = policy(rng, rows, history[:, t], np.full(len(rows), budget - t))[0]
    history[:, -1] = history[:, -2]  # an idle step, so that the labels of the one before are not those of an end
    made = attempts(
        rules.puzzle, rows, history, np.full(len(rows), steps + 1), budget=budget,
        cells_per_step=policy.cells_per_step, regime=policy.regime,
    )  # fmt: skip
    labels = label_states(rules, made)
    blanks = (rules.editable(rows)[:, None] & (history[:, :-1] == rules.blank)).sum(2)
    clean = blanks[:, -1] > 0
    for t in range(steps, 0, -1):
        clean[clean] = faults(rules, rows[clean], history[clean, t]) == 0
    kept = np.flatnonzero(clean)
    single = rows_of(made.take(kept), labels.take(kept))
    features = counts_and_rules(rules, single).reshape(len(kept), steps + 1, -1)[:, :steps].reshape(len(kept), -1)
    alive = labels.alive[:, steps - 1]
    for place, index in enumerate(places.tolist()):
        mine = kept // proposals == place
        if mine.any():
            some = kept[mine]
            yield index, _Drawn(history[some, :-1], alive[some], blanks[some], features[mine])


def _in_strata(drawn: list[_Drawn], judge: _Judge) -> _Pool | None:
    """Different end states of the blanks that most have, in strata of close scores of which each holds both kinds; None
    where there is none."""
    states, alive, blanks, features = (
        np.concatenate([getattr(one, name) for one in drawn]) for name in _Drawn.__slots__
    )
    common = np.unique(blanks, axis=0, return_inverse=True)[1].reshape(-1)
    usual = common == np.bincount(common).argmax()
    first = np.intersect1d(np.flatnonzero(usual), np.unique(states[:, -1], axis=0, return_index=True)[1])
    states, alive, stratum = states[first], alive[first], judge.bins(features[first])
    both = np.intersect1d(stratum[alive], stratum[~alive])
    kept = np.isin(stratum, both)
    if not kept.any():
        return None
    return _Pool(states[kept], alive[kept], np.searchsorted(both, stratum[kept]).astype(np.int64))
