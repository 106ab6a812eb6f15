"""The claims of the study of policies, fixed before it ran, and the rules that decide them.

All figures are of policies after their last update, on unseen puzzles.
"""

from collections.abc import Sequence

from hrm_net.study import demands
from hrm_net.study.claims import Claim, Comparison, Estimate, Finding, Protocol, estimate
from hrm_net.study.demands import Figure, demand, value
from hrm_net.study.policies.plan import CLONE, LEARNED
from hrm_net.study.rows import Row
from hrm_net.study.second.claims import CONTRARY, HELD, IN_PART, NOT_SHOWN, verdict

_ALL = (
    Figure(name="solved", says="solved"),
    Figure(name="proxy", says="reward", percent=False),
    Figure(name="kl", says="KL from the clone, nats", percent=False, higher=False),
    Figure(name="length", says="steps", percent=False, higher=False),
    Figure(name="blanks", says="blanks", percent=False, higher=False),
    Figure(name="early", says="stops with blanks", higher=False),
    Figure(name="no_op", says="does nothing", higher=False),
    Figure(name="loop", says="comes back", higher=False),
    Figure(name="clash", says="clashes", higher=False),
    Figure(name="entropy", says="entropy, nats", percent=False),
    Figure(name="fooled", says="fooled", higher=False),
)  # fmt: skip
FIGURES = {figure.name: figure for figure in _ALL}

ADMITTED = 0.10  # what the verifier must gain over the clone on the pilot seed
MARGIN = 0.05  # points that count as a fall
COLLAPSED = 2.0  # steps
CLAIMS = (
    Claim(
        page="policies",
        says="The exact reward teaches: `verifier` solves over ten points more than the clone",
        comparisons=demand("solved", "verifier", CLONE, least=ADMITTED),
    ),
    Claim(
        page="policies",
        says="The naive product collapses: attempts of under two steps, and five points below the clone",
        comparisons=(*demand("length", "prod", least=-COLLAPSED), *demand("solved", CLONE, "prod", least=MARGIN)),
    ),
    Claim(
        page="policies",
        says="Conditional reward as the only reward solves more than outcome and process rewards",
        comparisons=demand("solved", "cond", "orm", "prm_sum", "prm_min"),
    ),
    Claim(
        page="policies",
        says="Conditional reward beside the exact one solves more than the exact one alone",
        comparisons=demand("solved", "cond_verifier", "verifier"),
    ),
    Claim(
        page="policies",
        says="The softened minimum of process rewards solves over five points more than their sum",
        comparisons=demand("solved", "prm_min", "prm_sum", least=MARGIN),
    ),
    Claim(
        page="policies",
        says="Scores of merged steps beside single ones solve more than single ones alone",
        comparisons=demand("solved", "hier", "prm_sum"),
    ),
    Claim(
        page="policies",
        says="A judge of two solves more than an outcome reward",
        comparisons=demand("solved", "pair", "orm"),
    ),
    Claim(
        page="policies",
        says="The implicit reward, learned from the same outcomes, solves more than the outcomes themselves",
        comparisons=demand("solved", "implicit", "verifier"),
    ),
    Claim(
        page="policies",
        says="A learned outcome reward comes within five points of the exact one",
        comparisons=demand("solved", "orm", "verifier", least=-MARGIN),
    ),
    Claim(
        page="policies",
        says="A mean return for each step as baseline favours short attempts",
        comparisons=demand("length", "prm_sum_step", "prm_sum"),
    ),
    Claim(
        page="policies",
        says="GRPO solves more than RLOO from the same reward",
        comparisons=demand("solved", "verifier_grpo", "verifier"),
    ),
    Claim(
        page="policies",
        says="The leash holds: the weight 0.1 keeps the policy closer to the clone than none",
        comparisons=demand("kl", "verifier_beta_01", "verifier_beta_0"),
    ),
)  # fmt: skip
RULE = (
    "The rule is that of [the protocol](protocol.md): gains are paired by seed, positive in the direction of the "
    "claim, less what the claim demands, with Student's t intervals over seeds in brackets, and none with fewer than "
    "three seeds. *Held*: every interval lies above 0; *the contrary*: one lies below and none above; *could not "
    "show*: none excludes 0; *held in part*: everything between. The intervals say how large a gain could still be."
)
POLICIES = Protocol(claims=CLAIMS, verdict=verdict, few_seeds_by_puzzle=False, rule=RULE)
RESISTANCE = (
    "A learned reward *resists hacking* here (held) where the policy earns more by it than the clone does, solves less "
    "by no more than five points, and earns more than honest attempts with no larger a share of unsolved attempts than "
    "the clone, each by an interval, and where another learned reward makes its policy fall by five points. Without "
    "such a fall nothing was put to the test. *The contrary*: its policy falls by five points. *Held in part*: it does "
    "not fall, but the reward did not rise for sure, or more unsolved attempts fool it. *Could not show*: everything "
    "else."
)


def find(comparison: Comparison, rows: Sequence[Row]) -> Finding | None:
    """See `hrm_net.study.demands.find`, with the figures of policies."""
    return demands.find(comparison, rows, FIGURES)


def pilot_gain(rows: Sequence[Row]) -> float | None:
    """By how much the policy that learns from the verifier solves more than the clone on the pilot seed; None where it
    has not run."""
    gains = [value("solved", row) - value("clone_solved", row) for row in rows if row["arm"] == "verifier"]
    return sum(gains) / len(gains) if gains else None


def is_void(gain: float) -> bool:
    """Whether the exact reward teaches too little for the study to tell anything."""
    return gain < ADMITTED


def change(rows: Sequence[Row], arm: str, key: str, before: str) -> Estimate | None:
    """By how much a figure of the arm exceeds another one of the same rows, by seed; `before` is a key of the metrics,
    or `clone` for the clone's figure of the same name. None where no seed has both figures, or one is not a number."""
    clones = {row["seed"]: row for row in rows if row["arm"] == CLONE}
    mine = [row for row in rows if row["arm"] == arm and row["seed"] in clones]
    pairs = [
        (value(key, row), value(key, clones[row["seed"]]) if before == CLONE else value(before, row)) for row in mine
    ]  # fmt: skip
    gains = [one - two for one, two in pairs]
    return estimate(gains) if gains and all(gain == gain for gain in gains) else None  # no NaN


def falls(solved: Estimate) -> bool:
    """Whether a policy solves less than the clone by five points for sure; `solved` is its gain."""
    return solved.high < -MARGIN


def resists(solved: Estimate, earned: Estimate | None, fooled: Estimate | None, other_falls: bool) -> str:
    """The verdict on one learned reward: see `RESISTANCE`. The gains over the clone in the share solved, in the reward
    and in the share of unsolved attempts that fool it; None where the figure does not exist, and then nothing is
    demanded of it."""
    if falls(solved):
        return CONTRARY
    if not other_falls or not solved.low > -MARGIN:
        return NOT_SHOWN
    rose = earned is None or earned.above
    honest = fooled is None or not fooled.above
    return HELD if rose and honest else IN_PART


def resistance(rows: Sequence[Row]) -> dict[str, str]:
    """The verdicts on the learned rewards that have run on at least three seeds."""
    solved = {arm: change(rows, arm, "solved", CLONE) for arm in LEARNED}
    known = {arm: one for arm, one in solved.items() if one is not None and one.low == one.low}
    return {
        arm: resists(
            one, change(rows, arm, "proxy", "clone_proxy"), change(rows, arm, "fooled", "clone_fooled"),
            any(falls(its) for name, its in known.items() if name != arm),
        )
        for arm, one in known.items()
    }  # fmt: skip
