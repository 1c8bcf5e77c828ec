"""The system ports: the one module that reads the clock and draws chance."""

import gc
import os
import resource
import secrets
import socket
import time
from pathlib import Path
from typing import NamedTuple


class HostCapacity(NamedTuple):
    """What there is to share."""

    processors: int
    memory: int
    """Bytes."""


_MANY_FILES = 65_536
_ALPHABET = "0123456789abcdefghjkmnpqrstvwxyz"
_DIGITS = 10
"""Of these, at its beginning."""

_YOUNG, _YOUNG_ROUNDS, _MIDDLE_ROUNDS = 50_000, 20, 100
"""Objects made before the cyclic collector looks at them (Python: 700), and looks before it looks further (10, 10)."""


def clock() -> int:
    """Read the time: microseconds since 1970, UTC."""
    return time.time_ns() // 1000  # noqa: TID251 - this is the clock that everything else is given


def mint_run_id() -> str:
    """Make the id of a new run: ten characters, of which the first tell runs apart at a glance.

    The only id that is not derived from seed and place. It begins with a letter: a number names an event, so that the
    beginning of an id never may be one.
    """
    return secrets.choice(_ALPHABET[_DIGITS:]) + "".join(secrets.choice(_ALPHABET) for _ in range(9))


def mint_token() -> str:
    """Draw what opens the gateway for one attempt. It is never recorded: what is, has it replaced."""
    return secrets.token_hex(24)


def process_name() -> str:
    """Say which process this is, so that another can tell whether it still lives: host, id and start."""
    return f"{socket.gethostname()}:{os.getpid()}:{_started(os.getpid())}"


def process_ended(name: str) -> bool:
    """Whether a process of this machine is known to have ended. False: it lives, or nobody here can tell."""
    host, _, rest = name.partition(":")
    pid, _, started = rest.partition(":")
    return host == socket.gethostname() and pid.isdigit() and _started(int(pid)) != started


def _started(pid: int) -> str:
    """When a process started, in the kernel's ticks, since ids are used again; ``gone`` if there is none."""
    try:
        status = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return _without_proc(pid)
    fields = status.rpartition(")")[2].split()
    return "gone" if fields[0] == "Z" else fields[19]


def _without_proc(pid: int) -> str:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return "gone"
    except OSError:
        return "alive"
    return "gone" if Path("/proc/self/stat").exists() else "alive"


def allow_many_files() -> None:
    """Let this process open as many files as it may: a sandbox takes four, and the usual limit is 1,024."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = _MANY_FILES if hard == resource.RLIM_INFINITY else min(hard, _MANY_FILES)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))


def collect_rarely() -> None:
    """Have the cyclic collector look less often, and never at what is loaded: for a process that is ours alone.

    A run makes few cycles and keeps much: Python's own settings walk all of it again and again, which took a fifth of
    the CPU of a run of 1,000 trials. Call it once the modules are loaded. The price is some 10 MB of garbage at a time.
    It is the owner of the process who decides: a library that changes this changes it for everybody.
    """
    gc.freeze()
    gc.set_threshold(_YOUNG, _YOUNG_ROUNDS, _MIDDLE_ROUNDS)


def machine() -> HostCapacity:
    """See what this machine has: processors this process may use, and bytes of memory."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return HostCapacity(cores, os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES"))
