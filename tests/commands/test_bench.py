"""`hrm-bench`, and the figures of the benchmarks against counting by hand."""

import math
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from hrm_net.commands import bench
from hrm_net.nn.config import HRMConfig
from hrm_net.reward.formats import jsonl
from hrm_net.reward.formats.prmbench import parse
from hrm_net.reward.formats.records import TextSolution
from hrm_net.reward.model import RewardModel
from hrm_net.reward.model_config import RewardModelConfig
from hrm_net.reward.text.benchmarks import BENCHMARKS, baseline_scores, step_threshold, without_questions_of


def step_row(i: int, errors: list[int], kind: str = "circular") -> dict:
    steps = [f"step {t} of {i}" + "!" * 40 * (t in errors) for t in (1, 2, 3)]
    return {
        "modified_question": f"q{i}", "modified_process": steps, "error_steps": errors, "classification": kind,
        "idx": f"{kind}_{i}",
    }  # fmt: skip


def process_row(i: int, label: int) -> dict:
    steps = [f"step {t}" + "!" * 40 * (t == label) for t in range(3)]
    return {
        "id": f"{i}", "generator": "g", "problem": f"q{i}", "steps": steps, "final_answer_correct": label < 0,
        "label": label,
    }  # fmt: skip


def prmscore(scores, labels, threshold: float) -> float:
    """The mean of both F1 by the definition."""
    found = []
    for right in (True, False):
        said = [(score >= threshold) == right for score in scores]
        true = [label == right for label in labels]
        hits = sum(a and b for a, b in zip(said, true, strict=True))
        if not sum(said) + sum(true):
            return math.nan
        found.append(2 * hits / (sum(said) + sum(true)))
    return sum(found) / 2


def test_the_published_figures_by_hand():
    rows = [parse(step_row(0, [2])), parse(step_row(1, [1, 3], "deception"))]
    scores = np.array([0.9, 0.2, 0.4, 0.1, 0.8, 0.7])
    found = BENCHMARKS["prmbench"].measure(scores, rows, 0.5)
    # right steps: 1 and 3 of the first, 2 of the second; accepted: 1 of the first, 2 and 3 of the second
    assert found["F1"] == pytest.approx(2 * 2 / (3 + 3))
    assert found["negative F1"] == pytest.approx(2 * 2 / (3 + 3))
    assert found["PRMScore"] == pytest.approx(2 / 3)
    assert found["circular"] == pytest.approx((2 / 3 + 2 / 3) / 2)
    assert found["deception"] == pytest.approx((2 / 3 + 2 / 3) / 2)
    lines = BENCHMARKS["prmbench"].predictions(scores, rows, 0.5)
    assert lines == [{"label": [2], "predicted": [2, 3]}, {"label": [1, 3], "predicted": [1]}]
    process = [BENCHMARKS["processbench"].parse(process_row(i, label)) for i, label in enumerate([1, -1, 0])]
    scores = np.array([0.9, 0.3, 0.9, 0.9, 0.6, 0.8, 0.9, 0.4, 0.1])
    found = BENCHMARKS["processbench"].measure(scores, process, 0.5)
    assert (found["error accuracy"], found["correct accuracy"]) == (0.5, 1.0)
    assert found["F1"] == pytest.approx(2 / 3)
    lines = BENCHMARKS["processbench"].predictions(scores, process, 0.5)
    assert [(one["label"], one["predicted"], one["correct"]) for one in lines] == [
        (1, 1, True), (-1, -1, True), (0, 1, False),
    ]  # fmt: skip


@given(st.lists(st.tuples(st.sampled_from([0.1, 0.3, 0.5, 0.7]), st.booleans()), min_size=1, max_size=8))
def test_the_tuned_threshold_is_the_best(drawn):
    scores, labels = np.array([score for score, _ in drawn]), [label for _, label in drawn]
    one = TextSolution(problem="p", steps=["s"] * len(drawn), labels=[float(label) for label in labels])
    threshold = step_threshold(scores, [one])
    tried = [prmscore(scores, labels, cut) for cut in (0.0, 0.2, 0.4, 0.6, 0.8)]
    best = max((value for value in tried if not math.isnan(value)), default=math.nan)
    found = prmscore(scores, labels, threshold)
    assert found == pytest.approx(best) or math.isnan(best) or math.isnan(found)


def test_baselines_see_what_they_are_named_after():
    fitted = [parse(step_row(i, [1 + i % 3])) for i in range(12)]
    told = [parse(step_row(i, [1])) for i in range(20, 22)]
    constant, length, position = (baseline_scores(name, fitted, told) for name in ("constant", "length", "position"))
    assert constant.tolist() == [pytest.approx(2 / 3)] * 6
    assert length[0] < 0.2 < 0.8 < length[1]  # errors are longer
    np.testing.assert_allclose(position[:3], position[3:])
    assert abs(position[0] - 2 / 3) < 0.1  # errors are at all places
    assert len(without_questions_of(fitted, [parse(step_row(3, []))])) == 11


def test_a_reworded_question_is_the_same_question():
    """PRMBench rewords some: what a threshold is fitted to must not share the question that both were made from."""
    reworded = parse(step_row(50, []) | {"question": "the original"})
    assert reworded.question == "the original"
    others = [parse(step_row(i, []) | {"question": "the original" if i == 2 else f"q{i}"}) for i in range(4)]
    assert [one.problem for one in without_questions_of(others, [reworded])] == ["q0", "q1", "q3"]
    assert len(without_questions_of([parse(step_row(50, []))], [reworded])) == 0


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> str:
    core = HRMConfig(vocab_size=257, seq_len=32, hidden_size=16, num_heads=2, h_layers=1, l_layers=1, mlp_multiple=16)
    model = RewardModel(
        RewardModelConfig(core=core, objectives=["prm"], inputs="text"), torch.Generator().manual_seed(0)
    )
    with torch.no_grad():
        model.heads["prm"].get_parameter("weight").normal_(0, 0.3, generator=torch.Generator().manual_seed(1))
    directory = tmp_path_factory.mktemp("scorer")
    model.save_pretrained(directory)
    return str(directory)


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    jsonl.write("steps.jsonl", [step_row(i, [1 + i % 3], ("circular", "deception")[i % 2]) for i in range(6)])
    jsonl.write("more_steps.jsonl", [step_row(i, [1 + i % 3]) for i in range(4, 12)])
    jsonl.write("process.jsonl", [process_row(i, i % 3 - 1) for i in range(6)])
    jsonl.write("more_process.jsonl", [process_row(i, i % 3 - 1) for i in range(6, 12)])
    rows = [{"question": f"{i}", "answer": "1", "candidates": ["It is 1", "No.\nIt is 2 now"]} for i in range(3)]
    jsonl.write("candidates.jsonl", rows)
    return tmp_path


def test_prmbench(here, run, capsys):
    bench.main(["prmbench", "steps.jsonl", "--tune", "more_steps.jsonl", "--run", run, "--device", "cpu"])
    out = capsys.readouterr().out
    assert "steps.scored.jsonl: 18 steps of 6 solutions, scored by prm" in out
    assert "thresholds from 18 steps of 6 other solutions" in out  # two of the eight share a question
    rows = {line.split()[-6]: line.split()[-5:] for line in out.splitlines()[-6:] if len(line.split()) >= 6}
    assert {"PRMScore", "AUROC", "circular", "deception"} <= rows.keys()
    assert float(rows["AUROC"][2]) == 1.0  # the length of a step says it all here
    assert float(rows["AUROC"][1]) == 0.5  # a constant says nothing
    lines = jsonl.read("steps.scored.jsonl", dict).items
    assert [len(line["scores"]) for line in lines] == [3] * 6
    assert lines[0]["label"] == [1]


def test_processbench(here, run, capsys):
    bench.main(["processbench", "process.jsonl", "--threshold", "0.5", "--run", run, "--output", "out.jsonl"])
    out = capsys.readouterr().out
    assert "out.jsonl: 18 steps of 6 solutions" in out
    assert "constant" not in out
    lines = jsonl.read("out.jsonl", dict).items
    assert all(line["correct"] == (line["label"] == line["predicted"]) for line in lines)
    right = [line["correct"] for line in lines if line["label"] >= 0]
    assert f"error accuracy  {np.mean(right):.3f}" in out
    bench.main(["processbench", "process.jsonl", "--tune", "more_process.jsonl", "--run", run])
    assert "length, position" in capsys.readouterr().out


def test_best_of_n(here, run, capsys):
    bench.main(["best-of-n", "candidates.jsonl", "--run", run, "--how", "min"])
    out = capsys.readouterr().out
    assert "6 candidates to 3 problems, scored by prm, min" in out
    rows = {line.rsplit(maxsplit=2)[0].strip(): line.split()[-2:] for line in out.splitlines()[2:]}
    assert rows["shortest"] == ["50.0", "100.0"]
    assert rows["oracle"] == ["50.0", "100.0"]
    assert rows["random"] == ["50.0", "50.0"]
    (row, *_) = jsonl.read("candidates.scored.jsonl", dict).items
    assert row["candidates"][0]["score"] == min(row["candidates"][0]["step_scores"])


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["prmbench", "steps.jsonl"], "needs --tune FILE or --threshold X"),
        (["prmbench", "steps.jsonl", "--tune", "steps.jsonl"], "--tune steps.jsonl: is measured"),
        (["prmbench", "process.jsonl", "--threshold", "0.5"], "process.jsonl:1: modified_process"),
        (["prmbench", "none.jsonl", "--threshold", "0.5"], "none.jsonl"),
        (["processbench", "process.jsonl", "--threshold", "1", "--how", "min"], "--how min: must be left out"),
        (["best-of-n", "candidates.jsonl", "--threshold", "1"], "--threshold: must be left out"),
        (["best-of-n", "candidates.jsonl", "--output", "candidates.jsonl"], "is a file that is read"),
    ],
)
def test_mistakes_are_told(here, run, capsys, arguments, told):
    with pytest.raises(SystemExit) as caught:
        bench.main([*arguments, "--run", run])
    err = capsys.readouterr().err
    assert (caught.value.code, err.count("\n")) == (2, 1)
    assert told in err
