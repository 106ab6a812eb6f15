"""Spread a compiled kernel over puzzles."""

import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

from numba.core import config


def num_threads() -> int:
    """Threads for kernels: NUMBA_NUM_THREADS where set, never more than the cores this process may use."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return max(1, min(int(getattr(config, "NUMBA_NUM_THREADS", cores)), cores))


def over_chunks(kernel: Callable[[int, int], object], num: int, smallest: int = 64) -> None:
    """Calls `kernel(start, stop)` on pieces that cover range(num), in threads.

    The kernel must release the GIL and write only its own rows. Plain threads instead of numba's `prange`: numba's
    thread pools abort the process when used after a fork (data loaders) or from two Python threads at once.
    """
    threads = min(num_threads(), -(-num // smallest))
    if threads <= 1:
        kernel(0, num)
        return
    size = max(smallest, -(-num // (8 * threads)))
    with ThreadPoolExecutor(threads) as pool:
        list(pool.map(lambda start: kernel(start, min(start + size, num)), range(0, num, size)))
