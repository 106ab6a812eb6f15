"""What the server of `processes` imports before it makes a rank."""

import hrm_net.cli
import hrm_net.commands.evaluate
import hrm_net.evaluation.validation
import hrm_net.recipes.solver_evaluation
import hrm_net.recipes.step_scorer  # noqa: F401
