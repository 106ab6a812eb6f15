"""The page as people use it, in a headless chromium: by keyboard, by its address, on a narrow screen."""

from collections.abc import Iterator
from typing import Any

import pytest

from tests import browser
from tests.browser import address, api, focused, grid, tab_to, type_sudoku
from tests.puzzles.toy import Parity
from tests.serve.serving import Client, serving, shipped, untrained, untrained_maze

pytestmark = pytest.mark.slow

PUZZLE = "...38..795.4.27.1.........5..91..5....7....98...5..34271.2......45....266..8..7.."  # takes a few segments
MAZE = "#########/#S......#/#.#####.#/#.#...#.#/#.#.#.#.#/#...#.#.#/#####.#.#/#G......#/#########"
# What a control is called, as assistive technology hears it: its label, its own label or its text.
NAMELESS = """() => [...document.querySelectorAll('button, input, select, textarea, summary, [tabindex]')]
  .filter(one => !one.closest('[hidden]'))
  .filter(one => !(one.getAttribute('aria-label') || [...(one.labels ?? [])].some(l => l.textContent.trim())
    || one.textContent.trim()))
  .map(one => one.outerHTML)"""

# Whether what has the focus, or the label that stands for it, has an outline.
OUTLINED = """() => {
  const one = document.activeElement;
  return one === document.body || [one, one.closest('label')].some(
    each => each && /(solid|auto)/.test(getComputedStyle(each).outlineStyle)
      && parseFloat(getComputedStyle(each).outlineWidth) >= 2)
}"""


@pytest.fixture(scope="module")
def client() -> Iterator[Client]:
    with serving([shipped(), untrained_maze(), untrained(Parity())]) as client:
        yield client


@pytest.fixture(scope="module")
def chromium() -> Iterator[Any]:
    with browser.chromium() as started:
        yield started


@pytest.fixture
def opened(chromium, client) -> Iterator[Any]:
    with browser.opening(chromium, f"http://127.0.0.1:{client.port}/") as opening:
        yield opening


def test_a_sudoku_typed_solved_and_stepped_through_without_a_mouse(opened, client):
    page = opened()
    type_sudoku(page, PUZZLE)
    assert grid(page) == PUZZLE
    assert address(page) == f"#sudoku={PUZZLE}"
    page.keyboard.press("Enter")
    page.wait_for_selector("#result:not([hidden])")
    segments = client.post("/api/solve", puzzle="sudoku", text=PUZZLE).json["segments"]
    assert grid(page) == segments[-1]["grid"]
    assert "Solved by the rules" in page.inner_text("#verdict")
    for number in range(len(segments), 0, -1):
        assert page.inner_text("#now") == f"{number} of {len(segments)}"
        assert grid(page) == segments[number - 1]["grid"]
        assert page.inner_text("#judged") == segments[number - 1]["verdict"]
        page.keyboard.press("p")
    page.keyboard.press("n")
    assert page.inner_text("#now") == f"2 of {len(segments)}"
    assert page.inner_text("#status").startswith("Segment 2: confidence")
    tab_to(page, "Segment")
    page.focus("#segment")
    page.keyboard.press("End")
    assert grid(page) == segments[-1]["grid"]
    page.keyboard.press("ArrowLeft")
    assert grid(page) == segments[-2]["grid"]


def test_the_address_opens_a_puzzle_and_reloading_keeps_it(opened):
    page = opened(f"#sudoku={PUZZLE.replace('.', '0')}")
    assert grid(page) == PUZZLE
    assert page.inner_text("#status") == "Puzzle taken from the address."
    page.focus("#board input[data-at='2']")
    page.keyboard.press("4")
    page.reload()
    page.wait_for_selector("html[data-ready]")
    assert grid(page) == PUZZLE[:2] + "4" + PUZZLE[3:]
    page.evaluate(f"location.hash = '#sudoku={PUZZLE}'")
    api.expect(page.locator("#board input[data-at='2']")).to_have_value("")
    for bad, words in (("#sudoku=5", "1 cells"), ("#arc=5", "no model here"), ("#sudoku=%", "holds no puzzle")):
        page.evaluate(f"location.hash = '{bad}'")
        api.expect(page.locator("#status.error")).to_contain_text(words)


def test_cells_changed_and_broken_are_marked_and_said(opened, client):
    page = opened(f"#sudoku={PUZZLE}")
    page.click("#solve")
    page.wait_for_selector("#result:not([hidden])")
    segments = client.post("/api/solve", puzzle="sudoku", text=PUZZLE).json["segments"]
    for number, one in enumerate(segments, start=1):
        page.evaluate(f"document.querySelectorAll('#chart .hit')[{number - 1}].dispatchEvent(new Event('click'))")
        before = PUZZLE if number == 1 else segments[number - 2]["grid"]
        labels = page.evaluate("[...document.querySelectorAll('#board input')].map(cell => cell.ariaLabel)")
        assert [at for at, label in enumerate(labels) if "breaks a rule" in label] == one["broken"]
        changed = [at for at in range(81) if before[at] != one["grid"][at]]
        assert [at for at, label in enumerate(labels) if "changed" in label] == changed
        assert page.locator("#board .changed").count() == len(changed)
        assert [at for at, label in enumerate(labels) if "given" in label] == [
            at for at in range(81) if PUZZLE[at] != "."
        ]
    assert page.locator("#chart line.halt").count() == 1
    assert f"halts at segment {len(segments)}" in page.get_attribute("#chart svg", "aria-label")
    page.check("#think-on")
    page.click("#solve")
    api.expect(page.locator("#segment")).to_have_attribute("max", "16")
    assert page.locator("#table tr.halted th").text_content() == str(len(segments))


def test_puzzles_are_generated_and_editing_goes_back_to_them(opened):
    page = opened()
    page.select_option("#level", "hard")
    page.click("#generate")
    api.expect(page.locator("#status")).to_have_text("A new puzzle.", timeout=60_000)  # the generator compiles
    made = grid(page)
    assert len(made.replace(".", "")) == 30
    assert address(page) == f"#sudoku={made}"
    page.click("#solve")
    page.wait_for_selector("#result:not([hidden])")
    blank = made.index(".")
    page.focus(f"#board input[data-at='{blank}']")
    page.keyboard.press("Backspace")
    assert grid(page) == made
    assert page.is_hidden("#result")
    assert page.inner_text("#puzzle-heading") == "Puzzle"


def test_mistakes_are_told_and_clashes_marked(chromium, client):
    context = chromium.new_context()
    page = context.new_page()  # not `opened`: the browser logs the refusal
    page.goto(f"http://127.0.0.1:{client.port}/#sudoku={PUZZLE}")
    page.wait_for_selector("html[data-ready]")
    page.focus("#board input[data-at='2']")
    page.keyboard.press("3")
    assert page.locator("#board .broken").count() == 2
    page.keyboard.press("Enter")
    page.wait_for_selector("#status.error")
    assert page.inner_text("#status") == "two 3s in row 1"
    context.close()


def test_a_maze_built_by_keyboard_pasted_and_solved(opened, client):
    page = opened("#maze=")
    shown = "[...document.querySelectorAll('#board .cell')].map(cell => cell.ariaLabel.split(': ')[1])"
    page.focus("#board .cell[data-at='0']")
    for key in ("S", "ArrowRight", "X", "ArrowDown", "G", "Home", "G"):
        page.keyboard.press(key)
    labels = page.evaluate(shown)
    assert [labels[at] for at in (0, 1, 9, 10)] == ["start", "wall", "goal", "free"]
    page.click("summary:has-text('Puzzle as text')")
    page.fill("#text", MAZE.replace("/", "\n"))
    page.click("#take")
    assert address(page) == f"#maze={MAZE.replace('#', 'X')}"
    page.click("#solve")
    page.wait_for_selector("#result:not([hidden])")
    last = client.post("/api/solve", puzzle="maze", text=MAZE).json["segments"][-1]
    labels = page.evaluate(shown)
    assert [at for at, label in enumerate(labels) if "breaks the path" in label] == last["broken"]
    assert page.inner_text("#judged") == last["verdict"]
    page.reload()
    page.wait_for_selector("html[data-ready]")
    assert page.evaluate(shown).count("wall") == MAZE.count("#")
    page.click("#generate")
    api.expect(page.locator("#status")).to_have_text("A new puzzle.", timeout=60_000)  # the generator compiles
    page.check("#kinds input[value=sudoku]", force=True)
    assert grid(page) == "." * 81


def test_a_domain_that_the_page_does_not_know_is_a_grid_of_its_symbols(opened, client):
    page = opened("#parity=")
    assert page.get_attribute("#board", "class") == "grid"
    assert page.inner_text("#kinds").split() == ["Sudoku", "Maze", "Parity"]
    assert page.inner_text("#board-keys").startswith("Arrow keys move, 0 1 fill in")
    tab_to(page, "row 1 column 1: empty")
    for symbol in "01x":
        page.keyboard.press(symbol)
        page.keyboard.press("ArrowRight")
    assert grid(page) == "01" + "." * 14
    assert address(page) == "#parity=01" + "." * 14
    page.click("#generate")
    api.expect(page.locator("#status")).to_have_text("A new puzzle.")
    asked = grid(page)
    assert asked.count(".") == 4
    page.click("#solve")
    page.wait_for_selector("#result:not([hidden])")
    segments = client.post("/api/solve", puzzle="parity", text=asked).json["segments"]
    assert grid(page) == segments[-1]["grid"]
    assert page.inner_text("#judged") == segments[-1]["verdict"]
    page.click("#as-text summary")
    page.fill("#text", "010./110./111./00z.")
    page.click("#take")
    assert page.inner_text("#status") == "“z” is not a symbol of this board: 01 or ."
    page.fill("#text", "010./110./111./000.")
    page.click("#take")
    assert grid(page) == "010.110.111.000."


def test_every_control_has_a_name_and_shows_its_focus(opened):
    for tag in (f"#sudoku={PUZZLE}", f"#maze={MAZE.replace('#', 'X')}"):
        page = opened(tag)
        page.click("#solve")
        page.wait_for_selector("#result:not([hidden])")
        assert page.evaluate(NAMELESS) == []
        assert page.locator("#board [tabindex='0']").count() == 1
        assert page.evaluate("document.documentElement.lang") == "en"
        seen = set()
        page.evaluate("document.activeElement.blur()")
        for _ in range(30):
            page.keyboard.press("Tab")
            seen.add(focused(page))
            assert page.evaluate(OUTLINED), seen
        assert {"solve", "generate", "level", "clear", "link", "think-on", "play", "Segment"} <= seen


def test_a_narrow_screen_scrolls_only_downwards(opened):
    for tag in (f"#sudoku={PUZZLE}", f"#maze={MAZE.replace('#', 'X')}"):
        page = opened(tag, viewport={"width": 340, "height": 640}, color_scheme="dark")
        page.click("#solve")
        page.wait_for_selector("#result:not([hidden])")
        assert page.evaluate("document.documentElement.scrollWidth") <= 340
        board, stepper = page.locator("#board").bounding_box(), page.locator(".stepper").bounding_box()
        assert abs(board["width"] - board["height"]) < 2
        assert 0 <= board["y"] < board["y"] + board["height"] <= stepper["y"]
        assert stepper["y"] + stepper["height"] <= 640
