"""What the compiled kernels of all domains share: threads, random numbers, and two instructions on bits."""

import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, cast

import numpy as np
from numba import njit, types
from numba.core import config
from numba.extending import intrinsic


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


@njit(cache=True, nogil=True)
def next_random(state):
    """One step of splitmix64 (Steele, Lea, Flood 2014); `state` is uint64[1]."""
    state[0] += np.uint64(0x9E3779B97F4A7C15)
    z = state[0]
    z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return z ^ (z >> np.uint64(31))


@njit(cache=True, nogil=True)
def below(state, bound):
    """A number in range(bound)."""
    return np.int64(((next_random(state) >> np.uint64(32)) * np.uint64(bound)) >> np.uint64(32))


@njit(cache=True, nogil=True)
def shuffle(state, items):
    for last in range(len(items) - 1, 0, -1):
        other = below(state, last + 1)
        items[last], items[other] = items[other], items[last]


@intrinsic
def _lowest(typing_context, bits):
    def build(context, builder, signature, arguments):
        return builder.cttz(arguments[0], context.get_constant(types.boolean, 1))

    return types.int64(types.int64), build


@intrinsic
def _count(typing_context, bits):
    def build(context, builder, signature, arguments):
        return builder.ctpop(arguments[0])

    return types.int64(types.int64), build


lowest = cast(Callable[[Any], int], _lowest)  # in kernels: index of the lowest set bit of an int64; undefined for 0
count = cast(Callable[[Any], int], _count)  # in kernels: how many bits of an int64 are set
