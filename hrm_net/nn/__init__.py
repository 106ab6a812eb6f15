"""The network: layers, blocks, codecs, halting, losses."""
