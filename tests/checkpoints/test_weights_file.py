"""Files as people post them are read; other files say what they are; nothing in a file is ever run."""

import json
import pickle
import zipfile
from collections import OrderedDict
from pathlib import Path
from typing import Any

import pytest
import safetensors.torch
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from hrm_net import HRM, load_reference, save_reference
from hrm_net.checkpoints.weights_file import find_state_dict, read_weights_file
from tests.examples import num_examples
from tests.models import small_model

REST: dict[str, Any] = {
    "num_heads": 2,
    "h_cycles": 2,
    "l_cycles": 2,
    "max_segments": 4,
    "mlp_multiple": 8,
    "seq_len": 16,
}


@pytest.fixture(scope="module")
def published(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Tensor]:
    """The state dict of a small HRM by its published names, without a prefix."""
    path = tmp_path_factory.mktemp("published") / "checkpoint"
    save_reference(small_model("hrm"), path)
    return {name.removeprefix("_orig_mod.model.inner."): tensor for name, tensor in torch.load(path).items()}


def prefixed(state: dict[str, Tensor], prefix: str) -> dict[str, Tensor]:
    return {prefix + name: tensor for name, tensor in state.items()}


def averaged(state: dict[str, Tensor]) -> dict[str, Tensor]:
    """What a moving average has: parameters, not the initial states or the puzzle table, with other values."""
    kept = {name: tensor for name, tensor in state.items() if not name.endswith("_init") and "puzzle" not in name}
    return {name: tensor + 1 for name, tensor in kept.items()}


PLAIN = {
    "as it is": lambda s: s,
    "published": lambda s: prefixed(s, "_orig_mod.model.inner."),
    "distributed": lambda s: prefixed(s, "module."),
    "distributed and compiled": lambda s: prefixed(s, "module._orig_mod.model.inner."),
    "compiled and distributed": lambda s: prefixed(s, "_orig_mod.module.model.inner."),
    "state_dict": lambda s: {"state_dict": s, "epoch": 3},
    "model": lambda s: {"model": prefixed(s, "model.inner."), "optimizer": {"state": {0: s}}, "step": 7},
    "model_state_dict": lambda s: {"model_state_dict": OrderedDict(s), "optimizer_state_dict": {"L_level.x": s}},
    "two deep": lambda s: {"checkpoint": {"model": {"state_dict": prefixed(s, "module.")}}},
    "counters beside weights": lambda s: {**prefixed(s, "model."), "step": torch.tensor(3), "note": "hello"},
    "lightning": lambda s: {
        "state_dict": prefixed(s, "model.inner."), "epoch": 1, "global_step": 2, "pytorch-lightning_version": "2.5",
        "loops": {"fit_loop": {"state_dict": {}}}, "callbacks": {"ModelCheckpoint": {"best": torch.tensor(1.0)}},
        "optimizer_states": [{"state": {0: {"exp_avg": torch.zeros(2)}}}], "hyper_parameters": {"lr": 1e-4},
    },
    "lightning with objects": lambda s: {
        "state_dict": prefixed(s, "model."), "hyper_parameters": {"data": Path("x"), "set": {1, 2}, "odd": Odd(1)},
    },
}  # fmt: skip
AVERAGED = {
    "beside, by key": lambda s, a: {"model": s, "ema": a},
    "beside, by prefix": lambda s, a: {
        "state_dict": prefixed(s, "model.") | prefixed(a | {"n_averaged": torch.tensor(9)}, "ema_model.module.")
    },
    "shadow": lambda s, a: {"model": s, "ema": {"shadow": a, "mu": 0.999}},
    "first": lambda s, a: {"ema_state_dict": prefixed(a, "module."), "state_dict": prefixed(s, "module.")},
    "online and average": lambda s, a: prefixed(s, "online_model.") | prefixed(a, "ema_model.") | {
        "initted": torch.tensor(True), "step": torch.tensor(3)
    },
}  # fmt: skip


class Odd:
    def __init__(self, number: int) -> None:
        self.number = number


def same(model: HRM, state: dict[str, Tensor]) -> bool:
    wanted = load_reference(state, **REST).state_dict()
    return all(torch.equal(wanted[name], tensor) for name, tensor in model.state_dict().items())


@pytest.mark.parametrize("legacy", [False, True], ids=["zip", "legacy"])
@pytest.mark.parametrize("form", PLAIN)
def test_every_form_that_people_post_is_read(form: str, legacy: bool, published: dict[str, Tensor], tmp_path: Path):
    path = tmp_path / "file.ckpt"
    torch.save(PLAIN[form](published), path, _use_new_zipfile_serialization=not legacy)
    assert same(load_reference(path, **REST), published)


@pytest.mark.parametrize("form", AVERAGED)
def test_an_average_takes_the_place_of_the_weights_it_averages(form: str, published: dict[str, Tensor], tmp_path: Path):
    average, path = averaged(published), tmp_path / "file.pt"
    torch.save(AVERAGED[form](published, average), path)
    assert same(load_reference(path, **REST), published | average)


def test_a_safetensors_file_may_have_any_name(published: dict[str, Tensor], tmp_path: Path):
    for name in ("model.safetensors", "weights.bin"):
        safetensors.torch.save_file(prefixed(published, "model."), tmp_path / name)
        assert same(load_reference(tmp_path / name, **REST), published)


OTHER: dict[str, tuple[bytes, str]] = {
    "empty": (b"", "is an empty file"),
    "pointer": (b"version https://git-lfs.github.com/spec/v1\noid sha256:f4b3\nsize 109\n", "git lfs pull"),
    "page": (b"<!DOCTYPE html><html>404</html>", "is a web page, not weights; download the file itself"),
    "page with a mark": (b"\xef\xbb\xbf\n <HTML><body>", "is a web page"),
    "error as xml": (b"<?xml version='1.0'?><Error/>", "is a web page"),
    "text": (b"Repository not found\n", "is a text file, not weights; it begins with 'Repository not found"),
    "json": (b'{"error": "gated"}', "is a text file"),
    "gzip": (b"\x1f\x8b\x08\x00rest", "is a gzip archive; unpack it first"),
    "zip garbage": (b"PK\x03\x04" + bytes(range(256)), "is not a whole PyTorch file"),
    "noise": (bytes(range(255, 0, -1)) * 4, "is not a whole PyTorch file"),
}


@pytest.mark.parametrize("kind", OTHER)
@pytest.mark.parametrize("name", ["file.pt", "model.safetensors"])
def test_what_the_file_is_and_how_to_get_the_right_one(kind: str, name: str, tmp_path: Path):
    content, message = OTHER[kind]
    (tmp_path / name).write_bytes(content)
    if name == "model.safetensors" and "PyTorch" in message:
        message = "is not a whole safetensors file"
    with pytest.raises(ValueError, match=name) as caught:
        load_reference(tmp_path / name)
    assert_one_plain_line(str(caught.value))
    assert message in str(caught.value)


def test_a_pretrained_directory_with_a_pointer_says_so(tmp_path: Path):
    small_model().save_pretrained(tmp_path)
    (tmp_path / "model.safetensors").write_bytes(OTHER["pointer"][0])
    with pytest.raises(ValueError, match=r"model\.safetensors: is a Git LFS pointer"):
        HRM.from_pretrained(tmp_path)


def assert_one_plain_line(text: str) -> None:
    assert text.isprintable()
    assert "weights_only" not in text


def test_an_archive_of_files_is_named(tmp_path: Path):
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        archive.writestr("checkpoint.pt", b"x")
    with pytest.raises(ValueError, match=r"is a zip archive with 1 files, not a checkpoint; unpack it first"):
        read_weights_file(tmp_path / "a.zip")


def test_a_pickled_module_and_a_program_are_named(tmp_path: Path):
    for legacy in (True, False):
        torch.save(small_model(), tmp_path / "module.pt", _use_new_zipfile_serialization=not legacy)
        with pytest.raises(
            ValueError, match=r"holds a whole Python object \(hrm_net\.model\.HRM\), not weights"
        ) as caught:
            load_reference(tmp_path / "module.pt")
        assert_one_plain_line(str(caught.value))
    with pytest.warns(DeprecationWarning, match="torch.jit"):
        torch.jit.save(torch.jit.script(torch.nn.Linear(2, 2)), tmp_path / "program.pt")
    with pytest.raises(ValueError, match="is a TorchScript program"):
        load_reference(tmp_path / "program.pt")


class Evil:
    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self):
        return Path.touch, (self.path,)


def test_code_in_a_pickle_is_not_run(tmp_path: Path, published: dict[str, Tensor]):
    evil = Evil(tmp_path / "ran")
    (tmp_path / "plain").write_bytes(pickle.dumps(evil))
    torch.save({"embed_tokens.embedding_weight": evil}, tmp_path / "inside")
    torch.save({"embed_tokens.embedding_weight": evil}, tmp_path / "legacy", _use_new_zipfile_serialization=False)
    torch.save(evil, tmp_path / "alone")
    for name in ("plain", "inside", "legacy", "alone"):
        with pytest.raises(ValueError, match=name) as caught:
            load_reference(tmp_path / name)
        assert_one_plain_line(str(caught.value))
    torch.save({"state_dict": published, "callbacks": evil, evil: [evil, {evil}]}, tmp_path / "beside")
    assert same(load_reference(tmp_path / "beside", **REST), published)
    assert not (tmp_path / "ran").exists()
    pickle.loads((tmp_path / "plain").read_bytes())
    assert (tmp_path / "ran").exists()  # it would have


@num_examples(60)
@given(data=st.data(), legacy=st.booleans())
def test_a_damaged_file_is_refused_in_one_line_or_read(data: st.DataObject, legacy: bool, tmp_path_factory: Any):
    state = {f"L_level.layers.{i}.mlp.down_proj.weight": torch.arange(6.0).view(2, 3) for i in range(3)}
    path = tmp_path_factory.mktemp("damaged") / "file"
    torch.save({"model": state, "step": 3}, path, _use_new_zipfile_serialization=not legacy)
    content = bytearray(path.read_bytes())
    if data.draw(st.booleans()):
        content = content[: data.draw(st.integers(0, len(content)))]
    for _ in range(data.draw(st.integers(0, 3))):
        if content:
            content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    path.write_bytes(content)
    try:
        find_state_dict(read_weights_file(path))
    except ValueError as error:
        assert_one_plain_line(str(error))


def test_keys_are_told_where_there_are_no_weights(tmp_path: Path):
    torch.save({"epoch": 3, "args": {"lr": 1.0}, "net\n\x1b[31m": [1]}, tmp_path / "file")
    with pytest.raises(ValueError, match=r"neither an HRM nor a TRM: .* its keys are 'epoch', 'args', 'net") as caught:
        load_reference(tmp_path / "file")
    assert_one_plain_line(str(caught.value))


def test_the_field_samples(shared_data: Path):
    folder = shared_data / "field" / "ckpt"
    if not folder.is_dir():
        pytest.skip("no samples from the field")
    for name, message in (("html.pt", "is a web page"), ("lfs.pt", "is a Git LFS pointer")):
        with pytest.raises(ValueError, match=message):
            load_reference(folder / name)
    for name in ("base.pt", "ddp.pt"):
        state = find_state_dict(read_weights_file(folder / name))
        assert state is not None
        assert any(name.startswith("L_level.") for name in state)
    assert json.dumps(sorted(state)) == json.dumps(sorted(find_state_dict(read_weights_file(folder / "base.pt")) or {}))
