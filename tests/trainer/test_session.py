"""One process at a time in a run directory."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from hrm_net.trainer.session import run_lock
from tests.paths import REPO

HOLD = """
import sys, time
from pathlib import Path
from hrm_net.trainer.session import run_lock
with run_lock(Path(sys.argv[1])):
    print("held", flush=True)
    time.sleep(60)
"""


def test_a_second_process_is_refused_until_the_first_is_gone_however_it_ended(tmp_path: Path) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", HOLD, tmp_path], cwd=REPO, stdout=subprocess.PIPE, text=True
    ) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == "held\n"
        refused = pytest.raises(ValueError, match=rf"^run directory .*: in use by process {holder.pid} on .*; stop it")
        with refused as caught, run_lock(tmp_path):
            pass
        assert "\n" not in str(caught.value)
        holder.kill()
    with run_lock(tmp_path), pytest.raises(ValueError, match=f"process {os.getpid()} "), run_lock(tmp_path):
        pass
    with run_lock(tmp_path):
        pass
