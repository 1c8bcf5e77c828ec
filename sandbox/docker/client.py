"""The one door to a Docker Engine (or what speaks its API, such as Podman)."""

import base64
import json
from collections import deque
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from io import BytesIO
from pathlib import Path
from typing import Any, Final

import aiodocker
import aiohttp
from aiodocker.containers import DockerContainer
from msgspec import Struct

from sandbox.docker.endpoint import EngineEndpoint
from sandbox.docker.errors import CALL_S, EngineFailed, checked, gone_is_fine, told
from sandbox.docker.networks import Labelled, Networks, Volumes

_NOT_REGULAR: Final = (1 << 31) | (1 << 27) | (1 << 26) | (1 << 25) | (1 << 24) | (1 << 21) | (1 << 19)
"""Go's bits for folder, link, device, pipe, socket, character device, irregular."""


class Stat(Struct, frozen=True):
    """A path inside a container, links not followed."""

    size: int
    mode: int
    """As Go writes it: permission bits, and the kind in the high bits."""

    @property
    def is_folder(self) -> bool:
        """Whether it is a folder."""
        return bool(self.mode & (1 << 31))

    @property
    def is_file(self) -> bool:
        """Whether it is a regular file."""
        return not self.mode & _NOT_REGULAR


_BASE: Final = "http://engine"
"""Any name will do for a socket."""
_OWN: Final = "v4.0.0/libpod"
"""Begins what Podman understands in its own words."""
_ANYWHERE: Final = EngineEndpoint()


class ImageInfo(Struct, frozen=True):
    """What is known of an image."""

    id: str
    workdir: str
    """Empty if the image names none."""
    user: str
    """Empty for root."""
    entrypoint: bool
    """Whether it has a program of its own that is given the command to start."""
    checked: bool
    """Whether it has a health check."""


class Engine:
    """A connection to an engine. Made by `open_engine`."""

    def __init__(
        self, docker: aiodocker.Docker, session: aiohttp.ClientSession, base: str, info: Any, machine: Any
    ) -> None:
        self._docker = docker
        self._session = session
        self._base = base
        self.version: str = info["Version"]
        self.architecture: str = info["Arch"]
        """As Docker calls it: ``amd64``, ``arm64``."""
        self.networks = Networks(docker)
        self.volumes = Volumes(docker)
        self.cpus = int(machine["NCPU"])
        """CPUs of the machine: an engine refuses to promise more."""
        self.disk = Path(machine["DockerRootDir"]) if base == _BASE and machine.get("DockerRootDir") else None
        """Where it keeps what containers write. None: it is asked over a network, or does not say."""
        self.podman = any("podman" in str(part.get("Name", "")).lower() for part in info.get("Components", ()))
        self.usual_network = "podman" if self.podman else "bridge"
        """Name of the network of containers that ask for none."""
        self.rootless = bool(machine.get("Rootless")) or any(
            "rootless" in each for each in machine.get("SecurityOptions") or ()
        )
        """Whether it runs as somebody else than root."""
        self.cgroups = str(machine.get("CgroupVersion") or "")
        """Version of control groups, ``1`` or ``2``. Empty: it does not say."""

    async def image(self, name: str) -> ImageInfo | None:
        """Look at an image. None: it is not here."""
        try:
            with told():
                found = await self._docker.images.inspect(name)
        except EngineFailed as error:
            if error.status == 404:
                return None
            raise
        config = found.get("Config") or {}
        check = config.get("Healthcheck")
        if self.podman:  # in Docker's words it leaves that out
            check = (await self.api("GET", f"{_OWN}/images/{found['Id']}/json")).get("Healthcheck")
        test = (check or {}).get("Test") or ["NONE"]
        return ImageInfo(
            found["Id"],
            config.get("WorkingDir") or "",
            config.get("User") or "",
            entrypoint=bool(config.get("Entrypoint")),
            checked=test[0] != "NONE",
        )

    async def build(
        self, name: str, context: bytes, labels: Mapping[str, str], *, network: str, more: Mapping[str, str]
    ) -> None:
        """Build an image from a tar archive with a Dockerfile at its root, with the classic builder.

        Args:
            name: What it is called then.
            context: The archive.
            labels: Of the image.
            network: Of ``RUN`` steps.
            more: Further parameters of the call, such as ``target``.

        Raises:
            EngineFailed: A step failed; the detail ends with what it wrote.
        """
        params = {
            "t": name,
            "labels": json.dumps(dict(labels)),
            "networkmode": network,
            "rm": "1",
            "forcerm": "1",
            **more,
        }
        headers = {"Content-Type": "application/x-tar"}
        patient = aiohttp.ClientTimeout(total=None, sock_connect=10.0)
        said: deque[str] = deque(maxlen=20)
        with told():
            async with self._session.post(
                f"{self._base}/build", params=params, data=BytesIO(context), headers=headers, timeout=patient
            ) as response:
                await checked(response)
                async for line in response.content:
                    news = json.loads(line)
                    if "error" in news:
                        raise EngineFailed(
                            f"the image cannot be built: {news['error']}\n{''.join(said)[-1500:]}".strip()
                        )
                    said.append(news.get("stream", ""))

    async def pull(self, name: str) -> None:
        """Fetch an image from its registry."""
        with told():
            await self._docker.images.pull(name)

    async def remove_image(self, name: str) -> None:
        """Remove an image's name, and the image if it was its last."""
        with told():
            await self._docker.images.delete(name)

    async def unused_images(self, label: str) -> list[Labelled]:
        """List images that carry a label and that no container uses."""
        used = {each["ImageID"] for each in await self.api("GET", "containers/json", all="1")}
        found = await self.api("GET", "images/json", filters=json.dumps({"label": [label]}))
        names = [next(iter(each.get("RepoTags") or ()), "").replace("<none>:<none>", "") for each in found]
        return [
            Labelled(each["Id"], name, each["Labels"])
            for each, name in zip(found, names, strict=True)
            if each["Id"] not in used
        ]

    async def create(self, name: str, config: Mapping[str, Any]) -> DockerContainer:
        """Make a container; it does not run yet."""
        with told():
            return await self._docker.containers.create(dict(config), name=name)

    def container(self, name: str) -> DockerContainer:
        """Take hold of a container, by its id; whether there is one is not asked."""
        return self._docker.containers.container(name)

    async def containers(self, *labels: str) -> list[Labelled]:
        """List containers that carry all these labels, by name: one that holds another's network comes after it."""
        with told():
            found = await self._docker.containers.list(all=True, filters=json.dumps({"label": list(labels)}))
        named = [Labelled(each.id, each["Names"][0].strip("/"), each["Labels"]) for each in found]
        return sorted(named, key=lambda each: each.name)

    async def api(self, method: str, path: str, **params: str) -> Any:
        """Call the engine's API where no more than its answer is wanted; None if it has none."""
        with told():
            async with self._session.request(method, f"{self._base}/{path}", params=params) as response:
                await checked(response)
                return await response.json() if response.content_type == "application/json" else None

    async def start(self, container: DockerContainer) -> None:
        """Start it."""
        with told():
            await container.start()

    async def exec(self, container: DockerContainer, argv: list[str], *, user: str) -> None:
        """Start another process in it, and leave it to itself."""
        with told():
            # Its own working folder is one that an agent may have removed: nothing starts there then.
            made = await container.exec(argv, stdout=False, stderr=False, user=user, workdir="/")
            await made.start(detach=True)

    async def wait(self, container: DockerContainer) -> None:
        """Wait until it does not run."""
        with told():
            await container.wait(timeout=None)

    async def kill(self, container: DockerContainer) -> None:
        """Kill all of its processes and wait until they are gone; one that does not run is fine."""
        try:
            with told():
                await container.kill()
        except EngineFailed as error:
            if error.status != 409:
                raise
        with told():
            await container.wait()

    async def show(self, container: DockerContainer) -> dict[str, Any]:
        """Describe it."""
        with told():
            found: dict[str, Any] = await container.show()
        return found

    async def state(self, container: DockerContainer) -> dict[str, Any]:
        """Say how it is: the part ``State`` of its description."""
        state: dict[str, Any] = (await self.show(container))["State"]
        return state

    async def check_health(self, container: DockerContainer) -> None:
        """Have Podman check now whether it is healthy; its state says what came of it."""
        await self.api("GET", f"{_OWN}/containers/{container.id}/healthcheck")

    async def written(self, container: str) -> int:
        """Measure what it wrote over its image, in bytes; what lies in volumes is not counted."""
        return int((await self.api("GET", f"containers/{container}/json", size="true")).get("SizeRw") or 0)

    async def remove(self, container: str) -> None:
        """Kill and remove it, with its own volumes; one that is gone is fine."""
        with gone_is_fine():
            await self._docker.containers.container(container).delete(force=True, v=True)

    async def stat(self, container: str, path: str) -> Stat | None:
        """Look at a path inside it. None: there is nothing."""
        with told():
            async with self._session.head(self._archive(container), params={"path": path}) as response:
                if response.status == 404:
                    return None
                await checked(response)
                answer = json.loads(base64.urlsafe_b64decode(response.headers["X-Docker-Container-Path-Stat"]))
        return Stat(answer["size"], answer["mode"])

    async def fetch(self, container: str, path: str, most: int) -> bytes | None:
        """Read a path as a tar archive. None: it is larger than so many bytes."""
        data = bytearray()
        with told():
            async with self._session.get(self._archive(container), params={"path": path}) as response:
                await checked(response)
                async for chunk in response.content.iter_any():
                    data += chunk
                    if len(data) > most:
                        return None
        return bytes(data)

    async def place(self, container: str, archive: bytes) -> None:
        """Unpack a tar archive at the root of its files."""
        params = {"path": "/", "noOverwriteDirNonDir": "true"}
        headers = {"Content-Type": "application/x-tar"}
        with told():
            async with self._session.put(
                self._archive(container), params=params, data=BytesIO(archive), headers=headers
            ) as response:
                await checked(response)

    def _archive(self, container: str) -> str:
        return f"{self._base}/containers/{container}/archive"


@asynccontextmanager
async def open_engine(where: EngineEndpoint = _ANYWHERE) -> AsyncIterator[Engine]:
    """Connect to an engine.

    Args:
        where: Where to look for it.

    Raises:
        EngineFailed: None is there, it does not answer, or it is another one than was asked for.
    """
    url = await where.url()
    connector = aiohttp.UnixConnector(url.removeprefix("unix://"), limit=0) if url.startswith("unix://") else None
    base = _BASE if connector else url.replace("tcp://", "http://", 1)
    timeout = aiohttp.ClientTimeout(total=None, sock_connect=10.0, sock_read=CALL_S)
    async with aiohttp.ClientSession(connector=connector or aiohttp.TCPConnector(limit=0), timeout=timeout) as session:
        docker = aiodocker.Docker(url=base, session=session, connector=session.connector, timeout=timeout)
        try:
            with told():
                info, machine = await docker.version(), await docker.system.info()
            engine = Engine(docker, session, base, info, machine)
            if where.name == "podman" and not engine.podman:
                raise EngineFailed(f"what answers at {url} is not Podman")
            yield engine
        finally:
            await docker.close()
