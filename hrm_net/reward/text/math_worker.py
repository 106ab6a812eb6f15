"""A process that compares mathematical answers with math-verify: a JSON list [first, second] a line in, a verdict out.

It imports nothing of this package, so that it starts in a second. `math_process.MathProcess` starts it, and ends it
when it takes too long: sympy can compute for hours on one short line, and nothing inside a process can stop that.
"""

import json
import sys

MEMORY = 4 << 30  # bytes


def main() -> None:
    try:
        from math_verify import LatexExtractionConfig, parse, verify
    except ImportError as error:
        print(json.dumps({"missing": str(error)}), flush=True)
        return
    seconds = float(sys.argv[1])
    _limit("RLIMIT_AS", MEMORY)
    config = [LatexExtractionConfig()]

    def read(answer: str) -> list:
        # The library's own time limits are signals, which need the main thread of a process; ours is the process.
        return parse(f"${answer}$", config, fallback_mode="no_fallback", parsing_timeout=0)

    print(json.dumps({"ready": True}), flush=True)
    for line in sys.stdin:
        _limit_time(seconds)
        try:
            first, second = map(read, json.loads(line))
            # The library's comparison takes the right answer first and is not symmetric.
            same = any(verify(a, b, timeout_seconds=0) for a, b in ((first, second), (second, first)))
        except (MemoryError, RecursionError):
            same = None
        print(json.dumps({"same": same}), flush=True)


def _limit_time(seconds: float) -> None:
    """Ends this process once it has computed for so many more seconds, however busy the machine is."""
    try:
        import resource

        used = resource.getrusage(resource.RUSAGE_SELF)
        _limit("RLIMIT_CPU", int(used.ru_utime + used.ru_stime + seconds) + 1)
    except ImportError:
        return  # Windows: the wall clock of the process that asks is the limit


def _limit(name: str, most: int) -> None:
    try:
        import resource

        hard = resource.getrlimit(getattr(resource, name))[1]
        resource.setrlimit(getattr(resource, name), (most, hard))
    except (ImportError, ValueError, OSError):
        return  # not every system can limit it


if __name__ == "__main__":
    main()
