"""The blocks that the stacks H and L are made of."""
