"""From token ids to states and back, by the name that `model.codec` gives it.

To add a codec, write a file here with a subclass of `Codec`, and add its line to `CODECS`. Each block says which codecs
it works with (`Block.codecs`).
"""

from hrm_net.nn.codecs.cells import CellCodec
from hrm_net.nn.codecs.codec import Codec
from hrm_net.nn.codecs.symbols import SymbolCodec
from hrm_net.nn.codecs.tokens import TokenCodec

CODECS: dict[str, type[Codec]] = {"tokens": TokenCodec, "cells": CellCodec, "symbols": SymbolCodec}
