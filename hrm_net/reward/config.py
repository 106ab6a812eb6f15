"""The configuration of a step scorer's training: the key `reward` of a run."""

from dataclasses import dataclass, field
from typing import ClassVar, Literal

from hrm_net.reward.heads import HEADS, MERGED_ROWS, PAIR, any_needs
from hrm_net.reward.pair.config import PairConfig
from hrm_net.reward.text.config import TextConfig
from hrm_net.schema import require
from puzzles.errors import UserError

# Largest number of nodes of a tree: a larger one takes minutes.
MOST_NODES = 20_000
# The depth up to which a scorer is trained unless told otherwise, in multiples of the depth at which it scores.
DEEPER = 4


@dataclass(kw_only=True, slots=True)
class PolicyConfig:
    """The policy that writes the solutions."""

    __pydantic_config__: ClassVar = {"extra": "forbid"}

    # careless (knows the answer, and writes legal but wrong values now and then), full (the same, but writes on until
    # nothing is blank, so that wrong solutions look complete), random (writes legal values), or hrm (a trained solver,
    # sampled).
    name: Literal["careless", "full", "random", "hrm"] = "careless"
    # Share of edits that go wrong (careless, full).
    error: float = 0.08
    # Probability that an edit corrects a wrong cell while there is one (careless and full, regime edit).
    correct: float = 0.2
    # Share of errors that overwrite a right cell instead of filling a blank cell wrongly (careless, regime edit).
    doubt: float = 0.25
    # Probability that a step does nothing instead, and that it erases a random written cell instead (full, regime
    # edit).
    slip: float = 0.0
    # Run directory, or name of shipped weights, of the solver that is sampled (hrm); null for the other policies.
    solver: str | None = None
    # Temperature at which the solver is sampled (hrm).
    temperature: float = 1.0

    def __post_init__(self) -> None:
        for key in ("error", "correct", "doubt"):
            require(key, getattr(self, key), 0 <= getattr(self, key) <= 1, "in 0..1")
        require("temperature", self.temperature, self.temperature > 0, "above 0")
        able = 0 <= self.slip <= 0.5 if self.name == "full" else self.slip == 0
        require("slip", self.slip, able, "in 0..0.5" if self.name == "full" else f"0 for name={self.name}")
        bound = "a run's directory or a name of weights" if self.name == "hrm" else f"null for name={self.name}"
        require("solver", self.solver, (self.solver is not None) == (self.name == "hrm"), bound)


@dataclass(kw_only=True, slots=True)
class RewardConfig:
    """A step scorer in place of a solver: its heads, the solutions it learns from, their labels.

    The puzzles are `data.puzzles` distinct ones of the last stage of `data.curriculum`, and `batch_size` counts steps
    of solutions. Validation takes `validation.puzzles` more of each source of that stage, the evaluation
    `evaluate_puzzles` more, or as many of each of `evaluate_sets`.
    """

    __pydantic_config__: ClassVar = {"extra": "forbid"}

    # Heads, any of: orm (outcome of the solution), prm (each step right or wrong), pqm (ranking of steps), hier (single
    # and merged steps), cond (hazard of going wrong at each step); or pair alone (a judge of two candidates); []: a
    # solver is trained, and no other key here has an effect.
    objectives: list[str] = field(default_factory=list)
    # What steps may do: fill (write blank cells only) or edit (erase and overwrite as well).
    regime: Literal["fill", "edit"] = "edit"
    # Largest number of steps of a solution.
    budget: int = 5
    # Largest number of cells that a step changes.
    cells_per_step: int = 5
    # The policy that writes the solutions.
    policy: PolicyConfig = field(default_factory=PolicyConfig)
    # What is learned from: trajectories (solutions one by one), trees (of rollouts, with every node expanded), or auto
    # (trees for Monte-Carlo labels and for compression, else trajectories).
    data: Literal["auto", "trajectories", "trees"] = "auto"
    # Number of solutions of each puzzle, or of each tree for the heads that learn from whole solutions.
    candidates: int = 4
    # Number of trees, one for each of the first puzzles.
    trees: int = 200
    # Number of steps after which the nodes of a tree are finished by one rollout each instead of expanded; null: the
    # budget.
    height: int | None = None
    # Number of continuations of each node (trees), or of rollouts behind each Monte-Carlo label (trajectories).
    children: int = 5
    # Labels of steps: exact (by the solution), mc_soft (share of rollouts that come right) or mc_hard (whether any of
    # them does).
    labels: Literal["exact", "mc_soft", "mc_hard"] = "exact"
    # Exact label of a single step of a whole solution: ok (no edit of it is wrong) or alive (after it the solution can
    # still come right within the budget).
    fine: Literal["ok", "alive"] = "ok"
    # Exact label of a merged step: second (that of its second half, as published) or net (of what the two do together).
    coarse: Literal["second", "net"] = "second"
    # Compression of trees: none, hnc (hierarchical node compression), or a control: noise (its label noise alone),
    # count (as many additional rows as merging and compression would give, from further trees).
    compression: Literal["none", "hnc", "noise", "count"] = "none"
    # Which step counts as the error: the first wrong one, or the last, after which the state is never right again
    # (trees: the first node from which no rollout came right).
    error: Literal["first", "last"] = "last"
    # Share of the solutions that are cut off after a random step. Above 0, the budget of every solution ends with its
    # last step, so that a scorer can tell those that stop too soon.
    cut: float = 0.0
    # Share of failed solutions whose error step cond learns from.
    error_share: float = 1.0
    # Loss of prm and hier: bce (cross-entropy) or mse (squared error).
    loss: Literal["bce", "mse"] = "bce"
    # Number of segments on each step.
    segments: int = 2
    # Largest number of segments that a step is thought about in training: half of the updates go on from a state that a
    # random number of earlier segments left, so that a scorer may think for longer than `segments`. null: four times
    # `segments`; as many as `segments`: all updates start afresh.
    max_segments: int | None = None
    # Run directory, or name of shipped weights, of a solver whose core training starts from; null: a new core.
    start: str | None = None
    # Number of updates in which the core first learns to solve whole puzzles, in a run of its own in the directory
    # `solver` of this run; 0: none.
    solver_steps: int = 0
    # Number of solutions of each validation puzzle.
    validation_candidates: int = 8
    # Number of solutions of each puzzle that the evaluation ranks.
    evaluate_candidates: int = 64
    # Solutions in words to learn from, instead of puzzles.
    text: TextConfig = field(default_factory=TextConfig)
    # The games of a judge, and how it learns when to stop (pair).
    pair: PairConfig = field(default_factory=PairConfig)

    def __post_init__(self) -> None:
        require("reward.solver_steps", self.solver_steps, self.solver_steps >= 0, "at least 0")
        require("reward.start", self.start, self.start is None or not self.solver_steps, "null beside solver_steps")
        heads = self.objectives if self.objectives != [PAIR] else []
        for i, name in enumerate(heads):
            require(f"reward.objectives.{i}", name, name in HEADS, f"one of {', '.join(HEADS)}, or {PAIR} alone")
        fits = self.policy.slip == 0 or self.regime == "edit"
        require("reward.policy.slip", self.policy.slip, fits, f"0 for reward.regime={self.regime}")
        unique = len(set(self.objectives)) == len(self.objectives)
        require("reward.objectives", self.objectives, unique, "heads that differ")
        counts = ("budget", "cells_per_step", "candidates", "trees", "children", "segments", "validation_candidates")
        for key in (*counts, "evaluate_candidates"):
            require(f"reward.{key}", getattr(self, key), getattr(self, key) >= 1, "at least 1")
        require("reward.budget", self.budget, self.budget <= 1000, "at most 1000")
        deep = self.max_segments is None or self.max_segments >= self.segments
        require("reward.max_segments", self.max_segments, deep, f"null, or at least reward.segments={self.segments}")
        for key in ("error_share", "cut"):
            require(f"reward.{key}", getattr(self, key), 0 <= getattr(self, key) <= 1, "in 0..1")
        exact = self.labels == "exact" and self.kind == "trajectories"
        require("reward.fine", self.fine, self.fine == "ok" or exact, "ok, but for exact labels of trajectories")
        if self.kind == "trees":
            require("reward.cut", self.cut, self.cut == 0, "0 for trees")
            self._check_trees()
        else:
            require("reward.compression", self.compression, self.compression == "none", "none for trajectories")

    def _check_trees(self) -> None:
        height = self.budget if self.height is None else self.height
        bound = f"null, or from 1 to reward.budget={self.budget}"
        require("reward.height", self.height, 1 <= height <= self.budget, bound)
        nodes = sum(self.children**depth for depth in range(height + 1)) if height <= 20 else MOST_NODES + 1
        if nodes > MOST_NODES:
            text = f"reward.children={self.children} and reward.height={height} (null: the budget)"
            bound = f"at most {MOST_NODES:,} nodes of a tree; fewer of either, or reward.data=trajectories"
            raise UserError(f"{text}: must make {bound}")
        if self.labels == "exact" and any_needs(self.objectives, MERGED_ROWS):
            bound = "net for exact labels on trees, whose rows do not hold the state between"
            require("reward.coarse", self.coarse, self.coarse == "net", bound)
        if self.compression != "none":
            require("reward.children", self.children, self.children >= 4, f"at least 4 for {self.compression}")

    @property
    def deepest(self) -> int:
        """What `max_segments` stands for, with null resolved."""
        return DEEPER * self.segments if self.max_segments is None else self.max_segments

    @property
    def on(self) -> bool:
        """Whether a step scorer is trained."""
        return bool(self.objectives)

    @property
    def kind(self) -> Literal["trajectories", "trees"]:
        """What `data` stands for, with auto resolved."""
        if self.data != "auto":
            return self.data
        return "trajectories" if self.labels == "exact" and self.compression == "none" else "trees"
