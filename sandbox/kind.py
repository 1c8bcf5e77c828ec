"""A kind of sandbox as a value: how its backend is opened, and what a sandbox of it costs.

Nothing here opens anything: commands that only look read these values.
"""

from collections.abc import Awaitable, Callable, Mapping
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from typing import NamedTuple

from msgspec import Struct

from sandbox.base import Isolation, SandboxBackend


class SandboxHost(NamedTuple):
    """What a backend is given of the machine and of the process."""

    folder: Path
    """For the folders of its sandboxes; made when missing."""
    environment: Mapping[str, str] = {}
    """Of the process. A backend looks at variables of its own, and at no others."""
    owner: str | None = None
    """The process that what is made belongs to. None: nobody in particular."""
    ended: Callable[[str], bool] | None = None
    """Says whether a process is known to have ended. None: nobody can say."""
    building: Callable[[], AbstractAsyncContextManager[object]] | None = None
    """Entered for each build of an image, and has those wait that are too many. None: the backend sees to it."""


class SandboxKind(Struct, frozen=True, kw_only=True):
    """A kind of sandbox, as the entry point group ``stillroom.sandboxes`` leads to it.

    Attributes:
        name: As a spec and ``--sandbox`` have it; that of its entry point.
        about: For people: what it is, in some words.
        open: Opens the backend for as long as sandboxes are needed; raises `SandboxUnavailable` where it cannot.
        look: Says what the backend can promise on this machine, and changes nothing.
        memory_bytes: Set aside for an idle sandbox where nobody said how many there may be, above 0.
    """

    name: str
    about: str
    open: Callable[[SandboxHost], AbstractAsyncContextManager[SandboxBackend]]
    look: Callable[[SandboxHost], Awaitable[Isolation]]
    memory_bytes: int
