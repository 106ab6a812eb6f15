"""Attention in its several forms, rotary positions, norms and widths."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from hrm_net.nn.attention import attend, check_backend, rotary_table, rotate
from hrm_net.nn.codecs.symbols import SymbolCodec
from hrm_net.nn.layer_config import LayerConfig, swiglu_width
from hrm_net.nn.layers import rms_norm
from tests.models import seeded


def restated_attention(q: torch.Tensor, k: torch.Tensor, v: torch.Tensor) -> torch.Tensor:
    scores = torch.einsum("bhqd,bhkd->bhqk", q.double(), k.double()) / q.shape[-1] ** 0.5
    return torch.einsum("bhqk,bhkd->bhqd", scores.softmax(-1), v.double())


@pytest.mark.parametrize("dim", [24, 32, 40])
@pytest.mark.parametrize("form", ["explicit", "explicit as compiled", "sdpa", "auto"])
def test_every_form_of_attention_is_the_formula(form: str, dim: int, monkeypatch: pytest.MonkeyPatch):
    q, k, v = (torch.randn(2, 3, 7, dim, generator=seeded(i)).requires_grad_() for i in range(3))
    if form == "explicit as compiled":
        monkeypatch.setattr(torch.compiler, "is_compiling", lambda: True)
    ours = attend(q, k, v, form.split()[0])
    expected = restated_attention(q, k, v)
    torch.testing.assert_close(ours, expected.float(), rtol=1e-5, atol=1e-5)
    weights = torch.randn(ours.shape, generator=seeded(9))
    grads = torch.autograd.grad((ours * weights).sum(), (q, k, v))
    wanted = torch.autograd.grad((expected * weights).sum(), (q, k, v))
    for grad, want in zip(grads, wanted, strict=True):
        torch.testing.assert_close(grad, want.float(), rtol=1e-4, atol=1e-5)


def test_unknown_and_missing_backends_are_refused():
    with pytest.raises(ValueError, match=r"model\.attention=fast: must be one of auto, explicit, sdpa, flash"):
        check_backend("fast")


@given(shift=st.integers(0, 20), a=st.integers(0, 20), b=st.integers(0, 20))
def test_rotary_scores_depend_on_the_distance_alone(shift: int, a: int, b: int):
    cos, sin = rotary_table(prefix_len=0, seq_len=64, head_dim=16)
    q, k = torch.randn(16, generator=seeded(1)), torch.randn(16, generator=seeded(2))

    def score(i: int, j: int) -> float:
        rows = rotate(torch.stack([q, k])[None, None], cos[[i, j]], sin[[i, j]])[0, 0]
        return (rows[0] @ rows[1]).item()

    assert score(a, b) == pytest.approx(score(a + shift, b + shift), abs=1e-3)


def test_rotary_in_two_dimensions_tells_rows_from_columns():
    cos, sin = rotary_table(prefix_len=1, seq_len=12, head_dim=8, grid_width=4)
    cells = torch.stack([cos[1:], sin[1:]]).unflatten(1, (3, 4))
    row_planes, column_planes = [0, 1, 4, 5], [2, 3, 6, 7]
    assert torch.equal(cells[:, 1, :, row_planes], cells[:, 1, :1, row_planes].expand(-1, 4, -1))
    assert torch.equal(cells[:, :, 2, column_planes], cells[:, :1, 2, column_planes].expand(-1, 3, -1))
    assert len(torch.unique(torch.stack([cos, sin]).transpose(0, 1).flatten(1), dim=0)) == 13


def test_rotation_keeps_lengths_and_moves_nothing_at_the_origin():
    cos, sin = rotary_table(prefix_len=2, seq_len=9, head_dim=24)
    x = torch.randn(1, 2, 11, 24, generator=seeded())
    turned = rotate(x, cos, sin)
    torch.testing.assert_close(turned.norm(dim=-1), x.norm(dim=-1))
    torch.testing.assert_close(turned[..., 0, :], x[..., 0, :])


@given(st.integers(1, 600), st.floats(0.5, 8), st.sampled_from([1, 8, 64, 256]))
def test_swiglu_width_is_the_least_multiple_that_holds_two_thirds(dim: int, expansion: float, multiple: int):
    width = swiglu_width(dim, expansion, multiple)
    wanted = max(1, round(expansion * dim * 2 / 3))
    assert width % multiple == 0
    assert wanted <= width < wanted + multiple


def test_published_widths():
    assert [swiglu_width(dim, 4.0, 256) for dim in (512, 97, 48)] == [1536, 512, 256]


def test_rms_norm_has_unit_mean_square():
    x = 100 * torch.randn(4, 50, generator=seeded())
    torch.testing.assert_close(rms_norm(x).square().mean(-1), torch.ones(4), rtol=1e-4, atol=1e-4)


def test_roles_are_empty_me_and_other():
    codec = SymbolCodec(LayerConfig(vocab_size=6, seq_len=2, hidden_size=4), seeded())
    x = codec.embed(torch.tensor([[1, 3]]), torch.zeros(1, dtype=torch.long), torch.float32) / codec.scale
    empty, me, other = codec.role
    torch.testing.assert_close(x[0, 0], torch.stack([empty] * 4))
    torch.testing.assert_close(x[0, 1], torch.stack([other, me, other, other]))
