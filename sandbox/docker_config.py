"""A sandbox's container, in the words of the engine's API."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from sandbox.base import MIB, Limits, SandboxSpec
from sandbox.docker_errand import MOUNT
from sandbox.docker_image import Built
from sandbox.docker_sandbox import FIRST


def container_config(spec: SandboxSpec, built: Built, env: Mapping[str, str], io: Path, *, cpus: int) -> dict[str, Any]:
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
            "NanoCpus": 0 if wants.cpus is None else min(wants.cpus, cpus) * 1_000_000_000,
            "PidsLimit": limits.processes,
            "Ulimits": [_file_size(limits)],
            "NetworkMode": "default" if "public" in spec.task.networks else "none",
            "CapDrop": ["MKNOD"],
            "LogConfig": {"Type": "none"},
        },
    }


def _file_size(limits: Limits) -> dict[str, Any]:
    return {"Name": "fsize", "Soft": limits.file_bytes, "Hard": limits.file_bytes}
