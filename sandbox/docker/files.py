"""Files of a container, through the engine: nothing an image lacks, and nothing an agent did to its tools, matters.

Paths that Podman takes for patterns: asked for ``/a/[x]`` it answers with ``/a/x``, and says nothing.

Quoting does not help: what it then finds is not called what was asked for. So the folder above is read, and what
was asked for is picked out of it.
"""

import posixpath
from functools import partial
from pathlib import Path
from typing import Final

import anyio
from msgspec import structs

from sandbox.archive import FileEntry, Placed, pack, placed_runnable, unpack
from sandbox.base import DEFAULT_TREE_BYTES
from sandbox.docker.client import Engine, Stat
from sandbox.docker.errors import EngineFailed
from sandbox.errors import PathRefused, SandboxLost

_MEANT: Final = frozenset("*?[\\")
_BAD_REQUEST: Final = 400


def taken_for_pattern(engine: Engine, path: str) -> bool:
    """Whether an engine would answer with something else than was asked for."""
    return engine.podman and not _MEANT.isdisjoint(path)


async def picked(engine: Engine, container: str, path: str, most: int) -> dict[str, FileEntry] | None:
    """Give what is at a path, under an empty name, and all that is below it; empty if there is nothing.

    Args:
        engine: Which.
        container: Whose files.
        path: Absolute. Links on the way from its first odd name are not followed.
        most: Bytes of the archive that is read.

    Returns:
        Entries by their path below it. None: the folder above its first odd name is larger than ``most``.

    Raises:
        EngineFailed: That folder is the root, or it cannot be read.
    """
    parts = posixpath.normpath(path).strip("/").split("/")
    plain = next(at for at, part in enumerate(parts) if not _MEANT.isdisjoint(part))
    if not plain:
        raise EngineFailed("Podman takes this name for a pattern, and it is at the root", _BAD_REQUEST)
    archive = await engine.fetch(container, "/" + "/".join(parts[:plain]), most)
    if archive is None:
        return None
    entries = await anyio.to_thread.run_sync(partial(unpack, archive, below=parts[plain - 1]))
    asked = "/".join(parts[plain:])
    found = {each.path.removeprefix(asked): each for each in entries if f"{each.path}/".startswith(f"{asked}/")}
    return {name.lstrip("/"): structs.replace(each, path=name.lstrip("/")) for name, each in found.items()}


_TAR_OVERHEAD: Final = 4 << 20
"""Room for headers when a folder is read under a limit of its content."""


class ContainerFiles:
    """The file part of ``Sandbox``."""

    def __init__(self, sandbox: str, engine: Engine, container: str) -> None:
        self._id = sandbox
        self._engine = engine
        self._container = container

    async def written(self) -> int:
        """See ``Sandbox.disk_bytes``."""
        try:
            return await self._engine.written(self._container)
        except EngineFailed as error:
            raise SandboxLost(self._id, f"it cannot be measured: {error.detail}") from error

    async def write_file(self, path: str, data: bytes, *, mode: int = 0o644) -> None:
        """See ``Sandbox``."""
        await self._place(path, pack((), str, written=[(_inside(path), data, mode)]))

    async def read_file(self, path: str, *, max_bytes: int = DEFAULT_TREE_BYTES) -> bytes:
        """See ``Sandbox``."""
        if taken_for_pattern(self._engine, path):
            return await self._read_picked(path, max_bytes)
        found = await self._stat(path)
        if not found.is_file:
            raise PathRefused(path, "is not a file")
        archive = None if found.size > max_bytes else await self._fetch(path, max_bytes)
        (entry,) = (None,) if archive is None else await anyio.to_thread.run_sync(unpack, archive)
        if entry is None or entry.data is None:
            raise PathRefused(path, f"is larger than {max_bytes} bytes")
        return entry.data

    async def put_dir(self, source: Path, path: str) -> None:
        """See ``Sandbox``."""
        if not await anyio.Path(source).is_dir():
            raise PathRefused(str(source), "is not a folder of the host")
        archive = await anyio.to_thread.run_sync(_packed, source, _inside(path))
        await self._place(path, archive)

    async def read_tree(self, path: str, *, max_bytes: int = DEFAULT_TREE_BYTES) -> tuple[FileEntry, ...]:
        """See ``Sandbox``."""
        if taken_for_pattern(self._engine, path):
            entries = await self._pick(path, max_bytes)
            if entries.pop("").kind != "folder":
                raise PathRefused(path, "is not a folder")
            return tuple(entries.values())
        if not (await self._stat(path)).is_folder:
            raise PathRefused(path, "is not a folder")
        archive = await self._fetch(path, max_bytes)
        below = posixpath.basename(path.rstrip("/"))
        found = None if archive is None else await anyio.to_thread.run_sync(partial(unpack, archive, below=below))
        if found is None or sum(len(each.data or b"") for each in found) > max_bytes:
            raise PathRefused(path, f"holds more than {max_bytes} bytes")
        return found

    async def _read_picked(self, path: str, max_bytes: int) -> bytes:
        data = (await self._pick(path, max_bytes))[""].data
        if data is None:
            raise PathRefused(path, "is not a file")
        if len(data) > max_bytes:
            raise PathRefused(path, f"is larger than {max_bytes} bytes")
        return data

    async def _pick(self, path: str, max_bytes: int) -> dict[str, FileEntry]:
        """Give what is there, and below it; the folder above may be larger than what is asked for."""
        _inside(path)
        try:
            most = max(max_bytes, DEFAULT_TREE_BYTES) + _TAR_OVERHEAD
            found = await picked(self._engine, self._container, path, most)
        except EngineFailed as error:
            raise self._trouble(path, error) from error
        if found is None:
            raise PathRefused(path, f"is a pattern to Podman, and the folder above holds more than {most} bytes")
        if "" not in found:
            raise PathRefused(path, "missing")
        return found

    async def _stat(self, path: str) -> Stat:
        _inside(path)
        try:
            found = await self._engine.stat(self._container, path)
        except EngineFailed as error:
            raise self._trouble(path, error) from error
        if found is None:
            raise PathRefused(path, "missing")
        return found

    async def _fetch(self, path: str, most: int) -> bytes | None:
        try:
            return await self._engine.fetch(self._container, path, most + _TAR_OVERHEAD)
        except EngineFailed as error:
            raise self._trouble(path, error) from error

    async def _place(self, path: str, archive: bytes) -> None:
        try:
            await self._engine.place(self._container, archive)
        except EngineFailed as error:
            raise self._trouble(path, error) from error

    def _trouble(self, path: str, error: EngineFailed) -> PathRefused | SandboxLost:
        """Say whose fault it is: an answer about the path is the path's, no answer is the engine's."""
        if error.status is not None and not tells_of_container(error.detail, path):
            return PathRefused(path, error.detail)
        return SandboxLost(self._id, f"the engine says: {error.detail}")


def tells_of_container(detail: str, path: str) -> bool:
    """Say whether the engine's words are about the container; a path may be named so, and be missing in it."""
    words = detail.replace(path, "").lower()
    return "container" in words and "could not find the file" not in words


def _inside(path: str) -> str:
    """A path relative to the root, for an archive.

    Raises:
        PathRefused: It is not absolute, or leads nowhere.
    """
    if not path.startswith("/") or not path.strip("/"):
        raise PathRefused(path, "is not the absolute path of something inside the sandbox")
    return path.strip("/")


def _packed(source: Path, target: str) -> bytes:
    here = Placed(source=source, path=target, mode=0o755)
    below = (structs.replace(each, path=f"{target}/{each.path}") for each in placed_runnable(source))
    return pack([here, *below], str)
