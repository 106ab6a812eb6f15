"""`hrm-rank` on files that people have: what it reads, what it reports, and what it refuses in one line."""

import io
import json
import sys
from types import SimpleNamespace

import pytest
import torch

from hrm_net.commands import rank
from hrm_net.nn.config import HRMConfig
from hrm_net.reward.formats import jsonl
from hrm_net.reward.model import RewardModel
from hrm_net.reward.model_config import RewardModelConfig
from hrm_net.reward.text.config import TEXT_VOCAB_SIZE


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """The directory of an untrained scorer of texts."""
    core = HRMConfig(
        vocab_size=TEXT_VOCAB_SIZE, seq_len=32, hidden_size=16, num_heads=2, h_layers=1, l_layers=1, mlp_multiple=16
    )
    model = RewardModel(
        RewardModelConfig(core=core, objectives=["prm"], inputs="text"), torch.Generator().manual_seed(0)
    )
    directory = tmp_path_factory.mktemp("scorer")
    model.save_pretrained(directory)
    return str(directory)


def ranked(path, run, capsys):
    """The candidates of each line by their text, and what was printed."""
    rank.main([str(path), "--run", run, "--output", "ranked.jsonl", "--device", "cpu", "--precision", "fp32"])
    rows = jsonl.read("ranked.jsonl", dict).items
    return [{one["text"]: one["correct"] for one in row["candidates"]} for row in rows], capsys.readouterr()


def refused(arguments, capsys):
    with pytest.raises(SystemExit) as ended:
        rank.main(arguments)
    err = capsys.readouterr().err
    assert (ended.value.code, err.count("\n")) == (2, 1)
    return err


@pytest.mark.parametrize(
    ("name", "right"),
    [("good", [True, False]), ("minerva", [True, False]), ("markdown", [True, False, True]), ("minus", [False, True]),
     ("spaces", [True]), ("emptytext", [False, True]), ("ranked", [True])],
)  # fmt: skip
def test_files_from_the_field_are_judged_rightly(name, right, run, shared_data, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    path = shared_data / "field" / "rank" / f"{name}.jsonl"
    if not path.is_file():
        pytest.skip(f"{path} is not there")
    (found,), _ = ranked(path, run, capsys)
    texts = [row if isinstance(row, str) else row["text"] for row in json.loads(path.read_text())["candidates"]]
    assert [found[text] for text in texts] == right


def test_a_cut_emoji_is_reported_by_its_line_and_the_others_are_ranked(run, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    good = '{"problem": "Q2?", "answer": "7", "candidates": ["7"]}'
    (tmp_path / "some.jsonl").write_text(good.replace('["7"]', '["cut \\ud83d"]') + "\n" + good)
    found, told = ranked("some.jsonl", run, capsys)
    assert found == [{"7": True}]
    assert told.err.startswith("left out: some.jsonl:1: ")


def test_a_vote_of_one_is_the_share_of_right_answers(run, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    rows = [{"problem": "p", "answer": "7", "candidates": ["It is 7", *["It is 8"] * 4]}]
    jsonl.write("some.jsonl", rows)
    _, told = ranked("some.jsonl", run, capsys)
    table = {line.split()[0]: line.split()[1:] for line in told.out.splitlines()[-4:]}
    assert table["majority"][0] == table["random"][0] == "20.0"


def test_standard_input(run, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    data = b'\xef\xbb\xbf{"problem": "p", "answer": "7", "candidates": ["It is 7"]}\n'
    monkeypatch.setattr(sys, "stdin", SimpleNamespace(buffer=io.BytesIO(data)))
    assert ranked("-", run, capsys)[0] == [{"It is 7": True}]
    assert "--output: must be given" in refused(["-", "--run", run], capsys)
    latin = data.removeprefix(b"\xef\xbb\xbf").replace(b"It is", b"\xe9")
    monkeypatch.setattr(sys, "stdin", SimpleNamespace(buffer=io.BytesIO(latin)))
    told = refused(["-", "--run", run, "--output", "ranked.jsonl"], capsys)
    assert "standard input:1: is not UTF-8 text" in told


@pytest.mark.parametrize(
    ("name", "told"),
    [
        (
            "scorer_6x6",
            "its step scorer scores solutions of puzzles, not texts; hrm_net.reward.StepScorer.from_pretrained",
        ),
        ("sudoku_9x9", "holds a solver, not a step scorer; hrm-solve --run sudoku_9x9"),
    ],
)
def test_other_weights_are_refused_with_what_takes_them(name, told, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    jsonl.write("some.jsonl", [{"problem": "p", "candidates": ["7"]}])
    assert told in refused(["some.jsonl", "--run", name], capsys)
