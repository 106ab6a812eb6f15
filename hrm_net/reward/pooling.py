"""What the heads see of a state: its mean and maximum everywhere and where the step wrote."""

import torch
from jaxtyping import Bool, Float
from torch import Tensor

POOLED = 4  # vectors side by side


def pool(
    z: Float[Tensor, "rows place dim"], shown: Bool[Tensor, "rows place"] | None, written: Bool[Tensor, "rows place"]
) -> Float[Tensor, "rows features"]:
    """Mean and maximum over the places `shown` (None: all), then over those `written`: zeros where there is none."""
    everywhere = [z.mean(dim=1), z.amax(dim=1)] if shown is None else _within(z, shown)
    return torch.cat([*everywhere, *_within(z, written)], dim=-1)


def _within(z: Tensor, mask: Tensor) -> list[Tensor]:
    num = mask.sum(dim=1)[:, None]
    mean = (mask[:, None].to(z.dtype) @ z)[:, 0] / num.clamp(min=1)
    highest = z.masked_fill(~mask[..., None], torch.finfo(z.dtype).min).amax(dim=1)
    return [mean, torch.where(num > 0, highest, 0.0)]
