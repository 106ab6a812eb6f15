"""The step scorer's network: equivariance, what it reads, starts from solvers, files."""

import json
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from hrm_net.checkpoints import pretrained
from hrm_net.reward.heads import HEADS
from hrm_net.reward.model import RewardModel
from hrm_net.reward.model_config import RewardModelConfig
from hrm_net.reward.objectives import halting_loss, losses
from tests.models import VOCAB, seeded, small_model
from tests.reward.rewarding import SHOWN, random_rows, run, small_config, small_scorer, toy_batch


def renamed(rows: dict, names: torch.Tensor) -> dict:
    return {key: names[value.long()].to(value.dtype) if value.ndim == 2 else value for key, value in rows.items()}


def test_renaming_symbols_renames_nothing_but_the_state():
    model, rows = small_scorer("symbols").double(), random_rows(8)
    names = torch.tensor([0, 1, 4, 2, 5, 3])
    state, out = run(model, rows)
    state2, out2 = run(model, renamed(rows, names))
    for name in HEADS:
        torch.testing.assert_close(out.logits[name], out2.logits[name], rtol=0, atol=1e-12)
    torch.testing.assert_close(out.q_halt, out2.q_halt, rtol=0, atol=1e-12)
    torch.testing.assert_close(state2.z_H[:, :, names[2:] - 2], state.z_H, rtol=0, atol=1e-12)
    # Of the after alone: another step, another verdict.
    _, out3 = run(model, rows | {"after": renamed(rows, names)["after"]})
    assert (out.logits["prm"] - out3.logits["prm"]).abs().max() > 1e-3


@pytest.mark.parametrize("variant", SHOWN)
def test_every_input_is_read_and_rows_are_judged_by_themselves(variant: str):
    model, rows = small_scorer(variant).double().eval(), random_rows(6, variant)
    _, out = run(model, rows)
    for key, value in rows.items():
        other = value.clone()
        other[2] = value[2].roll(1) if value.ndim == 2 else 3 - value[2] if key == "span" else (value[2] + 1) % 6
        _, changed = run(model, rows | {key: other})
        moved = (out.logits["prm"] - changed.logits["prm"]).abs()
        assert moved[2] > 1e-6, key
        assert moved[[0, 1, 3, 4, 5]].max() < 1e-12, key
    alone = {key: value[2:3] for key, value in rows.items()}
    torch.testing.assert_close(run(model, alone)[1].logits["cond"], out.logits["cond"][2:3], rtol=0, atol=1e-12)


def test_padding_of_a_text_is_not_pooled():
    model, rows = small_scorer("text").double(), random_rows(2, "text")
    rows["part"][0] = torch.tensor([1] * 8 + [3] * 8)
    rows["part"][1, :5] = 0
    z = torch.randn(2, 17, 16, dtype=torch.double, generator=seeded())
    features = model.inputs.features(z, rows)
    torch.testing.assert_close(features[0, 32:48], z[0, 9:].mean(dim=0))
    torch.testing.assert_close(features[0, 48:], z[0, 9:].amax(dim=0))
    z2 = z.clone()
    z2[1, 1:6] = 100.0
    assert torch.equal(model.inputs.features(z2, rows)[1], model.inputs.features(z, rows)[1])


def test_a_step_that_does_nothing_has_nothing_written():
    model, rows = small_scorer("symbols"), random_rows(3)
    state, _ = run(model, rows)
    features = model.inputs.features(state.z_H, rows)
    assert (features[0, 32:] == 0).all()
    assert (features[1, 32:] != 0).any()


def test_the_gain_of_a_step_is_what_the_readout_says_of_the_values_it_wrote_and_replaced():
    model, rows = small_scorer("grid").double(), random_rows(4)
    state, _ = run(model, rows)
    readout, prefix_len = model.inputs.readout, model.config.core.prefix_len
    assert isinstance(readout, torch.nn.Module)
    says = readout(state.z_H[:, prefix_len:]).log_softmax(dim=-1).detach()
    found = model.inputs.features(state.z_H, rows)[:, -2:]
    assert (found[0] == 0).all()  # does nothing
    for row in range(1, 4):
        before, after = (rows[name][row].tolist() for name in ("before", "after"))
        gains = [says[row, c, after[c]] - says[row, c, before[c]] for c in range(len(after)) if before[c] != after[c]]
        expected = torch.stack([torch.stack(gains).mean(), torch.stack(gains).min()])
        torch.testing.assert_close(found[row].detach(), expected, rtol=1e-6, atol=1e-6)


def test_verdicts_start_undecided_and_every_weight_is_reached():
    model = RewardModel(small_config("symbols"), seeded())
    batch = toy_batch()
    _, out = run(model, batch)
    assert all((values == 0).all() for values in out.logits.values())
    for _ in range(2):
        out = run(model, batch)[1]
        found = losses(out.logits, batch)
        (sum(found.values()) + halting_loss(out.q_halt, out.logits, batch)).backward()  # pyright: ignore[reportAttributeAccessIssue]
        with torch.no_grad():
            for param in model.parameters():
                assert param.grad is not None
                param -= 0.1 * param.grad
    assert all(param.grad is not None and (param.grad != 0).any() for param in model.parameters())


@pytest.mark.slow
@pytest.mark.parametrize("objective", HEADS)
@pytest.mark.parametrize("variant", ["symbols", "grid", "text"])
def test_a_few_steps_learn_a_batch_by_heart(objective: str, variant: str):
    model, batch = RewardModel(small_config(variant, (objective,), l_layers=1), seeded()), toy_batch(variant)
    optimizer = torch.optim.Adam(model.parameters(), lr=0.005)
    first = value = torch.inf
    for _ in range(60):
        state = model.initial_state(batch)
        for _ in range(2):
            state, out = model(state, batch)
            found = losses(out.logits, batch)[objective]
            found.backward()
            value = found.item()
            first = value if first == torch.inf else first
        optimizer.step()
        optimizer.zero_grad()
    # Neither ranking nor the sum of L_W and L_z has its minimum at 0 for every solution.
    assert value < 0.1 * first or (objective == "pqm" and value < 0.1), (first, value)


@pytest.mark.parametrize("variant", ["symbols", "grid", "trm_attention", "hrm_learned"])
def test_a_solver_is_a_start(variant: str):
    solver = small_model(variant)
    config = small_config(variant, h_cycles=1)
    model = RewardModel.from_solver(config, solver, seeded(7))
    again = model.state_dict()
    for name, tensor in solver.state_dict().items():
        if not name.startswith(("codec.", "q_head.")):
            assert torch.equal(again[f"core.{name}"], tensor), name
    table = solver.state_dict()["codec.role" if variant == "symbols" else "codec.embed_tokens"]
    assert torch.equal(again["inputs.tables.problem"], table)
    assert model.state_dict()["inputs.tables.after"].std().item() < 0.3 * table.std().item()
    if variant != "symbols":
        assert torch.equal(again["inputs.readout.weight"], solver.state_dict()["codec.lm_head.weight"])
    other = RewardModel.from_solver(config, solver, seeded(7), given="after")
    assert torch.equal(other.state_dict()["inputs.tables.after"], table)


def test_a_solver_that_does_not_fit_is_refused():
    solver = small_model("symbols")
    with pytest.raises(ValueError, match=r"^model\.core\.hidden_size=32: the solver to start from has 16$"):
        RewardModel.from_solver(small_config("symbols", hidden_size=32), solver)
    with pytest.raises(ValueError, match=r"^model\.core\.seq_len=25: "):
        RewardModel.from_solver(small_config("symbols", seq_len=25), solver)
    with pytest.raises(ValueError, match="given=next"):
        RewardModel.from_solver(small_config("symbols"), solver, given="next")


@pytest.mark.parametrize("variant", SHOWN)
def test_a_round_trip_changes_no_bit(variant: str, tmp_path: Path):
    model = small_scorer(variant, ("hier", "cond"))
    model.save_pretrained(tmp_path)
    again = RewardModel.from_pretrained(tmp_path)
    assert again.config == model.config
    assert not again.training
    rows = random_rows(3, variant)
    one, two = run(model.eval(), rows)[1], run(again, rows)[1]
    assert set(two.logits) == {"hier", "cond"}
    assert all(torch.equal(one.logits[name], two.logits[name]) for name in one.logits)
    assert torch.equal(one.q_halt, two.q_halt)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"objectives": ["hier"]}, r"weights do not fit the model: surplus heads\.cond\."),
        ({"max_left": 9}, r"weights do not fit the model: inputs\.context\.left"),
        ({"objectives": []}, r"config\.json: model\.objectives=\[\]: must be any of orm, prm, pqm, hier, cond"),
        ({"tricks": 1}, r"config\.json: model\.tricks=1: unknown key"),
        ({"core": None}, r"config\.json: model\.core: must be an object"),
    ],
)
def test_files_that_do_not_fit_are_refused(change: dict, message: str, tmp_path: Path):
    small_scorer("symbols", ("hier", "cond")).save_pretrained(tmp_path)
    path = tmp_path / pretrained.CONFIG
    values = json.loads(path.read_text())
    values["model"] |= change
    path.write_text(json.dumps(values))
    with pytest.raises(ValueError, match=message):
        RewardModel.from_pretrained(tmp_path)


def test_configurations_that_no_scorer_has():
    config = small_config("symbols")
    for change, message in (
        ({"objectives": ["prm", "prm"]}, "each at most once"),
        ({"objectives": ["pair", "prm"]}, r"model\.objectives=\['pair', 'prm'\]: must be any of .*, or pair alone"),
        ({"inputs": "text"}, "symbols"),
        ({"segments": 0}, r"model\.segments=0: must be at least 1"),
        ({"max_segments": 1}, r"model\.max_segments=1: must be null, or at least segments=2"),
        ({"core": replace(config.core, noise=0.1)}, "a scorer must give the same score each time"),
    ):
        with pytest.raises(ValueError, match=message):
            replace(config, **change)
    assert (
        RewardModelConfig.from_dict({"core": {"vocab_size": VOCAB, "seq_len": 4}, "objectives": ["prm"]}).segments == 2
    )
