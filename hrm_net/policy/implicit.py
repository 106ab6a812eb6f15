"""The reward `implicit`: a second policy learns outcomes as the first one learns from it (PRIME, arXiv 2502.01456).

With phi the second policy and the clone as its reference, the return of an attempt is

    r = scale sum_t log(phi(a_t) / clone(a_t))

and phi learns, before the attempts are rewarded, by the cross-entropy of sigmoid(r) and the attempt's outcome.
"""

import copy
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from jaxtyping import Float, Float64
from torch import Tensor

from hrm_net.checkpoints import pretrained
from hrm_net.policy.model import PolicyModel
from hrm_net.policy.rewards import Evidence, implicit
from hrm_net.policy.rollouts import Choices, choices, log_probs
from puzzles.steps.world import EditWorld, Episodes

SCALE = 0.5
RATE = 1e-3  # learning rate of phi


class ImplicitReward:
    """See `hrm_net.policy.scorers.Proxy`. `learn` updates phi; `state_dict` holds all that the next update needs."""

    compares = False

    def __init__(self, world: EditWorld, clone: PolicyModel) -> None:
        self.world, self.clone = world, clone
        self.model = copy.deepcopy(clone).requires_grad_(True)
        self.optimizer = torch.optim.AdamW(self.model.parameters(), lr=RATE, weight_decay=0.0)

    def learn(self, episodes: Episodes) -> float:
        """One update from attempts and their outcomes; the loss before it."""
        rows = self._choices(episodes)
        reference = rows.chosen(log_probs(self.clone, rows))
        outcome = torch.from_numpy(self.world.solved(episodes)).to(reference)
        ratio = self._ratio(rows, rows.chosen(rows.log_probs(self.model)), reference, len(episodes))
        loss = F.binary_cross_entropy_with_logits(ratio, outcome)
        self.optimizer.zero_grad()
        loss.backward()
        self.optimizer.step()
        return float(loss.detach())

    def __call__(self, episodes: Episodes, rollouts: int) -> Float64[np.ndarray, " attempts"]:
        rows = self._choices(episodes)
        mine, reference = (rows.chosen(log_probs(model, rows)) for model in (self.model, self.clone))
        ratio = self._ratio(rows, mine, reference, len(episodes)).double().cpu().numpy()
        return implicit(Evidence(solved=self.world.solved(episodes), live=episodes.live, log_ratio=ratio))

    def state_dict(self) -> dict[str, Any]:
        return {"model": pretrained.state(self.model), "optimizer": self.optimizer.state_dict()}

    def load_state_dict(self, saved: dict[str, Any]) -> None:
        pretrained.load_state(self.model, saved["model"])
        self.optimizer.load_state_dict(saved["optimizer"])

    def _choices(self, episodes: Episodes) -> Choices:
        return choices(self.world, episodes, next(self.model.parameters()).device)

    def _ratio(self, rows: Choices, mine: Tensor, reference: Tensor, num: int) -> Float[Tensor, " attempts"]:
        return SCALE * torch.zeros(num, device=mine.device).index_add(0, rows.attempt, mine - reference)
