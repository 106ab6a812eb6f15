"""Solutions in words, in the formats that reward models are trained and judged on.

Each module reads one format into `records.TextSolution` and writes it from there; `jsonl` has the files.
"""
