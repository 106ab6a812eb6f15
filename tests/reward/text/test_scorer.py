"""The step scorer over text: its scores, what it is worth on a set, and what it refuses."""

import numpy as np
import pytest
import torch

from hrm_net.nn.config import HRMConfig
from hrm_net.reward.aggregate import aggregate
from hrm_net.reward.formats.records import TextSolution
from hrm_net.reward.heads import HEADS
from hrm_net.reward.model import RewardModel
from hrm_net.reward.model_config import RewardModelConfig
from hrm_net.reward.scoring import to_scores
from hrm_net.reward.text import evaluation as text_evaluation
from hrm_net.reward.text.config import TEXT_VOCAB_SIZE
from hrm_net.reward.text.examples import TextExample, examples_of, step_examples
from hrm_net.reward.text.scorer import TextScorer

PROBLEMS = ["1 + 2?", "a longer question, of which the end is cut off"]
OUTPUTS = [[["3"], ["1 + 2", "= 4", "so 4"]], [["x = 1\ny = 2", "done"]]]


@pytest.fixture(scope="module")
def model():
    core = HRMConfig(
        vocab_size=TEXT_VOCAB_SIZE, seq_len=32, hidden_size=16, num_heads=2, h_layers=1, l_layers=1, mlp_multiple=16
    )
    made = RewardModel(
        RewardModelConfig(core=core, objectives=list(HEADS), inputs="text"), torch.Generator().manual_seed(0)
    ).eval()
    with torch.no_grad():  # heads start at 0, which says the same of everything
        for name, parameter in made.named_parameters():
            if "head" in name:
                parameter.normal_(0, 0.3, generator=torch.Generator().manual_seed(1))
    return made


@pytest.mark.parametrize("objective", HEADS)
def test_scores_nest_and_do_not_depend_on_company(model, objective):
    scores = TextScorer(model=model, objective=objective).score(PROBLEMS, OUTPUTS)
    assert [[len(steps) for steps in candidates] for candidates in scores] == [[1, 3], [2]]
    flat = [score for candidates in scores for steps in candidates for score in steps]
    assert all(0 < score < 1 for score in flat)
    assert len(set(flat)) == len(flat)
    alone = TextScorer(model=model, objective=objective, batch_size=1).score(PROBLEMS[:1], [OUTPUTS[0][1:]])
    np.testing.assert_allclose(alone[0][0], scores[0][1], rtol=1e-5)
    assert aggregate(scores, "min")[0][1] == min(scores[0][1])


def test_hier_weighs_single_and_merged_steps(model):
    fine, half, coarse = (
        TextScorer(model=model, objective="hier", fine_weight=weight).score(PROBLEMS, OUTPUTS)
        for weight in (1.0, 0.5, 0.0)
    )
    examples = step_examples(TextSolution(problem=PROBLEMS[0], steps=OUTPUTS[0][1]), coarse=True)
    rows = TextScorer(model=model, objective="hier").score_rows(examples_of(examples, [], 32))
    np.testing.assert_allclose(fine[0][1], rows[:3], rtol=1e-5)
    np.testing.assert_allclose(coarse[0][1], [rows[0], *rows[3:]], rtol=1e-5)
    np.testing.assert_allclose(half[0][1], (np.array(fine[0][1]) + coarse[0][1]) / 2, rtol=1e-5)


def test_cond_gives_the_chance_not_to_go_wrong():
    np.testing.assert_allclose(to_scores("cond", np.array([2.0])), 1 - to_scores("prm", np.array([2.0])))


def test_the_step_itself_and_the_steps_before_it_matter(model):
    scorer = TextScorer(model=model, objective="prm")
    ((first,), (other,), (same,)) = scorer.score(["p"] * 3, [[["a", "b"]], [["c", "b"]], [["a", "b", "d"]]])
    assert first[1] != other[1]
    np.testing.assert_allclose(first, same[:2], rtol=1e-5)


@pytest.mark.parametrize(
    ("settings", "told"),
    [
        ({"objective": "pair"}, "head=pair: must be one of orm"),
        ({"objective": "prm", "fine_weight": 0.5}, r"fine_weight=0\.5.*which has one score"),
        ({"objective": "hier", "fine_weight": 1.5}, r"fine_weight=1\.5: must lie"),
        ({"objective": "prm", "segments": 0}, "segments=0"),
        ({"objective": "prm", "stop": 0.0}, "stop=0"),
    ],
)
def test_settings_that_do_not_fit(model, settings, told):
    with pytest.raises(ValueError, match=told):
        TextScorer(model=model, **settings)


def test_problems_and_candidates_must_fit(model):
    scorer = TextScorer(model=model, objective="prm")
    for problems, outputs, told in (
        (["p"], [], "0 lists of candidates for 1"), (["p"], [[]], r"problem 0: candidates=\[\]"),
        (["p"], [[[]]], r"steps=\[\]"),
    ):  # fmt: skip
        with pytest.raises(ValueError, match=told):
            scorer.score(problems, outputs)


def test_a_scorer_of_puzzles_is_refused():
    core = HRMConfig(vocab_size=6, seq_len=4, hidden_size=16, num_heads=2, h_layers=1, l_layers=1)
    with pytest.raises(ValueError, match="scores puzzles, not texts"):
        TextScorer(model=RewardModel(RewardModelConfig(core=core, objectives=["prm"])), objective="prm")


def test_a_scorer_that_knows_is_judged_perfect():
    attempts = [
        TextSolution(problem="p", steps=["a", "b"], labels=[1.0, 1.0], outcome=True),
        TextSolution(problem="p", steps=["a", "c"], labels=[1.0, 0.0], outcome=False),
    ]
    single = [
        TextExample(problem="p", previous=(), current="s", label=label, span=span)
        for span in (1, 2) for label in (1.0, 0.0)
    ]  # fmt: skip
    held_out = examples_of(single, attempts, 8)
    knows = {
        "hier": np.where(held_out.label > 0.5, 0.9, 0.1),
        "prm": np.where(held_out.label > 0.5, 0.2, 0.7),
    }
    found = text_evaluation.head_metrics(held_out, knows, text_evaluation.thresholds(held_out, knows))
    for key in ("auroc_steps", "auroc_merged", "auroc_solutions", "first_error_f1", "first_error_auroc"):
        assert found["hier"][key] == 1.0
    assert found["prm"]["auroc_steps"] == 0.0
    assert found["prm"]["first_error_f1"] < 1
