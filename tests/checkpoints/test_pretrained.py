"""Models as files: the same numbers after a round trip, strict about what fits."""

import json
from pathlib import Path

import pytest
import torch

from hrm_net import HRM
from hrm_net.checkpoints import pretrained
from tests.models import VARIANTS, seeded, small_batch, small_model


def test_shipped_weights_go_by_name_where_no_directory_has_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    assert HRM.from_pretrained("sudoku_9x9").config.seq_len == 81
    monkeypatch.chdir(tmp_path)
    small_model().save_pretrained("sudoku_9x9")
    assert HRM.from_pretrained("sudoku_9x9").config.seq_len == 16
    for name in ("sudoku_10x10", "../weights/sudoku_9x9"):
        with pytest.raises(ValueError, match="no such file"):
            HRM.from_pretrained(name)


@pytest.mark.parametrize("variant", VARIANTS)
def test_a_round_trip_changes_no_bit(variant: str, tmp_path: Path):
    model = small_model(variant).eval()
    if model.puzzle_embedding is not None:
        model.puzzle_embedding.weight.normal_(generator=seeded(5))  # pyright: ignore[reportCallIssue]
    model.save_pretrained(tmp_path / "model")
    again = HRM.from_pretrained(tmp_path / "model")
    assert again.config == model.config
    assert not again.training
    batch = small_batch(model)
    _, one = model(model.initial_carry(batch), batch, generator=seeded())
    _, two = again(again.initial_carry(batch), batch, generator=seeded())
    assert torch.equal(one.logits, two.logits)
    assert torch.equal(one.q_halt, two.q_halt)


def test_a_shared_stack_is_stored_once(tmp_path: Path):
    model = small_model("trm_attention")
    names = pretrained.state(model).keys()
    assert not any(name.startswith("H_level.") for name in names)
    model.save_pretrained(tmp_path)
    loaded = HRM.from_pretrained(tmp_path)
    assert loaded.H_level is loaded.L_level


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"hidden_size": 32}, r"weights do not fit the model: .*instead of"),
        ({"l_layers": 3}, r"weights do not fit the model: missing L_level\.layers\.2\."),
        ({"l_layers": 1}, r"weights do not fit the model: surplus L_level\.layers\.1\."),
        ({"h_cycles": 0}, r"model\.h_cycles=0: must be at least 1"),
        ({"tricks": 1}, r"model\.tricks=1: unknown key"),
    ],
)
def test_files_that_do_not_fit_each_other_are_refused(change: dict, message: str, tmp_path: Path):
    small_model("hrm").save_pretrained(tmp_path)
    path = tmp_path / pretrained.CONFIG
    config = json.loads(path.read_text())
    config["model"] |= change
    path.write_text(json.dumps(config))
    with pytest.raises(ValueError, match=message):
        HRM.from_pretrained(tmp_path)


def test_missing_files_are_named(tmp_path: Path):
    with pytest.raises(ValueError, match=r"config\.json: no such file"):
        HRM.from_pretrained(tmp_path)
    small_model("hrm").save_pretrained(tmp_path)
    (tmp_path / pretrained.WEIGHTS).unlink()
    with pytest.raises(ValueError, match=r"model\.safetensors: no such file"):
        HRM.from_pretrained(tmp_path)
