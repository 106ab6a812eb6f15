"""The judge's part of the server: pairs to look at, verdicts segment by segment, and what it refuses."""

from collections.abc import Iterator

import numpy as np
import pytest
import torch

import puzzles
from hrm_net.nn.config import HRMConfig
from hrm_net.reward.model import RewardModel
from hrm_net.reward.model_config import RewardModelConfig
from hrm_net.reward.pair import PairJudge
from hrm_net.serve.served_judge import ServedJudge
from tests.models import SMALL, VARIANTS, seeded
from tests.serve.serving import Client, serving, untrained_maze

PUZZLE = puzzles.get("sudoku", box="2x3")


@pytest.fixture(scope="module")
def client() -> Iterator[Client]:
    sizes = {"vocab_size": PUZZLE.vocab_size, "seq_len": PUZZLE.seq_len, "num_puzzle_ids": 1, "l_cycles": 1}
    core = HRMConfig(**{**SMALL, **VARIANTS["symbols"], **sizes})
    model = RewardModel(RewardModelConfig(core=core, objectives=["pair"], segments=4), seeded()).eval()
    torch.nn.init.normal_(model.heads["pair"].get_parameter("weight"), generator=seeded(1))
    served = ServedJudge(judge=PairJudge(model, PUZZLE, stop=0.5), origin="untrained")
    with serving([untrained_maze()], judges=[served]) as client:
        yield client


def test_a_pair_is_served_and_judged_segment_by_segment(client: Client) -> None:
    assert client("GET", "/api/puzzles").json["judges"] == 1
    (told,) = client("GET", "/api/judges").json["judges"]
    assert (told["name"], told["rows"], told["segments"], told["stop"]) == ("sudoku", 6, 4, 0.5)
    pair = client.post("/api/pair", puzzle="sudoku", level="hard", seed=1).json
    assert pair == client.post("/api/pair", puzzle="sudoku", level="hard", seed=1).json
    given = {key: pair[key] for key in ("text", "first", "second")}
    found = client.post("/api/compare", puzzle="sudoku", **given).json
    assert len(found["segments"]) == 4
    assert found["can_come_right"]["first"] != found["can_come_right"]["second"]
    at = (found["stopped_at"] or 4) - 1
    assert found["verdict"] == ("first" if found["segments"][at]["probability"] > 0.5 else "second")
    assert (found["stopped_at"] is None) == all(one["halting"] < 0.5 for one in found["segments"])
    swapped = {"text": given["text"], "first": given["second"], "second": given["first"]}
    back = client.post("/api/compare", puzzle="sudoku", **swapped).json
    assert back["verdict"] != found["verdict"]
    both = [
        one["probability"] + other["probability"]
        for one, other in zip(found["segments"], back["segments"], strict=True)
    ]
    np.testing.assert_allclose(both, 1, atol=3e-6)


def test_mistakes_are_one_line(client: Client) -> None:
    text = PUZZLE.format(PUZZLE.generate(puzzles.rng(0, "test"), 1, clues=12)[0][0])
    given = {"puzzle": "sudoku", "text": text, "first": text, "second": text}
    cases = {
        "puzzle=maze: no judge of it is served; there are sudoku": given | {"puzzle": "maze"},
        "first: must be a string": given | {"first": None},
        "candidates[0]: is a candidate of another problem": given | {"first": "1" * 36},
        "seed: unknown key": given | {"seed": 1},
    }
    for line, body in cases.items():
        assert client.refused(400, "/api/compare", body).startswith(line)
    assert client.refused(400, "/api/pair", {"puzzle": "sudoku", "level": "odd"}).startswith(
        "level=odd: must be one of"
    )


def test_the_page_of_the_judge_comes_with_its_parts(client: Client) -> None:
    page = client("GET", "/judge")
    assert (page.status, page.headers["content-type"].startswith("text/html")) == (200, True)
    assert '"judge.js"' in page.body.decode()
    assert " style=" not in page.body.decode()
    assert client("GET", "/judge.js").headers["content-type"].startswith("text/javascript")
