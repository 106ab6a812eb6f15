"""Hidden states of a language model as what a text scorer reads."""

from functools import wraps
from pathlib import Path

import numpy as np
import pytest
import torch

from hrm_net.nn.config import HRMConfig
from hrm_net.reward.formats.records import TextSolution
from hrm_net.reward.heads import HEADS
from hrm_net.reward.inputs import CURRENT
from hrm_net.reward.model import RewardModel
from hrm_net.reward.model_config import RewardModelConfig
from hrm_net.reward.text.backbone import Backbone, hidden_states
from hrm_net.reward.text.config import BackboneConfig
from hrm_net.reward.text.examples import step_examples
from hrm_net.reward.text.scorer import TextScorer
from hrm_net.reward.text.state_windows import StateRows
from puzzles.steps.rows import COARSE
from tests.language_models import save_llama

pytestmark = pytest.mark.filterwarnings("ignore:.*:DeprecationWarning")
STEPS = ["a = 1", "so b = 2", "and it is 3, which is long enough to fill more than a window"]
LENGTH = 24


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> str:
    return save_llama(tmp_path_factory.mktemp("llama"))


@pytest.fixture
def backbone(path: str) -> Backbone:
    return Backbone.load(BackboneConfig(path=path))


def scorer(backbone: Backbone, objective: str = "prm", **settings) -> TextScorer:
    core = HRMConfig(
        vocab_size=257, seq_len=LENGTH, hidden_size=16, num_heads=2, h_layers=1, l_layers=1, mlp_multiple=16
    )
    config = RewardModelConfig(core=core, objectives=list(HEADS), inputs="states", state_size=backbone.size)
    model = RewardModel(config, torch.Generator().manual_seed(0)).eval()
    with torch.no_grad():
        for head in model.heads.values():
            head.get_parameter("weight").normal_(0, 0.5, generator=torch.Generator().manual_seed(1))
    return TextScorer(model=model, objective=objective, backbone=backbone, **settings)


def test_rows_hold_the_last_states_of_each_step(backbone: Backbone, path: str) -> None:
    from transformers import AutoModel

    rows = StateRows(backbone, LENGTH).inputs(step_examples(TextSolution(problem="Q?", steps=STEPS), coarse=True))
    ids, starts = backbone.encode("Q?", STEPS)
    assert backbone.layer == 2  # two thirds of three
    whole = AutoModel.from_pretrained(path)
    states = hidden_states(whole, 2, input_ids=torch.tensor([ids]))[0].detach().numpy()
    ends = [*starts[1:], len(ids)]
    firsts = [*starts, *starts[:2]]
    for i, (first, end) in enumerate(zip(firsts, [*ends, *ends[1:]], strict=True)):
        num = min(end - first, LENGTH)
        assert rows["part"][i].tolist() == [0] * (LENGTH - num) + [CURRENT] * num
        np.testing.assert_allclose(rows["states"][i, LENGTH - num :], states[end - num : end], atol=4e-3)
        assert (rows["states"][i, : LENGTH - num] == 0).all()
    assert (rows["span"][3:] == COARSE).all()


@pytest.mark.parametrize("objective", HEADS)
def test_later_text_changes_no_score(backbone: Backbone, objective: str) -> None:
    weight = 0.5 if HEADS[objective].scores_pairs else 1.0
    whole = scorer(backbone, objective, fine_weight=weight)
    ((full, other),) = whole.score(["Q?"], [[STEPS, [*STEPS[:2], "another end"]]])
    ((alone,),) = whole.score(["Q?"], [[STEPS[:2]]])
    np.testing.assert_allclose(full[:2], alone, atol=2e-3)
    np.testing.assert_allclose(other[:2], alone, atol=2e-3)
    assert abs(full[2] - other[2]) > 1e-2
    assert len({round(score, 3) for score in full}) == 3


def test_a_text_is_split_at_the_separator(backbone: Backbone) -> None:
    one = scorer(backbone)
    assert one.score(["Q?"], [["\n\n".join(STEPS)]]) == one.score(["Q?"], [[STEPS]])
    with pytest.raises(ValueError, match=r"outputs\[0\] is a text: must be a list of candidates"):
        one.score(["Q?"], ["a text"])


def test_one_pass_computes_each_token_once(backbone: Backbone, monkeypatch: pytest.MonkeyPatch) -> None:
    passes = []
    forward = backbone.model.forward

    @wraps(forward)
    def counted(*args, **inputs):
        passes.append(inputs["input_ids"].shape[1])
        return forward(*args, **inputs)

    monkeypatch.setattr(backbone.model, "forward", counted)
    scorer(backbone).score(["Q?"], [[STEPS]])
    assert passes == [len(backbone.encode("Q?", STEPS)[0])]
    passes.clear()
    scorer(backbone).score(["Q?"], [[STEPS, [*STEPS[:2], "x"]]])  # shares all but the last step
    assert len(passes) == 2
    assert sum(passes) == len(backbone.encode("Q?", STEPS)[0]) + len("x\n\n")


def test_known_states_are_read_from_the_disk(backbone: Backbone, tmp_path: Path, monkeypatch) -> None:
    examples = step_examples(TextSolution(problem="Q?", steps=STEPS), coarse=False)
    first = StateRows(backbone, LENGTH, tmp_path).inputs(examples)
    assert len(list(tmp_path.rglob("*.npy"))) == 3
    monkeypatch.setattr(
        backbone, "last_states", lambda missing, length: [(ids, pytest.fail("computed again")) for ids in missing]
    )
    again = StateRows(backbone, LENGTH, tmp_path).inputs(examples)
    np.testing.assert_array_equal(first["states"], again["states"])


def test_other_weights_have_other_states(path: str, tmp_path: Path) -> None:
    digest = Backbone.load(BackboneConfig(path=path)).digest()
    assert digest == Backbone.load(BackboneConfig(path=path)).digest()
    assert digest != Backbone.load(BackboneConfig(path=path, layer=1)).digest()
    changed = Backbone.load(BackboneConfig(path=path))
    with torch.no_grad():
        next(changed.model.parameters()).add_(1)
    assert changed.digest() != digest


def test_a_model_that_is_not_causal_is_refused() -> None:
    from transformers import BertConfig, BertModel

    config = BertConfig(
        vocab_size=99,
        hidden_size=16,
        num_hidden_layers=2,
        num_attention_heads=2,
        intermediate_size=16,
        initializer_range=1.0,
    )
    with pytest.raises(ValueError, match="is not causal"):
        Backbone(BertModel(config).eval(), tokenizer=None)


@pytest.mark.parametrize(
    ("values", "told"),
    [
        ({"path": "nowhere/at all"}, r"reward\.text\.backbone\.path=nowhere/at all: transformers cannot load it"),
        ({"layer": 4}, r"reward\.text\.backbone\.layer=4: must be at least 0 and at most 3"),
        ({"max_length": 513}, r"max_length=513: must be at most 512"),
        ({"gguf_file": "a.gguf"}, r"gguf_file=a\.gguf: no such file"),
    ],
)
def test_mistakes_are_told(path: str, values: dict, told: str) -> None:
    with pytest.raises(ValueError, match=told):
        Backbone.load(BackboneConfig(**{"path": path, **values}))


def test_values_without_a_model_are_refused() -> None:
    with pytest.raises(ValueError, match=r"reward\.text\.backbone\.layer=1: must be null without"):
        BackboneConfig(layer=1)


def test_a_text_that_is_too_long_is_refused(path: str) -> None:
    short = Backbone.load(BackboneConfig(path=path, max_length=20))
    with pytest.raises(ValueError, match=r"question 'Q\?' with \d steps has \d+ tokens: must be at most 20"):
        scorer(short).score(["Q?"], [[STEPS]])


def test_a_missing_package_is_named(monkeypatch: pytest.MonkeyPatch, path: str) -> None:
    from hrm_net.reward.text import backbone

    monkeypatch.setattr(backbone, "find_spec", lambda name: None)
    with pytest.raises(ValueError, match=r'needs transformers: pip install "hrm-net\[hf\]"'):
        Backbone.load(BackboneConfig(path=path))


def test_a_scorer_needs_the_backbone_that_it_reads(backbone: Backbone) -> None:
    model = scorer(backbone).model
    with pytest.raises(ValueError, match="inputs=states of this model needs a language model"):
        TextScorer(model=model, objective="prm")
