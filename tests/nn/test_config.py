"""A configuration is checked value by value: what is not of its type or range is refused in one line that shows it."""

import json
import math
from dataclasses import fields
from pathlib import Path
from typing import Any

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from hrm_net import HRM, HRMConfig, load_reference
from hrm_net.checkpoints import pretrained
from hrm_net.reward.model_config import RewardModelConfig
from puzzles.errors import UserError
from tests.models import SMALL, small_model

FIELDS = sorted(field.name for field in fields(HRMConfig))
SCORER_FIELDS = [*(field.name for field in fields(RewardModelConfig)), "more", "__pydantic_config__"]
BASE = {**SMALL, "block": "attention"}
JUNK = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.sampled_from([0, 1, 2, 3, 4, 16, 10**6, 2**31, 10**400, "2", "none", "tokens", "symbols", "grid", math.inf])
    | st.floats()
    | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.text(max_size=3), inner, max_size=2),
    max_leaves=4,
)


def one_line(error: BaseException) -> str:
    assert isinstance(error, UserError), repr(error)
    assert str(error).isprintable(), ascii(str(error))
    assert len(str(error)) < 400
    return str(error)


@given(st.dictionaries(st.sampled_from(FIELDS), JUNK, min_size=1, max_size=4))
def test_any_values_make_a_config_or_one_line(values: dict[str, Any]):
    try:
        config = HRMConfig(**{**BASE, **values})
    except Exception as error:  # whatever comes, it must be ours
        line = one_line(error)
        assert line.startswith("model.")
    else:
        assert all(getattr(config, key) == value for key, value in values.items())


@given(st.dictionaries(st.sampled_from(SCORER_FIELDS), JUNK))
def test_any_values_make_a_scorer_config_or_one_line(values: dict[str, Any]):
    core = {**SMALL, "halting": "halt_only"}
    try:
        RewardModelConfig.from_dict({"core": core, "objectives": ["prm"], **values})
    except Exception as error:
        one_line(error)


@pytest.mark.slow
@given(st.sampled_from([*FIELDS, "more", "__pydantic_config__"]), JUNK)
def test_any_override_of_a_published_checkpoint_is_used_or_refused_in_one_line(key: str, value: Any):
    tensors = dict(small_model("hrm", num_puzzle_ids=1).state_dict())
    rest = {"num_heads": 2, "h_cycles": 2, "l_cycles": 2, "max_segments": 4, "mlp_multiple": 8, "seq_len": 16}
    if key in ("vocab_size", "hidden_size", "num_puzzle_ids") and type(value) is int and 10**3 < value < 2**31:
        return  # it would be made
    try:
        load_reference(tensors, **{**rest, key: value})
    except Exception as error:
        for line in str(error).splitlines():
            one_line(type(error)(line))


@pytest.mark.parametrize(
    ("key", "value", "line"),
    [
        ("num_heads", "2", 'model.num_heads="2": must be a whole number'),
        ("num_heads", 2.0, "model.num_heads=2.0: must be a whole number"),
        ("num_heads", None, "model.num_heads=null: must be a whole number"),
        ("h_cycles", True, "model.h_cycles=true: must be a whole number"),
        ("damping", "0.1", 'model.damping="0.1": must be a finite number'),
        ("noise", math.nan, "model.noise=NaN: must be a finite number"),
        ("hidden_size", [512], "model.hidden_size=[512]: must be a whole number"),
        ("l_layers", 10**9, "model.l_layers=1000000000: must be at least 1 and at most 1000"),
        ("halting", 3, "model.halting=3: must be one of q_learning, halt_only, fixed"),
        ("block", "lime", "model.block=lime: must be one of attention, mixer, grid, local, symbol, relational"),
        ("codec", None, "model.codec=null: must be text"),
    ],
)
def test_a_value_of_another_type_is_shown_as_it_is(key: str, value: Any, line: str, tmp_path: Path):
    with pytest.raises(UserError) as caught:
        HRMConfig(**{**BASE, key: value})
    assert str(caught.value) == line
    small_model("hrm").save_pretrained(tmp_path)
    path = tmp_path / pretrained.CONFIG
    config = json.loads(path.read_text())
    config["model"][key] = value
    path.write_text(json.dumps(config))
    with pytest.raises(UserError) as caught:
        HRM.from_pretrained(tmp_path)
    assert str(caught.value) == f"{path}: {line}"


@pytest.mark.parametrize("value", ["abc", 2.0, None, True, "2"])
def test_an_override_of_another_type_is_named_as_it_was_given(value: Any):
    with pytest.raises(UserError) as caught:
        load_reference(dict(small_model("hrm").state_dict()), num_heads=value)
    assert str(caught.value) == f"num_heads={json.dumps(value)}: must be a whole number"


@pytest.mark.slow
def test_a_number_that_was_mistyped_asks_for_no_memory(tmp_path: Path):
    small_model("hrm").save_pretrained(tmp_path)
    path = tmp_path / pretrained.CONFIG
    path.write_text(path.read_text().replace('"hidden_size": 16', '"hidden_size": 999936'))
    with pytest.raises(UserError, match="weights do not fit the model"):
        HRM.from_pretrained(tmp_path)


def test_a_missing_key_and_a_byte_order_mark(tmp_path: Path):
    small_model("hrm").save_pretrained(tmp_path)
    path = tmp_path / pretrained.CONFIG
    path.write_text("\ufeff" + path.read_text(), encoding="utf-8")
    assert HRM.from_pretrained(tmp_path).config == small_model("hrm").config
    config = json.loads(path.read_text(encoding="utf-8-sig"))
    del config["model"]["vocab_size"]
    path.write_text(json.dumps(config))
    with pytest.raises(UserError, match=r"config\.json: model\.vocab_size: missing; it must be given$"):
        HRM.from_pretrained(tmp_path)


def test_a_run_and_a_scorer_are_told_from_a_solver(tmp_path: Path):
    (tmp_path / "checkpoints").mkdir()
    with pytest.raises(UserError, match=r"is the directory of a training run, not of a model; write its best weights"):
        HRM.from_pretrained(tmp_path)
    with pytest.raises(UserError, match=r"scorer_6x6/config\.json: holds a step scorer, not a solver; load it with"):
        HRM.from_pretrained("scorer_6x6")
    with pytest.raises(UserError, match=r"holds a solver, not a step scorer; load it with hrm_net\.HRM\.from_pretr"):
        RewardModelConfig.from_dict(json.loads(json.dumps({"seq_len": 81})))


def test_the_field_samples(shared_data: Path):
    folder = shared_data / "field" / "pre"
    if not folder.is_dir():
        pytest.skip("no samples from the field")
    for sample in sorted(folder.iterdir()):
        with pytest.raises(UserError) as caught:
            HRM.from_pretrained(sample)
        one_line(caught.value)
    assert torch.is_grad_enabled()
