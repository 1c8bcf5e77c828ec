"""What sandboxes left behind: listed, and removed."""

from typing import Final, Literal

import msgspec
from rich.text import Text

from engine.core.system import process_ended
from engine.effects.sandboxes import sandbox_prefix
from sandbox.base import Leftover, LeftoverRemover, SandboxBackend, beginning
from views.terminal.format import plural
from views.terminal.log_access import OpenedLog
from views.terminal.tables import TableView


class LeftoverRow(msgspec.Struct, frozen=True, tag_field="kind", tag="left"):
    """Something that a process which has ended left behind."""

    what: Literal["container", "network", "volume", "image", "sandbox"]
    """sandbox: by its id, with whatever it held."""
    name: str
    owner: str
    """The process that created it, as ``host:id:start``; empty if it has no owner."""
    became: str
    """``removed``, ``found`` (nothing was to be removed), or why it could not be."""


async def of_machine(backend: LeftoverRemover, *, images: bool, dry_run: bool) -> list[LeftoverRow]:
    """Remove what processes that have ended left in a backend, whatever workspace they worked in."""
    left = await backend.leftovers(process_ended, images=images)
    if dry_run:
        return [_row(each, "found") for each in left]
    kept = dict(await backend.remove(left))
    return [_row(each, kept.get(each, "removed")) for each in left]


async def of_workspace(desk: OpenedLog, backend: SandboxBackend) -> list[LeftoverRow]:
    """Remove the sandboxes of runs that nobody holds."""
    owned = await desk.owned()
    rows: list[LeftoverRow] = []
    for run in await desk.log.runs():
        if run not in owned:
            swept = await backend.sweep(beginning(sandbox_prefix(run)))
            rows += [LeftoverRow("sandbox", name, "", "removed") for name in swept]
    return rows


def _row(left: Leftover, became: str) -> LeftoverRow:
    return LeftoverRow(left.kind, left.name, left.owner, became)


LEFTOVERS: Final = TableView(
    LeftoverRow,
    ("resource", lambda row: row.what),
    "name…",
    ("owner", lambda row: row.owner.rpartition(":")[0] or None),
    ("result…", lambda row: row.became),
    empty="nothing to remove",
    notes=lambda rows: [Text(plural(len(rows), "resource"), style="dim")],
)
