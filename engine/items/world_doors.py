"""Doors into simulated worlds: whoever works in a sandbox acts in a world that lives outside of it.

A door is two named pipes in a folder that the sandbox sees, and a script that writes an action into one and reads what
is seen from the other. Nothing of the world gets in but what its actions show, and what counts is what the host read.
"""

import os
import select
import shutil
import time
from contextlib import suppress
from functools import partial
from itertools import count
from pathlib import Path
from tempfile import mkdtemp
from threading import Thread
from typing import Any, Final

import anyio
import msgspec

from engine.items.worlds.base import ACTIONS, SimulatedWorld, WorldSetup, world_named
from events.digest import Digest
from events.store.base import BlobStore
from sandbox.base import Mount
from sandbox.errors import SandboxUnavailable

_PREFIX: Final = "stillroom-"
_SCRIPT: Final = """\
#!/bin/sh
# Carries out one action in the world, and prints what is seen then.
here=$(dirname "$0")
if [ $# -eq 0 ]; then echo "usage: $0 ACTION" >&2; exit 2; fi
printf '%s\\n' "$*" | tr '\\n' ' ' | head -c 1000 > "$here/ask"
echo > "$here/ask"
cat "$here/told"
"""
_LONGEST: Final = 4_096
"""Bytes of an action."""
_READER_S: Final = 10.0
"""Seconds within which whoever acted has to look at what came of it; then nobody does."""
_LOOK_S: Final = 0.01
_OVER: Final = "No further action is taken."


class WorldDoor:
    """One of them, served by a thread, since pipes block."""

    def __init__(self, folder: Path, world: SimulatedWorld, setup: Any, turns: int) -> None:
        """Open it.

        Args:
            folder: Where it is made.
            world: That lives behind it.
            setup: By which the world begins.
            turns: Actions that are taken, at most.

        Raises:
            OSError: There is no room for it.
        """
        folder.mkdir(parents=True)
        folder.chmod(0o755)
        for name in ("ask", "told"):
            os.mkfifo(folder / name)
            (folder / name).chmod(0o666)  # whoever acts may be any user of its sandbox
        (folder / "act").write_text(_SCRIPT)
        (folder / "act").chmod(0o755)
        self._folder = folder
        self._world = world
        self._turns = turns
        self._step = world.begin(setup)
        self._asked = os.open(folder / "ask", os.O_RDWR | os.O_NONBLOCK)  # so that it never ends
        self._end, self._ending = os.pipe()
        self._served = Thread(target=self._serve, daemon=True, name="world-door")
        self.actions: list[str] = []
        self.failed: Exception | None = None
        """What broke in the world or in its pipes. None: nothing."""
        self._served.start()

    def close(self) -> None:
        """Take no further action. Blocking, for a moment."""
        if self._ending >= 0:
            os.write(self._ending, b".")
            self._served.join()
            for each in (self._asked, self._end, self._ending):
                os.close(each)
            self._ending = -1

    def _serve(self) -> None:
        try:
            self._read_on()
        except Exception as error:  # noqa: BLE001 - of whichever world: it has no score then
            self.failed = error

    def _read_on(self) -> None:
        waiting = select.poll()
        waiting.register(self._asked, select.POLLIN)
        waiting.register(self._end, select.POLLIN)
        kept = b""
        while all(at != self._end for at, _ in waiting.poll()):
            kept += os.read(self._asked, _LONGEST)
            *lines, kept = kept.split(b"\n")
            kept = kept[-_LONGEST:]
            for line in lines:
                self._tell(self._acted(" ".join(line[:_LONGEST].decode("utf-8", "replace").split())))

    def _acted(self, action: str) -> str:
        if self._step.done or len(self.actions) >= self._turns:
            return _OVER
        self.actions.append(action)
        self._step = self._world.step(self._step.state, action)
        return f"{self._step.observation} The task is done." if self._step.done else self._step.observation

    def _tell(self, text: str) -> None:
        """Tell whoever reads; somebody who was killed does not, and holds up nobody."""
        until = time.monotonic() + _READER_S
        while time.monotonic() < until and not select.select([self._end], [], [], _LOOK_S)[0]:
            try:
                reader = os.open(self._folder / "told", os.O_WRONLY | os.O_NONBLOCK)
            except OSError:
                continue  # nobody reads yet
            with suppress(OSError):
                os.write(reader, f"{text}\n".encode())
            os.close(reader)
            return


class WorldDoors:
    """The doors of a process, by the streams of attempts."""

    def __init__(self, blobs: BlobStore) -> None:
        self._blobs = blobs
        self._root: Path | None = None
        self._numbers = count(1)
        self._open: dict[str, tuple[WorldDoor, Path]] = {}

    async def open(self, world: Digest, stream: str) -> Mount:
        """Open a door; give what the sandbox sees of it.

        Args:
            world: Blob: a `WorldSetup`.
            stream: Of the attempt.

        Raises:
            SandboxUnavailable: This machine has no room for it.
        """
        setup = msgspec.json.decode(await self._blobs.get(world), type=WorldSetup)
        try:
            door, folder = await anyio.to_thread.run_sync(self._made, setup)
        except OSError as error:
            remedy = "make room in the folder for temporary files"
            raise SandboxUnavailable(stream, f"no door into a world can be made: {error}", remedy=remedy) from error
        self._open[stream] = (door, folder)
        return Mount(folder, DOOR)

    async def taken(self, stream: str) -> tuple[str, Digest] | None:
        """Take no further action, and give those that were taken, by the name of their file. None: there is no door.

        Raises:
            SandboxUnavailable: The world broke.
        """
        if stream not in self._open:
            return None
        door, _ = self._open[stream]
        await anyio.to_thread.run_sync(door.close)
        if door.failed is not None:
            what = f"the world broke: {type(door.failed).__name__}: {door.failed}"
            raise SandboxUnavailable(stream, what, remedy="correct the world")
        return ACTIONS, self._blobs.put(msgspec.json.encode(door.actions))

    async def close(self, stream: str) -> None:
        """Take the door of an attempt away; again is fine."""
        held = self._open.pop(stream, None)
        if held is not None:
            with anyio.CancelScope(shield=True):
                await anyio.to_thread.run_sync(held[0].close)
                await anyio.to_thread.run_sync(partial(shutil.rmtree, held[1], ignore_errors=True))

    async def close_all(self) -> None:
        """Take away what is left."""
        for stream in [*self._open]:
            await self.close(stream)
        if self._root is not None:
            with anyio.CancelScope(shield=True):
                await anyio.to_thread.run_sync(partial(shutil.rmtree, self._root, ignore_errors=True))

    def _made(self, setup: WorldSetup) -> tuple[WorldDoor, Path]:
        if self._root is None:
            self._root = Path(mkdtemp(prefix=_PREFIX))
        folder = self._root / str(next(self._numbers))
        return WorldDoor(folder, world_named(setup.world), setup.setup, setup.turns), folder


DOOR: Final = "/opt/stillroom/world"
"""Where a sandbox sees the door."""
