"""Joining the other processes that torchrun, or any launcher that sets the same variables, has started."""

import logging
import os
import socket
import time
import uuid
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, redirect_stdout
from datetime import timedelta
from pathlib import Path

import torch
import torch.distributed as dist

from hrm_net.distributed.failures import part
from hrm_net.distributed.group import Group, belonging_to
from puzzles.errors import UserError

VARIABLES = ("RANK", "WORLD_SIZE", "MASTER_ADDR", "MASTER_PORT")
MEETING = timedelta(seconds=120)  # that processes wait for each other at the start
PARTING = 5.0  # seconds that processes wait for each other at the end
SILENCE = timedelta(minutes=30)  # that one process may compute while the others wait for it


def launched(environment: Mapping[str, str] = os.environ) -> bool:
    """Whether a launcher has started this process as one of several."""
    return int(environment.get("WORLD_SIZE", "1") or 1) > 1 and "RANK" in environment


@contextmanager
def joined() -> Iterator[Group | None]:
    """Belong to the group of the launched processes inside the block; without a launcher, change nothing.

    Ranks above 0 print nothing and log no warnings. UserError of one line where the processes cannot meet.
    """
    if not launched():
        yield None
        return
    group = _join(os.environ)
    try:
        with belonging_to(group):
            if group.is_main:
                yield group
            else:
                logging.disable(logging.WARNING)
                with Path(os.devnull).open("w") as nowhere, redirect_stdout(nowhere):
                    yield group
    finally:
        if dist.is_initialized():
            part(group, group.size, PARTING)
            dist.destroy_process_group()


def _join(environment: Mapping[str, str]) -> Group:
    missing = [name for name in VARIABLES if not environment.get(name)]
    if missing:
        raise UserError(f"{', '.join(missing)}: not set beside WORLD_SIZE; start with: torchrun --nproc-per-node N ...")
    rank, size = int(environment["RANK"]), int(environment["WORLD_SIZE"])
    if not (dist.is_available() and dist.is_gloo_available()):
        raise UserError(f"WORLD_SIZE={size}: this PyTorch has no gloo backend; use one process")
    where = f"{environment['MASTER_ADDR']}:{environment['MASTER_PORT']}"
    backend = "cpu:gloo,cuda:nccl" if torch.cuda.is_available() and dist.is_nccl_available() else "gloo"
    try:
        from torch.distributed.rendezvous import rendezvous

        store, _, _ = next(iter(rendezvous("env://", timeout=MEETING)))
        if environment.get("TORCHELASTIC_USE_AGENT_STORE") == "True":
            store = of_this_round(store, rank, size)
        dist.init_process_group(backend, store=store, rank=rank, world_size=size, timeout=SILENCE)
    except (RuntimeError, ValueError) as error:
        reason = " ".join(str(error).split())
        if "EADDRINUSE" in reason or "already in use" in reason:
            raise UserError(f"MASTER_PORT={environment['MASTER_PORT']}: in use; choose another --master-port") from None
        raise UserError(f"rank {rank} of {size}: cannot meet the others at {where}: {reason[:200]}") from None
    group = Group(rank=rank, size=size, local_rank=int(environment.get("LOCAL_RANK", "0")), store=store)
    names = tuple(group.gather_objects(f"process {os.getpid()} on {socket.gethostname()}"))
    return Group(rank=rank, size=size, local_rank=group.local_rank, names=names, store=store)


def of_this_round(store: dist.Store, rank: int, size: int) -> dist.Store:
    """A part of a launcher's `store` for those processes alone that it has started together.

    The store outlives the processes, and after a restart still holds the addresses of the dead. The number of restarts
    does not tell rounds apart: machines count it differently. So each rank calls with a number of its own, and rank 0
    answers those calls with the number of its round, until all have confirmed it.
    """
    name = uuid.uuid4().hex
    if rank > 0:
        store.set(f"meeting/{rank}", name)
        current = store.get(f"meeting/answer/{name}").decode()
        store.add(f"meeting/confirmed/{current}", 1)
        return dist.PrefixStore(current, store)
    deadline = time.monotonic() + MEETING.total_seconds()
    while store.add(f"meeting/confirmed/{name}", 0) < size - 1:
        if time.monotonic() > deadline:
            raise RuntimeError(f"fewer than {size} processes have come")
        for other in range(1, size):
            if store.check([f"meeting/{other}"]):
                call = store.get(f"meeting/{other}").decode()
                store.set(f"meeting/answer/{call}", name)
        time.sleep(0.05)
    return dist.PrefixStore(name, store)
