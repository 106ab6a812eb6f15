"""Several processes that work on one run under torchrun: who this one is, what they send each other, how they end.

Every process runs the same program. Rank 0 alone prints and writes; each computes its share of the rows.
"""
