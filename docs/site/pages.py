"""Pages of the site that are made from other files: the README, CONTRIBUTING, the experiments and the notebook.

mkdocs calls the functions `on_...` (https://www.mkdocs.org/user-guide/plugins/#events).
"""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from mkdocs.structure.files import File, Files

REPO = Path(__file__).resolve().parents[2]
DOCS = REPO / "docs"
LINK = re.compile(r"(!?)\[([^\]]*)\]\((?!https?:|#|data:)([^)\s#]+)(#[^)\s]*)?\)")
# What lies outside docs/ and has a page of the site nevertheless.
PAGES = {"README.md": "index.md", "CONTRIBUTING.md": "contributing.md"}
NOT_RUN = re.compile(r"<!-- not run: [^>]+ -->\n+")


def on_files(files: Files, config: Any) -> Files:
    """Add the pages that are not in docs/."""
    made = {
        "index.md": page(REPO / "README.md"),
        "contributing.md": page(REPO / "CONTRIBUTING.md"),
        "experiments.md": experiments(),
        "first-steps.md": notebook(DOCS / "first-steps.ipynb"),
    }
    for name, content in made.items():
        files.append(File.generated(config, name, content=content))
    return files


def on_page_markdown(markdown: str, page: Any, config: Any, files: Files) -> str:
    """Pages of docs/ as they are on the site: see `at_home`."""
    made = page.file.src_uri in ("index.md", "contributing.md", "experiments.md", "first-steps.md")
    return markdown if made else at_home(markdown, DOCS)


def page(path: Path) -> str:
    """A page of the repository's root."""
    return at_home(path.read_text("utf-8"), path.parent)


def at_home(markdown: str, folder: Path) -> str:
    """Links from files in `folder` as they are on the site. A file that has no page there is named without a link."""

    def link(found: re.Match[str]) -> str:
        picture, words, target, anchor = found.groups(default="")
        path = (folder / target).resolve().relative_to(REPO)
        if str(path) in PAGES:
            return f"{picture}[{words}]({PAGES[str(path)]}{anchor})"
        if path.parts[0] == "docs" and path.suffix in (".md", ".png"):
            return f"{picture}[{words}]({Path(*path.parts[1:])}{anchor})"
        if path == Path("docs/first-steps.ipynb"):
            return f"[{words}](first-steps.md)"
        return f"{words} (`{path}`)" if words.strip("`") != str(path) else f"`{path}`"

    return LINK.sub(link, NOT_RUN.sub("", markdown))


def experiments() -> str:
    """What stands at the head of each file in conf/experiment: what it is, its command, hardware, time and result."""
    parts = [
        "# Experiments\n",
        "Each experiment is a file in `conf/experiment/`, whose head is shown. [Results](results.md) has tables.\n",
    ]
    for path in sorted((REPO / "conf" / "experiment").glob("*.yaml")):
        about, fields = head(path)
        fields.setdefault("command", f"`python train.py experiment={path.stem}`")
        parts += [f"## {path.stem}\n", f"{about}\n", *(f"- **{key}**: {value}" for key, value in fields.items()), ""]
    return "\n".join(parts)


def head(path: Path) -> tuple[str, dict[str, str]]:
    """The words at the head of an experiment's file, and its fields: command, hardware, time, expected."""
    words: list[str] = []
    fields: dict[str, str] = {}
    key = None
    for line in path.read_text("utf-8").splitlines()[1:]:
        if not line.startswith("#"):
            break
        text = line.removeprefix("#").strip()
        found = re.match(r"(data|command|hardware|time|expected):\s+(.*)", text)
        if found:
            key = found[1]
            fields[key] = found[2]
        elif key is None:
            words.append(text)
        elif text:
            fields[key] += f" {text}"
    return " ".join(words).strip(), {key: f"`{value}`" if key == "command" else value for key, value in fields.items()}


def notebook(path: Path) -> str:
    """A notebook as a page: its words, its code and what it printed or drew."""
    return (
        "\n\n".join(part for cell in json.loads(path.read_text("utf-8"))["cells"] for part in cell_parts(cell)) + "\n"
    )


def cell_parts(cell: dict[str, Any]) -> Iterator[str]:
    source = "".join(cell["source"])
    if cell["cell_type"] == "markdown":
        yield at_home(source, DOCS)
        return
    yield f"```python\n{source}\n```"
    for output in cell["outputs"]:
        data = output.get("data", {})
        if "image/png" in data:
            yield f"![What the cell drew](data:image/png;base64,{''.join(data['image/png']).strip()})"
        elif text := "".join(output.get("text", data.get("text/plain", ""))):
            yield f"```text\n{text.rstrip()}\n```"
