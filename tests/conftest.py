"""What every test stands on: checked shapes and types, one torch thread, a hypothesis profile, optional real data."""

import os
from pathlib import Path

import jaxtyping
import pytest

from tests.examples import register_profiles
from tests.paths import DATA, REPO


def _checked_modules() -> list[str]:
    """Modules whose annotations are enforced.

    Left out are those with numba kernels, which can't be wrapped, and configurations that check the types of their
    fields themselves, which must be seen to do so.
    """
    found, left_out = [], ("import numba", "from numba", "check_types(self)")
    for path in sorted([*REPO.glob("hrm_net/**/*.py"), *REPO.glob("puzzles/**/*.py")]):
        text = path.read_text(encoding="utf-8")
        if path.name != "__init__.py" and not any(mark in text for mark in left_out):
            found.append(".".join(path.relative_to(REPO).with_suffix("").parts))
    return found


# must run before the first import of either package
jaxtyping.install_import_hook(_checked_modules(), "beartype.beartype")

import torch  # noqa: E402

torch.set_num_threads(int(os.environ.get("OMP_NUM_THREADS", "1")))

register_profiles()


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The optional folder of real data beside the repository; the test skips where it is absent."""
    if not DATA.is_dir():
        pytest.skip("no real data in ../shared/data: this test compares with it")
    return DATA
