"""Sandboxes on this machine: under bubblewrap, or, asked for by name, without isolation."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final

from sandbox.base import MIB, Isolation, SandboxBackend
from sandbox.kind import SandboxHost, SandboxKind
from sandbox.local.backend import local_backend

_IDLE_BYTES: Final = 4 * MIB
"""An idle one is two small processes."""


@asynccontextmanager
async def _open_local(host: SandboxHost) -> AsyncIterator[SandboxBackend]:
    yield await local_backend(host.folder)


@asynccontextmanager
async def _open_none(host: SandboxHost) -> AsyncIterator[SandboxBackend]:
    yield await local_backend(host.folder, way="plain")


async def _look_local(host: SandboxHost) -> Isolation:
    return (await local_backend(host.folder)).describe()


async def _look_none(host: SandboxHost) -> Isolation:
    return (await local_backend(host.folder, way="plain")).describe()


LOCAL: Final = SandboxKind(
    name="local",
    about="this machine, under bubblewrap",
    open=_open_local,
    look=_look_local,
    memory_bytes=_IDLE_BYTES,
)
NO_ISOLATION: Final = SandboxKind(
    name="none",
    about="this machine, without isolation: only for tasks and models that are trusted",
    open=_open_none,
    look=_look_none,
    memory_bytes=_IDLE_BYTES,
)
