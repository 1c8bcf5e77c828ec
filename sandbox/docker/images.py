"""Images of tasks, named by the content of their build context.

Each is built once in the life of a process. What an earlier process built is not taken for granted: the base image may
have changed since. The engine's own cache makes building the same again a matter of milliseconds.
"""

import json
from collections.abc import Awaitable, Callable, Mapping
from contextlib import AbstractAsyncContextManager
from functools import partial
from pathlib import Path
from types import MappingProxyType
from typing import Final

import anyio
from msgspec import Struct

from events.digest import digest_of
from sandbox.archive import Placed, pack
from sandbox.docker.client import Engine, ImageInfo
from sandbox.docker.errors import EngineFailed
from sandbox.harbor.build_context import IGNORE, BuildContext
from sandbox.harbor.compose.schema import Build
from sandbox.harbor.dockerfile.classic import STAGE, ContextFile, classic
from sandbox.harbor.dockerfile.parser import Dockerfile, parse_dockerfile
from sandbox.harbor.task import Task

LABEL: Final = "dev.stillroom"
"""Label of everything ours; its value names the workspace, but for images."""
SHARED: Final = "shared"
"""Value of an image's label: all workspaces use the same one, since its name is its content's. A label that differed
would make it another image."""
_REPOSITORY: Final = "stillroom/task"
_NOTHING: Final[Mapping[str, str]] = MappingProxyType({})
_PATIENCE_S: Final = 1800.0
"""Seconds for the image of a service; the task's own limit is for all of its environment together."""


Gate = Callable[[], AbstractAsyncContextManager[object]]
"""Entered for each build; has those wait that are too many."""


class Built(Struct, frozen=True):
    """An image that is here."""

    name: str
    image: ImageInfo


class Images:
    """Finds, builds and fetches images; each once, however many ask for it at the same time."""

    def __init__(self, engine: Engine, *, network: str, gate: Gate) -> None:
        """Say how.

        Args:
            engine: Which builds.
            network: Network of ``RUN`` steps, as the engine calls it: ``default``, ``host`` or ``none``.
            gate: Entered for each build.
        """
        self._engine = engine
        self._network = network
        self._gate = gate
        self._locks: dict[str, anyio.Lock] = {}
        self._made: dict[str, Built] = {}

    async def of(self, task: Task) -> Built:
        """Give the image of a task.

        Raises:
            EngineFailed: It cannot be built or fetched; says what the engine said.
        """
        prebuilt = task.config.environment.docker_image
        if prebuilt is not None:
            try:
                return await self.fetched(prebuilt)
            except EngineFailed:
                if task.dockerfile is None:
                    raise
                # Harbor would fail. Many published tasks name a registry of their authors' and say how to build it too.
        assert task.dockerfile is not None
        limit = task.config.environment.build_timeout_sec
        args = self._automatic(task.dockerfile)
        more = {"buildargs": json.dumps(args)} if args else {}
        seen = BuildContext(task.environment, hidden=task.hidden)
        return await self._built(seen, "Dockerfile", task.dockerfile, limit=limit, more=more)

    def _automatic(self, dockerfile: Dockerfile) -> dict[str, str]:
        """Give the variables that BuildKit gives by itself, those a Dockerfile asks for."""
        asked = {each.value.split("=")[0].strip() for each in dockerfile.instructions if each.word == "ARG"}
        arch = self._engine.architecture
        known = {f"{side}{what}": value for side in ("TARGET", "BUILD") for what, value in (
            ("ARCH", arch), ("OS", "linux"), ("PLATFORM", f"linux/{arch}"), ("VARIANT", ""),
        )}  # fmt: skip
        return {name: value for name, value in known.items() if name in asked}

    async def fetched(self, name: str) -> Built:
        """Give an image that somebody else has built.

        Raises:
            EngineFailed: It cannot be fetched.
        """
        return await self._once(name, partial(self._fetch, name))

    async def built_as(self, material: Path, build: Build) -> Built:
        """Give the image of a service.

        Args:
            material: The task's ``environment`` folder.
            build: As the compose file has it.

        Raises:
            EngineFailed: It cannot be built.
        """
        folder = material / build.context
        file = folder / build.dockerfile
        if not file.is_file():  # checked before the run; it was there then
            raise EngineFailed(f"{build.context}/{build.dockerfile} is not in environment/")
        dockerfile = parse_dockerfile(folder.name, file.read_text(encoding="utf-8"))
        args = {**self._automatic(dockerfile), **build.args}
        more = {"buildargs": json.dumps(args)} if args else {}
        more |= {"target": build.target} if build.target else {}
        seen = BuildContext(folder, dockerfile=build.dockerfile)
        return await self._built(seen, build.dockerfile, dockerfile, limit=_PATIENCE_S, more=more)

    async def _built(
        self, seen: BuildContext, file: str, dockerfile: Dockerfile, *, limit: float, more: Mapping[str, str] = _NOTHING
    ) -> Built:
        context = await anyio.to_thread.run_sync(_context, seen, file, dockerfile)
        name = f"{_REPOSITORY}:{digest_of(context + json.dumps(dict(more)).encode())[:24]}"
        return await self._once(name, partial(self._build, name, context, limit, more))

    async def _fetch(self, name: str) -> None:
        if await self._engine.image(name) is None:
            await self._engine.pull(name)

    async def _build(self, name: str, context: bytes, limit: float, more: Mapping[str, str]) -> None:
        try:
            with anyio.fail_after(limit):
                await self._engine.build(name, context, {LABEL: SHARED}, network=self._network, more=more)
        except TimeoutError as error:
            raise EngineFailed(f"building took longer than environment.build_timeout_sec = {limit:g}") from error

    async def _once(self, name: str, make: Callable[[], Awaitable[None]]) -> Built:
        async with self._locks.setdefault(name, anyio.Lock()):
            if name not in self._made:
                async with self._gate():
                    await make()
                image = await self._engine.image(name)
                if image is None:
                    raise EngineFailed(f"the image {name} was made, and is not there")
                self._made[name] = Built(name, image)
        return self._made[name]


def _context(seen: BuildContext, file: str, dockerfile: Dockerfile) -> bytes:
    """Pack a build context, in words that the classic builder knows.

    What an ignore file leaves out is left out here: an engine that is sent a context takes all of it.
    """
    folder, told = seen.folder, classic(dockerfile, seen)
    text = told.text or dockerfile.text or (folder / file).read_text(encoding="utf-8-sig")
    written = [ContextFile("Dockerfile", text.encode(), 0o644), *told.written]
    if (folder / IGNORE).is_file() and seen.found(IGNORE):  # Podman goes by it once more
        written.append(ContextFile(IGNORE, (folder / IGNORE).read_bytes() + f"\n!{STAGE}\n".encode(), 0o644))
    names = {each.path for each in written}
    kept = [Placed(folder / path, path) for path in seen.visible() if path not in names]
    return pack([*kept, *told.placed], str, written=[(each.path, each.data, each.mode) for each in written])
