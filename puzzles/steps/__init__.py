"""Solutions as sequences of steps, their exact labels, and the examples that a step scorer learns from.

A **state** is a partly filled puzzle: its token ids, uint8 `[seq]`. A **step** (`steps.Step`) is a set of cells that
change together, with their tokens before and after; it may write blank cells, overwrite or erase. A **trajectory**
(`steps.Trajectory`) is one attempt at one puzzle: a start state, T steps, and the budget of B steps it was allowed. Its
*regime* says whether steps may only `fill` blank cells or also `edit` written ones. Two consecutive steps can be merged
into one (`steps.compose`), as hierarchical reward models need it.

A **label** says whether a step is good, by the puzzle's solution and without any model (`labels`): for each step
whether it is right (`ok`), whether the state after it agrees with a solution (`state`), and whether the solution is
still within reach (`alive`); for a merged pair whether its second half (`second`) or its net effect (`net`) is right;
and for the trajectory the step at which it goes wrong.

One puzzle at a time is slow, so most functions take many:

    Attempts      many trajectories: problems [num, seq], states [num, T + 1, seq], lengths [num]
    BatchLabels   their labels: ok, state, alive, second, net, ... [num, T], each with its provenance
    StepRows      examples: problem, before, after [rows, seq], label [rows]; one row a step or a merged pair
    StepTrajectories   the rows of complete attempts, with the outcome and the error step of each [num]

From a puzzle to examples:

    rules = puzzle.step_rules()                                     # what steps may do, and the solution (`rules`)
    policy = CarelessSolver(rules, error=0.2)                       # who takes the steps (`policies`)
    states, lengths = sample_states(policy, rules, rng, problems, budget)
    made = attempts(puzzle, problems, states, lengths, budget=budget, cells_per_step=1, regime="fill")
    rows = rows_of(made, label_states(rules, made), fine="ok", coarse="net")
    save("rows.npz", rows)                                          # `files`

`world` is a world to act in, one edit after another, with budget, erasing and stopping; `demonstrations` are attempts
in it that a policy imitates.

`prefixes` draws unfinished solutions that neither counting nor the rules can tell apart, by a policy whose attempts all
end full (`full`) and matched by what is visible without a solution (`visible`). `text` writes steps as `r3c5=7` and
reads them; `checks` refuses steps that the rules do not allow.
"""
