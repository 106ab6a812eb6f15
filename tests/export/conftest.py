"""What the tests of both exports share: shipped weights, exported once by the command of the document."""

import re
from pathlib import Path

import pytest
from filelock import FileLock

from hrm_net.export.command import main
from tests.paths import REPO


@pytest.fixture(scope="session")
def exported_sudoku(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The directory of model.onnx and model.json. All processes of a test run share it, since the export takes long."""
    shared = tmp_path_factory.getbasetemp()
    shared = shared.parent if "popen-gw" in shared.name else shared
    directory = shared / "exported_sudoku"
    with FileLock(shared / "exported_sudoku.lock"):
        if not directory.exists():
            page = (REPO / "docs" / "export.md").read_text("utf-8")
            (run,) = re.findall(r"```bash\nhrm-export onnx (\S+) out/\n", page)
            assert run == "sudoku_9x9"
            main(["onnx", run, str(directory)])
    return directory
