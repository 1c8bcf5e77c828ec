"""Stories of which engine is asked, and of what it says of itself."""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web

from sandbox.archive import pack, unpack
from sandbox.docker.backend import DockerSettings, docker_backend
from sandbox.docker.client import open_engine
from sandbox.docker.endpoint import EngineEndpoint, where_of
from sandbox.docker.errors import EngineFailed
from sandbox.docker.isolation import isolation_of, look_at_engine
from sandbox.errors import SandboxUnavailable

ROOTLESS_PODMAN: tuple[dict[str, Any], dict[str, Any]] = (
    {"Version": "4.3.1", "ApiVersion": "1.41", "Arch": "amd64", "Components": [{"Name": "Podman Engine"}]},
    {"NCPU": 2, "Rootless": True, "CgroupVersion": "1"},
)
DOCKER: tuple[dict[str, Any], dict[str, Any]] = (
    {"Version": "27.0", "ApiVersion": "1.41", "Arch": "amd64", "Components": [{"Name": "Engine"}]},
    {"NCPU": 2, "SecurityOptions": ["name=seccomp"], "CgroupVersion": "2"},
)


@asynccontextmanager
async def answering(version: Mapping[str, Any], info: Mapping[str, Any]) -> AsyncIterator[str]:
    """Something that says of itself what an engine of another machine does; gives its address."""
    app = web.Application()
    for path, said in (("version", version), ("info", info)):

        async def say(_: web.Request, said: Mapping[str, Any] = said) -> web.Response:
            return web.json_response(said)

        app.router.add_get(f"/{{any:.*}}{path}", say)
    runner = web.AppRunner(app)
    await runner.setup()
    try:
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        yield f"tcp://127.0.0.1:{runner.addresses[0][1]}"
    finally:
        await runner.cleanup()


@pytest.mark.parametrize(
    ("name", "environment", "expected"),
    [
        ("docker", {}, (None, ("/var/run/docker.sock", "/run/podman/podman.sock"))),
        ("docker", {"DOCKER_HOST": "tcp://d:1", "CONTAINER_HOST": "tcp://p:1"}, ("tcp://d:1", None)),
        ("podman", {"DOCKER_HOST": "tcp://d:1", "CONTAINER_HOST": "tcp://p:1"}, ("tcp://p:1", None)),
        ("podman", {"DOCKER_HOST": "tcp://d:1"}, (None, ("/run/podman/podman.sock",))),
        (
            "podman",
            {"XDG_RUNTIME_DIR": "/run/user/7"},
            (None, ("/run/user/7/podman/podman.sock", "/run/podman/podman.sock")),
        ),
    ],
)
def test_each_engine_is_looked_for_where_its_users_have_it(
    name: Any, environment: dict[str, str], expected: tuple[str | None, tuple[str, ...] | None]
) -> None:
    """Its own variable first; then the sockets that its packages make."""
    found = where_of(name, environment)
    host, sockets = expected
    assert (found.name, found.host) == (name, host)
    assert sockets is None or found.sockets == sockets


async def test_an_engine_that_is_not_there_is_told_with_its_own_remedy(tmp_path: Path) -> None:
    """Whoever asked for Podman is not told of Docker."""
    nowhere = EngineEndpoint("podman", None, (str(tmp_path / "podman.sock"),))
    with pytest.raises(SandboxUnavailable, match="sandbox podman could not be opened: no socket found") as told:
        async with docker_backend(tmp_path, DockerSettings(nowhere)):
            pass
    assert "podman system service" in told.value.remedy
    assert "CONTAINER_HOST" in told.value.remedy
    with pytest.raises(EngineFailed, match="ssh:// is not spoken"):
        await EngineEndpoint("podman", "ssh://core@localhost/run/podman.sock").url()


async def test_who_asked_for_podman_gets_nothing_else() -> None:
    """Another engine would be taken for it in reports; the other way round any engine will do, under its own name."""
    async with answering(*DOCKER) as address:
        with pytest.raises(EngineFailed, match="is not Podman"):
            async with open_engine(EngineEndpoint("podman", address)):
                pass
    async with answering(*ROOTLESS_PODMAN) as address, open_engine(EngineEndpoint("docker", address)) as engine:
        assert isolation_of(engine).reason.startswith("Podman 4.3.1, rootless: ")


async def test_limits_that_cannot_hold_are_not_promised() -> None:
    """Without root and with old control groups an engine takes limits and does nothing: the suite must not pass."""
    async with answering(*ROOTLESS_PODMAN) as address:
        bare = await look_at_engine(EngineEndpoint("podman", address))
    assert {"processes", "memory"} & bare.enforces == set()
    assert "network" in bare.enforces
    assert "do not hold" in bare.warnings[0]
    version, info = ROOTLESS_PODMAN
    async with answering(version, {**info, "CgroupVersion": "2"}) as address:
        full = await look_at_engine(EngineEndpoint("podman", address))
    assert {"processes", "memory"} < full.enforces
    assert full.warnings == ()


def test_an_archive_ends_where_it_says_so() -> None:
    """Podman stops to read at the end mark, and fails when more comes too late."""
    archive = pack((), str, written=[("a", b"text", 0o644)])
    assert len(archive) == 4 * 512
    assert archive.endswith(bytes(1024))
    assert [(each.path, each.data) for each in unpack(archive)] == [("a", b"text")]
