"""What a sandbox is shown of a condition's skills: a folder for each attempt, read-only, and watched by the kernel."""

import shutil
from functools import partial
from itertools import count
from pathlib import Path
from tempfile import mkdtemp
from typing import Final

import anyio

from engine.agents.installed.adapter import ATTEMPT
from engine.agents.installed.skill_mount import lay_out, no_room, skill_files
from engine.agents.installed.skill_watch import SkillFolder, WatchLost
from engine.core.ports import EffectAddress
from events.store.base import BlobStore
from events.types.agent import SkillRead
from events.types.sandbox import SandboxAsked
from sandbox.base import Mount

_PREFIX: Final = "stillroom-"


class SkillPort:
    """Shows skills to agents that act through commands of ours, such as the shell agent."""

    def __init__(self, blobs: BlobStore) -> None:
        self._blobs = blobs
        self._root: Path | None = None
        self._numbers = count(1)
        self._shown: dict[str, tuple[Path, SkillFolder]] = {}

    def serves(self, asked: SandboxAsked, stream: str) -> bool:
        """See `SandboxPreparer`."""
        del stream
        return asked.condition is not None

    async def prepare(self, asked: SandboxAsked, place: EffectAddress) -> tuple[Mount, ...]:
        """See `SandboxPreparer`.

        Raises:
            SandboxUnavailable: This machine has no room for the skills, or cannot watch who reads them.
        """
        if asked.condition is None:
            return ()
        files = await skill_files(self._blobs, asked.condition)
        try:
            if self._root is None:
                self._root = Path(mkdtemp(prefix=_PREFIX))
            folder = self._root / str(next(self._numbers))
            skills = await anyio.to_thread.run_sync(lay_out, folder, files)
        except (OSError, WatchLost) as error:
            raise no_room(place.stream, error) from error
        self._shown[place.stream] = (folder, skills)
        return (Mount(folder, ATTEMPT),)

    async def show(self, stream: str) -> None:
        """See `SandboxPreparer`."""
        if stream in self._shown:
            await anyio.to_thread.run_sync(self._shown[stream][1].show)

    async def hide(self, stream: str) -> None:
        """See `SandboxPreparer`."""
        if stream in self._shown:
            await anyio.to_thread.run_sync(self._shown[stream][1].hide)

    async def reads(self, stream: str) -> tuple[SkillRead, ...] | None:
        """See `SandboxPreparer`."""
        return self._shown[stream][1].news() if stream in self._shown else None

    async def clear(self, stream: str) -> None:
        """See `SandboxPreparer`."""
        shown = self._shown.pop(stream, None)
        if shown is not None:
            shown[1].close()
            with anyio.CancelScope(shield=True):
                await anyio.to_thread.run_sync(partial(shutil.rmtree, shown[0], ignore_errors=True))

    async def close(self) -> None:
        """Remove what is left."""
        for _, skills in self._shown.values():
            skills.close()
        if self._root is not None:
            with anyio.CancelScope(shield=True):
                await anyio.to_thread.run_sync(partial(shutil.rmtree, self._root, ignore_errors=True))
