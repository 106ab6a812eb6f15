"""Two machine instructions that numba has no name for."""

from numba import types
from numba.extending import intrinsic


@intrinsic
def lowest(typing_context, bits):
    """Index of the lowest set bit of an int64; undefined for 0."""

    def build(context, builder, signature, arguments):
        return builder.cttz(arguments[0], context.get_constant(types.boolean, 1))

    return types.int64(types.int64), build


@intrinsic
def count(typing_context, bits):
    """Set bits of an int64."""

    def build(context, builder, signature, arguments):
        return builder.ctpop(arguments[0])

    return types.int64(types.int64), build
