"""The one door to a Docker Engine (or what speaks its API, such as Podman).

Errors of the API, of the connection and of the socket become `EngineFailed`; what that means is for callers to say:
before a sandbox is open it is unavailable, after that it is lost.
"""

import base64
import json
from collections import deque
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from io import BytesIO
from typing import Any, Final

import aiodocker
import aiohttp
import anyio
from aiodocker.containers import DockerContainer
from msgspec import Struct

SOCKETS: Final = ("/var/run/docker.sock", "/run/podman/podman.sock")
"""Where an engine is looked for when nobody says."""
_NOT_REGULAR: Final = (1 << 31) | (1 << 27) | (1 << 26) | (1 << 25) | (1 << 24) | (1 << 21) | (1 << 19)
"""Go's bits for folder, link, device, pipe, socket, character device, irregular."""
_BASE: Final = "http://engine"
"""Any name will do for a socket."""
_CALL_S: Final = 120.0
"""Seconds without an answer after which a call to the engine has failed."""


class EngineFailed(Exception):
    """Raised when the engine refuses, fails or cannot be reached."""

    def __init__(self, detail: str, status: int | None = None) -> None:
        super().__init__(detail)
        self.detail = detail
        self.status = status
        """HTTP status. None: it did not answer."""


class Image(Struct, frozen=True):
    """What is known of an image."""

    id: str
    workdir: str
    """Empty if the image names none."""
    user: str
    """Empty for root."""


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


class Engine:
    """A connection to an engine. Made by `open_engine`."""

    def __init__(self, docker: aiodocker.Docker, session: aiohttp.ClientSession, base: str, info: Any) -> None:
        self._docker = docker
        self._session = session
        self._base = base
        self.version: str = info["Version"]
        self.podman = any("podman" in str(part.get("Name", "")).lower() for part in info.get("Components", ()))

    async def image(self, name: str) -> Image | None:
        """Look at an image. None: it is not here."""
        try:
            with _told():
                found = await self._docker.images.inspect(name)
        except EngineFailed as error:
            if error.status == 404:
                return None
            raise
        config = found.get("Config") or {}
        return Image(found["Id"], config.get("WorkingDir") or "", config.get("User") or "")

    async def build(self, name: str, context: bytes, labels: Mapping[str, str], *, network: str) -> None:
        """Build an image from a tar archive with a Dockerfile at its root, with the classic builder.

        Raises:
            EngineFailed: A step failed; the detail ends with what it wrote.
        """
        params = {"t": name, "labels": json.dumps(dict(labels)), "networkmode": network, "rm": "1", "forcerm": "1"}
        headers = {"Content-Type": "application/x-tar"}
        patient = aiohttp.ClientTimeout(total=None, sock_connect=10.0)
        said: deque[str] = deque(maxlen=20)
        with _told():
            async with self._session.post(
                f"{self._base}/build", params=params, data=BytesIO(context), headers=headers, timeout=patient
            ) as response:
                await _checked(response)
                async for line in response.content:
                    news = json.loads(line)
                    if "error" in news:
                        raise EngineFailed(
                            f"the image cannot be built: {news['error']}\n{''.join(said)[-1500:]}".strip()
                        )
                    said.append(news.get("stream", ""))

    async def pull(self, name: str) -> None:
        """Fetch an image from its registry."""
        with _told():
            await self._docker.images.pull(name)

    async def remove_image(self, name: str) -> None:
        """Remove an image's name, and the image if it was its last."""
        with _told():
            await self._docker.images.delete(name)

    async def images(self, label: str) -> list[str]:
        """List the names of images that carry a label."""
        with _told():
            found = await self._docker.images.list(filters=json.dumps({"label": [label]}))
        return sorted(tag for each in found for tag in each.get("RepoTags") or ())

    async def create(self, name: str, config: Mapping[str, Any]) -> DockerContainer:
        """Make a container; it does not run yet."""
        with _told():
            return await self._docker.containers.create(dict(config), name=name)

    async def containers(self, *labels: str) -> list[tuple[str, dict[str, str]]]:
        """List containers that carry all these labels, running or not: id and labels."""
        with _told():
            found = await self._docker.containers.list(all=True, filters=json.dumps({"label": list(labels)}))
        return [(each.id, dict(each["Labels"])) for each in found]

    async def api(self, method: str, path: str, **params: str) -> Any:
        """Call the engine's API where no more than its answer is wanted; None if it has none."""
        with _told():
            async with self._session.request(method, f"{self._base}/{path}", params=params) as response:
                await _checked(response)
                return await response.json() if response.content_type == "application/json" else None

    async def start(self, container: DockerContainer) -> None:
        """Start it."""
        with _told():
            await container.start()

    async def exec(self, container: DockerContainer, argv: list[str], *, user: str) -> None:
        """Start another process in it, and leave it to itself."""
        with _told():
            made = await container.exec(argv, stdout=False, stderr=False, user=user)
            await made.start(detach=True)

    async def wait(self, container: DockerContainer) -> None:
        """Wait until it does not run."""
        with _told():
            await container.wait(timeout=None)

    async def kill(self, container: DockerContainer) -> None:
        """Kill all of its processes and wait until they are gone; one that does not run is fine."""
        try:
            with _told():
                await container.kill()
        except EngineFailed as error:
            if error.status != 409:
                raise
        with _told():
            await container.wait()

    async def state(self, container: DockerContainer) -> dict[str, Any]:
        """Say how it is: the part ``State`` of its description."""
        with _told():
            state: dict[str, Any] = (await container.show())["State"]
        return state

    async def remove(self, container: str) -> None:
        """Kill and remove it, with its own volumes; one that is gone is fine."""
        try:
            with _told():
                await self._docker.containers.container(container).delete(force=True, v=True)
        except EngineFailed as error:
            if error.status != 404:
                raise

    async def stat(self, container: str, path: str) -> Stat | None:
        """Look at a path inside it. None: there is nothing."""
        with _told():
            async with self._session.head(self._archive(container), params={"path": path}) as response:
                if response.status == 404:
                    return None
                await _checked(response)
                told = json.loads(base64.b64decode(response.headers["X-Docker-Container-Path-Stat"]))
        return Stat(told["size"], told["mode"])

    async def fetch(self, container: str, path: str, most: int) -> bytes | None:
        """Read a path as a tar archive. None: it is larger than so many bytes."""
        data = bytearray()
        with _told():
            async with self._session.get(self._archive(container), params={"path": path}) as response:
                await _checked(response)
                async for chunk in response.content.iter_any():
                    data += chunk
                    if len(data) > most:
                        return None
        return bytes(data)

    async def place(self, container: str, archive: bytes) -> None:
        """Unpack a tar archive at the root of its files."""
        params = {"path": "/", "noOverwriteDirNonDir": "true"}
        headers = {"Content-Type": "application/x-tar"}
        with _told():
            async with self._session.put(
                self._archive(container), params=params, data=BytesIO(archive), headers=headers
            ) as response:
                await _checked(response)

    def _archive(self, container: str) -> str:
        return f"{self._base}/containers/{container}/archive"


@asynccontextmanager
async def open_engine(host: str | None = None) -> AsyncIterator[Engine]:
    """Connect to an engine.

    Args:
        host: Such as ``unix:///var/run/docker.sock`` or ``tcp://host:2375``. None: the first of `SOCKETS` there is.

    Raises:
        EngineFailed: None is there, or it does not answer.
    """
    found = [each for each in SOCKETS if await anyio.Path(each).is_socket()]
    url = host or (f"unix://{found[0]}" if found else None)
    if url is None:
        raise EngineFailed(f"there is no Docker socket ({' or '.join(SOCKETS)})")
    connector = aiohttp.UnixConnector(url.removeprefix("unix://"), limit=0) if url.startswith("unix://") else None
    base = _BASE if connector else url.replace("tcp://", "http://", 1)
    timeout = aiohttp.ClientTimeout(total=None, sock_connect=10.0, sock_read=_CALL_S)
    async with aiohttp.ClientSession(connector=connector or aiohttp.TCPConnector(limit=0), timeout=timeout) as session:
        docker = aiodocker.Docker(url=base, session=session, connector=session.connector, timeout=timeout)
        try:
            with _told():
                info = await docker.version()
            yield Engine(docker, session, base, info)
        finally:
            await docker.close()


@contextmanager
def _told() -> Iterator[None]:
    """Turn every way in which a call can fail into one."""
    try:
        yield
    except aiodocker.DockerError as error:
        raise EngineFailed(str(error.message), error.status) from error
    except TimeoutError as error:
        raise EngineFailed(f"no answer for {_CALL_S:.0f} s") from error
    except (aiohttp.ClientError, OSError) as error:
        raise EngineFailed(f"{type(error).__name__}: {error}") from error


async def _checked(response: aiohttp.ClientResponse) -> None:
    if response.status >= 400:
        text = await response.text()
        raise EngineFailed(text.strip()[-500:], response.status)
