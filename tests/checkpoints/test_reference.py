"""Published checkpoints: read by name, shape and a neighbour's word, written back, refused when they misfit."""

import json
from pathlib import Path
from typing import Any

import pytest
import safetensors.torch
import torch
from torch import Tensor

from hrm_net.checkpoints.reference import load_reference, save_reference
from hrm_net.model import HRM
from hrm_net.nn.config import HRMConfig
from tests.models import seeded, small_batch, small_model

HEAD = "_orig_mod.model.inner."
ASKED = ("num_heads", "h_cycles", "l_cycles", "max_segments", "seq_len")


def state(path: Path) -> dict[str, Tensor]:
    return torch.load(path, weights_only=True)


@pytest.mark.parametrize("variant", ["hrm", "hrm_learned", "trm_attention", "trm_mixer"])
def test_round_trip_in_the_published_names(variant: str, tmp_path: Path):
    model = small_model(variant).eval()
    save_reference(model, tmp_path / "checkpoint")
    config = model.config
    again = load_reference(
        tmp_path / "checkpoint",
        **{key: getattr(config, key) for key in ASKED},
        mlp_multiple=config.mlp_multiple,
        prefix_len=config.prefix_len,
    )
    assert again.config == config
    assert not again.training
    assert all(torch.equal(a, b) for a, b in zip(model.state_dict().values(), again.state_dict().values(), strict=True))


def published(tmp_path: Path) -> tuple[Path, dict[str, Any]]:
    save_reference(small_model("hrm"), tmp_path / "checkpoint")
    return tmp_path / "checkpoint", {"num_heads": 2, "h_cycles": 2, "l_cycles": 2, "max_segments": 4, "mlp_multiple": 8}


def test_what_nothing_tells_is_asked_for(tmp_path: Path):
    path, rest = published(tmp_path)
    with pytest.raises(ValueError, match="the weights do not determine seq_len: give"):
        load_reference(path, **rest)
    with pytest.raises(ValueError, match="do not determine num_heads, h_cycles, l_cycles, max_segments"):
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
    rest: dict[str, Any] = {
        "num_heads": 2,
        "h_cycles": 2,
        "l_cycles": 2,
        "max_segments": 4,
        "mlp_multiple": 8,
        "seq_len": 16,
    }
    assert load_reference(tmp_path / "checkpoint", **rest).config.num_puzzle_ids == 3
    larger: Any = load_reference(tmp_path / "checkpoint", **rest, num_puzzle_ids=5).puzzle_embedding
    assert torch.equal(larger.weight[:3], table)
    assert torch.equal(larger.weight[3:], table.mean(dim=0).expand(2, -1))


def block(level: str, layer: int, dim: int, width: int) -> dict[str, tuple[tuple[int, ...], torch.dtype]]:
    head, fp32 = f"{HEAD}{level}.layers.{layer}.", torch.float32
    return {
        head + "self_attn.qkv_proj.weight": ((3 * dim, dim), fp32),
        head + "self_attn.o_proj.weight": ((dim, dim), fp32),
        head + "mlp.gate_up_proj.weight": ((2 * width, dim), fp32),
        head + "mlp.down_proj.weight": ((dim, width), fp32),
    }


def test_a_published_hrm_goes_out_with_its_names_shapes_and_types(tmp_path: Path):
    model = HRM(HRMConfig(vocab_size=11, seq_len=81, num_puzzle_ids=1), seeded())
    for start in (model.H_init, model.L_init):
        start.copy_(start.bfloat16())  # as in every checkpoint of theirs
    save_reference(model, tmp_path / "checkpoint")
    fp32, bf16 = torch.float32, torch.bfloat16
    expected = {
        HEAD + "H_init": ((512,), bf16),
        HEAD + "L_init": ((512,), bf16),
        HEAD + "embed_tokens.embedding_weight": ((11, 512), fp32),
        HEAD + "lm_head.weight": ((11, 512), fp32),
        HEAD + "q_head.weight": ((2, 512), fp32),
        HEAD + "q_head.bias": ((2,), fp32),
        HEAD + "puzzle_emb.weights": ((1, 512), fp32),
    }
    for level in ("H_level", "L_level"):
        for layer in range(4):
            expected |= block(level, layer, 512, 1536)
    saved = state(tmp_path / "checkpoint")
    assert {name: (tuple(tensor.shape), tensor.dtype) for name, tensor in saved.items()} == expected
    again = load_reference(saved, num_heads=8, h_cycles=2, l_cycles=2, max_segments=16, seq_len=81)
    assert again.config == model.config


@pytest.mark.parametrize("name", ["hrm_rope", "hrm_learned", "trm_attention", "trm_mixer"])
def test_the_names_that_the_official_code_wrote_come_out_again(name: str, tmp_path: Path, shared_data: Path):
    path = shared_data / "parity" / f"{name}.checkpoint"
    model = load_reference(path, num_heads=2, h_cycles=2, l_cycles=2, max_segments=4, seq_len=36)
    save_reference(model, tmp_path / "checkpoint")
    theirs, ours = state(path), state(tmp_path / "checkpoint")
    assert ours.keys() == theirs.keys()
    assert all(torch.equal(ours[key].float(), theirs[key].float()) for key in theirs)


@pytest.mark.parametrize("prefix", ["", "model.", "_orig_mod.model.inner.", "model.inner."])
def test_any_prefix_file_format_and_float_type_reads_the_same(prefix: str, tmp_path: Path):
    path, rest = published(tmp_path)
    plain = {prefix + name.removeprefix(HEAD): tensor.bfloat16() for name, tensor in state(path).items()}
    torch.save(plain, tmp_path / "a")
    safetensors.torch.save_file(plain, tmp_path / "b.safetensors")
    safetensors.torch.save_file(plain, tmp_path / "c")
    for source in (plain, tmp_path / "a", tmp_path / "b.safetensors", tmp_path / "c"):
        loaded = load_reference(source, seq_len=16, **rest).state_dict()
        assert all(tensor.dtype == torch.float32 for tensor in loaded.values())
        assert torch.equal(loaded["H_level.layers.0.mlp.down_proj.weight"], plain[prefix + DOWN].float())


DOWN = "H_level.layers.0.mlp.down_proj.weight"


def trm(tmp_path: Path, **config: Any) -> Path:
    path = tmp_path / "trm"
    save_reference(small_model("trm_attention", prefix_len=16, num_puzzle_ids=2, **config), path)
    return path


def test_the_prefix_follows_from_family_or_shapes(tmp_path: Path):
    rest: dict[str, Any] = {"num_heads": 2, "h_cycles": 3, "l_cycles": 2, "max_segments": 4, "mlp_multiple": 8}
    rope = load_reference(trm(tmp_path), seq_len=16, **rest).config
    assert (rope.prefix_len, rope.stacks, rope.gradient, rope.halting) == (16, "shared", "last_cycle", "halt_only")
    learned = trm(tmp_path, positions="learned", seq_len=20)
    assert load_reference(learned, **rest).config.seq_len == 20
    # 36 rows of positions in all: 16 + 20, or as told
    assert load_reference(learned, seq_len=33, **rest).config.prefix_len == 3
    with pytest.raises(ValueError, match=r"embed_pos\.embedding_weight \(36, 16\) instead of \(21, 16\)"):
        load_reference(learned, seq_len=20, prefix_len=1, **rest)


def test_a_model_without_a_table_has_no_prefix(tmp_path: Path):
    path, rest = published(tmp_path)
    tensors = {name: tensor for name, tensor in state(path).items() if "puzzle_emb" not in name}
    assert load_reference(tensors, seq_len=16, **rest).config.prefix_len == 0


def test_all_config_tells_whatever_it_has(tmp_path: Path):
    path = trm(tmp_path)
    arch = {
        "name": "recursive_reasoning.trm@TinyRecursiveReasoningModel_ACTV1",
        "H_cycles": 3,
        "L_cycles": 6,
        "expansion": 4,
        "halt_exploration_prob": 0.2,
        "halt_max_steps": 8,
        "num_heads": 4,
        "pos_encodings": "none",
        "puzzle_emb_len": 7,
        "loss": {"loss_type": "stablemax_cross_entropy"},
    }
    (tmp_path / "all_config.yaml").write_text(json.dumps({"arch": arch, "data": {"seq_len": 25}, "lr": 1e-4}))
    config = load_reference(path, mlp_multiple=8, l_cycles=4).config
    told = (config.h_cycles, config.l_cycles, config.max_segments, config.num_heads, config.exploration)
    assert told == (3, 4, 8, 4, 0.2)
    assert (config.positions, config.prefix_len, config.seq_len) == ("none", 7, 25)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a: [", "is not YAML"),
        ("- 1", "does not hold a mapping"),
        ("arch: {num_heads: many}", 'num_heads="many": must be a whole number'),
        ("arch: {num_heads: 2, pos_encodings: fourier}", "pos_encodings=fourier: must be one of"),
    ],
)
def test_a_neighbour_that_talks_nonsense_is_named(text: str, message: str, tmp_path: Path):
    path, rest = published(tmp_path)
    (tmp_path / "all_config.yaml").write_text(text)
    with pytest.raises(ValueError, match=message) as caught:
        load_reference(path, seq_len=16, **{key: value for key, value in rest.items() if key != "num_heads"})
    assert "\n" not in str(caught.value)


def test_an_expansion_follows_from_the_widths():
    wide = HRM(HRMConfig(vocab_size=6, seq_len=9, hidden_size=64, num_heads=2, expansion=12.0, h_layers=1, l_layers=1))
    tensors = dict(wide.state_dict())
    rest: dict[str, Any] = {"num_heads": 2, "h_cycles": 2, "l_cycles": 2, "max_segments": 4, "seq_len": 9}
    again = load_reference(tensors, **rest)
    assert torch.equal(again.state_dict()["L_level.layers.0.mlp.down_proj.weight"], tensors[DOWN.replace("H", "L")])
    with pytest.raises(ValueError, match="weights do not fit"):
        load_reference(tensors, **rest, expansion=4.0)


def test_misfits_are_all_listed_under_their_published_names_in_at_most_ten_lines(tmp_path: Path):
    path, rest = published(tmp_path)
    good = state(path)
    bad = dict(good)
    del bad[HEAD + "q_head.bias"], bad[HEAD + "H_level.layers.0.self_attn.o_proj.weight"]
    bad["surplus.weight"] = torch.zeros(2)
    bad[HEAD + "lm_head.weight"] = torch.zeros(5, 16)
    with pytest.raises(ValueError, match="do not fit") as caught:
        load_reference(bad, seq_len=16, **rest)
    lines = str(caught.value).splitlines()
    for part in (
        "missing q_head.bias",
        "missing H_level.layers.0.self_attn.o_proj.weight",
        "surplus surplus.weight",
        "lm_head.weight (5, 16) instead of (6, 16)",
    ):
        assert sum(line.endswith(part) for line in lines) == 1, part
    assert len(lines) == 4
    for i in range(30):
        bad[f"surplus.{i}"] = torch.zeros(1)
    with pytest.raises(ValueError, match=r"and 25 more$") as caught:
        load_reference(bad, seq_len=16, **rest)
    assert len(str(caught.value).splitlines()) == 10
    with pytest.raises(ValueError, match=r"missing L_level.layers.0.mlp.down_proj.weight"):
        load_reference({k: v for k, v in good.items() if "L_level.layers.0.mlp.down" not in k}, seq_len=16, **rest)


@pytest.mark.parametrize(
    ("name", "tensor", "message"),
    [
        ("q_head.bias", torch.tensor([0.0, float("nan")]), "q_head.bias: has numbers that are not finite"),
        ("q_head.bias", torch.tensor([0.0, float("inf")]), "q_head.bias: has numbers that are not finite"),
        ("q_head.bias", torch.tensor([0, 1]), "q_head.bias: of type int64, must be floating-point"),
        ("embed_tokens.embedding_weight", torch.zeros(6), "neither an HRM nor a TRM"),
        ("L_level.layers.0.mlp.down_proj.weight", torch.zeros(3), r"down_proj.weight \(3,\) instead of"),
        ("puzzle_emb.weights", torch.zeros(3), r"puzzle_emb.weights \(3,\) instead of"),
        ("puzzle_emb.weights", torch.zeros(3, 8), r"puzzle_emb.weights \(3, 8\) instead of \(3, 16\)"),
    ],
)
def test_tensors_that_are_no_weights_are_named(name: str, tensor: Tensor, message: str, tmp_path: Path):
    path, rest = published(tmp_path)
    with pytest.raises(ValueError, match=message):
        load_reference(state(path) | {HEAD + name: tensor}, seq_len=16, **rest)


@pytest.mark.parametrize("source", [{}, {"a": 1}, {"model": {"a": torch.zeros(1)}}, {"a": torch.zeros(1)}])
def test_what_is_no_state_dict_is_refused(source: Any, tmp_path: Path):
    torch.save(source, tmp_path / "file")
    with pytest.raises(ValueError, match=r"state dict of tensors|no weights at all|neither an HRM nor a TRM"):
        load_reference(tmp_path / "file")


def test_the_same_weight_twice_is_refused(tmp_path: Path):
    path, rest = published(tmp_path)
    with pytest.raises(ValueError, match=r"q_head.bias: there twice"):
        load_reference(state(path) | {"q_head.bias": torch.zeros(2)}, seq_len=16, **rest)


@pytest.mark.parametrize("bad", ["missing", "directory", "text", "cut", "cut.safetensors"])
def test_files_that_are_none_are_refused_in_one_line(bad: str, tmp_path: Path):
    good, _ = published(tmp_path)
    path = tmp_path / bad
    if bad == "directory":
        path.mkdir()
    elif bad != "missing":
        path.write_bytes(b"hello" if bad == "text" else good.read_bytes()[:500])
    with pytest.raises(ValueError, match=bad) as caught:
        load_reference(path)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("variant", ["symbols", "rope_2d", "random_start"])
def test_what_was_never_published_is_not_written(variant: str, tmp_path: Path):
    with pytest.raises(ValueError, match="the published code has no such variant"):
        save_reference(small_model(variant), tmp_path / "checkpoint")
    assert not (tmp_path / "checkpoint").exists()


@pytest.mark.parametrize("head_dim", [24, 40])
@pytest.mark.parametrize("prefix_len", [1, 16])
def test_odd_heads_and_prefixes_survive_the_trip(head_dim: int, prefix_len: int, tmp_path: Path):
    model = small_model("trm_attention", hidden_size=2 * head_dim, prefix_len=prefix_len).eval()
    save_reference(model, tmp_path / "checkpoint")
    rest: dict[str, Any] = {key: getattr(model.config, key) for key in ASKED}
    again = load_reference(tmp_path / "checkpoint", **rest, prefix_len=prefix_len, mlp_multiple=8)
    batch = small_batch(model)
    with torch.no_grad():
        _, ours = model(model.initial_carry(batch), batch)
        _, theirs = again(again.initial_carry(batch), batch)
    assert torch.equal(ours.logits, theirs.logits)
