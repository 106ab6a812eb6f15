"""`hrm-export page`: the folder solves puzzles in a browser as PyTorch does, and asks no other host."""

import functools
import http.server
import json
import os
import shutil
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import puzzles
from hrm_net.export import onnx_file, page, runtime
from hrm_net.export.command import main
from hrm_net.model import HRM
from hrm_net.nn.config import HRMConfig
from hrm_net.serve.served import Served
from puzzles.errors import UserError
from tests import browser
from tests.browser import address, api, grid, type_sudoku
from tests.models import seeded
from tests.puzzles.toy import Parity

pytestmark = pytest.mark.slow

PUZZLE = "...38..795.4.27.1.........5..91..5....7....98...5..34271.2......45....266..8..7.."
MAZE = "#######/#S....#/#.###.#/#.#G#.#/#.#.#.#/#.....#/#######"
MAZES = {"rows": 7, "columns": 7}


@pytest.fixture(scope="module")
def tarball() -> Path:
    """onnxruntime-web, from the npm registry unless it was fetched before."""
    try:
        return runtime.find()
    except UserError as error:
        (pytest.fail if os.environ.get("RUNTIME_TESTS") == "required" else pytest.skip)(str(error))


def untrained(puzzle: puzzles.Puzzle) -> Served:
    """The smallest model, which knows nothing: its answers are broken all over, and it goes on to the last segment."""
    config = HRMConfig(
        vocab_size=puzzle.vocab_size, seq_len=puzzle.seq_len, hidden_size=16, num_heads=1, mlp_multiple=16, h_layers=1,
        l_layers=1, h_cycles=1, l_cycles=1, halting="halt_only", num_puzzle_ids=puzzle.num_puzzle_ids,
    )  # fmt: skip
    return Served(puzzle=puzzle, model=HRM(config, seeded()).eval(), origin="untrained")


@pytest.fixture(scope="module")
def models() -> dict[str, Served]:
    sudoku = Served(puzzle=puzzles.get("sudoku"), model=HRM.from_pretrained("sudoku_9x9"), origin="sudoku_9x9")
    return {"sudoku": sudoku, "maze": untrained(puzzles.get("maze", **MAZES))}


@pytest.fixture(scope="module")
def site(
    models: dict[str, Served], exported_sudoku: Path, tarball: Path, tmp_path_factory: pytest.TempPathFactory
) -> Path:
    """What the command writes, with Sudoku's file from the other export."""
    directory = tmp_path_factory.mktemp("page") / "site"
    told: list[str] = []
    page.write([models["maze"]], directory, tarball, puzzles_each=3, say=told.append)
    assert "the same answers as PyTorch" in told[0]
    shutil.copyfile(exported_sudoku / onnx_file.MODEL, directory / "sudoku.onnx")
    page.assemble([page.describe(one, page.check(one), 3) for one in models.values()], directory, tarball)
    return directory


class Files(http.server.SimpleHTTPRequestHandler):
    """The plainest of file servers."""

    def log_message(self, format: str, *args: Any) -> None:
        pass


@pytest.fixture(scope="module")
def own(site: Path) -> Iterator[str]:
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Files, directory=str(site))) as server:
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}/"
        server.shutdown()
        thread.join(timeout=20)


@pytest.fixture(scope="module")
def chromium() -> Iterator[Any]:
    with browser.chromium() as started:
        yield started


@pytest.fixture
def opened(chromium: Any, own: str) -> Iterator[Any]:
    with browser.opening(chromium, own) as opening:
        yield opening


def test_a_sudoku_is_typed_solved_and_stepped_through_by_keyboard(opened: Any, models: dict[str, Served]) -> None:
    shown = opened()
    type_sudoku(shown, PUZZLE)
    assert address(shown) == f"#sudoku={PUZZLE}"
    shown.keyboard.press("Enter")
    shown.wait_for_selector("#result:not([hidden])")
    expected = models["sudoku"].solve(PUZZLE)
    segments = expected["segments"]
    assert shown.inner_text("#verdict").startswith(
        f"✓ Solved by the rules, halted at segment {expected['halted_at']}, "
    )
    for number in range(len(segments), 0, -1):
        assert shown.inner_text("#now") == f"{number} of {len(segments)}"
        assert grid(shown) == segments[number - 1]["grid"]
        assert shown.inner_text("#judged") == segments[number - 1]["verdict"]
        shown.keyboard.press("p")


def test_the_worker_answers_what_the_server_would(opened: Any, models: dict[str, Served]) -> None:
    shown = opened()
    for name, text, think_on in (("sudoku", PUZZLE, True), ("maze", MAZE, False)):
        found = shown.evaluate(
            "async asked => (await import('./client.js')).solve(asked, () => {})",
            {"puzzle": name, "text": text, "segments": 5, "think_on": think_on},
        )
        expected = models[name].solve(text, 5, think_on)
        assert found.keys() == expected.keys()
        for key in expected.keys() - {"segments", "seconds"}:
            assert found[key] == expected[key], key
        for mine, theirs in zip(found["segments"], expected["segments"], strict=True):
            for key in ("confidence", "residual"):
                assert mine.pop(key) == pytest.approx(theirs.pop(key), abs=1e-3)
            assert mine == theirs


def test_the_rules_are_those_of_the_package(chromium: Any, own: str) -> None:
    """States of every kind: random ids, and answers in which a few cells are altered."""
    shown, rng = chromium.new_page(), puzzles.rng(0, "test")
    shown.goto(f"{own}puzzles.json")  # loads no model
    rules = """async ([name, about, rows]) => {
      const domain = (await import('./solver.js')).DOMAINS[name];
      return rows.map(([inputs, state]) => {
        const fault = domain.fault(about, inputs);
        return [fault, ...(fault ? [] : [domain.write(about, inputs, state), domain.describe(about, inputs, state)])];
      });
    }"""
    for name, options in (("sudoku", {"box": "2x3"}), ("maze", {"rows": 7, "columns": 9})):
        puzzle = puzzles.get(name, **options)
        inputs, labels = puzzle.generate(rng, 120)
        states = labels.copy()
        for row in range(len(states)):
            cells = rng.random(puzzle.seq_len) < (0, 0.02, 0.1, 1)[row % 4]
            states[row, cells] = rng.integers(0, puzzle.vocab_size, cells.sum())
        if name == "maze":  # a way round, and questions that are none
            states[0] = puzzle.parse("#########/#ooooooo#/#o#####o#/#o#####o#/#o#####o#/#S.....G#/#########")
            inputs[0] = np.where(states[0] == 5, 2, states[0])
            states[8:12] = inputs[8:12]
        inputs[1, rng.permutation(puzzle.seq_len)[:6]] = 3
        inputs[2, inputs[2] == 3] = 1
        inputs[3, np.flatnonzero(inputs[3] == 2)[0]] = 3
        inputs[5] = np.where(inputs[5] == 2, 1, inputs[5])
        rows = [[one.tolist(), other.tolist()] for one, other in zip(inputs, states, strict=True)]
        about = untrained(puzzle).describe()
        seen = set()
        for row, (fault, *shown_as) in enumerate(shown.evaluate(rules, [name, about, rows])):
            assert fault == (puzzle.problem_fault(inputs[row], search=False) or "")
            seen.add(fault.split(" ")[0])
            if not fault:
                text, said = shown_as
                words, broken = puzzle.describe_state(inputs[row], states[row])
                assert text == puzzle.format_board(inputs[row], states[row])
                solved = bool(puzzle.check(inputs[row][None], states[row][None]).solved[0])
                assert said == {"words": words, "broken": np.flatnonzero(broken).tolist(), "solved": solved}
                seen.add(words.split(" ")[0])
        assert {"", "two", "solved", "broken:"} <= seen
        if name == "maze":
            assert {"valid,", "no"} <= seen
    shown.close()


def test_puzzles_come_from_the_folder_none_twice_and_a_phone_shows_them(opened: Any, site: Path) -> None:
    shown = opened("#maze=", viewport={"width": 340, "height": 640}, color_scheme="dark")
    (about,) = [
        one for one in json.loads((site / "puzzles.json").read_text("utf-8"))["puzzles"] if one["name"] == "maze"
    ]
    assert [len(texts) for texts in about["generated"].values()] == [3] * len(about["levels"])
    shown.select_option("#level", "loops")
    seen = set()
    for _ in range(3):
        shown.click("#generate")
        api.expect(shown.locator("#status")).to_have_text("A new puzzle.")
        seen.add(shown.input_value("#text").replace("\n", "/"))
        shown.click("#clear")
    assert seen == set(about["generated"]["loops"])
    shown.click("#generate")
    shown.click("#solve")
    shown.wait_for_selector("#result:not([hidden])")
    assert "Not solved" in shown.inner_text("#verdict")
    assert shown.evaluate("document.documentElement.scrollWidth") <= 340
    assert shown.is_hidden("#judges")
    assert shown.inner_text("#model") == "Model: untrained. It stops by the rule q:0.98."


def test_mistakes_are_told_and_a_lost_file_is_asked_for_again(chromium: Any, own: str) -> None:
    context = chromium.new_context(reduced_motion="reduce")
    shown = context.new_page()  # not `opened`: the browser logs what failed
    shown.set_default_timeout(browser.PATIENCE_MS)
    context.route("**/sudoku.onnx", lambda route: route.fulfill(status=404))
    shown.goto(f"{own}#sudoku={PUZZLE}")
    shown.wait_for_selector("html[data-ready]")
    shown.click("#solve")
    api.expect(shown.locator("#status.error")).to_have_text("sudoku.onnx: the file server answers 404")
    context.unroute("**/sudoku.onnx")
    shown.click("#solve")
    shown.wait_for_selector("#result:not([hidden])")
    shown.focus("#board input[data-at='2']")
    shown.keyboard.press("3")
    shown.keyboard.press("Enter")
    api.expect(shown.locator("#status.error")).to_have_text("two 3s in row 1")
    assert shown.evaluate("url => fetch(url).then(() => 'came', () => 'refused')", "http://localhost:1/") == "refused"
    context.close()


def test_the_command_writes_a_whole_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Any) -> None:
    """Without the two things that take long: the conversion and the registry."""

    def write(segment: Any, folder: Path, about: Any) -> onnx_file.Comparison:
        folder.mkdir(parents=True)
        (folder / onnx_file.MODEL).write_bytes(b"model")
        return onnx_file.Comparison(rows=1, segments=1, differences={"logits": 0.0}, same_answers=1.0)

    monkeypatch.setattr(onnx_file, "write", write)
    monkeypatch.setattr(runtime, "find", lambda given: given)
    monkeypatch.setattr(runtime, "unpack", lambda tarball, directory: directory.mkdir())
    main(["page", str(tmp_path / "site"), "--puzzles", "2", "--runtime", "file.tgz"])
    out = capsys.readouterr().out
    assert "sudoku: shipped weights sudoku_extreme" in out
    assert "maze: shipped weights maze_15x15" in out
    names = {path.name for path in (tmp_path / "site").iterdir()}
    assert names == {*page.SHARED, *page.OWN, "index.html", "puzzles.json", "sudoku.onnx", "maze.onnx", page.RUNTIME}
    served = (tmp_path / "site" / "page.js").read_text("utf-8")
    imported = [line.split('"')[1].removeprefix("./") for line in served.splitlines() if line.startswith("import")]
    assert imported
    assert set(imported) <= names


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        (["--puzzles", "0"], "puzzles=0: must be at least 1"),
        (["--run", "nowhere"], "run=nowhere: no such directory"),
        (["--run", "scorer_6x6"], "holds a step scorer, which scores solutions and solves nothing"),
        (["--run", "maze", "--run", "maze_15x15"], "run=maze_15x15: a second model for maze"),
        (["--runtime", "nowhere.tgz"], "runtime=nowhere.tgz: no such file; npm pack onnxruntime-web@1.30.0 makes it"),
        (["--runtime", "pyproject.toml"], "runtime=pyproject.toml: is not onnxruntime-web 1.30.0"),
    ],
)
def test_bad_input_is_one_line(arguments: list[str], reason: str, tmp_path: Path, capsys: Any) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["page", str(tmp_path / "new"), *arguments])
    told = capsys.readouterr().err
    assert (ended.value.code, told.count("\n")) == (2, 1)
    assert reason in told
    assert not (tmp_path / "new").exists()


def test_a_puzzle_whose_rules_the_page_does_not_know_is_refused() -> None:
    with pytest.raises(UserError, match=r"^run=untrained: solves parity; the page knows the rules of sudoku and maze"):
        page.check(untrained(Parity()))


def test_without_a_network_the_remedy_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setenv("NPM_CONFIG_REGISTRY", "http://127.0.0.1:1")
    monkeypatch.setattr(runtime.shutil, "which", lambda name: None)
    with pytest.raises(UserError) as caught:
        runtime.find()
    told = str(caught.value)
    assert "\n" not in told
    assert "Connection refused" in told
    assert "run: npm pack onnxruntime-web@1.30.0, and give its file: --runtime onnxruntime-web-1.30.0.tgz" in told


def test_another_file_than_the_pinned_one_is_not_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setattr(runtime, "_fetch", lambda path: path.write_bytes(b"another"))
    with pytest.raises(UserError, match=r"is not the pinned file; nothing was kept"):
        runtime.find()
    assert not runtime.cached().exists()
