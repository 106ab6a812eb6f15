"""Winner takes all: which hypothesis learns, what the others take over, and that they stay about one puzzle."""

import numpy as np
import pytest
import torch

import puzzles
from hrm_net.data.generated import generated_batches
from hrm_net.recipes import solver
from hrm_net.recipes.config import TrainConfig
from hrm_net.trainer import winners
from puzzles.errors import UserError
from tests.models import seeded, small_model

K, PUZZLES = 3, 4


def stepped():
    """A batch of PUZZLES puzzles with K hypotheses, after one segment from random states."""
    model = small_model(state="random").train()
    g = seeded(5)
    size, vocab = model.config.seq_len, model.config.vocab_size
    batch = {
        "inputs": torch.randint(1, vocab, (PUZZLES, size), generator=g),
        "labels": torch.randint(1, vocab, (PUZZLES, size), generator=g),
        "puzzle_identifiers": torch.zeros(PUZZLES, dtype=torch.int64),
    }
    batch = winners.repeated(batch, K)
    carry, out = model(model.initial_carry(batch), batch, generator=seeded(6))
    return model, carry, out


def test_the_lowest_loss_wins_and_is_the_only_one_to_learn() -> None:
    _, carry, out = stepped()
    rows = winners.winners(out, carry.labels, "softmax", K)
    by_hand = [
        min(
            range(p * K, p * K + K),
            key=lambda i: float(torch.nn.functional.cross_entropy(out.logits[i].detach(), carry.labels[i])),
        )
        for p in range(PUZZLES)
    ]
    assert rows.tolist() == by_hand
    out.logits.retain_grad()
    chosen, judged = winners.only(out, carry, rows)
    assert torch.equal(judged.labels, carry.labels[rows])
    torch.nn.functional.cross_entropy(chosen.logits.flatten(0, 1), judged.labels.flatten()).backward()
    assert out.logits.grad is not None
    learns = out.logits.grad.flatten(1).abs().sum(dim=1) > 0
    assert torch.equal(learns.nonzero()[:, 0], rows)


def test_the_others_go_on_from_its_state_of_h_and_keep_their_own_of_l() -> None:
    _, carry, out = stepped()
    carry.halted = torch.arange(PUZZLES * K) % 2 == 0
    before = {name: value.clone() for name, value in carry.tensors().items()}
    rows = winners.winners(out, carry.labels, "softmax", K)
    winners.follow(carry, rows, K)
    for p in range(PUZZLES):
        for i in range(p * K, p * K + K):
            assert torch.equal(carry.z_H[i], before["z_H"][rows[p]])
            assert carry.halted[i] == before["halted"][rows[p]]
    assert torch.equal(carry.z_L, before["z_L"])
    assert len({row.numpy().tobytes() for row in carry.z_L}) == PUZZLES * K


def test_hypotheses_stay_about_one_puzzle_through_a_run(tiny_config: TrainConfig) -> None:
    config = tiny_config
    puzzle = puzzles.get(**config.puzzle)
    state = solver.build_state(config, torch.device("cpu"), torch.float32)
    batches = generated_batches(puzzle, config.data, seed=0, steps=config.steps, batch_size=config.batch_size // K)
    halted = None
    seen = set()
    for step in range(6):
        batch = winners.repeated(batches(step, halted), K)
        solver.train_step(state, batch, config, puzzle)
        (carry,) = state.carries.values()
        for name in ("inputs", "labels", "steps", "halted", "z_H"):
            groups = getattr(carry, name).unflatten(0, (-1, K))
            assert torch.equal(groups, groups[:, :1].expand_as(groups)), name
        halted = winners.puzzles_wanted(carry.halted.numpy(), K)
        seen |= {row.numpy().tobytes() for row in carry.inputs}
    assert len(seen) > config.batch_size // K, "no row ever took a new puzzle"
    loss = state.window.pop()["loss"]
    assert loss is not None
    assert np.isfinite(loss)


@pytest.fixture
def tiny_config() -> TrainConfig:
    from tests.models import SMALL

    puzzle = puzzles.get("sudoku", box="2x2")
    model = {**SMALL, "vocab_size": puzzle.vocab_size, "seq_len": puzzle.seq_len, "num_puzzle_ids": 1}
    model |= {"state": "random", "max_segments": 2, "halting": "halt_only"}
    values = {"puzzle": {"name": "sudoku", "box": "2x2"}, "model": model, "steps": 6, "batch_size": 12, "hypotheses": K}
    return solver_config(values)


def solver_config(values: dict) -> TrainConfig:
    from hrm_net.recipes import train_config

    return train_config({**values, "device": "cpu", "compile": "false", "precision": "fp32"})


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"hypotheses": 5}, "hypotheses=5: must be a divisor of batch_size=12"),
        ({"state": "fixed"}, "model.state=fixed: must be random for hypotheses=3"),
    ],
)
def test_what_cannot_work_is_refused(tiny_config: TrainConfig, changes: dict, message: str) -> None:
    from dataclasses import asdict

    values = asdict(tiny_config)
    values["model"] |= {key: value for key, value in changes.items() if key == "state"}
    values |= {key: value for key, value in changes.items() if key != "state"}
    with pytest.raises(UserError, match=message):
        solver_config(values)
