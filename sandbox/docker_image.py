"""Images of tasks, named by the content of their build context.

Each is built once in the life of a process. What an earlier process built is not taken for granted: the base image may
have changed since. The engine's own cache makes building the same again a matter of milliseconds.
"""

from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager
from functools import partial
from typing import Final

import anyio
from msgspec import Struct

from events.digest import digest_of
from sandbox.archive import pack, placed_as_is
from sandbox.docker_engine import Engine, EngineFailed, Image
from sandbox.dockerfile_classic import STAGE, Written, classic
from sandbox.task import Task

LABEL: Final = "dev.stillroom"
"""Label of everything ours; its value names the workspace, but for images."""
SHARED: Final = "shared"
"""Value of an image's label: all workspaces use the same one, since its name is its content's. A label that differed
would make it another image."""
_REPOSITORY: Final = "stillroom/task"


Gate = Callable[[], AbstractAsyncContextManager[object]]
"""Entered for each build; has those wait that are too many."""


class Built(Struct, frozen=True):
    """An image that is here."""

    name: str
    image: Image


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
        if prebuilt is not None and task.dockerfile is None:
            return await self._once(prebuilt, partial(self._fetch, prebuilt))
        context = await anyio.to_thread.run_sync(_context, task)
        name = f"{_REPOSITORY}:{digest_of(context)[:24]}"
        return await self._once(name, partial(self._build, name, context, task))

    async def _fetch(self, name: str) -> None:
        if await self._engine.image(name) is None:
            await self._engine.pull(name)

    async def _build(self, name: str, context: bytes, task: Task) -> None:
        limit = task.config.environment.build_timeout_sec
        try:
            with anyio.fail_after(limit):
                await self._engine.build(name, context, {LABEL: SHARED}, network=self._network)
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


def _context(task: Task) -> bytes:
    """Pack the build context, in words that the classic builder knows."""
    assert task.dockerfile is not None
    told = classic(task.dockerfile, task.environment)
    if told.text is None:
        return pack(placed_as_is(task.environment), str)
    written = [Written("Dockerfile", told.text.encode(), 0o644), *told.written]
    ignore = task.environment / ".dockerignore"
    if ignore.is_file():  # it may leave out everything that it does not name
        written.append(Written(".dockerignore", ignore.read_bytes() + f"\n!{STAGE}\n".encode(), 0o644))
    names = {each.path for each in written}
    kept = [each for each in placed_as_is(task.environment) if each.path not in names]
    return pack([*kept, *told.placed], str, written=[(each.path, each.data, each.mode) for each in written])
