"""Compares segments that are compiled as a whole with those that are not, in a process without checks of types, which a
compiler cannot look through: `python -m tests.trainer.whole_segments`. Prints the variants that agree."""

import torch

from hrm_net.model import HRM
from tests.models import VARIANTS, seeded, small_batch, small_model

QUIET = [name for name, values in VARIANTS.items() if not values.get("noise")]


def results(model: HRM) -> list[torch.Tensor]:
    """What two steps of training give, with the second pass of Q-learning, and their gradients."""
    batch, found = small_batch(model, 4), []
    carry = model.initial_carry(batch)
    for step in range(2):
        model.zero_grad()
        carry, out = model(carry, batch, generator=seeded(step))
        torch.stack([out.logits.sum(), out.q_halt.sum(), out.q_continue.sum()]).sum().backward()
        found += [carry.z_H, carry.z_L, out.logits.detach(), out.q_halt.detach()]
        found += [param.grad for param in model.parameters() if param.grad is not None]
        found += [out.target_q_continue] if out.target_q_continue is not None else []
    return found


def main() -> None:
    for variant in QUIET:
        torch.compiler.reset()
        plain, whole = small_model(variant).train(), small_model(variant).train()
        whole.compile_blocks(backend="aot_eager")
        whole.compile_segment(backend="aot_eager", fullgraph=True)  # an error where it is more than one graph
        for one, other in zip(results(plain), results(whole), strict=True):
            torch.testing.assert_close(one, other, rtol=1e-5, atol=1e-6)
        print(variant, flush=True)


if __name__ == "__main__":
    main()
