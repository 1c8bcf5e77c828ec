"""What a run would be asked to do, key by key, and where each value came from."""

from collections.abc import Iterable
from pathlib import Path
from typing import Final

import msgspec
from rich.console import RenderableType
from rich.text import Text

from engine.config.schema import REQUIRED, dotted
from engine.config.spec import RunSpec
from engine.config.template import template, toml
from engine.config.tree import ConfigValue
from engine.core.errors import NothingToResume
from engine.core.lineage import lineage_of, pages_of
from engine.runtime.plan import recorded_specs
from events.store.base import EventLog, Selection
from events.types.run import RunOpened
from views.terminal.errors import UsageWrong
from views.terminal.tables import TableView


class SettingRow(msgspec.Struct, frozen=True):
    """One key."""

    key: str
    value: object
    """None: no limit, no key, nothing."""
    origin: str
    """``default``, a file, a variable or a flag."""


async def spec_of(log: EventLog, run: str) -> RunSpec:
    """Read back what a run was asked to do.

    Raises:
        NothingToResume: It never began, or is not ours.
    """
    async for page in pages_of(log, Selection(run=run, tags={"run.opened"})):
        for recorded in page:
            if isinstance(recorded.event, RunOpened):
                return (await recorded_specs(log, recorded.event, await lineage_of(log, run)))[-1]
    raise NothingToResume(run, "it was imported, or cut off before it began")


def rows(settings: Iterable[ConfigValue]) -> list[SettingRow]:
    """List every key once. One that nobody gave and that has no default has the origin ``missing``."""
    return [
        SettingRow(dotted(each.path), *((None, "missing") if each.value is REQUIRED else (each.value, each.origin)))
        for each in settings
    ]


def _written(row: SettingRow) -> str | None:
    """Write a value as TOML writes it."""
    return None if row.origin == "missing" else toml(row.value)


SETTINGS: Final = TableView(SettingRow, "key", ("value…", _written))
ORIGINS: Final = TableView(SettingRow, "key", ("value…", _written), "origin…")


class WrittenFile(msgspec.Struct, frozen=True):
    """A file that was written."""

    path: str


def render_written(row: WrittenFile) -> RenderableType:
    """Say what to do with it."""
    return Text(f"wrote {row.path}; set your tasks and a model in it, then `stillroom run {row.path}`")


def write_spec(path: Path) -> None:
    """Write a commented spec. A file that is there is left as it is.

    Raises:
        UsageWrong: It cannot be written.
    """
    try:
        with path.open("x", encoding="utf-8") as file:
            file.write(template())
    except OSError as error:
        raise UsageWrong(f"{path}: {error.strerror}", remedy="choose another file: `stillroom init FILE`") from error
