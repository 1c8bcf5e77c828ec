"""What this machine offers a run: isolation, room, keys by name only, and the library that keeps the log."""

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from shutil import disk_usage
from typing import Any, Final, Literal

import msgspec

from engine.agents.registry import agent_named, agent_names
from engine.config.program_registry import program_named, program_names
from engine.config.sandbox_kinds import sandbox_kind, sandbox_names
from engine.core.methods import method_named, method_names
from engine.core.plugins import PluginBroken
from engine.items.registry import item_format, item_format_names
from engine.providers.registry import provider_named, provider_names
from projections.registry import broken
from sandbox.kind import SandboxHost
from views.terminal.format import size
from views.terminal.host import Host
from views.terminal.screen import READABLE
from views.terminal.tables import TableView

UNISOLATED: Final = "none"
"""What is there everywhere, and promises nothing."""
LITTLE_ROOM: Final = 1 << 30
"""Bytes free on the log's disk below which a run may not get far."""
WAL_FIXED: Final = (3, 51, 3)
"""From this SQLite on, several connections that reset a write-ahead log cannot damage it."""


class DoctorCheck(msgspec.Struct, frozen=True):
    """One thing that was looked at."""

    what: str
    state: Literal["ok", "missing", "broken"]
    found: str
    remedy: str
    """Empty when nothing needs doing."""


async def checks(machine: Host, sqlite: str) -> list[DoctorCheck]:
    """Look at everything; each look takes milliseconds and changes nothing.

    Args:
        machine: Which.
        sqlite: Version of the library.
    """
    host = SandboxHost(machine.workspace / "sandboxes", machine.environment)
    return [
        *[await look_at_sandbox(name, host) for name in sandbox_names() if name != UNISOLATED],
        *_plugins(),
        look_at_disk(machine.log_path(None)),
        _sqlite(sqlite),
        _clock(machine),
        *_keys(machine.environment),
    ]


async def look_at_sandbox(name: str, host: SandboxHost) -> DoctorCheck:
    """Say how far a sandbox keeps agents from this machine."""
    try:
        isolation = await sandbox_kind(name).look(host)
    except PluginBroken as error:
        return DoctorCheck(f"sandbox {name}", "broken", error.problem, error.remedy)
    state: Literal["ok", "missing"] = "missing" if isolation.level == "none" else "ok"
    return DoctorCheck(f"sandbox {name}", state, f"{isolation.level}: {isolation.reason}", isolation.remedy or "")


_PARTS: Final[tuple[tuple[str, Callable[[], tuple[str, ...]], Callable[[str], Any]], ...]] = (
    ("agent", agent_names, agent_named),
    ("item format", item_format_names, item_format),
    ("method", method_names, method_named),
    ("program", program_names, program_named),
)


def _plugins() -> Iterator[DoctorCheck]:
    """Name the registered parts that cannot be used, besides sandboxes and providers, which have rows of their own."""
    for kind, names, find in _PARTS:
        for name in names():
            try:
                find(name)
            except PluginBroken as error:
                yield DoctorCheck(f"{kind} {name}", "broken", error.problem, error.remedy)
    for each in broken():
        yield DoctorCheck(f"projection {each.name}", "broken", each.problem, each.remedy)


def look_at_disk(log: Path) -> DoctorCheck:
    """Say how much room there is where a log is."""
    folder = log.parent
    while not folder.exists():
        folder = folder.parent
    free = disk_usage(folder).free
    state: Literal["ok", "missing"] = "ok" if free >= LITTLE_ROOM else "missing"
    return DoctorCheck("disk", state, f"{size(free)} free at {folder}", "" if state == "ok" else "free some space")


def _sqlite(version: str) -> DoctorCheck:
    parts = tuple(int(part) for part in version.split(".") if part.isdigit())
    known = "" if parts >= WAL_FIXED else "; older than 3.51.3, so writers are serialized with a lock file"
    return DoctorCheck("sqlite", "ok", version + known, "")


def _clock(machine: Host) -> DoctorCheck:
    # Before this was written: certificates would be refused and times in the log would be wrong.
    sane = machine.clock() > 1_763_000_000_000_000
    return DoctorCheck(
        "clock", "ok" if sane else "broken", "set" if sane else "in the past", "" if sane else "set the clock"
    )


def _keys(environment: Mapping[str, str]) -> Iterator[DoctorCheck]:
    """Say which variables of providers are set: names only."""
    variables: set[str] = set()
    for name in provider_names():
        try:
            variables.add(provider_named(name).api_key_env or "")
        except PluginBroken as error:
            yield DoctorCheck(f"provider {name}", "broken", error.problem, error.remedy)
    found = sorted(name for name in variables if environment.get(name))
    if found:
        yield DoctorCheck("keys", "ok", ", ".join(found) + " (names only)", "")
    else:
        remedy = "export one, or set api_key_env to another variable; `stillroom demo` needs none"
        yield DoctorCheck("keys", "missing", "no API key variable is set", remedy)


CHECKS: Final = TableView(DoctorCheck, ("check", lambda row: row.what), "state found… remedy…", widest=READABLE)
