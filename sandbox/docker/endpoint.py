"""Where a container engine is looked for: Docker's, or Podman's socket that speaks Docker's API."""

from collections.abc import Mapping
from typing import Final, Literal, assert_never

import anyio
from msgspec import Struct

from sandbox.docker.errors import EngineFailed

EngineName = Literal["docker", "podman"]
"""As a spec calls it."""
_DOCKER: Final = "/var/run/docker.sock"
_PODMAN: Final = "/run/podman/podman.sock"
_SPOKEN: Final = ("unix", "tcp", "http", "https")
"""What an address may begin with; Podman's ``ssh`` is its own client's affair."""


class EngineEndpoint(Struct, frozen=True):
    """Where to look."""

    name: EngineName = "docker"
    """``podman`` takes nothing but Podman; ``docker`` takes whatever speaks its API."""
    host: str | None = None
    """Such as ``unix:///var/run/docker.sock`` or ``tcp://host:2375``. None: the first socket there is."""
    sockets: tuple[str, ...] = (_DOCKER, _PODMAN)
    """Looked at in this order where no host is named."""

    @property
    def remedy(self) -> str:
        """What helps if there is none."""
        match self.name:
            case "docker":
                return "start it (on Debian: apt-get install docker.io), or set DOCKER_HOST"
            case "podman":
                return (
                    "start its service (systemctl start podman.socket, or --user; without systemd: podman system "
                    "service --time=0), or set CONTAINER_HOST"
                )
            case _:
                assert_never(self.name)

    async def url(self) -> str:
        """Say where the engine is.

        Raises:
            EngineFailed: No socket is there, or the address is of a kind that is not spoken.
        """
        if self.host is None:
            for socket in self.sockets:
                if await anyio.Path(socket).is_socket():
                    return f"unix://{socket}"
            raise EngineFailed(f"no socket found ({' or '.join(self.sockets)})")
        scheme = self.host.partition("://")[0]
        if scheme not in _SPOKEN:
            raise EngineFailed(f"{scheme}:// is not spoken; an address begins with {', '.join(_SPOKEN)}")
        return self.host


def where_of(name: EngineName, environment: Mapping[str, str]) -> EngineEndpoint:
    """Look for an engine where its own users have it.

    Args:
        name: Which.
        environment: For Docker, ``DOCKER_HOST`` is looked at; for Podman, ``CONTAINER_HOST``, and ``XDG_RUNTIME_DIR``
            because the socket of one that runs without root is below it.
    """
    match name:
        case "docker":
            return EngineEndpoint(name, environment.get("DOCKER_HOST") or None)
        case "podman":
            own = environment.get("XDG_RUNTIME_DIR")
            sockets = (f"{own}/podman/podman.sock", _PODMAN) if own else (_PODMAN,)
            return EngineEndpoint(name, environment.get("CONTAINER_HOST") or None, sockets)
        case _:
            assert_never(name)
