"""What this machine offers a run: isolation, room, keys by name only, and the library that keeps the log."""

from collections.abc import Iterator, Mapping, Sequence
from shutil import disk_usage
from typing import Final, Literal

import msgspec
from rich.console import RenderableType

from sandbox.base import Isolation
from views.figures import size
from views.machine import Machine
from views.tables import table

KEYS: Final = (
    "OPENAI_API_KEY",
    "ANTHROPIC_API_KEY",
    "GEMINI_API_KEY",
    "AZURE_OPENAI_API_KEY",
    "OPENROUTER_API_KEY",
    "DEEPSEEK_API_KEY",
    "DASHSCOPE_API_KEY",
)
"""Variables people keep keys in. Only whether they are set is looked at."""
LITTLE_ROOM: Final = 1 << 30
"""Bytes free on the log's disk below which a run may not get far."""
WAL_FIXED: Final = (3, 51, 3)
"""From this SQLite on, several connections that reset a write-ahead log cannot damage it."""


class Check(msgspec.Struct, frozen=True):
    """One thing that was looked at."""

    what: str
    state: Literal["ok", "missing", "broken"]
    found: str
    remedy: str
    """Empty when nothing needs doing."""


def checks(machine: Machine, sandboxes: Mapping[str, Isolation], sqlite: str) -> list[Check]:
    """Look at everything; each look takes milliseconds and changes nothing.

    Args:
        machine: Which.
        sandboxes: What each backend can promise here.
        sqlite: Version of the library.
    """
    return [
        *(_sandbox(name, isolation) for name, isolation in sandboxes.items()),
        *_disk(machine),
        _sqlite(sqlite),
        _clock(machine),
        *_keys(machine.environment),
    ]


def _sandbox(name: str, isolation: Isolation) -> Check:
    state: Literal["ok", "missing"] = "missing" if isolation.level == "none" else "ok"
    return Check(f"sandbox {name}", state, f"{isolation.level}: {isolation.reason}", isolation.remedy or "")


def _disk(machine: Machine) -> Iterator[Check]:
    folder = machine.log_path(None).parent
    while not folder.exists():
        folder = folder.parent
    free = disk_usage(folder).free
    state: Literal["ok", "missing"] = "ok" if free >= LITTLE_ROOM else "missing"
    yield Check("disk", state, f"{size(free)} free at {folder}", "" if state == "ok" else "free some space")


def _sqlite(version: str) -> Check:
    parts = tuple(int(part) for part in version.split(".") if part.isdigit())
    known = "" if parts >= WAL_FIXED else "; older than 3.51.3, so writers take turns by a lock file of ours"
    return Check("sqlite", "ok", version + known, "")


def _clock(machine: Machine) -> Check:
    # Before this was written: certificates would be refused and times in the log would be wrong.
    sane = machine.clock() > 1_763_000_000_000_000
    return Check("clock", "ok" if sane else "broken", "set" if sane else "in the past", "" if sane else "set the clock")


def _keys(environment: Mapping[str, str]) -> Iterator[Check]:
    found = [name for name in KEYS if environment.get(name)]
    if found:
        yield Check("keys", "ok", ", ".join(found) + " (names only)", "")
    else:
        remedy = "export one, or name another variable as api_key_env; `stillroom demo` needs none"
        yield Check("keys", "missing", "no variable with a key is set", remedy)


def render(rows: Sequence[Check]) -> RenderableType:
    """Draw what was found, and what would help."""
    return table(["what", "state", "found…", "remedy…"], [(row.what, row.state, row.found, row.remedy) for row in rows])
