"""What an engine keeps sandboxes from, and what it does not."""

from typing import Final

from sandbox.base import Isolation, Promise
from sandbox.docker.client import Engine, open_engine
from sandbox.docker.endpoint import EngineEndpoint
from sandbox.docker.errors import EngineFailed

_WITHOUT_LIMITS: Final[frozenset[Promise]] = frozenset({"filesystem", "pids", "network", "escape"})
_ALL: Final[frozenset[Promise]] = _WITHOUT_LIMITS | frozenset[Promise]({"processes", "memory"})


def isolation_of(engine: Engine) -> Isolation:
    """Say what an engine is, what it promises, and what it does not.

    Without root, and with control groups of version 1, nobody has given it limits that it could hand out; it takes
    them and does nothing.
    """
    name = f"{'Podman' if engine.podman else 'Docker Engine'} {engine.version}"
    if engine.podman or engine.rootless:
        name += ", rootless" if engine.rootless else ", rootful"
    copied = "; names in the host's /etc/hosts are seen unless containers.conf sets base_hosts_file"
    more = copied if engine.podman else ""
    if not (engine.rootless and engine.cgroups == "1"):
        kept = "files, processes, network and limits of each sandbox are its own"
        return Isolation("container", f"{name}: {kept}{more}", None, _ALL)
    return Isolation(
        "container",
        f"{name}: files, processes and network of each sandbox are its own, but it has no limits{more}",
        "limits without root need control groups of version 2",
        _WITHOUT_LIMITS,
        warnings=(f"{name}: limits of memory and processes do not hold without root and control groups of version 2",),
    )


async def look_at_engine(where: EngineEndpoint) -> Isolation:
    """Say what an engine that may be there promises; nothing is changed in it."""
    try:
        async with open_engine(where) as engine:
            return isolation_of(engine)
    except EngineFailed as error:
        return Isolation("none", error.detail, where.remedy, frozenset())
