"""Gathering the means of a run from what the command line was given: log, sandbox, prompts, keys."""

from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import assert_never

import anyio

from engine.config_secrets import key_names, redactor_of, told
from engine.means import Means
from engine.pools.pools import Pools
from engine.prompting import load_prompts
from engine.setting import Setting
from engine.spec import BackendName, RunSpec
from engine.system import machine, process_ended, process_name
from events.sqlite import SqliteLog
from sandbox.base import SandboxBackend
from sandbox.docker import DockerSettings, docker_backend
from sandbox.docker_where import where_of
from sandbox.local import local_backend


@asynccontextmanager
async def open_log(
    means: Means, spec: RunSpec | None = None, *, warn: Callable[[str], None]
) -> AsyncIterator[SqliteLog]:
    """Open the log to write to it, and make it if it is not there. Secrets of the environment never reach it.

    Args:
        means: Its path, the clock, the environment.
        spec: Whose keys are secrets too, whatever their variables are called. None: there is none.
        warn: Called with what a person must be told: which variables are not treated as secrets, though named like one.

    Raises:
        LogError: It cannot be opened, or a key is one that cannot be looked for.
    """
    redactor, ignored = redactor_of(means.environment, key_names(spec) if spec else ())
    for text in told(ignored):
        warn(text)
    await anyio.Path(means.log.parent).mkdir(parents=True, exist_ok=True)
    async with await SqliteLog.open(means.log, clock=means.clock, redactor=redactor) as log:
        yield log


@asynccontextmanager
async def open_setting(means: Means, spec: RunSpec, *, warn: Callable[[str], None]) -> AsyncIterator[Setting]:
    """Gather the means of a run. Of the environment, it is given the keys its spec names, and nothing else.

    Args:
        means: What there is.
        spec: What is to be done.
        warn: Called with what a person must be told before anything runs.

    Raises:
        LogError: The log cannot be opened, or a key is one that cannot be looked for.
    """
    pools = Pools(spec.pools, machine(), spec.sandbox)
    async with open_backend(means, spec.sandbox, pools) as backend:
        for warning in backend.describe().warnings:
            warn(warning)
        variables = {name: means.environment[name] for name in key_names(spec) if name in means.environment}
        async with open_log(means, spec, warn=warn) as log:
            cache = cache_of(means.environment)
            here = Setting(
                log, backend, load_prompts(), means.package, variables, means.folder, pools=pools, cache=cache
            )
            yield here._replace(warn=warn)


def cache_of(environment: Mapping[str, str]) -> Path | None:
    """Say where this user keeps what can be fetched again (XDG Base Directory). None: nowhere that is known."""
    if environment.get("XDG_CACHE_HOME"):
        return Path(environment["XDG_CACHE_HOME"]) / "stillroom"
    return Path(environment["HOME"]) / ".cache" / "stillroom" if environment.get("HOME") else None


@asynccontextmanager
async def open_backend(means: Means, name: BackendName, pools: Pools | None = None) -> AsyncIterator[SandboxBackend]:
    """Open a sandbox backend by its name in a spec.

    Args:
        means: Where sandboxes may keep their folders. For an engine, variables are looked at: its own (see
            ``where_of``), and ``STILLROOM_BUILD_NETWORK``: ``host`` where a build needs it to reach packages.
        name: Which.
        pools: Where builds wait for each other. None: two go on at a time.

    Raises:
        SandboxUnavailable: The engine is not there, or does not answer.
    """
    match name:
        case "local":
            yield await local_backend(means.sandboxes)
        case "docker" | "podman":
            settings = DockerSettings(
                where=where_of(name, means.environment),
                build_network=means.environment.get("STILLROOM_BUILD_NETWORK", "default"),
                building=None if pools is None else pools.building,
                owner=process_name(),
                ended=process_ended,
            )
            async with docker_backend(means.sandboxes, settings) as backend:
                yield backend
        case _:
            assert_never(name)
