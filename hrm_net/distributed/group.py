"""The processes of a run as one object: ranks, shares of a batch, and the few collective operations that are needed.

`current()` is a group of one unless `hrm_net.distributed.launch.joined` has made another. Every collective operation
must be reached by all processes in the same order; in a group of one it does nothing.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, TypeVar

import torch
import torch.distributed as dist
from torch import Tensor

from puzzles.errors import UserError

T = TypeVar("T")


class PeerLostError(Exception):
    """Another process of the run has ended in the middle of a collective operation."""


@dataclass(frozen=True, kw_only=True)
class Group:
    """The processes of a run, seen from one of them."""

    rank: int = 0
    size: int = 1
    # Number of this process among those of its machine: the GPU that it takes.
    local_rank: int = 0
    # `process PID on HOST` of each rank.
    names: tuple[str, ...] = ()
    # The key-value store of the group, which outlives a rank that dies. None in a group of one.
    store: dist.Store | None = None

    @property
    def is_main(self) -> bool:
        """Whether this process prints and writes."""
        return self.rank == 0

    @property
    def alone(self) -> bool:
        """Whether this is the only process."""
        return self.size == 1

    def rows(self, total: int, key: str = "batch_size") -> slice:
        """This process's rows of `total`, as many as everyone's. UserError, naming `key`, where they do not divide."""
        if total % self.size:
            raise UserError(f"{key}={total}: must be a multiple of {self.size}, the number of processes")
        each = total // self.size
        return slice(self.rank * each, (self.rank + 1) * each)

    def owns(self, number: int) -> bool:
        """Whether this process computes piece `number` of work that is dealt out in whole pieces."""
        return number % self.size == self.rank

    def check_device(self, device: torch.device) -> None:
        """UserError where the processes have no way to send each other tensors of `device`."""
        if self.alone or device.type == "cpu":
            return
        if device.type == "cuda" and dist.is_nccl_available():
            return
        wanted = "NCCL, which this PyTorch lacks" if device.type == "cuda" else "a backend, and there is none"
        text = f"device={device.type}: {self.size} processes need {wanted}"
        raise UserError(f"{text}; use device=cpu, or one process")

    def barrier(self) -> None:
        """Return once every process is here."""
        self.largest(0)

    def largest(self, value: int) -> int:
        """The largest of the values that the processes give."""
        if self.alone:
            return value
        shared = torch.tensor([value], dtype=torch.int64)
        _collective(lambda: dist.all_reduce(shared, dist.ReduceOp.MAX))
        return int(shared.item())

    def sum_(self, tensor: Tensor) -> Tensor:
        """The tensor, in place, as the sum over all processes, which get the same bits."""
        if not self.alone:
            _collective(lambda: dist.all_reduce(tensor))
        return tensor

    def copy_from_main_(self, tensors: Iterable[Tensor]) -> None:
        """Make the tensors, in place, those of rank 0."""
        for tensor in tensors if not self.alone else ():
            _collective(lambda tensor=tensor: dist.broadcast(tensor.detach(), src=0))

    def gather(self, tensor: Tensor) -> Tensor:
        """The rows of all processes, [rows, ...] from each to [size * rows, ...], in the order of ranks.

        Gradients reach the rows of this process alone: a loss computed from all rows on every process has the whole
        gradient as the sum over processes.
        """
        if self.alone:
            return tensor
        own = tensor.detach().contiguous()
        sent = own.view(torch.uint8) if own.dtype in (torch.bool, torch.bfloat16) else own
        parts = [torch.empty_like(sent) for _ in range(self.size)]
        _collective(lambda: dist.all_gather(parts, sent))
        found = [part.view(own.dtype) for part in parts]
        found[self.rank] = tensor
        return torch.cat(found)

    def exchange(self, rows: Tensor, sent: list[int], received: list[int]) -> Tensor:
        """Send the first `sent[0]` rows to rank 0, the next `sent[1]` to rank 1 and so on, and give the `received[r]`
        rows that each rank r has sent here, in the order of ranks."""
        found = rows.new_empty((sum(received), *rows.shape[1:]))
        _collective(lambda: dist.all_to_all_single(found, rows.contiguous(), received, sent))
        return found

    @contextmanager
    def noticing_loss(self) -> Iterator[None]:
        """PeerLostError in place of the error by which gloo or NCCL tells, inside the block, that a connection broke;
        for operations of PyTorch that communicate by themselves."""
        try:
            yield
        except RuntimeError as error:
            network = isinstance(error, dist.DistBackendError | dist.DistNetworkError) or "gloo/transport" in str(error)
            if self.alone or not network:
                raise
            raise PeerLostError(" ".join(str(error).split())[:300]) from error

    def gather_objects(self, value: T) -> list[T]:
        """The values of all processes, in the order of ranks."""
        if self.alone:
            return [value]
        found: list[Any] = [None] * self.size
        _collective(lambda: dist.all_gather_object(found, value))
        return found

    def from_main(self, make: Callable[[], T]) -> T:
        """What `make` gives on rank 0, on every process."""
        if self.alone:
            return make()
        with _alone():
            shared = [make() if self.is_main else None]
        _collective(lambda: dist.broadcast_object_list(shared, src=0))
        return shared[0]  # type: ignore[return-value]

    def on_main(self, work: Callable[[], object]) -> None:
        """Do the work on rank 0, as if it were alone; the others wait until it is done."""
        if self.is_main:
            with _alone():
                work()
        self.barrier()

    def main_first(self, work: Callable[[], T]) -> T:
        """Do the work on rank 0, and then on the others, which find the files that it has written."""
        with _alone():
            if self.is_main:
                found = work()
                self.barrier()
                return found
            self.barrier()
            return work()

    def check_equal(self, values: Sequence[str], explain: Callable[[Sequence[str], Sequence[str]], str]) -> None:
        """UserError on every process where one has other values than rank 0; `explain` tells the difference."""
        every = self.gather_objects(tuple(values))
        for rank, other in enumerate(every):
            if other != every[0]:
                raise UserError(f"rank {rank} ({self.names[rank]}) differs from rank 0: {explain(every[0], other)}")


ALONE = Group()
_current = ALONE


def current() -> Group:
    """The group that this process belongs to."""
    return _current


@contextmanager
def belonging_to(group: Group) -> Iterator[None]:
    """Make `group` the current one inside the block."""
    global _current
    before, _current = _current, group
    try:
        yield
    finally:
        _current = before


def _alone() -> Any:
    return belonging_to(ALONE)


def _collective(operation: Callable[[], object]) -> None:
    try:
        operation()
    except RuntimeError as error:  # what gloo and NCCL raise when a connection breaks
        raise PeerLostError(" ".join(str(error).split())[:300]) from error
