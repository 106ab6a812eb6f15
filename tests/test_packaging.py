"""What others install: a wheel that works away from the repository, and an import that stays light."""

import re
import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path

import pytest

from tests.paths import REPO

pytestmark = pytest.mark.slow

HEAVY = {"hydra", "omegaconf", "wandb", "flash_attn", "pydantic", "matplotlib", "rich", "numba"}


def run(argv: list[str], cwd: Path, **env: str) -> subprocess.CompletedProcess[str]:
    done = subprocess.run(argv, cwd=cwd, env=clean_environment(**env), capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done


def clean_environment(**more: str) -> dict[str, str]:
    import os

    kept = ("PATH", "HOME", "TMPDIR", "LANG", "SYSTEMROOT", "OMP_NUM_THREADS", "NUMBA_NUM_THREADS")
    return {key: os.environ[key] for key in kept if key in os.environ} | more


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("wheel")
    run([sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(folder)], REPO)
    (path,) = folder.glob("*.whl")
    return path


@pytest.fixture(scope="module")
def site(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel installed into a folder of its own, without its dependencies."""
    folder = tmp_path_factory.mktemp("site")
    pip = [sys.executable, "-m", "pip", "--disable-pip-version-check", "install", "--quiet", "--no-index"]
    run([*pip, "--no-deps", "--target", str(folder), str(wheel)], folder)
    return folder


def test_the_wheel_holds_the_packages_every_configuration_and_all_weights(wheel: Path) -> None:
    names = set(zipfile.ZipFile(wheel).namelist())
    expected = {f"hrm_net/{path.relative_to(REPO)}" for path in REPO.glob("conf/**/*.yaml")}
    for package in ("hrm_net", "puzzles"):
        expected |= {str(path.relative_to(REPO)) for path in REPO.glob(f"{package}/**/*.py")}
    expected |= {str(path.relative_to(REPO)) for path in REPO.glob("hrm_net/weights/**/*.*")}
    page = {str(path.relative_to(REPO)) for path in REPO.glob("hrm_net/serve/*.*")}
    assert {"hrm_net/serve/page.html", "hrm_net/serve/page.css", "hrm_net/serve/page.js"} < page
    expected |= page | {str(path.relative_to(REPO)) for path in REPO.glob("hrm_net/export/page/*.js")}
    assert len(expected) > 40
    assert expected <= names
    assert not [name for name in names if name.startswith(("tests/", "conf/", "benchmarks/"))]


def test_the_installed_wheel_finds_its_own_configuration(site: Path, tmp_path: Path) -> None:
    """The console scripts compose from what lies in the wheel, with the repository out of sight."""
    done = run([str(site / "bin" / "hrm-train"), "--info", "searchpath"], tmp_path, PYTHONPATH=str(site))
    assert str(site / "hrm_net" / "conf") in "".join(done.stdout.split())
    done = run([str(site / "bin" / "hrm-evaluate"), "--cfg", "job", "max_segments=7"], tmp_path, PYTHONPATH=str(site))
    assert "max_segments: 7" in done.stdout
    assert list(tmp_path.iterdir()) == []


def test_import_is_light(tmp_path: Path) -> None:
    """`import hrm_net` is for people who want an nn.Module."""
    code = "import sys, hrm_net; hrm_net.HRM, hrm_net.HRMConfig; print(*sys.modules)"
    loaded = set(run([sys.executable, "-c", code], tmp_path, PYTHONPATH=str(REPO)).stdout.split())
    assert "torch" in loaded
    assert HEAVY & loaded == set()
    assert not any(name.startswith(("puzzles.sudoku", "puzzles.maze", "puzzles.arc")) for name in loaded)


def test_puzzles_need_neither_torch_nor_the_model(tmp_path: Path) -> None:
    code = "import sys, puzzles; puzzles.get('sudoku', box='2x2'); import puzzles.drawing.render; print(*sys.modules)"
    loaded = set(run([sys.executable, "-c", code], tmp_path, PYTHONPATH=str(REPO)).stdout.split())
    assert {"torch", "hrm_net", "hydra"} & loaded == set()


def test_every_import_is_a_declared_dependency() -> None:
    import ast

    project = tomllib.loads((REPO / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    extras = project["optional-dependencies"]
    declared = [*project["dependencies"], *extras["flash"], *extras["arc"], *extras["hub"], *extras["serve"]]
    declared += extras["export"] + extras["hf"]
    names = {re.split(r"[\[>=<]", line)[0].replace("-", "_") for line in declared}
    names = {{"hydra_core": "hydra", "pillow": "PIL", "flash_attn": "flash_attn"}.get(name, name) for name in names}
    names |= {"hrm_net", "puzzles", "yaml"}  # PyYAML is what omegaconf reads with
    names |= {"reasoning_gym"}  # in puzzles/arc/rearc.py alone, which runs in an environment of its own
    for path in [*REPO.glob("hrm_net/**/*.py"), *REPO.glob("puzzles/**/*.py")]:
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            modules = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            if isinstance(node, ast.ImportFrom) and node.level == 0:
                modules = [node.module or ""]
            for module in modules:
                root = module.partition(".")[0]
                assert root in names or root in sys.stdlib_module_names, f"{path.name} imports {root}"


def test_ci_installs_and_tests_as_the_readme_says() -> None:
    script = (REPO / ".ci" / "run").read_text(encoding="utf-8")
    readme = (REPO / "README.md").read_text(encoding="utf-8")
    (test_command,) = re.findall(r'^pip install -e "\.\[dev\]" && (pytest.*)$', readme, re.MULTILINE)
    steps = [line.removeprefix("step ") for line in script.splitlines() if line.startswith("step ")]
    assert steps[0] == 'pip install --quiet -e ".[dev]"'
    assert steps[-1] == test_command
    assert {"ruff check .", "ruff format --check .", "pyright"} < set(steps)
