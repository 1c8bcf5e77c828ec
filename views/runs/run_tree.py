"""Runs as a table, each fork below the run it branched off."""

from collections.abc import Iterator, Sequence
from typing import Final, NamedTuple

from rich.console import RenderableType
from rich.text import Text

from engine.runtime.context import LEASE_S
from views.runs.rows import PAUSED, RunRow, failed_parts
from views.runs.spending import written
from views.terminal.format import count, short, when
from views.terminal.tables import TableView

SILENT_S: Final = LEASE_S * 2 / 3
"""Seconds without a word from a process that holds a run, until people are told: it has missed two occasions."""


class PlacedRun(NamedTuple):
    """A run, and its place below what it was forked from."""

    depth: int
    """0 at the top."""
    run: RunRow


def _silent(row: RunRow) -> Text:
    """Name the remedy for an owner that does not renew its lease."""
    since = "" if row.owned_since is None else f" since {when(row.owned_since)} UTC"
    return Text(
        f"{row.run}: owned by {row.owner}{since}, no heartbeat for {row.silent_s:.0f} s; if you know that it is "
        f"gone: `stillroom resume {row.run} --take-over`"
    )


def _paused(row: RunRow) -> Text:
    return Text(f"{row.run}: {PAUSED}; `stillroom resume {row.run}` begins it again")


def tree(rows: Sequence[RunRow]) -> Iterator[PlacedRun]:
    """Give each run with its depth; one whose parent is not in this log stands at the top."""
    here = {row.run for row in rows}
    children: dict[str | None, list[RunRow]] = {}
    for row in rows:
        children.setdefault(row.parent if row.parent in here else None, []).append(row)
    waiting = [PlacedRun(0, row) for row in reversed(children.get(None, []))]
    while waiting:
        at = waiting.pop()
        yield at
        waiting += [PlacedRun(at.depth + 1, fork) for fork in reversed(children.get(at.run.run, []))]


def _name(at: PlacedRun) -> str:
    called = at.run.run if at.run.name is None else f"{at.run.run} {at.run.name}"
    return f"{'  ' * (at.depth - 1)}└ {called}" if at.depth else called


def _state(row: RunRow) -> str:
    return row.state if row.owner is None else f"{row.state} in {row.owner.rpartition(':')[0]}"


def _origin(row: RunRow) -> str:
    if row.parent is None:
        return "a script" if row.scripted else row.source
    changes = f": {', '.join(row.changes)}" if row.changes else ""
    return f"fork of {short(row.parent)} after {count(row.shared)} events{changes}"


def _notes(placed: Sequence[PlacedRun]) -> list[Text]:
    rows = [each.run for each in placed]
    return [
        *(_paused(row) for row in rows if row.state == "paused"),
        *(_silent(row) for row in rows if row.silent_s is not None and row.silent_s > SILENT_S),
        *(Text(f"{row.run}: failed in the background: {failed}") for row in rows if (failed := failed_parts(row))),
    ]


_RUNS: Final = TableView(
    PlacedRun,
    ("run…", _name),
    ("started", lambda at: when(at.run.started_at)[5:16]),
    ("state", lambda at: _state(at.run)),
    (">solved", lambda at: f"{at.run.solved} of {at.run.trials if at.run.cells is None else at.run.cells}"),
    (">no verdict", lambda at: at.run.no_verdict or None),
    (">tokens", lambda at: count(at.run.tokens, lacks="tokens" in at.run.at_least)),
    (">cost", lambda at: written(at.run.cost_nano_usd, lacks="cost_nano_usd" in at.run.at_least)),
    ("source…", lambda at: _origin(at.run)),
    notes=_notes,
)


RUNS: Final = TableView(
    RunRow,
    "run name",
    ("started, UTC", lambda row: when(row.started_at)),
    "state program method",
    (">trials", lambda row: row.trials if row.cells is None else row.cells),
    ">solved >unsolved >no_verdict >attempts",
    (">tokens", lambda row: count(row.tokens, lacks="tokens" in row.at_least)),
    (">cost", lambda row: written(row.cost_nano_usd, lacks="cost_nano_usd" in row.at_least)),
    ("source", _origin),
)
"""The same as a table for others: one row for each, in the order of the log."""


def render_runs(rows: Sequence[RunRow]) -> RenderableType:
    """Draw runs, the latest last, but for forks: they follow what they were forked from."""
    return _RUNS(list(tree(rows)))
