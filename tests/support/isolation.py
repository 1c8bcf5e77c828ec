"""Where tests run commands: under bubblewrap, or, where it does not work, without isolation, asked for by name."""

from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from types import MappingProxyType
from typing import Literal

import anyio

from sandbox.local.backend import LocalBackend, local_backend


async def backend_here(folder: Path, way: Literal["best", "plain"] = "best") -> LocalBackend:
    """Give the best sandboxes of this machine, or such as isolate nothing; their commands are scripts of a test."""
    best = await local_backend(folder, way=way)
    return await local_backend(folder, way="plain") if best.describe().lacking else best


@cache
def isolates() -> bool:
    """Say whether bubblewrap works here; a test may ask that already runs in an event loop."""
    with TemporaryDirectory() as folder, ThreadPoolExecutor(1) as pool:
        return not pool.submit(lambda: anyio.run(local_backend, Path(folder))).result().describe().lacking


def sandbox_here() -> str:
    """Name the kind of sandbox that starts on this machine without an engine of containers."""
    return "local" if isolates() else "none"


def asked_for() -> Mapping[str, str]:
    """Give the variables by which commands do without isolation where there is none: a user's file says so."""
    home = Path(__file__).parent / "unisolated"
    return MappingProxyType({} if isolates() else {"XDG_CONFIG_HOME": str(home)})
