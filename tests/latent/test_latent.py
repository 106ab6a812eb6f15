"""What is said of the states is right by closed forms, and watching a model changes nothing of what it computes."""

import json

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

import puzzles
from hrm_net.checkpoints import pretrained
from hrm_net.data.puzzle_sets import PuzzleSet, generated_set
from hrm_net.inference.segments import padded_batch, run_segments
from hrm_net.latent import command as latent_command
from hrm_net.latent.analysis import analyse, some_of_both, trajectories, watched_segments, watching
from hrm_net.latent.metrics import Moments, mean_interval, participation_ratio, principal_plane, residual
from tests.models import VARIANTS, small_batch, small_model

pytestmark = pytest.mark.slow

seeds = st.integers(0, 2**32 - 1)


def _moments(vectors, cuts=()):
    moments = Moments(vectors.shape[1])
    for part in np.split(vectors, sorted(cuts)):
        moments.add(part)
    return moments


def _rotation(rng, dim):
    return np.linalg.qr(rng.standard_normal((dim, dim)))[0]


@given(seeds, st.integers(1, 12), st.floats(1e-8, 1e8))
def test_participation_ratio_is_that_of_the_eigenvalues_whatever_the_axes_and_the_scale(seed, dim, scale):
    rng = np.random.default_rng(seed)
    eigenvalues, rotation = rng.uniform(0.1, 3, dim), _rotation(rng, dim)
    expected = eigenvalues.sum() ** 2 / (eigenvalues**2).sum()
    covariance = scale * rotation @ np.diag(eigenvalues) @ rotation.T
    assert participation_ratio(covariance) == pytest.approx(expected, rel=1e-9)
    assert 1 - 1e-12 <= participation_ratio(covariance) <= dim + 1e-9


@given(seeds, st.integers(1, 12), st.integers(1, 12))
def test_participation_ratio_counts_equal_directions(seed, dim, used):
    """One direction: 1; the identity: dim; k equal ones of dim: k."""
    rng = np.random.default_rng(seed)
    axes = _rotation(rng, dim)[:, : min(used, dim)]
    assert participation_ratio(axes @ axes.T) == pytest.approx(min(used, dim), rel=1e-9)


def test_participation_ratio_of_nothing_that_varies_is_refused():
    with pytest.raises(ValueError, match="the states do not vary"):
        participation_ratio(_moments(np.ones((5, 3))).covariance)
    with pytest.raises(ValueError, match="of no vectors"):
        _ = Moments(3).covariance


@given(seeds, st.lists(st.integers(0, 60), max_size=5), st.sampled_from([0.0, 1e6]))
def test_moments_in_pieces_are_those_of_all_vectors_together(seed, cuts, offset):
    vectors = offset + np.random.default_rng(seed).standard_normal((60, 4)) * [1, 2, 3, 4]
    moments = _moments(vectors, cuts)
    assert moments.count == 60
    np.testing.assert_allclose(moments.mean, vectors.mean(axis=0), rtol=1e-12, atol=1e-12)
    np.testing.assert_allclose(moments.covariance, np.cov(vectors.T, bias=True), rtol=1e-7, atol=1e-7)


def test_residual_is_the_relative_length_of_the_step():
    old = np.array([[[3.0, 4.0]], [[0.0, 2.0]], [[1.0, 1.0]], [[0.0, 0.0]]])
    new = np.array([[[3.0, 5.0]], [[0.0, -2.0]], [[1.0, 1.0]], [[0.0, 0.0]]])
    assert residual(old, new).tolist() == [0.2, 2.0, 0.0, 0.0]


def test_an_interval_needs_two_values_and_is_that_of_the_mean():
    mean, low, high = mean_interval(np.array([1.0, 3.0]))
    assert (mean, low, high) == pytest.approx((2, 2 - 1.959964, 2 + 1.959964))
    with pytest.raises(ValueError, match="values=1"):
        mean_interval(np.ones(1))


@given(seeds)
def test_the_principal_plane_keeps_points_of_a_plane_as_they_lie(seed):
    """Distances stay, whatever the rotation and the offset, and the two shares are all of the variance."""
    rng = np.random.default_rng(seed)
    flat = rng.standard_normal((3, 4, 2)) * [5, 1]
    paths = flat @ _rotation(rng, 9)[:2] + 7
    plane, (first, second) = principal_plane(paths)
    distances = [np.linalg.norm(z.reshape(12, 1, 2) - z.reshape(12, 2), axis=-1) for z in (flat, plane)]
    np.testing.assert_allclose(distances[0], distances[1], atol=1e-6)
    assert first >= second
    assert first + second == pytest.approx(1)
    for axis in (0, 1):
        assert np.abs(plane[..., axis]).max() == plane[..., axis].max()


@pytest.mark.parametrize("variant", VARIANTS)
def test_watching_moves_no_bit_and_leaves_nothing_behind(variant):
    model = small_model(variant).eval()
    batch = {name: rows.numpy() for name, rows in small_batch(model).items()}
    with torch.no_grad():
        plain = list(run_segments(model, batch, 3, generator=torch.Generator().manual_seed(5)))
        watched = list(watched_segments(model, batch, 3, torch.Generator().manual_seed(5)))
        carry = model.initial_carry(small_batch(model))
        before = model(carry, small_batch(model), generator=torch.Generator().manual_seed(5))[1]
        with watching(model):
            during = model(carry, small_batch(model), generator=torch.Generator().manual_seed(5))[1]
    assert torch.equal(before.logits, during.logits)
    assert torch.equal(before.q_halt, during.q_halt)
    for segment, (states, _) in zip(plain, watched, strict=True):
        assert np.array_equal(segment.states, states)
    assert not model.H_level._forward_hooks
    assert not model.L_level._forward_hooks


@pytest.mark.parametrize("variant", VARIANTS)
def test_updates_are_those_of_the_recurrence(variant):
    """`h_cycles` times `l_cycles` of L and one of H, each from where the module was; the last ones are the carry."""
    model = small_model(variant, h_cycles=3, l_cycles=2).eval()
    batch = small_batch(model)
    carry = model.initial_carry(batch)
    z: dict[str, torch.Tensor] = {}
    for _ in range(2):
        with torch.no_grad(), watching(model) as seen:
            carry, _ = model(carry, batch, max_segments=9)
        assert "".join(update.module for update in seen) == "LLHLLHLLH"
        assert [update.cycle for update in seen] == [1, 1, 1, 2, 2, 2, 3, 3, 3]
        assert [update.place for update in seen] == list(range(1, 10))
        for update in seen:
            assert torch.equal(z.get(update.module, update.before), update.before)
            z[update.module] = update.after
        assert torch.equal(z["H"], carry.z_H)
        assert torch.equal(z["L"], carry.z_L)


def _set(num=5):
    return generated_set(puzzles.get("sudoku", box="2x2"), "four", 0, num, clues=8)


def _model(variant="hrm", **overrides):
    puzzle = puzzles.get("sudoku", box="2x2")
    return small_model(variant, vocab_size=puzzle.vocab_size, seq_len=puzzle.seq_len, **overrides).eval()


@pytest.mark.parametrize("variant", ["trm_attention", "symbols"])
def test_an_analysis_does_not_depend_on_the_batches_and_agrees_with_the_states_themselves(variant):
    model, puzzle_set = _model(variant), _set()
    whole, parts = analyse(model, puzzle_set, 2, batch_size=8), analyse(model, puzzle_set, 2, batch_size=2)
    dim, per_puzzle = model.config.hidden_size, 4 * 16 if variant == "symbols" else 4 + 16
    batch = {"inputs": torch.from_numpy(puzzle_set.inputs.astype(np.int32)),
             "labels": torch.from_numpy(puzzle_set.labels.astype(np.int32)),
             "puzzle_identifiers": torch.zeros(5, dtype=torch.int32)}  # fmt: skip
    carry = model.initial_carry(batch)
    for i in range(2):
        with torch.no_grad():
            carry, _ = model(carry, batch, max_segments=2)
        for module, z in (("H", carry.z_H), ("L", carry.z_L)):
            vectors = z.double().reshape(-1, dim).numpy()
            for one in (whole, parts):
                moments = one.by_segment[module][i]
                assert moments.count == len(vectors) == 5 * per_puzzle
                np.testing.assert_allclose(moments.covariance, np.cov(vectors.T, bias=True), atol=1e-5)
    for module, updates in (("H", 1), ("L", model.config.l_cycles)):
        np.testing.assert_allclose(whole.residuals[module], parts.residuals[module], rtol=1e-3, atol=1e-6)
        num = 2 * model.config.h_cycles * updates
        assert whole.residuals[module].shape == (5, num)
        assert whole.whole_pass[module].count == 5 * per_puzzle * num
        assert [segment for segment, _, _ in whole.times[module]] == [1] * (num // 2) + [2] * (num // 2)
    assert np.array_equal(whole.solved, parts.solved)


def test_at_a_fixed_point_nothing_moves():
    """With damping 1 every update gives the old state back."""
    told = analyse(_model("random_start", damping=1.0, noise=0.0), _set(), 2)
    for module in ("H", "L"):
        assert not told.residuals[module].any()


def test_trajectories_hold_every_update_of_the_rows_asked_for():
    """Distances between the points' projections are at most those between the states, and all pairs count."""
    model, puzzle_set, rows = _model(), _set(), np.array([1, 3])
    told = trajectories(model, puzzle_set, rows, 3)
    assert told.rows.tolist() == [1, 3]
    batch = padded_batch(puzzle_set, rows, 2)
    for module, num in (("H", 3 * model.config.h_cycles), ("L", 3 * model.config.h_cycles * model.config.l_cycles)):
        updates = [update for _, seen in watched_segments(model, batch, 3) for update in seen]
        states = np.stack([update.after.flatten(1).numpy() for update in updates if update.module == module], axis=1)
        plane, explained = principal_plane(states)
        assert told.plane[module].shape == (2, num, 2)
        np.testing.assert_allclose(told.plane[module], plane, atol=1e-4)
        assert told.explained[module] == pytest.approx(explained)
        flat, drawn = states.reshape(2 * num, -1), plane.reshape(2 * num, 2)
        distance, seen = (np.linalg.norm(points - points[0], axis=1) for points in (flat, drawn))
        assert (seen <= distance + 1e-4).all()


@given(st.lists(st.booleans(), min_size=1, max_size=20), st.integers(1, 9))
def test_some_of_both_kinds_are_followed(solved, most):
    solved = np.array(solved)
    rows = some_of_both(solved, most)
    assert len(set(rows.tolist())) == len(rows) == min(most, len(solved))
    rarer = min(solved.sum(), (~solved).sum())
    assert min(solved[rows].sum(), (~solved[rows]).sum()) >= min(rarer, most // 2)


@pytest.fixture
def run(tmp_path):
    """A tiny untrained model as `save_pretrained` files."""
    pretrained.save(_model("symbols"), tmp_path / "run", {"puzzle": {"name": "sudoku", "box": "2x2"}})
    return tmp_path / "run"


def _refused(capsys, *arguments):
    with pytest.raises(SystemExit) as caught:
        latent_command.main([str(argument) for argument in arguments])
    out, err = capsys.readouterr()
    assert (caught.value.code, out, err.count("\n")) == (2, "", 1)
    return err.removeprefix("error: ").rstrip("\n")


def test_the_command_writes_numbers_and_pictures(run, capsys, tmp_path):
    puzzle_set = _set(6)
    puzzle = puzzle_set.puzzle
    text = "\n".join(["question", *(puzzle.format(row) for row in puzzle_set.inputs)])  # pyright: ignore[reportAttributeAccessIssue]
    (tmp_path / "mine.csv").write_text(text)
    latent_command.main(["--run", str(run), "--data", str(tmp_path / "mine.csv"), "--puzzles", "4", "--segments", "2"])
    out, err = capsys.readouterr()
    assert err == ""
    assert "mine: 0 of 4 puzzles solved" in out
    assert sorted(path.name for path in (run / "latent").iterdir()) == sorted(["latent.json", *latent_command.PICTURES])
    told = json.loads((run / "latent" / "latent.json").read_text())
    assert {"model", "segments", "untrained_seed", "commit", "versions", "hardware"} <= told.keys()
    one = told["sets"]["mine"]
    for kind in ("trained", "untrained"):
        for module, updates in (("H", 2), ("L", 4)):
            found = one[kind][module]
            assert found["participation_ratio"] == found["participation_ratio_by_segment"][-1]
            eigenvalues = np.array(found["eigenvalues"])
            assert found["participation_ratio"] == pytest.approx(eigenvalues.sum() ** 2 / (eigenvalues**2).sum())
            assert len(found["residuals"]) == 2 * updates
            for moved in found["residuals"]:
                assert moved["low"] <= moved["mean"] <= moved["high"]
    # The saved weights were drawn from seed 0, as the untrained ones are.
    assert one["trained"] == one["untrained"]
    assert one["trajectories"]["rows"] == [0, 1, 2, 3]


@pytest.mark.parametrize(
    ("arguments", "line"),
    [
        (["--puzzles", "1"], "puzzles=1: must be at least 2"),
        (["--segments", "0"], "segments=0: must be at least 1"),
        (["--batch-size", "0"], "batch_size=0: must be at least 1"),
        (["--seed", "-1"], "seed=-1: must be at least 0"),
        (["--puzzles", "many"], "argument --puzzles: invalid int value: 'many'; --help lists"),
        (["--run", "nowhere"], "run=nowhere: no such directory"),
        (["--data", "nowhere.csv"], "data=nowhere.csv: no such file"),
        (["--frobnicate"], "unrecognized arguments: --frobnicate"),
        (["--output", __file__], f"output={__file__}: cannot be made"),
    ],
)
def test_bad_options_are_told_in_one_line(capsys, arguments, line):
    assert _refused(capsys, *arguments).startswith(line)


def test_bad_puzzles_are_told_in_one_line_and_nothing_is_written(capsys, run, tmp_path):
    path = tmp_path / "one.csv"
    path.write_text(f"question\n{'1234341221434321'}\n")
    assert _refused(capsys, "--run", run, "--data", path) == "set one: has 1 puzzle; intervals need at least 2"
    line = _refused(capsys, "--run", run, "--data", path, "--data", path)
    assert line == "data: two sets are called one; rename a file"
    assert not (run / "latent").exists()


def test_a_set_of_another_puzzle_is_refused():
    puzzle = puzzles.get("sudoku")
    other = PuzzleSet("nine", puzzle, np.ones((2, 81), np.uint8), np.ones((2, 81), np.uint8))
    with pytest.raises(ValueError, match="set nine: puzzles of 81 cells: the model's have 16"):
        analyse(_model(), other, 1)
