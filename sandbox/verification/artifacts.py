"""Artifacts: what a task wants kept of a sandbox. A path that is not there never fails anything, as in Harbor."""

import posixpath
from collections.abc import Sequence
from typing import Final

from msgspec import structs
from pathspec import GitIgnoreSpec

from sandbox.archive import FileEntry
from sandbox.base import Sandbox
from sandbox.errors import PathRefused
from sandbox.harbor.schema import Artifact, Collect

FOLDER: Final = "/logs/artifacts"
"""Kept of every sandbox."""


async def collect(sandbox: Sandbox, commands: Sequence[Collect]) -> None:
    """Run what a task has to be run after the agent; how it ends has no bearing on anything."""
    for each in commands:
        try:
            await sandbox.exec(each.command, timeout_s=each.timeout_sec, user=each.user)
        except PathRefused:
            return  # the working folder is gone, for the next one too


async def taken(sandbox: Sandbox, artifacts: Sequence[Artifact]) -> tuple[FileEntry, ...]:
    """Read the artifacts, with absolute paths. Those of other services are not among them."""
    found: dict[str, FileEntry] = {}
    for each in (*(each for each in artifacts if each.service in {None, "main"}), Artifact(FOLDER)):
        excluded = GitIgnoreSpec.from_lines(each.exclude)
        for entry in await _read(sandbox, each.source):
            if not excluded.match_file(posixpath.relpath(entry.path, posixpath.dirname(each.source))):
                found[entry.path] = entry
    return tuple(found[path] for path in sorted(found))


async def restore(sandbox: Sandbox, entries: Sequence[FileEntry]) -> None:
    """Write the files among them to where they were, in another sandbox.

    Raises:
        PathRefused: One cannot be written there.
    """
    for entry in entries:
        if entry.data is not None:
            await sandbox.write_file(entry.path, entry.data, mode=entry.mode)


async def _read(sandbox: Sandbox, source: str) -> tuple[FileEntry, ...]:
    """Read a file, or everything in a folder; nothing where there is neither, or too much."""
    try:
        below = await sandbox.read_tree(source)
    except PathRefused:
        try:
            data = await sandbox.read_file(source)
        except PathRefused:
            return ()
        return (FileEntry(source, "file", 0o644, data, None),)
    return tuple(structs.replace(each, path=posixpath.join(source, each.path)) for each in below)
