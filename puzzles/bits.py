"""Two machine instructions that numba has no name for."""

from collections.abc import Callable
from typing import Any, cast

from numba import types
from numba.extending import intrinsic


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
