"""A sandbox's container, in the words of the engine's API."""

from collections.abc import Mapping
from pathlib import Path
from resource import RLIM_INFINITY, RLIMIT_NOFILE, RLIMIT_NPROC, getrlimit
from typing import Any, Final

from sandbox.base import MIB, SandboxSpec
from sandbox.disk import disk_limit
from sandbox.docker.client import Engine
from sandbox.docker.exec import MOUNT
from sandbox.docker.images import Built
from sandbox.docker.sandbox import FIRST

_FILES: Final = 1 << 20
"""Open files of a process, as both engines have it by themselves."""
_PROCESSES: Final = 1 << 15
"""Of one user of the whole machine, and no more than there are on a small one; ``PidsLimit`` is what counts."""


def container_config(
    spec: SandboxSpec, built: Built, env: Mapping[str, str], io: Path, engine: Engine
) -> dict[str, Any]:
    """Write down a container, in the words of the engine's API.

    The image's entry point stays in effect, as in Harbor, and is given the same to start; what it makes of that is
    its own affair (it may be a server), so that the runner is started beside it.
    """
    wants, limits = spec.task.config.environment, spec.limits
    memory = limits.memory_bytes if wants.memory_mb is None else wants.memory_mb * MIB
    return {
        "Image": built.name,
        "Cmd": ["sh", "-c", "sleep infinity"] if built.image.entrypoint else ["/bin/sh", f"{MOUNT}/runner", FIRST],
        "Env": [f"{name}={value}" for name, value in env.items()],
        "Hostname": "sandbox",
        "HostConfig": {
            "Binds": [f"{io}:{MOUNT}:ro", *(f"{each.source}:{each.target}:ro" for each in spec.mounts)],
            "Memory": memory,
            "MemorySwap": memory,
            "NanoCpus": 0 if wants.cpus is None else min(wants.cpus, engine.cpus) * 1_000_000_000,
            "PidsLimit": limits.processes,
            "Ulimits": [_limit("fsize", min(limits.file_bytes, disk_limit(spec.task, limits))), *_own(engine)],
            "NetworkMode": "default" if "public" in spec.task.networks else "none",
            "CapDrop": ["MKNOD"],
            "LogConfig": {"Type": "none"},
        },
    }


def _own(engine: Engine) -> list[dict[str, Any]]:
    """Limits that Podman sets by itself to more than it may have where it is root without CAP_SYS_RESOURCE.

    It takes what its own configuration says of them only where nobody asks for any limit. Without root it looks itself.
    """
    if not engine.podman or engine.rootless:
        return []
    files, processes = (getrlimit(each)[1] for each in (RLIMIT_NOFILE, RLIMIT_NPROC))
    return [_limit("nofile", _least(files, _FILES)), _limit("nproc", _least(processes, _PROCESSES))]


def _limit(name: str, most: int) -> dict[str, Any]:
    return {"Name": name, "Soft": most, "Hard": most}


def _least(ours: int, usual: int) -> int:
    return usual if ours == RLIM_INFINITY else min(ours, usual)
