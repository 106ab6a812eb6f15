"""`TextJudge`: symmetric to the last bit over bytes and over states, and strict about what it is given."""

import copy
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pytest
import torch

from hrm_net.nn.config import HRMConfig
from hrm_net.reward import TextJudge, TextScorer
from hrm_net.reward.inputs import CURRENT, OPPONENT
from hrm_net.reward.model import RewardModel
from hrm_net.reward.model_config import RewardModelConfig
from hrm_net.reward.pair import PairJudge, tournament
from hrm_net.reward.text.backbone import Backbone
from hrm_net.reward.text.config import TEXT_VOCAB_SIZE, BackboneConfig
from hrm_net.reward.text.games import Candidate, StateReader
from puzzles.sudoku.domain import Sudoku
from tests.language_models import save_llama
from tests.models import seeded
from tests.reward.rewarding import refusal

pytestmark = pytest.mark.filterwarnings("ignore:.*:DeprecationWarning")
PROBLEMS = [f"What is {i} + 2?" for i in range(12)]
FIRST: list[Any] = [f"{i} + 2 = {i + 2}\n\nIt is {i + 2}." for i in range(12)]
SECOND: list[Any] = [["I guess.", f"It is {i * 3}."] for i in range(12)]


def small_model(inputs: Literal["text", "states"], length: int = 32, size: int = 0) -> RewardModel:
    """A judge whose heads say something from the start."""
    core = HRMConfig(
        vocab_size=TEXT_VOCAB_SIZE, seq_len=length, hidden_size=16, num_heads=2, h_layers=1, l_layers=1, mlp_multiple=16
    )
    config = RewardModelConfig(core=core, objectives=["pair"], inputs=inputs, segments=3, state_size=size)
    model = RewardModel(config, seeded()).eval()
    with torch.no_grad():
        for name, param in model.named_parameters():
            if "head" in name and name.endswith("weight"):
                param.normal_(generator=seeded(3))
    return model


@pytest.fixture(scope="module")
def backbone(tmp_path_factory: pytest.TempPathFactory) -> Backbone:
    return Backbone.load(BackboneConfig(path=save_llama(tmp_path_factory.mktemp("llama"))))


@pytest.fixture(params=["text", "states"])
def judge(request: pytest.FixtureRequest, backbone: Backbone) -> TextJudge:
    if request.param == "text":
        return TextJudge(small_model("text", length=80), batch_size=5)
    return TextJudge(small_model("states", size=backbone.size), backbone, batch_size=5)


def test_both_orders_together_make_exactly_one(judge: TextJudge) -> None:
    one, other = judge.compare(PROBLEMS, FIRST, SECOND), judge.compare(PROBLEMS, SECOND, FIRST)
    assert (one.probability + other.probability == 1.0).all()
    np.testing.assert_array_equal(one.segments, other.segments)
    both = judge.compare([*PROBLEMS, *PROBLEMS], [*FIRST, *SECOND], [*SECOND, *FIRST])
    assert (both.probability[:12] + both.probability[12:] == 1.0).all()
    assert len(set(one.probability.round(6).tolist())) == 12
    assert (one.segments == 3).all()


def test_equal_candidates_are_not_played(judge: TextJudge) -> None:
    found = judge.compare(["q"], ["a\n\nb"], [["a", "b"]])
    assert (found.probability.tolist(), found.segments.tolist()) == ([0.5], [0])
    empty = judge.compare([], [], [])
    assert empty.probability.shape == (0,)


def test_games_stop_where_the_halting_head_is_sure(judge: TextJudge) -> None:
    backbone = copy.deepcopy(judge.backbone)
    if backbone is not None:  # in fp32, what is computed beside a text can change the last bit of its states, in fp16
        backbone.model.double()
    judge = TextJudge(judge.model, backbone, batch_size=5)
    thoughts = [judge.think(*game) for game in zip(PROBLEMS, FIRST, SECOND, strict=True)]
    halting = np.array([one.halting for one in thoughts])
    assert halting.shape == (12, 3)
    eager = TextJudge(judge.model, backbone, stop=float(np.median(halting)), batch_size=5)
    found = eager.compare(PROBLEMS, FIRST, SECOND)
    assert len(set(found.segments.tolist())) > 1
    for thought, segments, probability in zip(thoughts, found.segments, found.probability, strict=True):
        assert thought.probability[segments - 1] == pytest.approx(probability, abs=1e-5)


def test_the_opponent_counts(judge: TextJudge) -> None:
    """Not a difference of two scores: d(a, b) + d(b, c) is not d(a, c)."""
    a, b, c = "It is 3.", "Let us see. It is 4.", "No, 5!"
    p = judge.compare(["q"] * 3, [a, b, a], [b, c, c]).probability
    d = np.log(p / (1 - p))
    assert abs(d[0] + d[1] - d[2]) > 1e-3


def test_rows_hold_the_ends_of_both(backbone: Backbone) -> None:
    texts = [Candidate(problem="q", steps=("a",)), Candidate(problem="q", steps=("so", "long enough to be cut"))]
    columns = StateReader(backbone, 32).read(texts).columns(np.array([0, 1]), np.array([1, 0]))
    ids = [backbone.encode(one.problem, one.steps)[0] for one in texts]
    num = len(ids[0])
    assert len(ids[1]) > 16 > num
    assert columns["part"][0].tolist() == [OPPONENT] * 16 + [0] * (16 - num) + [CURRENT] * num
    assert columns["part"][1].tolist() == [0] * (16 - num) + [OPPONENT] * num + [CURRENT] * 16
    (states,) = [found for one, found in backbone.last_states(ids, 16) if one == ids[1]]
    np.testing.assert_array_equal(columns["states"][0, :16], columns["states"][1, 16:])
    np.testing.assert_allclose(columns["states"][0, :16], states, atol=4e-3)


def test_a_tournament_ranks_texts(judge: TextJudge) -> None:
    candidates: list[Any] = ["It is 3.", "It is 4.\n\nSurely.", ["It is 5."], "It is 3."]
    for kind, games in (("knockout", 2), ("round_robin", 3)):
        found = tournament(judge, "q", candidates, kind=kind)
        assert sorted(found.order) == [0, 1, 2, 3]
        assert found.games == games
        assert found.scores[0] == found.scores[3]
    best, worst = candidates[found.order[0]], candidates[found.order[-1]]
    assert judge.compare(["q"], [best], [worst]).probability[0] > 0.5
    assert "no symmetries to vote over" in refusal(lambda: tournament(judge, "q", candidates, votes=3))


@pytest.mark.parametrize(
    ("games", "told"),
    [
        ((["q"], ["a"], []), "1 problems, 1 first, 0 second: must be equally many"),
        (("q", ["a"], ["b"]), "problems: is of type str: must be a list of texts"),
        (([3], ["a"], ["b"]), "problems[0]: is of type int: must be a text"),
        ((["q"], [3], ["b"]), "first[0]: is of type int: must be a text or a list of steps"),
        ((["q"], ["a"], [["b", 3]]), "second[0]: is of type list: must be a text or a list of steps"),
        ((["q"], ["a"], [" \n\n "]), "second[0]: has no step: must hold at least one"),
    ],
)
def test_mistakes_are_told_by_their_place(judge: TextJudge, games: tuple, told: str) -> None:
    assert told in refusal(lambda: judge.compare(*games))


def test_a_candidate_that_is_too_long_is_named(backbone: Backbone) -> None:
    judge = TextJudge(small_model("states", size=backbone.size), backbone)
    said = refusal(lambda: judge.compare(["q"] * 2, ["a", "b" * 600], ["c", "d"]))
    assert "first[1]: question 'q' with 1 steps has" in said
    assert "must be at most 512" in said


def test_a_judge_is_saved_and_loaded(judge: TextJudge, tmp_path: Path) -> None:
    judge = TextJudge(judge.model, judge.backbone, stop=0.9, segments=2)
    judge.save_pretrained(tmp_path / "judge")
    again = TextJudge.from_pretrained(tmp_path)
    assert (again.stop, again.segments) == (0.9, 2)
    np.testing.assert_allclose(
        again.compare(PROBLEMS, FIRST, SECOND).probability,
        judge.compare(PROBLEMS, FIRST, SECOND).probability,
        atol=1e-6,
    )
    assert "TextJudge.from_pretrained(" in (tmp_path / "judge" / "README.md").read_text()
    assert TextJudge.from_pretrained(tmp_path / "judge", stop=None).stop is None
    assert "hrm_net.reward.TextJudge" in refusal(lambda: PairJudge.from_pretrained(tmp_path / "judge"))
    assert "hrm_net.reward.TextJudge" in refusal(lambda: PairJudge(judge.model, Sudoku("2x2")))
    assert "hrm_net.reward.TextJudge" in refusal(
        lambda: TextScorer(model=judge.model, objective="pair", backbone=judge.backbone)
    )


def test_a_judge_needs_its_model_and_its_settings(backbone: Backbone) -> None:
    model = small_model("states", size=backbone.size)
    assert "needs a language model" in refusal(lambda: TextJudge(model))
    assert "segments=0: must be a whole number" in refusal(lambda: TextJudge(model, backbone, segments=0))
    assert "stop=2.0: must be a probability" in refusal(lambda: TextJudge(model, backbone, stop=2.0))
    assert "must be even, half for each" in refusal(lambda: small_model("states", length=31, size=4))
    grids = RewardModel(RewardModelConfig(core=model.config.core, objectives=["prm"], inputs="text"), seeded())
    assert "must be pair over text or states" in refusal(lambda: TextJudge(grids))
