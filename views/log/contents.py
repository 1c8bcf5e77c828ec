"""What a log holds: its events as they come, how many of which, whether it is sound, and its seal."""

from collections import Counter, deque
from collections.abc import Sequence
from typing import Final

import msgspec
from rich.console import Group, RenderableType
from rich.text import Text

from engine.core.lineage import RunPositions, pages_of
from events.base import Recorded, Ref
from events.codec import tag_of
from events.findings import AnyFinding, ErasedBlob, VerifyReport
from events.store.base import EventLog, Selection
from views.log.verification import found_lines, proof_lines
from views.terminal.format import plural, short, size, when
from views.terminal.ids import find_run
from views.terminal.log_access import OpenedLog
from views.terminal.tables import RecordView, TableView, heading, one_line, word


class EventRow(msgspec.Struct, frozen=True, tag_field="kind", tag="event"):
    """An event with its place."""

    position: int
    run: str
    stream: str
    version: int
    tag: str
    """Of today; the payload has the one under which it was written."""
    at: int
    """Microseconds since 1970, UTC."""
    cause: Ref | None
    """Place of the event it answers: a stream's name and a version. None: it answers none."""
    event: msgspec.Raw
    """The payload, byte for byte."""
    digest: str


def event_row(recorded: Recorded) -> EventRow:
    """Make a row of an event."""
    return EventRow(
        recorded.position,
        recorded.stream.run,
        recorded.stream.name,
        recorded.version,
        tag_of(recorded.event),
        recorded.at,
        recorded.cause,
        msgspec.Raw(recorded.payload),
        recorded.digest,
    )


def event_line(row: EventRow) -> RenderableType:
    """Write an event on one line."""
    place = f"{short(row.run)} {row.stream}@{row.version}"
    return one_line(
        Text.assemble(
            (f"{row.position:>8}  ", "dim"),
            (f"{when(row.at)[11:]}  ", "dim"),
            f"{row.tag:<24} {place}  ",
            (brief(row.event), "dim"),
        )
    )


def brief(payload: msgspec.Raw, *, longest: int = 96) -> str:
    """Write the short values of a payload; digests are shortened to twelve characters."""
    parts = []
    for name, value in msgspec.json.decode(bytes(payload), type=dict[str, object]).items():
        match value:
            case str() if len(value) == 64 and name != "tag":
                parts.append(f"{name}={value[:12]}")
            case str() | int() | float() if name != "tag" and value != "":
                parts.append(f"{name}={value}")
            case _:
                pass
    text = " ".join(" ".join(parts).split())
    return text if len(text) <= longest else text[: longest - 1] + "…"


class TagCount(msgspec.Struct, frozen=True):
    """How many events carry a tag."""

    tag: str
    events: int
    bytes: int
    """Of their payloads."""


class LogStats(msgspec.Struct, frozen=True):
    """What a log holds."""

    path: str
    file_bytes: int
    events: int
    runs: int
    streams: int
    head: str
    tags: tuple[TagCount, ...]


async def stats(log: EventLog, path: str, file_bytes: int) -> LogStats:
    """Count a log, undecoded."""
    events: Counter[str] = Counter()
    volume: Counter[str] = Counter()
    async for page in log.rows():
        for row in page:
            events[row.tag] += 1
            volume[row.tag] += len(row.payload)
    head, runs = await log.head(), await log.runs()
    streams = sum([len(await log.streams(run)) for run in runs])
    tags = tuple(TagCount(tag, number, volume[tag]) for tag, number in sorted(events.items()))
    return LogStats(path, file_bytes, head.position, len(runs), streams, head.digest, tags)


_STATS: Final = RecordView(
    LogStats,
    ("file", lambda row: f"{row.path}, {size(row.file_bytes)}"),
    ("events", lambda row: f"{row.events:,} in {plural(row.streams, 'stream')} of {plural(row.runs, 'run')}"),
    "head",
)
_TAGS: Final = TableView(
    TagCount, "tag", (">events", lambda row: f"{row.events:,}"), (">payload", lambda row: size(row.bytes))
)


def render_stats(row: LogStats) -> RenderableType:
    """Draw the figures of a log."""
    return Group(_STATS(row), "", _TAGS(row.tags))


class VerifyRow(msgspec.Struct, frozen=True):
    """What a look through the whole log showed."""

    sound: bool
    events: int
    streams: int
    blobs: int
    """That events name, themselves or through other blobs."""
    spare: int
    """That no event names: of appends that never came."""
    erased: tuple[str, ...]
    erasures: tuple[ErasedBlob, ...]
    """Who erased each of them, when and why."""
    head: str
    findings: tuple[AnyFinding, ...]
    more: int
    """Findings beyond those listed."""
    proved: tuple[str, ...]
    not_proved: tuple[str, ...]


def verify_row(report: VerifyReport) -> VerifyRow:
    """Make a row of a report."""
    fields = {name: getattr(report, name) for name in VerifyRow.__struct_fields__}
    return VerifyRow(**fields)


def render_verify(row: VerifyRow) -> RenderableType:
    """Draw what was proved and, just as plainly, what was not."""
    looked = (
        f"{row.events:,} events, {plural(row.streams, 'stream')}, {plural(row.blobs, 'blob')}, head {row.head[:16]}"
    )
    parts: list[RenderableType] = [Text.assemble(word("sound" if row.sound else "broken"), f"  {looked}")]
    parts += found_lines(row.findings, row.more)
    parts += proof_lines(row.proved, row.not_proved)
    if row.erased:
        parts += ["", heading(f"{plural(len(row.erased), 'blob')} erased on purpose")]
        parts += [Text(f"  {each.digest}  {when(each.at)}  {each.reason}") for each in row.erasures]
    return Group(*parts)


def render_events(rows: Sequence[EventRow]) -> RenderableType:
    """Write events, one a line."""
    return Group(*[event_line(row) for row in rows])


async def tail(desk: OpenedLog, *, events: int, run: str | None, follow: bool) -> None:
    """Show the last events of a log, or of a run in it; and then those that come, until interrupted."""
    chosen = None if run is None else await find_run(desk.log, run)
    head = (await desk.log.head()).position
    after = max(0, head - events) if chosen is None else 0
    last: deque[EventRow] = deque(maxlen=events)
    places = RunPositions(desk.log)
    async for page in pages_of(desk.log, Selection(run=chosen, after=after, until=head)):
        last.extend([event_row(each if chosen else await places.of(each)) for each in page])
    desk.screen.show(last, render_events)
    if follow:
        async for recorded in desk.log.follow(Selection(run=chosen, after=head)):
            desk.screen.draw(event_row(await places.of(recorded)), event_line)
