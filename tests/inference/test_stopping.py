"""Stop rules: what each text means, alone and together, and the texts that mean nothing."""

from typing import Any

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from hrm_net.inference.stopping import RowStatus, check_stop, parse_stop


def look(num=4, **known):
    """A look at `num` rows of which no rule would stop any, but for what is given."""

    def never():
        raise AssertionError("the rules of the puzzle were not asked for")

    given: dict[str, Any] = {
        "wants_to_halt": torch.zeros(num, dtype=torch.bool),
        "confidence": torch.zeros(num),
        "unchanged": torch.zeros(num, dtype=torch.int32),
        "residual": torch.full((num,), torch.inf),
        "verified": never,
    }
    for key, value in known.items():
        given[key] = torch.tensor(value) if isinstance(value, list) else value
    return RowStatus(**given)


def stopped(text, **known):
    stops = torch.zeros(4, dtype=torch.bool)
    for rule in parse_stop(text):
        stops |= rule(look(**known))
    return stops.tolist()


def test_each_rule_stops_the_rows_it_is_about():
    yes = [True, False, True, False]
    assert stopped("q", wants_to_halt=yes) == yes
    assert stopped("q:0.9", confidence=[0.9001, 0.8999, 1.0, 0.0]) == yes
    assert stopped("unchanged:2", unchanged=[2, 1, 5, 0]) == yes
    assert stopped("residual:0.05", residual=[0.049, 0.05, 0.0, float("inf")]) == yes
    assert stopped("rules", verified=lambda: torch.tensor(yes)) == yes
    assert stopped("fixed", wants_to_halt=[True] * 4, unchanged=[9] * 4) == [False] * 4


def test_any_of_several_stops_and_all_of_joined_ones():
    known = {"wants_to_halt": [True, True, False, False], "unchanged": [3, 0, 3, 0]}
    assert stopped(["q", "unchanged:3"], **known) == [True, True, True, False]
    assert stopped("q+unchanged:3", **known) == [True, False, False, False]
    assert stopped(["q + unchanged:4", "unchanged:3"], **known) == [True, False, True, False]


@given(st.lists(st.floats(0, 1, width=32), min_size=4, max_size=4), st.floats(0.01, 0.99))
def test_a_probability_bound_is_a_bound(values, bound):
    assert stopped(f"q:{bound}", confidence=values) == [bool(v >= bound) for v in torch.tensor(values)]


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("", "stop=: must be made of q, q:P, unchanged:K, residual:R, rules or fixed"),
        ("Q", "stop=Q: must be made of"),
        ("q+", "stop=q+: must be made of"),
        ("q,rules", "stop=q,rules: must be made of"),
        ("q:", "stop=q:: q must be followed by a probability above 0 and below 1"),
        ("q:1", "stop=q:1: q must be followed by a probability"),
        ("q:nan", "stop=q:nan: q must be followed by a probability"),
        ("unchanged", "stop=unchanged: unchanged needs a number: unchanged:3"),
        ("unchanged:0", "stop=unchanged:0: unchanged must be followed by a whole number of at least 1"),
        ("unchanged:1.5", "stop=unchanged:1.5: unchanged must be followed by a whole number"),
        ("unchanged:inf", "stop=unchanged:inf: unchanged must be followed by a whole number"),
        ("residual", "stop=residual: residual needs a number: residual:0.05"),
        ("residual:-1", "stop=residual:-1: residual must be followed by a number above 0"),
        ("residual:x", "stop=residual:x: residual must be followed by a number above 0"),
        ("rules:3", "stop=rules:3: rules takes no number"),
        ("q+fixed:8", "stop=q+fixed:8: fixed takes no number"),
        ([], "stop=[]: give at least one rule"),
    ],
)
def test_texts_that_name_no_rule_are_refused(text, line):
    with pytest.raises(ValueError, match=r"\S") as caught:
        parse_stop(text)
    assert str(caught.value).startswith(line)


@given(st.text(max_size=12))
def test_any_text_is_a_rule_or_one_line(text):
    try:
        rules = parse_stop(text)
    except ValueError as error:
        line = str(error)
    else:
        line = f"stop={text}: " if len(rules) == 1 else ""
    assert line.startswith(f"stop={text}: ")


def test_rules_that_model_or_puzzle_cannot_serve():
    def check(text, halting="halt_only", verifiable=True):
        check_stop(parse_stop(text), halting=halting, puzzle_name="arc", verifiable=verifiable)

    check(["q", "rules", "residual:0.1"])
    check("unchanged:2+residual:0.1", halting="fixed", verifiable=False)
    for text in ("q", "unchanged:2+q:0.5"):
        with pytest.raises(ValueError, match="the model was trained with halting=fixed"):
            check(text, halting="fixed")
    with pytest.raises(ValueError, match=r"stop=unchanged:1\+rules: arc has no rules that verify an answer"):
        check("unchanged:1+rules", verifiable=False)
