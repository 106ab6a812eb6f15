"""Readers of text and files under random inputs: a right answer or one clear line, never anything else."""

import json
import string
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import puzzles
from hrm_net import schema
from hrm_net.checkpoints import checkpoint, pretrained
from hrm_net.data.puzzle_sets import PuzzleSet, read_csv
from hrm_net.recipes import compose, train_config
from hrm_net.recipes.config import TrainConfig, from_yaml
from hrm_net.trainer.tracking import read_metrics
from tests.examples import num_examples
from tests.trainer.victim import config

pytestmark = pytest.mark.slow

SUDOKU, SMALL = puzzles.get("sudoku"), puzzles.get("sudoku", box="2x2")
FUNCTION_SCOPED = [HealthCheck.function_scoped_fixture, HealthCheck.too_slow]


def many(number: int) -> settings:
    return settings(num_examples(number), suppress_health_check=FUNCTION_SCOPED)


def assert_one_line(error: BaseException, named: str = "") -> None:
    assert str(error)
    assert named in str(error)
    assert "\n" not in str(error)
    assert len(str(error)) < 2000


boards = st.one_of(
    st.text(max_size=120),
    st.text(alphabet=".0123456789", min_size=78, max_size=84),
    st.text(alphabet=".123456789 \n|-+_", min_size=60, max_size=160),
)


@pytest.mark.slow
@many(1500)
@given(text=boards)
def test_puzzle_text(text: str):
    try:
        tokens = SUDOKU.parse(text)
    except ValueError as error:
        assert_one_line(error)
        return
    assert tokens.shape == (81,)
    assert np.array_equal(SUDOKU.parse(SUDOKU.format(tokens)), tokens)


@pytest.mark.slow
@many(500)
@given(text=st.text(alphabet=".1234", min_size=15, max_size=17))
def test_solving_whatever_parses(text: str):
    try:
        answer = SMALL.solve(SMALL.parse(text)[None])
    except ValueError as error:
        assert_one_line(error)
        return
    assert SMALL.check(SMALL.parse(text)[None], answer).solved.all()


cells = st.one_of(st.text(max_size=20), st.text(alphabet=".1234", min_size=16, max_size=16))


@pytest.mark.slow
@many(300)
@given(
    header=st.lists(st.sampled_from(["question", "answer", "rating", "source", ""]), max_size=4),
    rows=st.lists(st.lists(cells, max_size=4), max_size=5),
    tail=st.binary(max_size=10),
)
def test_csv_files(tmp_path: Path, header: list[str], rows: list[list[str]], tail: bytes):
    path = tmp_path / "fuzz.csv"
    lines = [",".join(header), *(",".join(row) for row in rows)]
    path.write_bytes("\n".join(lines).encode("utf-8", "surrogatepass") + tail)
    try:
        found = read_csv(path, SMALL)
    except ValueError as error:
        assert_one_line(error, "fuzz.csv")
        return
    assert isinstance(found, PuzzleSet)
    assert SMALL.check(found.inputs, found.labels).solved.all()


plain = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(string.printable, max_size=8),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(string.ascii_letters, max_size=8), inner, max_size=3)
    ),
    max_leaves=6,
)
KEYS = schema.keys(TrainConfig)


@pytest.mark.slow
@many(500)
@given(key=st.sampled_from(KEYS) | st.text(string.ascii_lowercase + "._", min_size=1, max_size=20), value=plain)
def test_configuration_values(key: str, value: object):
    from dataclasses import asdict

    values = json.loads(json.dumps(asdict(config())))
    place, parts = values, key.split(".")
    for part in parts[:-1]:
        if not isinstance(place.get(part), dict):
            place[part] = {}
        place = place[part]
    place[parts[-1]] = value
    try:
        made = train_config(values)
    except ValueError as error:
        assert_one_line(error)
        return
    assert isinstance(made, TrainConfig)


@pytest.mark.slow
@many(500)
@given(text=st.text(string.printable, max_size=200) | plain.map(str))
def test_configuration_files(text: str):
    with pytest.raises(ValueError) as caught:  # noqa: PT011  none of these is a whole configuration
        from_yaml(text)
    assert_one_line(caught.value)


@pytest.fixture(scope="module")
def saved(tmp_path_factory: pytest.TempPathFactory) -> Path:
    import torch

    root = tmp_path_factory.mktemp("checkpoints")
    return checkpoint.save(root, 5, tensors={"w": torch.ones(3)}, state={"step": 5}, config="name: x\n")


@many(300)
@given(
    name=st.sampled_from(["manifest.json", "config.yaml", "training_state.pt", "model.safetensors"]),
    content=st.binary(max_size=300),
)
def test_checkpoint_files(saved: Path, name: str, content: bytes):
    good = (saved / name).read_bytes()
    (saved / name).write_bytes(content)
    try:
        with pytest.raises(checkpoint.CheckpointError) as caught:
            checkpoint.load(saved)
    finally:
        (saved / name).write_bytes(good)
    assert_one_line(caught.value)
    assert checkpoint.load(saved).step == 5


@many(300)
@given(
    config=st.binary(max_size=100) | plain.map(lambda value: json.dumps({"model": value}).encode()),
    weights=st.binary(max_size=50),
)
def test_pretrained_directories(tmp_path: Path, config: bytes, weights: bytes):
    from hrm_net.model import HRM

    (tmp_path / pretrained.CONFIG).write_bytes(config)
    (tmp_path / pretrained.WEIGHTS).write_bytes(weights)
    with pytest.raises(ValueError) as caught:  # noqa: PT011  none of these is a whole model
        HRM.from_pretrained(tmp_path)
    assert_one_line(caught.value)


@many(200)
@given(
    content=st.binary(max_size=100)
    | st.lists(plain.map(json.dumps), max_size=4).map(lambda rows: "\n".join(rows).encode())
)
def test_metrics_files(tmp_path: Path, content: bytes):
    (tmp_path / "metrics.jsonl").write_bytes(content)
    try:
        records = read_metrics(tmp_path)
    except ValueError as error:
        assert_one_line(error)
        return
    assert all(isinstance(record, dict) for record in records)


overrides = st.one_of(
    st.text(string.printable, max_size=40),
    st.builds("{}={}".format, st.sampled_from(KEYS), st.text(string.printable, max_size=20)),
    st.builds("{}{}={}".format, st.sampled_from(["+", "++", "~"]), st.sampled_from(KEYS), plain),
)


@pytest.mark.slow
@many(300)
@given(text=overrides)
def test_overrides_on_the_command_line(text: str):
    try:
        checked = compose.checked_overrides("train", [text], TrainConfig, sweep=False)
    except ValueError as error:
        assert_one_line(error)
        return
    assert len(checked) == 1


@pytest.mark.slow
@many(60)
@given(text=st.builds("{}={}".format, st.sampled_from(KEYS), plain.map(json.dumps)))
def test_overrides_composed_and_checked(text: str):
    try:
        (job,) = compose.compose_jobs("train", compose.checked_overrides("train", [text], TrainConfig, sweep=False))
        made = train_config(job[0])
    except ValueError as error:
        assert_one_line(error)
        return
    assert isinstance(made, TrainConfig)
