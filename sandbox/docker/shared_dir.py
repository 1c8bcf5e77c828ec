"""The folder of a sandbox on the host: what both sides see is below ``io``, and the rest is ours."""

import os
import shutil
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Final

import anyio
import msgspec
from msgspec import Struct

from events.digest import digest_of
from sandbox.docker.client import ImageInfo
from sandbox.docker.errors import EngineFailed
from sandbox.harbor.schema import NetworkMode

_SCRIPTS: Final = Path(__file__).parent.with_name("container")
"""What runs inside."""
_CARD: Final = "card.json"


class ContainerState(Struct, frozen=True):
    """A container that stands, as the engine tells it."""

    id: str
    started: str
    """When, in the engine's words; another start has another time."""
    running: bool
    """Whether it ran when this was written down; a service may have had only something to prepare."""


class ReattachInfo(Struct, frozen=True):
    """What somebody must know to take a sandbox up whose process has ended. It is written once the sandbox is ready."""

    session: int
    """Number of the process's hold on the run in which the sandbox was opened."""
    workdir: str
    image: ImageInfo
    main: ContainerState
    beside: Mapping[str, ContainerState]
    """By service."""
    networks: Mapping[str, str]
    """Name in the task's file, and name of the engine's."""
    volumes: Mapping[str, str]
    network: NetworkMode
    """Of its own container, which may change between phases."""


class ReattachFile:
    """Whether the card of a sandbox can be read; not while its own container is killed and started again."""

    def __init__(self, folder: Path) -> None:
        self.card: ReattachInfo | None = None
        """None: the sandbox ends with its process."""
        self._path = folder / _CARD

    async def show(self, card: ReattachInfo) -> None:
        """Write it, in one step, so that nobody finds half of it."""
        self.card = card
        await anyio.to_thread.run_sync(_write, self._path, card)

    async def hide(self) -> None:
        """Take it away."""
        await anyio.Path(self._path).unlink(missing_ok=True)


def workspace_name(workspace: Path) -> str:
    """Name a workspace for labels: the same for the same folder, without telling where it is."""
    return digest_of(os.fsencode(workspace.resolve()))[:16]


async def make_folder(folder: Path) -> None:
    """Make the folder of a sandbox, with the runner in it.

    Raises:
        EngineFailed: It is there already.
    """
    await anyio.to_thread.run_sync(_make, folder)


async def remove_folder(folder: Path) -> None:
    """Remove it, as far as that goes."""
    await anyio.to_thread.run_sync(partial(shutil.rmtree, folder, ignore_errors=True))


async def read_card(folder: Path) -> ReattachInfo | None:
    """Read it. None: there is none, and the sandbox was not ready, or not between two of its own starts."""
    try:
        return msgspec.json.decode(await anyio.Path(folder / _CARD).read_bytes(), type=ReattachInfo)
    except (FileNotFoundError, msgspec.MsgspecError):
        return None


def write_scripts(io: Path) -> None:
    """Write what runs inside; whoever reads an earlier one goes on with it."""
    for script in _SCRIPTS.iterdir():
        new = io / f"{script.name}.new"
        shutil.copyfile(script, new)
        new.chmod(0o755)
        new.replace(io / script.name)


def _make(folder: Path) -> None:
    try:
        (folder / "io").mkdir(parents=True)
    except FileExistsError as error:
        raise EngineFailed(f"{folder.name} exists: a sandbox of this id is open, or a crash left it") from error
    for each in (folder, folder / "io"):
        each.chmod(0o755)
    write_scripts(folder / "io")


def _write(path: Path, card: ReattachInfo) -> None:
    new = path.with_suffix(".new")
    new.write_bytes(msgspec.json.encode(card))
    new.replace(path)
