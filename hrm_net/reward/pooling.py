"""What the heads see of a state: its mean and maximum everywhere and where the step wrote."""

import torch
from jaxtyping import Bool, Float, Integer
from torch import Tensor, nn

POOLED = 4  # vectors side by side
GAINS = 2  # numbers beside them


class Pool(nn.Module):
    """A module so that it can be compiled: as it stands it takes a seventh of a small scorer's time on a CPU, most of
    it in PyTorch's maximum over an inner axis, and compiled a twentieth of that."""

    def forward(
        self,
        z: Float[Tensor, "rows place dim"],
        shown: Bool[Tensor, "rows place"] | None,
        written: Bool[Tensor, "rows place"],
    ) -> Float[Tensor, "rows features"]:
        """Mean and maximum over the places `shown` (None: all), then over those `written`: zeros where none is."""
        everywhere = [z.mean(dim=1), z.amax(dim=1)] if shown is None else _within(z, shown)
        return torch.cat([*everywhere, *_within(z, written)], dim=-1)


def _within(z: Tensor, mask: Tensor) -> list[Tensor]:
    num = mask.sum(dim=1)[:, None]
    mean = (mask[:, None].to(z.dtype) @ z)[:, 0] / num.clamp(min=1)
    highest = z.masked_fill(~mask[..., None], torch.finfo(z.dtype).min).amax(dim=1)
    return [mean, torch.where(num > 0, highest, 0.0)]


def pool_gain(
    log_probs: Float[Tensor, "rows cell vocab"],
    before: Integer[Tensor, "rows cell"],
    after: Integer[Tensor, "rows cell"],
) -> Float[Tensor, "rows gain"]:
    """Mean and minimum, over the cells that changed, of log p(after) - log p(before): zeros where none did."""
    values = torch.stack([before, after], dim=-1).long()
    gain = log_probs.gather(-1, values).diff(dim=-1)[..., 0]
    changed = before != after
    num = changed.sum(dim=1)
    mean = torch.where(changed, gain, 0.0).sum(dim=1) / num.clamp(min=1)
    lowest = gain.masked_fill(~changed, torch.finfo(gain.dtype).max).amin(dim=1)
    return torch.stack([mean, torch.where(num > 0, lowest, 0.0)], dim=-1)
