"""Gathering the means of a run from what the command line was given: log, sandbox, prompts, keys."""

from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from pathlib import Path

import anyio

from engine.concurrency.pools import Pools
from engine.config.sandbox_kinds import sandbox_kind
from engine.config.spec import RunSpec
from engine.core.prompts import load_prompts
from engine.core.system import machine, process_ended, process_name
from engine.runtime.context import RunContext
from engine.runtime.environment import ProcessEnvironment
from engine.runtime.secrets import key_names, redactor_of, told
from events.store.sqlite.store import SqliteLog
from sandbox.base import Isolation, SandboxBackend
from sandbox.kind import SandboxHost


@asynccontextmanager
async def open_log(
    means: ProcessEnvironment, spec: RunSpec | None = None, *, warn: Callable[[str], None]
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
async def open_setting(
    means: ProcessEnvironment, spec: RunSpec, *, warn: Callable[[str], None]
) -> AsyncIterator[RunContext]:
    """Gather the means of a run. Of the environment, it is given the keys its spec names, and nothing else.

    Args:
        means: What there is.
        spec: What is to be done.
        warn: Called with what a person must be told before anything runs.

    Raises:
        LogError: The log cannot be opened, or a key is one that cannot be looked for.
    """
    pools = Pools(spec.pools, machine(), sandbox_kind(spec.sandbox).memory_bytes)
    async with open_backend(means, spec.sandbox, pools) as backend:
        for warning in backend.describe().warnings:
            warn(warning)
        variables = {name: means.environment[name] for name in key_names(spec) if name in means.environment}
        async with open_log(means, spec, warn=warn) as log:
            cache = cache_of(means.environment)
            here = RunContext(
                log, backend, load_prompts(), means.package, variables, means.folder, pools=pools, cache=cache
            )
            yield here._replace(warn=warn)


def cache_of(environment: Mapping[str, str]) -> Path | None:
    """Say where this user keeps what can be fetched again (XDG Base Directory). None: nowhere that is known."""
    if environment.get("XDG_CACHE_HOME"):
        return Path(environment["XDG_CACHE_HOME"]) / "stillroom"
    return Path(environment["HOME"]) / ".cache" / "stillroom" if environment.get("HOME") else None


@asynccontextmanager
async def open_backend(
    means: ProcessEnvironment, name: str, pools: Pools | None = None
) -> AsyncIterator[SandboxBackend]:
    """Open a sandbox backend by its name in a spec.

    Args:
        means: Where sandboxes may keep their folders, and the environment, of which a backend looks at what is its own.
        name: Which.
        pools: Where builds wait for each other. None: the backend sees to it.

    Raises:
        NameUnknown: No installed package registers such sandboxes.
        PluginBroken: The package that registers them cannot be imported.
        SandboxUnavailable: What they need is not there, or does not answer.
    """
    building = None if pools is None else pools.building
    host = SandboxHost(means.sandboxes, means.environment, process_name(), process_ended, building)
    async with sandbox_kind(name).open(host) as backend:
        yield backend


async def isolation_here(means: ProcessEnvironment, name: str) -> Isolation:
    """Say what a sandbox backend can promise on this machine; nothing is changed.

    Raises:
        NameUnknown, PluginBroken: As `open_backend`.
    """
    return await sandbox_kind(name).look(SandboxHost(means.sandboxes, means.environment))
