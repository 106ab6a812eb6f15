"""What the ablation compares, and how long and on what: plain values, and the command lines that follow from them."""

import hashlib
import json
from dataclasses import asdict, dataclass, field

MIX = (
    "data.curriculum=[{{until: 0.08, path_share: 0.0, mix: [{easy}]}}, {{until: 1.0, path_share: 0.85, mix: [{all}]}}]"
)
HARD_POOL = (
    "data.augment=true",
    MIX.format(easy="{targets: {clues: [26, 40]}}", all="{targets: {clues: [24, 36]}}"),
)
NO_POOL = ("data.path=null",)
LAST_CYCLE = ("model.gradient=last_cycle", "model.h_cycles=2", "model.l_cycles=3")
TO_ZERO = ("optim.min_lr_ratio=0.0",)
FAST = ("optim.lr=8e-3", "optim.momentum=0.6")


@dataclass(frozen=True, kw_only=True, slots=True)
class Arm:
    """One recipe; `overrides` are those of `python train.py`, over the default job."""

    name: str
    # What it changes against the arm that it is compared with, as the page says it.
    says: str
    # The arm that it is compared with; None: with none.
    against: str | None
    overrides: tuple[str, ...]


_SYMBOLS = ("model=symbols", "optim=muon")
_RELATIONAL = ("model=relational", "optim=muon")
_DEEP = (*_RELATIONAL, *LAST_CYCLE, *TO_ZERO, *HARD_POOL)
ARMS = (
    Arm(
        name="symbols", says="the learned table of cells (`sudoku_symbols`), generated puzzles without a pool",
        against=None, overrides=(*_SYMBOLS, *NO_POOL),
    ),
    Arm(name="pool", says="the hard pool", against="symbols", overrides=(*_SYMBOLS, *HARD_POOL)),
    Arm(
        name="last_cycle", says="the gradient through the last cycle, H2 L3", against="pool",
        overrides=(*_SYMBOLS, *LAST_CYCLE, *HARD_POOL),
    ),
    Arm(
        name="to_zero", says="a learning rate that ends at zero", against="last_cycle",
        overrides=(*_SYMBOLS, *LAST_CYCLE, *TO_ZERO, *HARD_POOL),
    ),
    Arm(name="relational", says="the relational block", against="to_zero", overrides=_DEEP),
    Arm(name="fast", says="Muon at 8e-3 with momentum 0.6", against="relational", overrides=(*_DEEP, *FAST)),
    Arm(
        name="one_step", says="the one-step gradient, H2 L2", against="fast",
        overrides=(*_RELATIONAL, *TO_ZERO, *HARD_POOL, *FAST),
    ),
    Arm(
        name="deeper", says="H3 L4", against="fast",
        overrides=(*_DEEP, *FAST, "model.h_cycles=3", "model.l_cycles=4"),
    ),
    Arm(name="wider", says="width 48", against="fast", overrides=(*_DEEP, *FAST, "model.hidden_size=48")),
    Arm(
        name="easy_only", says="no hard pool", against="fast",
        overrides=(*_RELATIONAL, *LAST_CYCLE, *TO_ZERO, *FAST, *NO_POOL),
    ),
    Arm(
        name="hrm_small", says="the published HRM scheme, at width 128", against="symbols",
        overrides=("model=hrm_small", "optim=adam_atan2", "optim.lr=3e-4", *HARD_POOL),
    ),
    Arm(
        name="trm_small", says="the published TRM scheme without attention, at width 128", against="symbols",
        overrides=(
            "model=trm_mixer", "model.hidden_size=128", "optim=adam_atan2", "optim.lr=3e-4", "loss=stablemax",
            *HARD_POOL,
        ),
    ),
)  # fmt: skip
BY_NAME = {arm.name: arm for arm in ARMS}


@dataclass(frozen=True, kw_only=True, slots=True)
class Budget:
    """How long each arm trains, on which puzzles it is measured, and how deep."""

    # Minutes of training of each arm and seed, on one process of `threads` threads; validation is left out.
    minutes: float = 20.0
    threads: int = 2
    # Steps of the short run that tells how many steps an arm makes in these minutes.
    probe_steps: int = 40
    # Puzzles of each set, and the segments after which they are counted.
    puzzles: int = 256
    segments: tuple[int, ...] = (16, 64)
    # Generated sets by name; real puzzles stand beside them where a file is given.
    sets: dict[str, str] = field(
        default_factory=lambda: {"clues_36": "{clues: 36}", "clues_30": "{clues: 30}", "minimal": "{clues: minimal}"}
    )


def fingerprint(arm: Arm, budget: Budget, seed: int, inputs: dict[str, str]) -> str:
    """A hash of everything that a row depends on; `inputs`: hashes of the pool and of the files of real puzzles."""
    told = [arm.overrides, asdict(budget), seed, inputs]
    return hashlib.sha256(json.dumps(told, sort_keys=True).encode()).hexdigest()[:16]
