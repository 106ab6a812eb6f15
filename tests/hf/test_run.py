"""A scorer over a language model is trained, evaluated, ranks, and is loaded, by the commands."""

import json

import numpy as np
import pytest

from hrm_net import cli
from hrm_net.commands import rank as rank_command
from hrm_net.reward.formats import jsonl
from hrm_net.reward.text.scorer import TextScorer
from tests.hf.conftest import SMALL

pytestmark = pytest.mark.slow


def test_a_run_is_evaluated_and_ranks(here, capsys):
    results = json.loads((here / "runs" / "small" / "results.json").read_text())
    assert set(results["sets"]["test"]["heads"]) == {"orm", "prm", "pqm", "hier", "cond"}
    cli.evaluate(["run=runs/small", "output=again.json", "device=cpu", "precision=fp32"])
    assert json.loads((here / "again.json").read_text())["sets"] == results["sets"]
    jsonl.write("candidates.jsonl", [{"question": "q", "answer": "1", "candidates": ["no 5\nIt is 2", "yes\nIt is 1"]}])
    for run in ("runs/small", "runs/small/scorer"):
        rank_command.main(["--run", run, "--head", "prm", "--device", "cpu", "--precision", "fp32", "candidates.jsonl"])
        (row,) = jsonl.read("candidates.ranked.jsonl", dict).items
        scores = [one["step_scores"] for one in row["candidates"]]
        expected = TextScorer.from_pretrained(run, "prm").score(["q"], [[["no 5", "It is 2"], ["yes", "It is 1"]]])[0]
        np.testing.assert_allclose(sorted(scores), sorted(expected), atol=1e-4)
    assert "ranked by prm, prod" in capsys.readouterr().out


def test_a_scorer_is_loaded_with_its_language_model(here):
    one = TextScorer.from_pretrained("runs/small/scorer")
    assert one.backbone is not None
    assert (one.objective, one.separator, one.backbone.size) == ("cond", "\n\n", 16)
    assert one.score(["q"], [["a\n\nb"]]) == one.score(["q"], [[["a", "b"]]])
    with pytest.raises(ValueError, match="how=min: must be one of fine_weight"):
        TextScorer.from_pretrained("runs/small", how="min")


@pytest.mark.parametrize(
    ("override", "told"),
    [
        ("reward.text.backbone.path=./nowhere", "reward.text.backbone.path=./nowhere: transformers cannot load it"),
        ("reward.text.backbone.layer=9", "reward.text.backbone.layer=9: must be at least 0 and at most 3"),
        ("reward.text.backbone.dtype=int8", "reward.text.backbone.dtype=int8"),
    ],
)
def test_mistakes_are_told_before_any_work(here, capsys, override, told):
    with pytest.raises(SystemExit) as caught:
        cli.train([*SMALL, override, "name=never"])
    err = capsys.readouterr().err
    assert (caught.value.code, err.count("\n")) == (2, 1)
    assert told in err
    assert not (here / "runs" / "never").exists()
