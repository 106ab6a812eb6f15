"""What the server of `processes` imports before it makes a rank, so that no rank spends seconds on it."""
# ruff: noqa: F401

import matplotlib.pyplot
import rich.progress
import torch._dynamo  # by models on PyTorch's meta device
import torch.distributed.fsdp
import torch.distributed.tensor

import hrm_net.cli
import hrm_net.commands.evaluate
import hrm_net.evaluation.validation
import hrm_net.recipes.arc_evaluation
import hrm_net.recipes.pair_judge_evaluation
import hrm_net.recipes.solver_evaluation
import hrm_net.recipes.step_scorer
