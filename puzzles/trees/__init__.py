"""Trees of partial solutions, grown by a policy, and the Monte-Carlo labels that they give to steps.

A **tree** (`trees.Tree`) belongs to one problem. Each **node** (`trees.Node`) is a state, uint8 `[seq]`; the root is
the start, and the step that leads to a node is the difference between its parent's state and its own. `n` attempts went
through a node and `c` of them solved the puzzle: the node's Monte-Carlo label is c / n. `time` counts the steps of the
budget that are used up at a node, `depth` the edges from the root; they differ where steps are merged.

    trees.expand                 full trees, as in the hierarchical reward model (arXiv 2503.13551)
    search.uct, search.omega_prm trees that grow where it pays: UCT, and OmegaPRM (arXiv 2406.06592)
    node_compression.compress    hierarchical node compression: some nodes are hung on their grandparents
    rows.tree_rows               the examples of a tree's nodes, as `puzzles.steps.rows.StepRows`
    json_format                  trees in OmegaPRM's JSON: read_trees, write_trees

    trees = expand(policy, rules, rng, problems, height=4, children=4)   # problems [num, seq] -> num trees
    rows = tree_rows(trees, rng, coarse=True, compressed="hnc")          # problem, before, after [rows, seq]
"""
