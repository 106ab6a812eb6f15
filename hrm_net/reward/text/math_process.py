"""math-verify in a process of its own, because only a process can be stopped that computes for too long."""

import atexit
import contextlib
import json
import queue
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

from puzzles.errors import UserError

INSTALL = "pip install 'math-verify[antlr4_9_3]>=0.9'"


class MathProcess:
    """`math_worker` in a process of its own: started by the first question, ended when one takes too long."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._lock = threading.Lock()
        self._process: subprocess.Popen[str] | None = None
        self._answers: queue.Queue[str] = queue.Queue()
        atexit.register(self.close)

    def same(self, first: str, second: str) -> bool | None:
        """The library's verdict, None where it does not come to one in time. UserError if it is not installed."""
        with self._lock:
            try:
                if self._process is None:
                    self._start()
                self._send([first, second])
                # The process limits its own computing time; one on a machine so busy that it gets a tenth of it is
                # waited for.
                answer = self._receive(10 * self._seconds)
            except BaseException:
                self._end()  # else the next question would get this one's answer
                raise
            if answer is None:
                self._end()
                return None
            return answer["same"]

    def close(self) -> None:
        """Ends the process."""
        with self._lock:
            self._end()

    def _start(self) -> None:
        command = [sys.executable, "-P", str(Path(__file__).with_name("math_worker.py")), str(self._seconds)]
        pipe = subprocess.PIPE
        self._process = subprocess.Popen(
            command, stdin=pipe, stdout=pipe, stderr=subprocess.DEVNULL, text=True, encoding="utf-8"
        )
        self._answers = queue.Queue()
        threading.Thread(target=_pass_on, args=(self._process.stdout, self._answers), daemon=True).start()
        told = self._receive(120.0)
        if told is None or "missing" in told:
            reason = "its process does not start" if told is None else told["missing"]
            raise UserError(f"comparing answers that are formulas needs math-verify ({reason}): {INSTALL}")

    def _send(self, question: list[str]) -> None:
        assert self._process is not None
        assert self._process.stdin is not None
        with contextlib.suppress(OSError):  # it has ended; then nothing is received either
            self._process.stdin.write(json.dumps(question) + "\n")
            self._process.stdin.flush()

    def _receive(self, seconds: float) -> dict[str, Any] | None:
        """The next line of the process; None where it ends, or none comes in time."""
        try:
            line = self._answers.get(timeout=seconds)
        except queue.Empty:
            return None
        return json.loads(line) if line else None

    def _end(self) -> None:
        process, self._process = self._process, None
        if process is not None:
            process.kill()
            process.wait()
            for stream in (process.stdin, process.stdout):
                if stream is not None:
                    stream.close()


def _pass_on(stream: Any, answers: queue.Queue[str]) -> None:
    """Every line of a stream, then an empty one for its end."""
    with contextlib.suppress(ValueError):  # closed under this thread
        for line in stream:
            answers.put(line)
    answers.put("")
