"""The claims of the study of judges, fixed before it ran, and the figures that decide them."""

from collections.abc import Sequence

from hrm_net.study import demands
from hrm_net.study.claims import Claim, Comparison, Finding, Protocol
from hrm_net.study.demands import Figure, demand
from hrm_net.study.rows import Row
from hrm_net.study.second.claims import verdict

_ALL = (
    Figure(name="accuracy", says="right verdicts"),
    Figure(name="other", says="right verdicts, other policy"),
    Figure(name="segments", says="mean segments", higher=False, percent=False),
    Figure(name="spearman", says="Spearman of segments with nodes", percent=False),
    Figure(name="brier", says="Brier", higher=False, percent=False),
    Figure(name="gain_at_cost", says="right verdicts beyond `fixed` at equal mean segments"),
    Figure(name="gain_at_cost_alone", says="beyond itself at a fixed depth"),
    Figure(name="voted", says="right verdicts by a majority"),
    Figure(name="best_of", says="best of 16"),
    Figure(name="best_of_cost", says="row-segments", higher=False, percent=False),
    Figure(name="triads", says="cyclic triads", higher=False),
    Figure(name="upsets", says="games won by the lost one", higher=False),
)  # fmt: skip
FIGURES = {figure.name: figure for figure in _ALL}


MARGIN, RANK = 0.02, 0.2
HALTING = {"closed": "is the verdict right by now", "exact": "expected reward", "grpo": "sampled stopping times"}
CLAIMS = (
    Claim(
        page="judges",
        says="Thinking for eight segments beats one by two points, also at equal training computation",
        comparisons=demand("accuracy", "fixed_8", "direct", "direct_flops", least=MARGIN),
    ),
    *(
        Claim(
            page="judges",
            says=f"A judge that stops by itself (`{how}`: {told}) beats a fixed depth at equal mean cost, and thinks "
            "longer where search does",
            comparisons=(*demand("gain_at_cost", how), *demand("spearman", how, least=RANK)),
        )
        for how, told in HALTING.items()
    ),
    Claim(
        page="judges",
        says="Five votes beat one, and beat the same computation spent on depth",
        comparisons=demand("voted", "votes_5", "votes_1", "depth_40"),
    ),
    Claim(
        page="judges",
        says="A knockout picks the best of 16 better than the best scalar at equal computation",
        comparisons=demand("best_of", "fixed_4", "orm", "prm", "cond", "pointwise_8"),
    ),
    Claim(
        page="judges",
        says="Seeing the opponent brings it (control): the same training without it is worse",
        comparisons=(*demand("accuracy", "fixed_8", "pointwise_8"), *demand("accuracy", "direct", "pointwise_1")),
    ),
)  # fmt: skip
RULE = (
    "The rule is that of [the protocol](protocol.md): gains are positive in the direction of the claim, less what the "
    "claim demands, with Student's t intervals over seeds in brackets, and none with fewer than three seeds. *Held*: "
    "every interval lies above 0; *the contrary*: one lies below and none above; *could not show*: none excludes 0; "
    "*held in part*: everything between. The intervals say how large a gain could still be."
)
JUDGES = Protocol(claims=CLAIMS, verdict=verdict, few_seeds_by_puzzle=False, rule=RULE)


def find(comparison: Comparison, rows: Sequence[Row]) -> Finding | None:
    """See `hrm_net.study.demands.find`, with the figures of readings."""
    return demands.find(comparison, rows, FIGURES)
