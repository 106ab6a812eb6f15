"""The blocks that the stacks H and L are made of, by the name that `model.block` gives them.

To add one, write a file here with a subclass of `Block`, add its line to `BLOCKS`, and a file to `conf/model/`. The
name is then a value of `model.block`, and checks, training, checkpoints and FLOPs follow from the class.
"""

from hrm_net.nn.blocks.attention import AttentionBlock
from hrm_net.nn.blocks.block import Block
from hrm_net.nn.blocks.grid import GridBlock
from hrm_net.nn.blocks.local import LocalBlock
from hrm_net.nn.blocks.mixer import MixerBlock
from hrm_net.nn.blocks.relational import RelationalBlock
from hrm_net.nn.blocks.symbol import SymbolBlock

BLOCKS: dict[str, type[Block]] = {
    "attention": AttentionBlock,
    "mixer": MixerBlock,
    "grid": GridBlock,
    "local": LocalBlock,
    "symbol": SymbolBlock,
    "relational": RelationalBlock,
}
