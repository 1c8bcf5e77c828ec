"""Running a spec from a program of one's own, as the command line does."""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from importlib.metadata import version
from pathlib import Path
from types import MappingProxyType
from typing import Any

from anyio import Path as AsyncPath

from engine.config.resolve import Inputs, resolve
from engine.config.spec import RunSpec
from engine.core.system import clock
from engine.runtime.environment import ProcessEnvironment
from engine.runtime.open_context import open_setting
from engine.runtime.run import RunReport, start_run
from events.store.base import EventLog
from events.store.sqlite.store import SqliteLog


def spec_from(source: Path | str | Mapping[str, Any]) -> RunSpec:
    """Make a spec of a TOML or YAML file, or of values by their keys. The environment and config files have no say.

    Raises:
        ConfigUnreadable, ConfigRefused: It is none; what is wrong with it is named.
    """
    if isinstance(source, Path | str):
        file = Path(source)
        return resolve(Inputs(file.resolve().parent, run_file=file)).spec
    return resolve(Inputs(Path(), values=source)).spec


async def run(
    spec: RunSpec,
    *,
    folder: Path = Path(),
    log: Path = Path(".stillroom/log.db"),
    environment: Mapping[str, str] = MappingProxyType({}),
    name: str | None = None,
) -> RunReport:
    """Start a run and carry it to its end.

    Args:
        spec: What to do.
        folder: What relative paths of the spec and `log` start from.
        log: Where it is recorded; made if it is not there.
        environment: Variables that keys are read from, such as `os.environ`. Nothing else of it is looked at.
        name: Of the run, by which commands find it besides its id. None: it has none.

    Raises:
        StillroomError: The spec cannot work (nothing was recorded), or something of ours broke.
    """
    here = Path(await AsyncPath(folder).resolve())
    sandboxes = here / ".stillroom" / "sandboxes"
    means = ProcessEnvironment(environment, here, here / log, sandboxes, clock, version("stillroom"))
    warned: list[str] = []
    async with open_setting(means, spec, warn=warned.append) as setting:
        return await start_run(setting, spec, name=name)


@asynccontextmanager
async def open_log(path: Path) -> AsyncIterator[EventLog]:
    """Open a log that is there. Nothing is recorded in it unless the caller does.

    It is opened as a run opens it, so file and folder must be writable. The writer's lock is held while it is opened
    and while it is closed, not in between: a run may write to it meanwhile, in this process or in another.

    Raises:
        LogNotOurs: It is not there, or is no log.
        LogLocked: Another program has held the lock for ten seconds.
        LogError: It cannot be opened.
    """
    async with await SqliteLog.open(path, clock=clock, create=False) as log:
        yield log
