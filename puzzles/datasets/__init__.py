"""Sets of puzzles on disk: data directories in the published layout, and files of puzzles as people keep them.

dataset        a data directory: read, write, find_split; `Metadata`, `Examples`, `Dataset`
build          builds one from files or generators (`python -m puzzles.build`)
stamp          the sha256 of every file and the settings, verified when the directory is read
checks         what the files of a data directory must satisfy
puzzle_files   puzzles from text files: CSV, one a line, grids, .sdk, .ss
"""
