"""Explicit attention against SDPA, forward and backward, eager and compiled: why bf16 on a CPU takes the explicit form.

python benchmarks/attention.py     (a quiet machine; two minutes)
"""

import time

import torch

from hrm_net.nn.attention import attend
from hrm_net.provenance import hardware
from hrm_net.trainer.device import resolve_device

SHAPES = [(128, 4, 81, 32), (64, 8, 82, 64), (8, 8, 901, 64)]  # batch, heads, tokens, head size


def milliseconds(backend: str, shape: tuple[int, ...], dtype: torch.dtype, compiled: bool, repeats: int = 7) -> float:
    """Median of one forward and backward pass."""
    device = resolve_device("auto")
    generator = torch.Generator().manual_seed(0)
    q, k, v = (torch.randn(shape, generator=generator).to(device, dtype).requires_grad_() for _ in range(3))
    function = torch.compile(attend) if compiled else attend
    times = []
    for _ in range(repeats + 2):
        started = time.perf_counter()
        function(q, k, v, backend).float().square().mean().backward()
        if device.type == "cuda":
            torch.cuda.synchronize()
        times.append(time.perf_counter() - started)
    return 1000 * sorted(times[2:])[repeats // 2]


def main() -> None:
    print(hardware())
    for shape in SHAPES:
        for dtype in (torch.float32, torch.bfloat16):
            for compiled in (False, True):
                torch.compiler.reset()
                sdpa, explicit = (milliseconds(backend, shape, dtype, compiled) for backend in ("sdpa", "explicit"))
                mode = "compiled" if compiled else "eager"
                print(
                    f"{shape!s:<20}{str(dtype)[6:]:<10}{mode:<10}sdpa {sdpa:8.1f} ms   explicit {explicit:8.1f} ms"
                    f"   sdpa / explicit {sdpa / explicit:5.2f}",
                    flush=True,
                )


if __name__ == "__main__":
    main()
