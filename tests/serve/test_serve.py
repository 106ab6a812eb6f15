"""The server of the page: what it answers, what it refuses, what it bounds."""

import http.client
import socket
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

import puzzles
from hrm_net.serve.guard import is_our_name
from hrm_net.serve.limits import Limits, TokenBuckets
from hrm_net.serve.served import Served
from hrm_net.solver import solve
from tests.serve.serving import GENEROUS, Client, serving, shipped, untrained_maze
from tests.solving import solving

PUZZLE = "53..7....6..195....98....6.8...6...34..8.3..17...2...6.6....28....419..5....8..79"
ANSWER = "534678912672195348198342567859761423426853791713924856961537284287419635345286179"


@pytest.fixture(scope="module")
def client():
    with serving([shipped(), untrained_maze()]) as client:
        yield client


def test_the_page_comes_with_its_parts_and_nothing_else(client):
    page = client("GET", "/")
    assert page.status == 200
    assert page.headers["content-type"].startswith("text/html")
    parts = {"icon.svg": "image/svg", "page.css": "text/css", "page.js": "text/javascript"}
    for name, kind in parts.items():
        assert f'"{name}"' in page.body.decode()
        assert client("GET", f"/{name}").headers["content-type"].startswith(kind)
    for name in ("boards.js", "chart.js"):
        assert f'"./{name}"' in client("GET", "/page.js").body.decode()
        assert client("GET", f"/{name}").status == 200
    for path in (
        "/app.py",
        "/../pyproject.toml",
        "/%2e%2e/command.py",
        "/..%2fcommand.py",
        "//etc/passwd",
        "/page.js/",
    ):
        answer = client("GET", path)
        assert (answer.status, answer.json) == (404, {"error": "not found"}), path
    assert client("POST", "/page.js", b"").status == 405
    assert client("GET", "/api/solve").status == 405


def test_every_answer_bears_the_headers_that_guard_it(client):
    for answer in (client("GET", "/"), client("GET", "/nothing"), client("GET", "/", headers={"host": "evil.example"})):
        policy = answer.headers["content-security-policy"]
        assert "default-src 'none'" in policy
        assert "unsafe" not in policy
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert "access-control-allow-origin" not in answer.headers
    page = client("GET", "/").body.decode()
    assert "<style" not in page
    assert " style=" not in page
    assert " onclick=" not in page


def test_what_is_served(client):
    sudoku, maze = client("GET", "/api/puzzles").json["puzzles"]
    assert (sudoku["name"], sudoku["rows"], sudoku["box"], sudoku["symbols"]) == ("sudoku", 9, [3, 3], "123456789")
    assert (sudoku["model"], sudoku["stop"]) == ("shipped weights sudoku_extreme", "q:0.98")
    assert (maze["name"], maze["rows"], maze["columns"]) == ("maze", 9, 9)


def test_a_solution_tells_every_segment_as_the_solver_has_it(client):
    found = client.post("/api/solve", puzzle="sudoku", text=PUZZLE).json
    served = shipped()
    inputs = served.puzzle.parse(PUZZLE)[None]
    expected = solve(served.model, served.puzzle, inputs, trace=True)
    assert expected.trace is not None
    (steps,) = expected.trace
    assert (found["answer"], found["solved"], found["text"]) == (ANSWER, True, PUZZLE)
    assert found["halted_at"] == len(found["segments"]) == expected.segments[0]
    for shown, state, confidence, residual in zip(
        found["segments"], steps.states, steps.confidence, steps.residual, strict=True
    ):
        assert shown["grid"] == served.puzzle.format(state)
        assert shown["confidence"] == pytest.approx(confidence, abs=1e-5)
        assert shown["residual"] == (None if residual == np.inf else pytest.approx(residual, abs=1e-5))
        assert shown["solved"] == (shown["grid"] == ANSWER) == (shown["verdict"] == "solved")


@pytest.mark.parametrize(("at", "halted_at"), [(1, 1), (3, 3), (4, 4), (5, None)])
def test_halting_is_told_apart_from_the_end_of_the_segments(at, halted_at):
    puzzle = puzzles.get("sudoku", box="2x2")
    model, inputs, labels = solving(puzzle, [at])
    served = Served(puzzle=puzzle, model=model, origin="known")
    text, answer = puzzle.format(inputs[0]), puzzle.format(labels[0])
    stop = served.solve(text, segments=4)
    on = served.solve(text, segments=4, think_on=True)
    assert stop["halted_at"] == on["halted_at"] == halted_at
    assert len(stop["segments"]) == min(at, 4)
    assert [one["grid"] for one in on["segments"]] == [answer if k >= at else text for k in range(1, 5)]
    assert stop["answer"] == on["answer"] == (answer if at <= 4 else text)
    assert stop["solved"] == (at <= 4)


def test_what_is_generated_can_be_solved_and_comes_back_by_its_seed(client):
    for described in client("GET", "/api/puzzles").json["puzzles"]:
        name = described["name"]
        for level in described["levels"]:
            made = client.post("/api/generate", puzzle=name, level=level["name"]).json
            assert client.post("/api/generate", puzzle=name, level=level["name"], seed=made["seed"]).json == made
            found = client.post("/api/solve", puzzle=name, text=made["text"], segments=1).json
            assert found["text"] == made["text"]
    clues = client.post("/api/generate", puzzle="sudoku", clues=33).json["text"]
    assert len(clues.replace(".", "")) == 33


def test_a_maze_is_judged_by_its_rules():
    maze = puzzles.get("maze", rows=3, columns=3)
    inputs, astray = maze.parse("S..\n##.\nG.."), maze.parse("Soo\n##o\nGo.")
    assert maze.describe_state(inputs, maze.solve(inputs[None])[0])[0] == "solved"
    words, broken = maze.describe_state(inputs, astray)
    assert words.startswith("broken: no way from S to G")
    assert np.flatnonzero(broken).tolist() == [5, 7]  # where its two ends stop short of each other


def test_a_sudoku_is_judged_by_its_rules():
    puzzle = puzzles.get("sudoku", box="2x2")
    inputs = puzzle.parse("1...............")
    for text, expected, cells in (
        ("1234341221434321", "solved", []),
        ("1234341221434...", "no rule broken, 3 open", []),
        ("11..............", "broken: 14 open, two 1s in row 1 and 1 more clashes", [0, 1]),
        ("2...............", "broken: 15 open, 1 of the givens lost", [0]),
    ):
        words, broken = puzzle.describe_state(inputs, puzzle.parse(text))
        assert (words, np.flatnonzero(broken).tolist()) == (expected, cells)
        assert (words == "solved") == puzzle.check(inputs[None], puzzle.parse(text)[None]).solved[0]


@pytest.mark.parametrize(
    ("path", "body", "reason"),
    [
        ("solve", b"", "not JSON"),
        ("solve", b"{", "not JSON"),
        ("solve", b"[" * 5000, "not JSON"),
        ("solve", b"\xff", "not JSON"),
        ("solve", [1], "must be a JSON object"),
        ("solve", {}, "puzzle=None: must be one of sudoku, maze"),
        ("solve", {"puzzle": ["sudoku"]}, "must be one of sudoku, maze"),
        ("solve", {"puzzle": "sudoku", "x": 1}, "x: unknown key"),
        ("solve", {"puzzle": "sudoku"}, "text: must be a string"),
        ("solve", {"puzzle": "sudoku", "text": "5"}, "needs 81"),
        ("solve", {"puzzle": "sudoku", "text": "55" + "." * 79}, "two 5s in row 1"),
        ("solve", {"puzzle": "sudoku", "text": "\n" + "é" * 81}, "must be 123456789"),
        ("solve", {"puzzle": "maze", "text": "." * 81}, "no start S"),
        ("solve", {"puzzle": "maze", "text": "S#.......#" + "#" * 70 + "G"}, "no path from S"),
        ("solve", {"puzzle": "sudoku", "text": PUZZLE, "segments": 65}, "segments=65: must be a whole number"),
        ("solve", {"puzzle": "sudoku", "text": PUZZLE, "segments": True}, "segments=True"),
        ("solve", {"puzzle": "sudoku", "text": PUZZLE, "think_on": 1}, "think_on: must be true or false"),
        ("generate", {"puzzle": "sudoku", "level": "odd"}, "level=odd: must be one of easy"),
        ("generate", {"puzzle": "sudoku", "level": {}}, "must be one of easy"),
        ("generate", {"puzzle": "sudoku", "clues": 12}, "clues=12"),
        ("generate", {"puzzle": "sudoku", "clues": {"a": 1}}, "clues={'a': 1}: must be a number or a word"),
        ("generate", {"puzzle": "maze", "clues": 12}, "clues: unknown key; there are level, puzzle, seed"),
        ("generate", {"puzzle": "maze", "level": "rooms", "seed": -1}, "seed=-1"),
    ],
)  # fmt: skip
def test_bad_requests_are_told_in_one_line(client, path, body, reason):
    assert reason in client.refused(400, f"/api/{path}", body)


def test_only_json_is_taken_so_that_pages_of_other_sites_cannot_ask(client):
    for kind in ("text/plain", "application/x-www-form-urlencoded", ""):
        answer = client("POST", "/api/solve", b"{}", {"content-type": kind})
        assert answer.status == 415


def test_large_bodies_are_refused_before_and_while_they_come():
    with serving([untrained_maze()], Limits(body_bytes=100)) as client:
        assert client("POST", "/api/solve", b" " * 101).status == 413
        assert client("POST", "/api/solve", b" " * 100).status == 400
        connection = http.client.HTTPConnection("127.0.0.1", client.port, timeout=20)
        chunks = (b" " * 60 for _ in range(2))
        connection.request("POST", "/api/solve", chunks, {"content-type": "application/json"}, encode_chunked=True)
        assert connection.getresponse().status == 413
        connection.close()


def test_a_body_that_does_not_come_is_not_waited_for():
    with serving([untrained_maze()], Limits(body_seconds=0.1)) as client:
        slow = socket.create_connection(("127.0.0.1", client.port), timeout=20)
        with slow:
            slow.sendall(
                b"POST /api/solve HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
                b"Content-Length: 10\r\n\r\n{"
            )
            assert slow.recv(4096).startswith(b"HTTP/1.1 408")


def test_the_rate_is_bounded_and_says_when_to_come_again():
    with serving([untrained_maze()], Limits(burst=3, per_second=0.01)) as client:
        answers = [client("GET", "/api/puzzles") for _ in range(5)]
        assert [answer.status for answer in answers] == [200, 200, 200, 429, 429]
        assert 90 <= int(answers[3].headers["retry-after"]) <= 100
        assert "too many requests" in answers[3].json["error"]


def test_a_bucket_fills_again_and_clients_have_their_own():
    buckets = TokenBuckets(Limits(burst=2, per_second=0.5, clients=3))
    assert [buckets.take("a", 0.0) for _ in range(3)] == [0, 0, 2.0]
    assert buckets.take("b", 0.0) == 0
    assert buckets.take("a", 1.0) == 1.0
    assert buckets.take("a", 2.0) == 0
    assert buckets.take("a", 2.0) == 2.0
    assert [buckets.take("a", 1000.0) for _ in range(3)] == [0, 0, 2.0]
    for client in "cdefg":
        buckets.take(client, 1000.0)
    assert set(buckets.buckets) == set("efg")


class Slow(Served):
    """Answers when it is let, and notes how many work at once."""

    def solve(self, text, segments=16, think_on=False):
        global working, most
        working += 1
        most = max(most, working)
        assert LET.wait(20)
        working -= 1
        return {"text": text}


working, most, LET = 0, 0, threading.Event()


def _slow() -> Slow:
    maze = untrained_maze()
    LET.clear()
    return Slow(puzzle=maze.puzzle, model=maze.model, origin=maze.origin)


def test_one_solution_at_a_time_and_a_short_queue():
    with serving([_slow()], Limits(burst=100, waiting=2)) as client, ThreadPoolExecutor(10) as pool:
        asked = [pool.submit(client.post, "/api/solve", puzzle="maze", text="") for _ in range(8)]
        while sum(future.done() for future in asked) < 5:
            time.sleep(0.01)
        LET.set()
        answers = [future.result() for future in asked]
    assert sorted(answer.status for answer in answers) == [200] * 3 + [503] * 5
    assert all(answer.headers["retry-after"] == "1" for answer in answers if answer.status == 503)
    assert most == 1


def test_an_answer_that_is_late_keeps_its_place_until_it_is_done():
    with serving([_slow()], Limits(burst=100, waiting=0, seconds=0.1)) as client:
        assert "no answer within 0.1 seconds" in client.refused(503, "/api/solve", {"puzzle": "maze", "text": ""})
        assert "waiting already" in client.refused(503, "/api/solve", {"puzzle": "maze", "text": ""})
        LET.set()
        while (answer := client.post("/api/solve", puzzle="maze", text="")).status != 200:
            assert answer.status == 503


def test_our_own_mistakes_stay_on_the_terminal():
    class Broken(Served):
        def solve(self, text, segments=16, think_on=False):
            raise ValueError("a secret of the server")

    maze = untrained_maze()
    with serving([Broken(puzzle=maze.puzzle, model=maze.model, origin="")], GENEROUS) as client:
        assert client.refused(500, "/api/solve", {"puzzle": "maze", "text": ""}).startswith("internal error")


@pytest.mark.parametrize("host", ["127.0.0.1", "127.0.0.1:80", "localhost:1", "LOCALHOST", "[::1]:80", "me.example:8"])
def test_our_names(host):
    assert is_our_name(host, {"me.example"})


@pytest.mark.parametrize(
    "host", ["", "evil.example", "127.0.0.1.evil.example", "localhost.evil", "[::1", "a@evil.example"]
)
def test_names_of_others_are_refused(client: Client, host):
    assert not is_our_name(host, ())
    answer = client("GET", "/api/puzzles", headers={"host": host})
    assert (answer.status, set(answer.json)) == (421, {"error"})
