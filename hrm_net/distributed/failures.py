"""The end of a run that fails on one of its processes: all end within seconds, and one of them says why.

A process that fails leaves its reason in the group's store and closes its connections, which ends the waiting of the
others. Those leave a note too. A rank without a note after `PATIENCE` has died.
"""

import contextlib
import json
import signal
import time
from collections.abc import Callable

import torch.distributed as dist

from hrm_net.distributed.group import Group, PeerLostError, current

ADVICE = "the same command goes on from the newest checkpoint"
PATIENCE = 4.0  # seconds that processes wait for each other's notes


def leave_together(error: BaseException, code: int, say: Callable[[str], None]) -> int:
    """The exit code of this process, which ends by `error`.

    In a group of one, `say("")` tells the error. In a larger group one process tells it: the lowest rank among those
    with the same error, by `say("rank R: ")` unless every process has it. Where a rank has died, the lowest of the
    others names it.
    """
    group = current()
    if group.alone or group.store is None:
        say("")
        return code
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, signal.SIG_IGN)  # the launcher sends one as soon as the first process has ended
    try:
        return _leave(group, error, code, say)
    except RuntimeError:  # the store is gone, and with it the process that held it
        if isinstance(error, PeerLostError):
            say(f"rank 0 ({group.names[0]}), which held the processes together, died; {ADVICE}")
        else:
            say(f"rank {group.rank}: ")
        return code


def _leave(group: Group, error: BaseException, code: int, say: Callable[[str], None]) -> int:
    assert group.store is not None
    reason = None if isinstance(error, PeerLostError) else str(error) or type(error).__name__
    group.store.set(f"left/{group.rank}", json.dumps({"reason": reason, "code": code}))
    if dist.is_initialized() and dist.get_backend() == "gloo":
        dist.destroy_process_group()
    notes = _notes(group)
    dead = [rank for rank in range(group.size) if rank not in notes]
    reasons = {rank: note for rank, note in notes.items() if note["reason"] is not None}
    if reason is not None:
        same = [rank for rank, note in reasons.items() if note["reason"] == reason]
        if group.rank == min(same):
            say("" if len(same) == group.size else f"rank {group.rank}: ")
    elif reasons:
        code = max(note["code"] for note in reasons.values())
    elif group.rank == min(notes):
        named = ", ".join(f"rank {rank} ({group.names[rank]})" for rank in dead)
        say(f"{named} died; {ADVICE}" if dead else f"a connection between ranks broke: {error}; {ADVICE}")
    part(group, len(notes), 1.0)
    return code


def _notes(group: Group) -> dict[int, dict]:
    assert group.store is not None
    found: dict[int, dict] = {}
    deadline = time.monotonic() + PATIENCE
    while len(found) < group.size and time.monotonic() < deadline:
        for rank in range(group.size):
            key = f"left/{rank}"
            if rank not in found and group.store.check([key]):
                found[rank] = json.loads(group.store.get(key))
        time.sleep(0.02)
    return found


def part(group: Group, num: int, patience: float) -> None:
    """Return once `num` processes are here, or after so many seconds; on rank 0, which may hold the store, last.

    A connection that closes too soon may cut off the last message of a process, and a launcher ends the others once the
    first has gone.
    """
    assert group.store is not None
    with contextlib.suppress(RuntimeError):  # the store has gone with the process that held it
        _count(group, "here", num, patience)
        if group.is_main:
            _count(group, "leaving", num, min(patience, 1.0))
        else:
            group.store.add("leaving", 1)


def _count(group: Group, key: str, num: int, patience: float) -> None:
    """Count this process, and wait until `num` are counted."""
    assert group.store is not None
    group.store.add(key, 1)
    deadline = time.monotonic() + patience
    while group.store.add(key, 0) < num and time.monotonic() < deadline:
        time.sleep(0.02)
