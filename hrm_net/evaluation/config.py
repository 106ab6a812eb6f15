"""How a model is measured during a run (key `validation`) and against compute (group `solver` of an evaluation)."""

from dataclasses import dataclass, field
from typing import Annotated, Any, ClassVar, Literal

from annotated_types import Ge

from hrm_net.schema import check


@dataclass(kw_only=True, slots=True)
class ValidationConfig:
    """The puzzles, cut from the training side, that tell during a run how well it goes and which checkpoint is best."""

    __pydantic_config__: ClassVar = {"extra": "forbid"}

    # Optimizer steps between two validations, which choose the best checkpoint; the last step is validated too; 0:
    # never.
    every: Annotated[int, Ge(0)] = 100
    # Puzzles in each validation set.
    puzzles: Annotated[int, Ge(1)] = 128
    # Validations in a row below the best after which the run prints a warning, and again after as many more; 0: never.
    patience: Annotated[int, Ge(0)] = 5
    # Validation sets by name, each with targets for the generator; {}: puzzles like those of the last stage of
    # data.curriculum. The puzzle's file sets what suits it.
    targets: dict[str, dict[str, Any]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        check(self, "validation")


@dataclass(kw_only=True, slots=True)
class ComputeCurveConfig:
    """What accuracy against compute is measured at; see hrm_net/evaluation/compute_curve.py."""

    __pydantic_config__: ClassVar = {"extra": "forbid"}

    # none leaves it out; curve measures it.
    name: Literal["none", "curve"] = "none"
    # Puzzles of each set that are solved, its first ones; null: all.
    puzzles: Annotated[int, Ge(1)] | None = 200
    # Segments at which a single pass is read off.
    depths: list[Annotated[int, Ge(1)]] = field(default_factory=lambda: [1, 2, 4, 8, 16, 32, 64])
    # Rules that end a pass early, each measured by itself: q, q:P, unchanged:K, residual:R, rules; joined by + all must
    # hold.
    stop: list[str] = field(default_factory=lambda: ["q", "q:0.98", "residual:0.3"])
    # Segments after which such a pass, or one of several over a puzzle, ends whatever the rule says.
    max_segments: Annotated[int, Ge(1)] = 16
    # Numbers of passes over each puzzle, by symmetry or chance, from which one answer is selected; []: none.
    restarts: list[Annotated[int, Ge(1)]] = field(default_factory=lambda: [1, 2, 4, 8])
    # How the answer is selected: q, residual, vote, agreement or verifier (the puzzle's rules).
    select: list[str] = field(default_factory=lambda: ["q", "vote", "verifier"])

    def __post_init__(self) -> None:
        check(self, "solver")
