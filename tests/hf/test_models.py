"""The transformers models: their scores, their folder, and the trainers and pipelines that take them."""

import os
from pathlib import Path

import numpy as np
import pytest
import torch

import hrm_net.hf
from hrm_net.reward.text.scorer import TextScorer

# Third parties' own: deprecated calls between TRL, accelerate and transformers, and hints to other platforms.
pytestmark = [
    pytest.mark.slow,
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),
    pytest.mark.filterwarnings("ignore::FutureWarning"),
    pytest.mark.filterwarnings("ignore::UserWarning"),
]
QUESTION, STEPS = "question 3?", ["yes 5, and more than a window of it", "no 7", "so"]
TEXT = "\n\n".join([QUESTION, *STEPS])


@pytest.fixture(scope="module")
def saved(folder: Path, tmp_path_factory: pytest.TempPathFactory) -> str:
    """The run's head `prm` as a folder, with weights that say something."""
    before = Path.cwd()
    os.chdir(folder)
    scorer = TextScorer.from_pretrained("runs/small", "prm")
    with torch.no_grad():
        scorer.model.heads["prm"].get_parameter("weight").normal_(0, 0.5, generator=torch.Generator().manual_seed(1))
    os.chdir(before)
    target = tmp_path_factory.mktemp("saved") / "small"
    hrm_net.hf.save_for_transformers(scorer, target)
    np.save(target.parent / "scores.npy", scorer.score([QUESTION], [[STEPS]])[0][0])
    return str(target)


@pytest.fixture(scope="module")
def scores(saved: str) -> list[float]:
    """What the scorer itself gives."""
    return np.load(Path(saved).parent / "scores.npy").tolist()


@pytest.fixture(scope="module")
def tokenizer(saved: str):
    from transformers import AutoTokenizer

    return AutoTokenizer.from_pretrained(saved)


def as_trl(tokenizer, question: str, steps: list[str]) -> list[int]:
    """Ids as TRL's PRMTrainer makes them."""
    pieces = [tokenizer(text, add_special_tokens=False)["input_ids"] for text in (f"{question}\n\n", *steps)]
    mark = tokenizer("\n\n", add_special_tokens=False)["input_ids"]
    return [tokenizer.bos_token_id, *pieces[0], *(token for one in pieces[1:] for token in one + mark)]


@pytest.mark.parametrize("side", ["left", "right"])
def test_token_classification_gives_the_scores_at_the_last_separator_tokens(saved, scores, tokenizer, side):
    from transformers import AutoModelForTokenClassification

    model = AutoModelForTokenClassification.from_pretrained(saved)
    rows = [as_trl(tokenizer, QUESTION, STEPS), as_trl(tokenizer, "x", ["y"])]
    tokenizer.padding_side = side
    batch = tokenizer.pad({"input_ids": rows}, return_tensors="pt")
    tokenizer.padding_side = "right"
    logits = model(**batch).logits
    assert logits.shape == (*batch["input_ids"].shape, 2)
    at = logits[0].abs().sum(-1).nonzero()[:, 0]
    assert len(at) == 1 + len(STEPS)  # the question ends with a separator, too
    np.testing.assert_allclose(logits[0, at[1:]].softmax(-1)[:, 1].tolist(), scores, atol=2e-3)
    cut = as_trl(tokenizer, QUESTION, STEPS[:2])
    shorter = model(input_ids=torch.tensor([cut])).logits[0]
    np.testing.assert_allclose(shorter[-1].softmax(-1)[1].item(), scores[1], atol=2e-3)


def test_labels_elsewhere_are_ignored_or_refused(saved, tokenizer):
    from transformers import AutoModelForTokenClassification

    model = AutoModelForTokenClassification.from_pretrained(saved)
    ids = torch.tensor([as_trl(tokenizer, QUESTION, STEPS)])
    labels = torch.full_like(ids, -100)
    assert model(ids, labels=labels).loss.item() == 0
    labels[0, -1] = 1
    loss = model(ids, labels=labels).loss
    expected = -model(ids).logits[0, -1].log_softmax(-1)[1]
    assert 0 < loss.item() < 2 * expected.item() + 1
    loss.backward()
    assert all(one.grad is None for one in model.backbone.parameters())
    assert model.scorer.heads["prm"].weight.grad.abs().sum() > 0
    labels[0, -1], labels[0, 3] = -100, 1
    with pytest.raises(ValueError, match=r"row 0 has a label at token 3, where no separator"):
        model(ids, labels=labels)


def test_sequence_classification_gives_the_score_of_the_last_step(saved, scores, tokenizer):
    from transformers import pipeline

    classify = pipeline("text-classification", model=saved, device="cpu")
    (bare,) = classify([TEXT], function_to_apply="none")
    first = [tokenizer.bos_token_id, *tokenizer(TEXT)["input_ids"]]
    with torch.no_grad():
        exact = classify.model(torch.tensor([first])).logits
    assert exact.shape == (1, 1)
    assert exact.sigmoid().item() == pytest.approx(scores[-1], abs=2e-3)
    (closed,) = classify([f"{TEXT}\n\n"], function_to_apply="none")
    assert bare["score"] == pytest.approx(closed["score"], abs=1e-4)
    (score,) = classify([TEXT])
    assert score == {"label": "score", "score": pytest.approx(torch.tensor(bare["score"]).sigmoid().item(), abs=1e-5)}
    together = classify([TEXT, "another"], function_to_apply="none", batch_size=2)
    assert together[0]["score"] == pytest.approx(bare["score"], abs=1e-4)


def test_the_folder_loads_as_remote_code(saved):
    """As for somebody who has not imported this package."""
    import json

    from transformers.dynamic_module_utils import get_class_from_dynamic_module

    auto = json.loads((Path(saved) / "config.json").read_text())["auto_map"]
    for name in auto.values():
        found = get_class_from_dynamic_module(name, saved)
        assert found is getattr(hrm_net.hf, name.partition(".")[2])


def test_prm_trainer_trains_it_as_it_is(saved, tokenizer, tmp_path):
    from datasets import Dataset
    from transformers import AutoModelForTokenClassification
    from trl.experimental.prm import PRMConfig, PRMTrainer

    model = AutoModelForTokenClassification.from_pretrained(saved)
    before = {name: value.clone() for name, value in model.state_dict().items()}
    rows = [{"prompt": "question 1\n\n", "completions": ["yes 1", "no 2"], "labels": [True, False]}] * 6
    config = PRMConfig(
        output_dir=str(tmp_path), max_steps=3, per_device_train_batch_size=2, learning_rate=2e-3, report_to=[],
        step_separator=model.config.step_separator, use_cpu=True, save_steps=3, logging_steps=1, bf16=False,
        dataloader_pin_memory=False,
    )  # fmt: skip
    trainer = PRMTrainer(model=model, args=config, train_dataset=Dataset.from_list(rows), processing_class=tokenizer)
    trainer.train()
    losses = [one["loss"] for one in trainer.state.log_history if "loss" in one]
    assert len(losses) == 3
    assert losses[-1] < losses[0]
    changed = {name for name, value in model.state_dict().items() if not torch.equal(value, before[name])}
    assert "scorer.heads.prm.weight" in changed
    assert not any(name.startswith("backbone.") for name in changed)
    again = AutoModelForTokenClassification.from_pretrained(tmp_path / "checkpoint-3")
    ids = torch.tensor([as_trl(tokenizer, QUESTION, STEPS)])
    torch.testing.assert_close(again(ids).logits, model.eval()(ids).logits, rtol=1e-4, atol=1e-5)
    assert (tmp_path / "checkpoint-3" / "hrm_reward.py").is_file()


def test_grpo_trainer_takes_it_as_a_reward(saved, folder, tokenizer, tmp_path):
    from datasets import Dataset
    from trl import GRPOConfig, GRPOTrainer

    config = GRPOConfig(
        output_dir=str(tmp_path), max_steps=1, per_device_train_batch_size=2, num_generations=2, report_to=[],
        max_completion_length=4, use_cpu=True, save_strategy="no", logging_steps=1, bf16=False,
        dataloader_pin_memory=False,
    )  # fmt: skip
    trainer = GRPOTrainer(
        model=str(folder / "llama"), reward_funcs=saved, args=config, processing_class=tokenizer,
        train_dataset=Dataset.from_list([{"prompt": "question 1\n\n"}] * 2),
    )  # fmt: skip
    trainer.train()
    log = trainer.state.log_history[0]
    assert np.isfinite(float(log["rewards/small/mean"]))


def test_reward_trainer_learns_preferences(saved, tokenizer, tmp_path):
    """A pointwise Bradley-Terry reward over the recurrent core: what there is of `pair` for one text."""
    from datasets import Dataset
    from transformers import AutoModelForSequenceClassification
    from trl import RewardConfig, RewardTrainer

    model = AutoModelForSequenceClassification.from_pretrained(saved)
    chosen, rejected = "question 1\n\nyes 1\n\n", "question 1\n\nno 2\n\n"
    config = RewardConfig(
        output_dir=str(tmp_path), max_steps=8, per_device_train_batch_size=2, learning_rate=1e-2, report_to=[],
        use_cpu=True, save_strategy="no", logging_steps=1, bf16=False, dataloader_pin_memory=False,
    )  # fmt: skip
    rows = Dataset.from_list([{"chosen": chosen, "rejected": rejected}] * 16)
    RewardTrainer(model=model, args=config, train_dataset=rows, processing_class=tokenizer).train()
    ids = [torch.tensor([tokenizer(text)["input_ids"]]) for text in (chosen, rejected)]
    good, bad = (model.eval()(one).logits.item() for one in ids)
    assert good > bad
    assert all(one.grad is None for one in model.backbone.parameters())


def test_the_command_writes_the_folder(here, tmp_path, capsys):
    from transformers import AutoModelForTokenClassification

    from hrm_net.export.command import main

    main(["hf", "runs/small", str(tmp_path / "out"), "--head", "prm"])
    out = capsys.readouterr().out
    assert "head prm" in out
    assert str(tmp_path / "out") in out
    found = AutoModelForTokenClassification.from_pretrained(tmp_path / "out")
    assert found.head == "prm"


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["scorer_6x6", "new"], "scorer_6x6: its step scorer scores solutions of puzzles, not texts"),
        (["sudoku_extreme", "new"], "sudoku_extreme: holds a solver, not a step scorer"),
        (["nowhere", "new"], "run=nowhere: no such directory"),
        (["runs/small", "llama"], "DIR=llama: is not empty; give a new directory"),
        (["runs/small", "new", "--head", "pair"], "head=pair: must be one of orm, prm, pqm, hier, cond"),
        (["pair_sudoku_6x6", "new"], "pair_sudoku_6x6: holds a judge of two candidates for puzzles"),
        (["judge", "new"], "judge: holds a judge of two texts, which gives no score to one"),
    ],
)
def test_the_command_refuses_in_one_line(here, capsys, arguments, told):
    from hrm_net.export.command import main
    from tests.reward.text.test_judge import small_model

    if not Path("judge").exists():
        small_model("states", size=16).save_pretrained("judge")
    with pytest.raises(SystemExit) as caught:
        main(["hf", *arguments])
    err = capsys.readouterr().err
    assert (caught.value.code, err.count("\n")) == (2, 1)
    assert told in err
    assert not Path("new").exists()


def test_mistakes_are_told(here, saved):
    from tests.reward.rewarding import small_scorer

    with pytest.raises(ValueError, match="must be a new or empty directory"):
        hrm_net.hf.save_for_transformers("runs/small", saved)
    with pytest.raises(ValueError, match="head=pair: must be one of orm"):
        hrm_net.hf.save_for_transformers("runs/small", "new", "pair")
    bytes_scorer = TextScorer(model=small_scorer("text", ("prm",)), objective="prm")
    with pytest.raises(ValueError, match="reads bytes, not a language model"):
        hrm_net.hf.save_for_transformers(bytes_scorer, "new")
    assert not (here / "new").exists()
