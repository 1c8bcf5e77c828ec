"""Runs as a table, each fork below the run it branched off."""

from collections.abc import Iterator, Sequence
from typing import Final

from rich.console import Group, RenderableType
from rich.text import Text

from engine.runtime.context import LEASE_S
from views.runs.rows import RunRow, failed_parts
from views.runs.spending import written
from views.terminal.format import count, short, when
from views.terminal.tables import table

SILENT_S: Final = LEASE_S * 2 / 3
"""Seconds without a word from a process that holds a run, until people are told: it has missed two occasions."""


def render_runs(rows: Sequence[RunRow]) -> RenderableType:
    """Draw runs, the latest last, but for forks: they follow what they were forked from."""
    columns = ["run…", "started", "state", "solved", "no verdict", "tokens", "cost", "source…"]
    cells = [
        (
            f"{'  ' * (depth - 1)}└ {row.run}" if depth else row.run,
            when(row.started_at)[5:16],
            row.state if row.owner is None else f"{row.state} in {row.owner.rpartition(':')[0]}",
            f"{row.solved} of {row.trials}",
            str(row.no_verdict or "-"),
            count(row.tokens, lacks="tokens" in row.at_least),
            written(row.cost_nano_usd, lacks="cost_nano_usd" in row.at_least),
            _origin(row),
        )
        for depth, row in tree(rows)
    ]
    drawn = table(columns, cells, right=["solved", "no verdict", "tokens", "cost"])
    notes = [_silent(row) for row in rows if row.silent_s is not None and row.silent_s > SILENT_S]
    notes += [Text(f"{row.run}: failed in the background: {failed}") for row in rows if (failed := failed_parts(row))]
    return Group(drawn, *notes) if notes else drawn


def _silent(row: RunRow) -> Text:
    """Name the remedy for an owner that does not renew its lease."""
    since = "" if row.owned_since is None else f" since {when(row.owned_since)} UTC"
    return Text(
        f"{row.run}: owned by {row.owner}{since}, no heartbeat for {row.silent_s:.0f} s; if you know that it is "
        f"gone: `stillroom resume {row.run} --take-over`"
    )


def tree(rows: Sequence[RunRow]) -> Iterator[tuple[int, RunRow]]:
    """Give each run with its depth; one whose parent is not in this log stands at the top."""
    here = {row.run for row in rows}
    children: dict[str | None, list[RunRow]] = {}
    for row in rows:
        children.setdefault(row.parent if row.parent in here else None, []).append(row)
    waiting = [(0, row) for row in reversed(children.get(None, []))]
    while waiting:
        depth, row = waiting.pop()
        yield depth, row
        waiting += [(depth + 1, fork) for fork in reversed(children.get(row.run, []))]


def _origin(row: RunRow) -> str:
    if row.parent is None:
        return "a script" if row.scripted else row.source
    changes = f": {', '.join(row.changes)}" if row.changes else ""
    return f"fork of {short(row.parent)} after {count(row.shared)} events{changes}"
