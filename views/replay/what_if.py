"""What would have been decided under other settings: which decisions flip, and where trials leave their paths."""

from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final, NamedTuple

from rich.console import Group, RenderableType
from rich.text import Text

from engine.config.changes import Change
from engine.core.errors import HistoryUnread, NameUnknown, ReplayDiverged
from engine.core.plugins import PluginBroken
from events.errors import StillroomError
from replay.errors import InputsUnrecorded, NothingDecided, PartMissing
from replay.what_if.ask import Departure, Flip, Prepared, WhatIf, ask, prepare
from replay.what_if.record import record
from views.figures.charts import ChartLine, Panel, panels_svg
from views.replay.what_if_rows import DepartureRow, FlipRow, RecordedRow, UnaskedRow, WhatIfRow
from views.terminal.files import write_file
from views.terminal.format import cell, money, plural, short
from views.terminal.log_access import OpenedLog
from views.terminal.tables import TableView, heading
from views.terminal.versions import package_version

LISTED = 40
"""Flips that people are shown; programs are given all."""


class Sweep(NamedTuple):
    """One setting through evenly spaced values."""

    key: str
    """Full."""
    places: tuple[float, ...]
    settings: tuple[tuple[Change, ...], ...]
    """All changes at each place."""


class WhatIfOutput(NamedTuple):
    """What is to be done with the answers."""

    record: bool
    svg: Path | None
    """Where the picture of a sweep goes. None: nowhere."""


async def tell(desk: OpenedLog, runs: Sequence[str], changes: Sequence[Change], *, keep: bool) -> None:
    """Ask what if, of all runs, under one setting.

    Raises:
        NothingDecided, InputsUnrecorded, ReplayDiverged, HistoryUnread, PartMissing: Nothing can be asked of any of the
            runs; said of the first, as `read_ledger` does.
        BlobMissing: Bytes that a decision rests on are gone; the error says which.
        NameUnknown: A method is named that nobody registers.
    """
    prepared = await _prepare(desk, runs)
    found = await ask(prepared, changes)
    desk.screen.draw(row_of(found, len(prepared)), render)
    desk.screen.show([_left_row(each) for each in found.left], render_left)
    desk.screen.show([_flip_row(each) for each in found.flips], render_flips)
    if keep:
        await _keep(desk, found, await _busy(desk, prepared))


async def tell_sweep(desk: OpenedLog, runs: Sequence[str], sweep: Sweep, wanted: WhatIfOutput) -> None:
    """Ask what if, of all runs, under every setting of a sweep. Runs are read once.

    Raises:
        NothingDecided, InputsUnrecorded, ReplayDiverged, HistoryUnread, BlobMissing, NameUnknown: As `tell`.
        UsageWrong: The picture cannot be written where it was asked for.
        ChartsAbsent: A picture is wanted, and matplotlib is not installed.
    """
    prepared = await _prepare(desk, runs)
    found = [await ask(prepared, changes) for changes in sweep.settings]
    rows = [row_of(each, len(prepared)) for each in found]
    if wanted.svg is not None:
        await write_file(wanted.svg, picture(sweep, rows))
    desk.screen.show(rows, lambda shown: render_sweep(sweep, shown))
    if wanted.svg is not None:
        desk.screen.say(f"wrote {wanted.svg}")
    if wanted.record:
        busy = await _busy(desk, prepared)
        for each in found:
            await _keep(desk, each, busy)


_UNASKABLE: Final = (
    NothingDecided, InputsUnrecorded, ReplayDiverged, HistoryUnread, PartMissing, NameUnknown, PluginBroken,
)  # fmt: skip
"""Why nothing can be asked of a run."""


async def _prepare(desk: OpenedLog, runs: Sequence[str]) -> list[Prepared]:
    """Read runs to be asked; one of which nothing can be asked is named, unless it is the only one."""
    prepared: list[Prepared] = []
    unasked: list[tuple[str, StillroomError]] = []
    for run in runs:
        try:
            prepared.append(await prepare(desk.log, run))
        except _UNASKABLE as error:
            unasked.append((run, error))
    if not prepared and unasked:
        raise unasked[0][1]
    if unasked:
        desk.screen.show([UnaskedRow(run, error.problem) for run, error in unasked], render_unasked)
    return prepared


async def _busy(desk: OpenedLog, prepared: Sequence[Prepared]) -> tuple[str, ...]:
    """List the runs that go on at this moment: what they will decide is not known yet."""
    owned = await desk.owned()
    open_ = [each.run for each in prepared if not each.ledger.histories.closed]
    return tuple(run for run in open_ if run in owned)


async def _keep(desk: OpenedLog, found: WhatIf, busy: tuple[str, ...]) -> None:
    free = found._replace(trials=tuple(each for each in found.trials if each.run not in busy))
    already = tuple(await record(desk.writable(), free, package_version()))
    runs = len({each.run for each in free.trials}) - len(already)
    desk.screen.draw(RecordedRow(_settings(found.changes), runs, already, busy), render_recorded)


def row_of(found: WhatIf, runs: int) -> WhatIfRow:
    """Sum an answer up."""
    behind, read = found.impact, found.readings
    return WhatIfRow(
        settings=_settings(found.changes),
        runs=runs,
        trials=len(found.trials),
        decisions=sum(each.decisions for each in found.trials),
        flips=len(found.flips),
        flips_by_point=dict(Counter(each.point for each in found.flips)),
        trials_left=sum(1 for each in found.trials if each.left),
        effects=behind.effects,
        attempts=behind.attempts,
        interventions=behind.interventions,
        calls=behind.calls,
        cost_nano_usd=behind.cost,
        unknown_calls=behind.unknown_calls,
        unanswerable=sum(each.unanswerable for each in found.trials),
        missing=sum(each.missing for each in found.trials),
        silent=found.silent,
        readings=read.eligible,
        triggered=read.triggered,
        trigger_rate=read.rate,
        none=read.none,
        soft=read.soft,
        strong=read.strong,
    )


def _settings(changes: Sequence[Change]) -> dict[str, object]:
    return {each.name: each.value for each in changes}


def _flip_row(flip: Flip) -> FlipRow:
    values = flip.recorded, flip.decided
    return FlipRow(flip.run, flip.trial, flip.point, flip.at.stream, flip.at.version, flip.field, *values)


def _left_row(left: Departure) -> DepartureRow:
    flip = left.flip
    return DepartureRow(flip.run, flip.trial, flip.point, flip.at.stream, flip.at.version, *left.impact)


def picture(sweep: Sweep, rows: Sequence[WhatIfRow]) -> bytes:
    """Draw the frontier of a sweep: what it triggers, and what depends on that.

    Raises:
        ChartsAbsent: matplotlib is not installed.
    """
    rate = [float("nan") if row.trigger_rate is None else row.trigger_rate for row in rows]
    spoken = [ChartLine("soft", [row.soft for row in rows]), ChartLine("strong", [row.strong for row in rows])]
    left = [
        ChartLine("trials", [row.trials_left for row in rows]),
        ChartLine("attempts", [row.attempts for row in rows]),
    ]
    panels = [
        Panel(f"share of {rows[0].readings} readings that trigger", [ChartLine("rate", rate)], share=True),
        Panel("interventions, over all recorded steps", spoken, share=False),
        Panel("trials that leave their path, and the attempts after it", left, share=False),
    ]
    title = f"{plural(rows[0].trials, 'trial')} of {plural(rows[0].runs, 'run')}, decided again"
    return panels_svg(title, sweep.key, sweep.places, panels)


# -- for people -------------------------------------------------------------------------------------------------------


def render_unasked(rows: Sequence[UnaskedRow]) -> RenderableType:
    """Name the runs of which nothing can be asked."""
    return Group(*[Text(f"not asked: run {row.run}: {row.why}", style="yellow") for row in rows])


def render(row: WhatIfRow) -> RenderableType:
    """Say what would have been otherwise."""
    settings = ", ".join(f"{key} = {value}" for key, value in row.settings.items())
    flips = ", ".join(f"{count} {point}" for point, count in row.flips_by_point.items())
    lines = [
        heading(f"what if {settings}"),
        Text(
            f"{plural(row.flips, 'decision')} of {row.decisions:,} in {plural(row.trials, 'trial')} of "
            f"{plural(row.runs, 'run')} would differ" + (f": {flips}" if flips else "")
        ),
        Text(
            f"{plural(row.trials_left, 'trial')} would have left the recorded path; after that point: "
            f"{plural(row.attempts, 'attempt')}, {plural(row.interventions, 'intervention')}, {_spent(row)}"
        ),
    ]
    if row.readings:
        rate = f"PDI triggers at {row.triggered} of {row.readings} readings ({row.trigger_rate:.0%})"
        lines.append(Text(f"{rate}; interventions: {row.none} none, {row.soft} soft, {row.strong} strong"))
    if row.unanswerable:
        lines.append(Text(f"not answerable: {plural(row.unanswerable, 'decision')} after a left path", style="dim"))
    if row.missing:
        lines.append(
            Text(f"missing: {plural(row.missing, 'decision')} whose inputs are not in the log", style="yellow")
        )
    if row.silent:
        told = "whose source records no decision that depends on these settings, except PDI"
        lines.append(Text(f"silent: {plural(row.silent, 'imported trial')} {told}", style="yellow"))
    return Group(*lines)


def _spent(row: WhatIfRow | DepartureRow) -> str:
    known = money(row.cost_nano_usd) if row.calls > row.unknown_calls or not row.calls else ""
    unknown = f"{plural(row.unknown_calls, 'call')} of unknown cost" if row.unknown_calls else ""
    return " and ".join(filter(None, (known, unknown)))


def _value(value: object) -> str:
    if isinstance(value, tuple | list):
        names = [each["skill"] for each in value if isinstance(each, Mapping) and "skill" in each]
        if names and len(names) == len(value):
            return ", ".join(map(str, names))
    text = cell(value)
    return text if len(text) <= 24 else text[:12] + "…"


_LEFT: Final = TableView(
    DepartureRow,
    ("run", lambda row: short(row.run)),
    "trial",
    ("needs live calls from", lambda row: f"{row.stream}@{row.version}"),
    ("decision", lambda row: row.point),
    ">attempts",
    ("spent after it…", _spent),
)
_FLIPS: Final = TableView(
    FlipRow,
    ("run", lambda row: short(row.run)),
    ("decision", lambda row: f"{row.stream}@{row.version}"),
    ("kind", lambda row: row.point),
    "field",
    ("recorded", lambda row: _value(row.recorded)),
    ("would be", lambda row: _value(row.decided)),
)


def render_left(rows: Sequence[DepartureRow]) -> RenderableType:
    """Draw where each trial leaves its path."""
    return Group("", _LEFT(rows)) if rows else Text("every trial keeps its recorded path", style="dim")


def render_flips(rows: Sequence[FlipRow]) -> RenderableType:
    """Draw the flips; the first of them where there are many."""
    if not rows:
        return Text("no decision flips", style="dim")
    more = f"and {len(rows) - LISTED:,} more; --json lists all"
    return Group("", _FLIPS(rows[:LISTED]), *[Text(more, style="dim")] * (len(rows) > LISTED))


def render_sweep(sweep: Sweep, rows: Sequence[WhatIfRow]) -> RenderableType:
    """Draw a line for each setting."""
    view = TableView(
        WhatIfRow,
        (f">{sweep.key}", lambda row: f"{row.settings[sweep.key]:g}"),
        (">triggers", lambda row: None if row.trigger_rate is None else f"{row.trigger_rate:.1%}"),
        ">none >soft >strong >flips",
        (">trials left", lambda row: row.trials_left),
        ">attempts",
        (">cost", lambda row: None if row.calls == row.unknown_calls > 0 else money(row.cost_nano_usd)),
        (">unpriced", lambda row: row.unknown_calls),
    )
    first = rows[0]
    said = f"{plural(first.trials, 'trial')} of {plural(first.runs, 'run')}, {plural(first.readings, 'reading')} of PDI"
    return Group(view(rows), Text(said, style="dim"))


def render_recorded(row: RecordedRow) -> RenderableType:
    """Say to which runs the answer was appended."""
    parts = [f"recorded beside {plural(row.runs, 'run')}"]
    parts += [f"{plural(len(row.already), 'run')} had the findings already"] if row.already else []
    parts += [f"still running, nothing appended: {', '.join(row.busy)}"] if row.busy else []
    return Text("; ".join(parts), style="dim")
