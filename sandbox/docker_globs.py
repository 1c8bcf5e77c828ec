"""Paths that Podman takes for patterns: asked for ``/a/[x]`` it answers with ``/a/x``, and says nothing.

Quoting does not help: what it then finds is not called what was asked for. So the folder above is read, and what
was asked for is picked out of it.
"""

import posixpath
from functools import partial
from typing import Final

import anyio
from msgspec import structs

from sandbox.archive import unpack
from sandbox.base import FileEntry
from sandbox.docker_engine import Engine
from sandbox.docker_failures import EngineFailed

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
