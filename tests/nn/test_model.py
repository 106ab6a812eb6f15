"""The recurrence, its gradients, the carry and halting, against plain restatements."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from hrm_net.model import HRM
from hrm_net.nn.config import HRMConfig
from hrm_net.nn.layers import truncated_normal_
from tests.models import SMALL, VARIANTS, seeded, small_batch, small_model


@pytest.mark.parametrize(
    ("vocab_size", "seq_len", "parameters"), [(11, 81, 27_275_266), (6, 900, 27_270_146), (12, 900, 27_276_290)]
)
def test_published_model_has_its_published_size(vocab_size: int, seq_len: int, parameters: int):
    model = HRM(HRMConfig(vocab_size=vocab_size, seq_len=seq_len))
    assert sum(p.numel() for p in model.parameters()) == parameters


@pytest.mark.parametrize(
    ("block", "parameters"),
    [({"block": "attention"}, 6_828_034), ({"block": "mixer", "positions": "none"}, 5_028_866)],
    ids=["attention", "mixer"],
)
def test_trm_has_its_published_size(block: dict, parameters: int):
    model = HRM(HRMConfig(vocab_size=11, seq_len=81, stacks="shared", l_layers=2, prefix_len=16, **block))
    assert sum(p.numel() for p in model.parameters()) == parameters


@pytest.mark.parametrize("variant", VARIANTS)
def test_two_segments_of_every_variant(variant: str):
    model = small_model(variant)
    batch = small_batch(model)
    carry = model.initial_carry(batch)
    for steps in (1, 2):
        model.zero_grad()
        carry, out = model(carry, batch, generator=seeded(steps))
        assert out.logits.shape == (3, model.config.seq_len, model.config.vocab_size)
        assert not carry.z_H.requires_grad
        out.logits[..., 2:].square().sum().backward()
        trained = [name for name, p in model.named_parameters() if p.grad is not None and p.grad.abs().sum() > 0]
        assert {name.split(".")[0] for name in trained} >= {"codec", "L_level"}
    assert carry.steps.tolist() == [2, 2, 2] or carry.halted.any()


def set_halting(model: HRM, q_halt: float, q_continue: float) -> None:
    assert model.q_head.bias is not None
    model.q_head.bias.data = torch.tensor([q_halt, q_continue])


def restated_segment(model: HRM, z_H, z_L, x, gradient: str):
    """The recurrence with explicit detaching instead of switched-off gradients."""
    config = model.config
    for h in range(config.h_cycles):
        last = h == config.h_cycles - 1
        for l in range(config.l_cycles):  # noqa: E741
            z_L = model.L_level(z_L, z_H + x, None)
            if not (last and (gradient == "last_cycle" or l == config.l_cycles - 1)):
                z_L = z_L.detach()
        z_H = model.H_level(z_H, z_L, None)
        if not last:
            z_H = z_H.detach()
    return z_H, z_L


@pytest.mark.parametrize("gradient", ["one_step", "last_cycle"])
@pytest.mark.parametrize("variant", ["hrm", "hrm_learned", "symbols"])
def test_gradient_passes_only_the_end_of_the_segment(variant: str, gradient: str):
    model = small_model(variant, gradient=gradient)
    batch = small_batch(model)
    carry = model.initial_carry(batch)
    taken = model._take_puzzles(carry, batch, None)
    inward = (lambda z: z.transpose(0, 1)) if variant == "symbols" else (lambda z: z)

    def gradients(segment) -> dict[str, torch.Tensor]:
        model.zero_grad()
        x = model.codec.embed(taken.inputs, taken.puzzle_identifiers, torch.float32)
        z_H, z_L = segment(x)
        (z_H.sin().sum() + z_L.cos().sum()).backward()
        return {name: p.grad.clone() for name, p in model.named_parameters() if p.grad is not None}

    ours = gradients(lambda x: model.segment(taken.z_H, taken.z_L, x))
    restated = gradients(lambda x: restated_segment(model, inward(taken.z_H), inward(taken.z_L), inward(x), gradient))
    assert ours.keys() == restated.keys()
    for name in ours:
        torch.testing.assert_close(ours[name], restated[name], rtol=1e-4, atol=1e-5)


def test_the_two_gradients_differ():
    model = small_model("hrm")
    batch = small_batch(model)
    grads = []
    for gradient in ("one_step", "last_cycle"):
        model.config.gradient = gradient
        model.zero_grad()
        _, out = model(model.initial_carry(batch), batch, generator=seeded())
        out.logits.square().sum().backward()
        grads.append(next(p.grad.clone() for p in model.L_level.parameters() if p.grad is not None))
    assert (grads[0] - grads[1]).abs().max() > 1e-3 * grads[0].abs().max()


def test_halted_rows_take_the_next_puzzle_and_start_afresh():
    model = small_model("hrm", exploration=0.0)
    first, second = small_batch(model, seed=1), small_batch(model, seed=2)
    carry, _ = model(model.initial_carry(first), first)
    carry.halted = torch.tensor([True, False, True])
    z_before = carry.z_H.clone()
    taken = model._take_puzzles(carry, second, None)
    assert taken.steps.tolist() == [0, 1, 0]
    for key in ("inputs", "labels", "puzzle_identifiers"):
        for row, source in enumerate((second, first, second)):
            assert torch.equal(getattr(taken, key)[row], source[key][row])
    assert torch.equal(taken.z_H[1], z_before[1])
    assert torch.equal(taken.z_H[0], model.H_init.expand_as(taken.z_H[0]))
    assert torch.equal(taken.z_L[2], model.L_init.expand_as(taken.z_L[2]))


def test_a_row_does_not_depend_on_its_neighbours():
    for variant in ("hrm", "trm_mixer", "symbols"):
        model = small_model(variant).eval()
        batch = small_batch(model, batch=4)
        alone = {key: rows[2:3] for key, rows in batch.items()}
        _, together = model(model.initial_carry(batch), batch)
        _, single = model(model.initial_carry(alone), alone)
        torch.testing.assert_close(together.logits[2:3], single.logits, rtol=1e-4, atol=1e-5)


def test_eval_halts_only_at_the_limit_which_the_caller_may_raise():
    model = small_model("hrm").eval()
    set_halting(model, 50.0, -50.0)
    batch = small_batch(model)
    for limit in (None, 6):
        carry = model.initial_carry(batch)
        seen = []
        for _ in range(limit or model.config.max_segments):
            carry, out = model(carry, batch, max_segments=limit)
            assert model.wants_to_halt(out).all()
            seen.append(carry.halted.all().item())
        assert seen == [False] * (len(seen) - 1) + [True]


def test_training_halts_where_the_head_wants_to():
    model = small_model("hrm", exploration=0.0)
    batch = small_batch(model)
    set_halting(model, 50.0, -50.0)
    carry, _ = model(model.initial_carry(batch), batch)
    assert carry.halted.all()
    set_halting(model, -50.0, 50.0)
    carry = model.initial_carry(batch)
    for segment in range(1, 5):
        carry, _ = model(carry, batch)
        assert carry.halted.all() == (segment == model.config.max_segments)


def test_q_target_is_the_next_segments_better_value():
    model = small_model("hrm", exploration=0.0, max_segments=2)
    model.q_head.weight.data.normal_(generator=seeded())
    batch = small_batch(model)
    carry = model.initial_carry(batch)
    carry, out = model(carry, batch)
    assert out.target_q_continue is not None
    carry.halted = torch.zeros_like(carry.halted)
    carry, following = model(carry, batch)
    expected = torch.maximum(following.q_halt, following.q_continue).sigmoid()
    torch.testing.assert_close(out.target_q_continue, expected.detach(), rtol=1e-4, atol=1e-5)
    assert model.puzzle_embedding is not None
    x = model.codec.embed(carry.inputs, carry.puzzle_identifiers, torch.float32)
    z_H, _ = model.segment(carry.z_H, carry.z_L, x)
    last_target = model._halting_values(z_H)[0].sigmoid()
    torch.testing.assert_close(following.target_q_continue, last_target, rtol=1e-4, atol=1e-5)


@pytest.mark.slow
@given(permutation=st.permutations([2, 3, 4, 5]))
def test_renaming_symbols_renames_the_answer(permutation: list[int]):
    model = small_model("symbols").eval()
    batch = small_batch(model)
    rename = torch.tensor([0, 1, *permutation])
    renamed = {**batch, "inputs": rename[batch["inputs"]]}
    with torch.no_grad():
        _, out = model(model.initial_carry(batch), batch)
        _, other = model(model.initial_carry(renamed), renamed)
    torch.testing.assert_close(other.logits[..., rename], out.logits, rtol=1e-4, atol=1e-4)
    torch.testing.assert_close(other.q_halt, out.q_halt, rtol=1e-4, atol=1e-5)


def test_same_generator_same_weights_and_the_global_stream_stays_untouched():
    before = torch.get_rng_state()
    one, two = small_model("random_start"), small_model("random_start")
    batch = small_batch(one)
    for model in (one, two):
        model(model.initial_carry(batch), batch, generator=seeded(7))
    assert all(torch.equal(a, b) for a, b in zip(one.state_dict().values(), two.state_dict().values(), strict=True))
    assert torch.equal(torch.get_rng_state(), before)


def test_random_starts_differ_and_noise_needs_its_generator():
    model = small_model("random_start").eval()
    batch = small_batch(model)
    outs = [model(model.initial_carry(batch), batch, generator=seeded(seed))[1].logits for seed in (1, 1, 2)]
    assert torch.equal(outs[0], outs[1])
    assert not torch.equal(outs[0], outs[2])


def test_truncated_normal_has_the_deviation_asked_for():
    x = truncated_normal_(torch.empty(200_000), 0.5, seeded())
    assert abs(x.std().item() - 0.5) < 0.003
    assert x.abs().max().item() <= 2 * 0.5 / 0.879
    assert abs(x.mean().item()) < 0.005


@pytest.mark.parametrize("variant", VARIANTS)
def test_bf16_stays_near_fp32(variant: str):
    # One cycle: with random weights each further one multiplies rounding.
    model = small_model(variant, h_cycles=1, l_cycles=1).eval()
    batch = small_batch(model)
    _, exact = model(model.initial_carry(batch), batch, generator=seeded())
    model.forward_dtype = torch.bfloat16
    _, rough = model(model.initial_carry(batch), batch, generator=seeded())
    agreement = (rough.logits.float() - exact.logits).abs().mean() / exact.logits[..., 2:].abs().mean()
    assert agreement < 0.1


@pytest.mark.parametrize(
    ("overrides", "message"),
    [
        ({"hidden_size": 50, "num_heads": 8}, r"model\.hidden_size=50: must be a multiple of num_heads=8"),
        (
            {"hidden_size": 6, "num_heads": 2},
            r"model\.hidden_size=6: positions=rope needs heads of a multiple of 2, not 3",
        ),
        ({"h_cycles": 0}, r"model\.h_cycles=0: must be at least 1"),
        ({"exploration": 1.5}, r"model\.exploration=1\.5: must be at least 0 and at most 1"),
        ({"codec": "symbols"}, r"model\.codec=symbols: block=attention does not fit"),
        ({"block": "mixer"}, r"model\.positions=rope: block=mixer has no attention"),
        ({"positions": "rope_2d", "grid_width": 5}, r"model\.grid_width=5: must divide seq_len=16"),
        ({"prefix_len": 0, "num_puzzle_ids": 2}, r"model\.prefix_len=0: num_puzzle_ids=2 needs"),
        ({"attention": "flash"}, r"model\.attention=flash: flash-attn is not installed; run: pip install"),
    ],
)
def test_bad_shapes_are_refused_by_name(overrides: dict, message: str):
    with pytest.raises(ValueError, match=message):
        HRMConfig(**{**SMALL, **overrides})


def test_an_unknown_choice_is_refused_without_a_type_checker():
    config = HRMConfig(**SMALL)
    object.__setattr__(config, "halting", "sometimes")
    with pytest.raises(ValueError, match=r"model\.halting=sometimes: must be one of q_learning, halt_only, fixed"):
        config.__post_init__()
