"""The documents as a site: it builds without a warning and loads nothing from elsewhere; its code is run."""

import json
import os
import re
import subprocess
import sys
import textwrap
from html.parser import HTMLParser
from pathlib import Path

import pytest

from tests.paths import REPO

EXCERPT = re.compile(r"<!-- not run: excerpt of (\S+) -->\n\n```python\n(.*?)```", re.DOTALL)
# What a browser fetches by itself, by tag and attribute; a link is followed by people only.
FETCHED = {("script", "src"), ("img", "src"), ("link", "href"), ("iframe", "src"), ("source", "src")}


class Fetched(HTMLParser):
    """The addresses that a page makes a browser fetch."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found += [value or "" for name, value in attrs if (tag, name) in FETCHED]


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    for package in ("material", "mkdocstrings_handlers.python"):
        pytest.importorskip(package, reason="the extra docs is not installed")
    directory = tmp_path_factory.mktemp("site")
    build = [sys.executable, "-m", "mkdocs", "build", "--strict", "--site-dir", str(directory)]
    done = subprocess.run(
        build, cwd=REPO, env=os.environ | {"NO_MKDOCS_2_WARNING": "1"}, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return directory


@pytest.mark.slow
def test_the_site_builds_strictly_and_fetches_nothing_from_elsewhere(site: Path) -> None:
    pages = sorted(site.glob("*.html"))
    assert {"index.html", "api.html", "model.html", "experiments.html", "first-steps.html"} < {
        one.name for one in pages
    }
    for path in pages:
        parser = Fetched()
        parser.feed(path.read_text("utf-8"))
        assert parser.found
        assert [found for found in parser.found if re.match(r"(https?:)?//", found)] == [], path.name
    styles = "".join(path.read_text("utf-8") for path in site.rglob("*.css"))
    assert re.findall(r"(?:@import|url\()\s*[\"']?https?:[^)]*", styles) == []


@pytest.mark.slow
def test_the_site_has_every_experiment_and_every_public_name(site: Path) -> None:
    import hrm_net
    import hrm_net.reward

    experiments, api = ((site / name).read_text("utf-8") for name in ("experiments.html", "api.html"))
    for path in (REPO / "conf" / "experiment").glob("*.yaml"):
        assert f'id="{path.stem}"' in experiments
        assert f"python train.py experiment={path.stem}" in experiments
    for name in {*hrm_net.__all__, *hrm_net.reward.__all__} - {"RewardModelConfig"}:
        assert re.search(rf'id="(hrm_net|puzzles)\.[\w.]*\b{name}"', api), name


def test_excerpts_are_the_code() -> None:
    found = EXCERPT.findall((REPO / "docs" / "model.md").read_text("utf-8"))
    assert len(found) >= 6
    for path, excerpt in found:
        lines = [line.strip() for line in (REPO / path).read_text("utf-8").splitlines()]
        wanted = [line.strip() for line in textwrap.dedent(excerpt).splitlines()]
        assert any(lines[at : at + len(wanted)] == wanted for at in range(len(lines))), f"{path}: {wanted[0]}"


@pytest.mark.slow
def test_the_notebook_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    import matplotlib

    matplotlib.use("Agg")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("STEPS", "4")
    cells = json.loads((REPO / "docs" / "first-steps.ipynb").read_text("utf-8"))["cells"]
    names = {"__name__": "notebook"}
    for cell in cells:
        if cell["cell_type"] == "code":
            exec(compile("".join(cell["source"]), "first-steps.ipynb", "exec"), names)
    printed = capsys.readouterr().out
    assert "segment 4" in printed
    assert re.search(r"solved \d+\.\d% of 200 unseen puzzles", printed)
    assert "product of each: ['0.93', '0.00']" in printed
    assert all(cell["outputs"] for cell in cells if "print(" in "".join(cell["source"]))  # as the site shows them
