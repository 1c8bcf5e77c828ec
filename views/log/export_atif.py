"""Attempts as ATIF files, with a report of what they do not hold."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Final, NamedTuple

import msgspec

from engine.core.history import RunHistory, load_histories
from events.streams import RUN, attempt_of, trial_of
from events.types.run import RunImported
from replay.export.atif.document import ExportedTrajectory, ExportSource, document
from views.terminal.errors import UsageWrong
from views.terminal.files import write_file
from views.terminal.ids import AttemptTarget, RunTarget, TrialTarget, find_target
from views.terminal.log_access import OpenedLog
from views.terminal.tables import TableView


class AtifRow(msgspec.Struct, frozen=True, tag_field="kind", tag="atif"):
    """An attempt that was written as a file."""

    trial: str
    attempt: int
    path: str
    """Path of the file. Empty if the attempt has no steps; then no file was written."""
    steps: int
    losses: dict[str, int]
    """What of the attempt has no place in the format, by kind of event."""


class _Wanted(NamedTuple):
    """Which attempts are written."""

    trial: str | None = None
    """None: those of every trial."""
    attempt: int | None = None
    """None: every one."""

    def takes(self, trial: str, attempt: int) -> bool:
        return self.trial in {None, trial} and self.attempt in {None, attempt}


async def write(desk: OpenedLog, text: str, folder: Path) -> list[AtifRow]:
    """Write the attempts of a run, of a trial, or one of them.

    Raises:
        IdUnknown, IdAmbiguous: There is no such thing, or there are several.
        UsageWrong: It is no run, trial or attempt, or the folder cannot be written to.
        BlobMissing, BlobErased: Bytes of an attempt are gone.
    """
    target = await find_target(desk.log, text)
    match target:
        case RunTarget(run):
            wanted = _Wanted()
        case TrialTarget(run, trial):
            wanted = _Wanted(trial)
        case AttemptTarget(run, trial, attempt):
            wanted = _Wanted(trial, attempt)
        case _:
            raise UsageWrong(f"{text} is not a run, trial or attempt", remedy="such as @latest, TRIAL or TRIAL/2")
    rows: list[AtifRow] = []
    async for source, made in _documents(desk, await load_histories(desk.log, run), run, wanted):
        path = folder / source.trial / f"attempt-{source.attempt}.json"
        rows.append(_row(source, made, path))
        if made is not None:
            body = msgspec.json.format(msgspec.json.encode(made.trajectory), indent=2)
            await write_file(path, body + b"\n")
    return rows


async def _documents(
    desk: OpenedLog, histories: RunHistory, run: str, wanted: _Wanted
) -> AsyncIterator[tuple[ExportSource, ExportedTrajectory | None]]:
    opened = histories.opened
    package = "imported" if opened is None else opened.package
    first = histories.by_stream[RUN][0].event if histories.by_stream.get(RUN) else None
    acted = (first.agent, first.model) if isinstance(first, RunImported) else (None, None)
    for name, history in histories.by_stream.items():
        trial, attempt = trial_of(name), attempt_of(name)
        if trial is not None and attempt is not None and wanted.takes(trial, attempt):
            source = ExportSource(run, trial, attempt, package, *acted)
            yield source, await document(desk.log, source, history)


def _row(source: ExportSource, made: ExportedTrajectory | None, path: Path) -> AtifRow:
    if made is None:
        return AtifRow(source.trial, source.attempt, "", 0, {})
    return AtifRow(source.trial, source.attempt, str(path), len(made.trajectory.steps), dict(made.losses))


ATTEMPTS: Final = TableView(
    AtifRow,
    ("attempt", lambda row: f"{row.trial}/{row.attempt}"),
    ">steps",
    ("file…", lambda row: row.path or "no steps"),
    ("not representable…", lambda row: tuple(f"{n} {what}" for what, n in row.losses.items()) or None),
)
