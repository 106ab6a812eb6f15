"""Published checkpoints: read by name and shape, written back, and the numbers that the official code gave."""

import json
import pickle
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from hrm_net.losses import segment_loss
from hrm_net.model import HRM
from hrm_net.reference import load_reference, save_reference
from tests.models import small_model

CASES = ["hrm_rope", "hrm_learned", "trm_attention", "trm_mixer"]
# Random weights multiply rounding with every update, and the official fp32 numbers lie this far from exact arithmetic
# themselves: the relative deviation of our fp64 run from them after one segment, rounded up.
ROUNDING = {"hrm_rope": 1e-5, "hrm_learned": 1.2e-5, "trm_attention": 1.2e-4, "trm_mixer": 0.25}


def deviation(ours: Tensor, theirs: Tensor) -> float:
    """Largest difference, relative to the largest number."""
    return ((ours.double() - theirs.double()).abs().max() / theirs.double().abs().max()).item()


def told(case: dict[str, Any]) -> dict[str, Any]:
    keys = {"num_heads": "num_heads", "h_cycles": "H_cycles", "l_cycles": "L_cycles", "max_segments": "halt_max_steps"}
    found = {ours: case[theirs] for ours, theirs in keys.items()}
    return found if case["pos_encodings"] != "rope" else found | {"seq_len": case["seq_len"]}


@pytest.fixture(params=CASES)
def parity(request: pytest.FixtureRequest, shared_data: Path) -> tuple[str, HRM, dict[str, Tensor]]:
    folder = shared_data / "parity"
    case = json.loads((folder / "cases.json").read_text())[request.param]
    model = load_reference(folder / f"{request.param}.checkpoint", exploration=0.0, **told(case))
    assert model.config.seq_len == case["seq_len"]
    return request.param, model, torch.load(folder / f"{request.param}.expected", weights_only=True)


def batch_of(expected: dict[str, Tensor]) -> dict[str, Tensor]:
    return {name.removeprefix("batch."): rows for name, rows in expected.items() if name.startswith("batch.")}


def test_first_segment_gives_the_official_numbers(parity: tuple[str, HRM, dict[str, Tensor]]):
    name, model, expected = parity
    batch = batch_of(expected)
    exact = load_reference_in_double(model)
    for one, factor in ((exact, 1.0), (model, 2.0)):
        with torch.no_grad():
            _, out = one(one.initial_carry(batch), batch)
        for key in ("logits", "q_halt", "q_continue"):
            assert deviation(getattr(out, key), expected[f"eval.segment1.{key}"]) < factor * ROUNDING[name], key


def load_reference_in_double(model: HRM) -> HRM:
    twin = HRM(model.config)
    twin.load_state_dict(model.state_dict())
    return twin.double().eval()


def test_first_training_step_gives_the_official_loss_and_gradients(parity: tuple[str, HRM, dict[str, Tensor]]):
    name, model, expected = parity
    batch = batch_of(expected)
    model.train()
    carry, out = model(model.initial_carry(batch), batch)
    loss = segment_loss(out, carry.labels, "stablemax")
    (loss.total / 4).backward()
    assert deviation(loss.total, expected["train.step1.loss_sum"]) < max(1e-5, 0.1 * ROUNDING[name])
    assert torch.equal(carry.halted, expected["train.step1.halted"])
    assert torch.equal(carry.steps, expected["train.step1.steps"])
    published = {
        "codec.embed_tokens": "embed_tokens",
        "codec.embed_pos": "embed_pos",
        "codec.lm_head.weight": "lm_head",
    }
    for ours, param in model.named_parameters():
        part = published.get(ours, ours)
        found = [g for key, g in expected.items() if key.startswith("train.step1.grad.") and part in key]
        assert len(found) == 1, ours
        assert param.grad is not None
        assert deviation(param.grad, found[0]) < max(2e-4, 4 * ROUNDING[name]), ours
    table: Any = model.puzzle_embedding
    rows = table.local_rows.grad
    assert deviation(rows, expected["train.step1.grad.puzzle_rows"]) < max(2e-4, 4 * ROUNDING[name])


@pytest.mark.parametrize("variant", ["hrm", "hrm_learned", "trm_attention", "trm_mixer"])
def test_round_trip_in_the_published_names(variant: str, tmp_path: Path):
    model = small_model(variant).eval()
    save_reference(model, tmp_path / "checkpoint")
    config = model.config
    again = load_reference(
        tmp_path / "checkpoint",
        **{key: getattr(config, key) for key in ("num_heads", "h_cycles", "l_cycles", "max_segments", "seq_len")},
        mlp_multiple=config.mlp_multiple,
        prefix_len=config.prefix_len,
    )
    assert again.config == config
    assert all(torch.equal(a, b) for a, b in zip(model.state_dict().values(), again.state_dict().values(), strict=True))


def published(tmp_path: Path) -> tuple[Path, dict[str, Any]]:
    save_reference(small_model("hrm"), tmp_path / "checkpoint")
    return tmp_path / "checkpoint", {"num_heads": 2, "h_cycles": 2, "l_cycles": 2, "max_segments": 4, "mlp_multiple": 8}


def test_what_nothing_tells_is_asked_for(tmp_path: Path):
    path, rest = published(tmp_path)
    with pytest.raises(ValueError, match="the weights do not tell seq_len: give"):
        load_reference(path, **rest)
    with pytest.raises(ValueError, match="do not tell num_heads, h_cycles, l_cycles, max_segments"):
        load_reference(path, seq_len=16)
    with pytest.raises(ValueError, match="HRMConfig has no such field"):
        load_reference(path, heads=2)


def test_a_neighbouring_config_tells(tmp_path: Path):
    path, rest = published(tmp_path)
    arch = {"num_heads": 2, "H_cycles": 3, "L_cycles": 1, "halt_max_steps": 5}
    (tmp_path / "all_config.yaml").write_text(json.dumps({"arch": arch}))
    config = load_reference(path, seq_len=16, mlp_multiple=rest["mlp_multiple"]).config
    assert (config.h_cycles, config.l_cycles, config.max_segments) == (3, 1, 5)


def test_the_puzzle_table_is_resized_only_when_asked(tmp_path: Path):
    model = small_model("hrm")
    assert model.puzzle_embedding is not None
    table: Any = model.puzzle_embedding.weight
    table.copy_(torch.arange(table.numel()).view_as(table))
    save_reference(model, tmp_path / "checkpoint")
    rest = {"num_heads": 2, "h_cycles": 2, "l_cycles": 2, "max_segments": 4, "mlp_multiple": 8, "seq_len": 16}
    assert load_reference(tmp_path / "checkpoint", **rest).config.num_puzzle_ids == 3
    larger: Any = load_reference(tmp_path / "checkpoint", **rest, num_puzzle_ids=5).puzzle_embedding
    assert torch.equal(larger.weight[:3], table)
    assert torch.equal(larger.weight[3:], table.mean(dim=0).expand(2, -1))


class Evil:
    def __reduce__(self):
        return print, ("executed",)


def test_code_in_a_pickle_is_refused_and_not_run(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    (tmp_path / "evil").write_bytes(pickle.dumps(Evil()))
    torch.save({"embed_tokens.embedding_weight": Evil()}, tmp_path / "worse")
    for name in ("evil", "worse"):
        with pytest.raises(ValueError, match="no weights that can be read safely") as caught:
            load_reference(tmp_path / name)
        assert "\n" not in str(caught.value)
    assert capsys.readouterr().out == ""
