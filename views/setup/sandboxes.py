"""Kinds of sandboxes, as a spec may name them."""

from typing import Final, Literal

import msgspec

from engine.config.sandbox_kinds import sandbox_kind, sandbox_names
from engine.core.plugins import PluginBroken
from sandbox.kind import SandboxHost
from views.terminal.host import Host
from views.terminal.tables import TableView


class SandboxRow(msgspec.Struct, frozen=True):
    """A kind of sandbox that some installed package registers."""

    sandbox: str
    state: Literal["ok", "broken"]
    """``broken``: the package that registers it cannot be imported."""
    level: str
    """``none``, ``namespaces`` or ``container``; empty if it is broken."""
    enforces: tuple[str, ...]
    """What it promises on this machine, in alphabetical order."""
    about: str
    """What it is."""
    found: str
    """Why it is this level, or what is wrong with it."""


async def rows(machine: Host) -> list[SandboxRow]:
    """Look at every kind, and change nothing."""
    host = SandboxHost(machine.workspace / "sandboxes", machine.environment)
    return [await _row(name, host) for name in sandbox_names()]


async def _row(name: str, host: SandboxHost) -> SandboxRow:
    try:
        kind = sandbox_kind(name)
        found = await kind.look(host)
    except PluginBroken as error:
        return SandboxRow(name, "broken", "", (), "", error.problem)
    return SandboxRow(name, "ok", found.level, tuple(sorted(found.enforces)), kind.about, found.reason)


KINDS: Final = TableView(
    SandboxRow,
    "sandbox state level",
    ("promises…", lambda row: row.enforces),
    ("what…", lambda row: "; ".join(filter(None, (row.about, row.found)))),
)
