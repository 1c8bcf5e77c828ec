"""One thing in full: a run with its trials, a trial with its attempts, an attempt step by step, an event."""

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from functools import partial
from typing import Final, NamedTuple, Protocol, TypeAlias, assert_never

import msgspec
from rich.console import Group, RenderableType
from rich.text import Text

from engine.core.fold import fold_run
from engine.core.lineage import RunPositions, pages_of
from events.base import Recorded, StreamId
from events.digest import Digest
from events.errors import BlobMissing
from events.store.base import EventLog, Selection
from events.store.blob_refs import named_blobs
from events.streams import attempt_stream, item_stream
from projections.cells import Cells
from projections.training.view import Training
from projections.trials.state import Run
from views.log.contents import EventRow, event_row
from views.runs.item_rows import ITEMS, item_rows
from views.runs.placebo_rows import PLACEBOS, placebo_rows
from views.runs.rows import (
    ATTEMPTS,
    AttemptRow,
    RunRow,
    TrialRow,
    attempt_rows,
    failed_parts,
    look,
    render_trials,
    run_row,
    trial_rows,
    trials_table,
)
from views.runs.steps import told_of
from views.runs.train_rows import TRAIN_STEPS, TRAINING, step_rows, training_row
from views.terminal.errors import IdUnknown
from views.terminal.format import UNKNOWN, cost, count, duration, plural, reward, size, when
from views.terminal.ids import (
    AttemptTarget,
    BlobTarget,
    EventTarget,
    ItemTarget,
    PlaceTarget,
    RunTarget,
    TrialTarget,
    find_target,
)
from views.terminal.log_access import OpenedLog
from views.terminal.tables import RecordView, heading, one_line, word

_BECAME: Final = {"went on": "reattached", "made again": "rebuilt by running its commands again"}
SHORT: Final = 12
"""Lines of a text that are shown unless all of it is asked for. The log keeps all."""


class AttemptStepRow(msgspec.Struct, frozen=True, tag_field="kind", tag="step"):
    """One thing that happened in an attempt."""

    position: int
    version: int
    what: str
    note: str
    text: str
    """Full text; terminal output shows the first lines."""


class BlobRow(msgspec.Struct, frozen=True, tag_field="kind", tag="blob"):
    """Bytes that events name by their digest."""

    digest: str
    bytes: int
    text: str
    """Decoded as UTF-8; invalid bytes are replaced by U+FFFD."""


async def steps(log: EventLog, history: Sequence[Recorded]) -> list[AttemptStepRow]:
    """Tell an attempt in steps: what the model said, what was run, what came of it."""
    return [row async for row in _steps(log, history)]


async def _steps(log: EventLog, history: Sequence[Recorded]) -> AsyncIterator[AttemptStepRow]:
    for recorded in history:
        told = told_of(recorded.event)
        if told is not None:
            what, note, digests = told
            parts = [await text_of(log, digest) for digest in digests if digest is not None]
            text = "\n".join(part.rstrip("\n") for part in parts if part)
            yield AttemptStepRow(recorded.position, recorded.version, what, note, text)


async def text_of(log: EventLog, digest: Digest) -> str:
    """Read a blob as text; one that is gone says so in its place."""
    try:
        data = await log.get(digest)
    except BlobMissing as error:
        return f"[{error.problem}]"
    return data.decode("utf-8", errors="replace")


def render_steps(rows: Sequence[AttemptStepRow], *, full: bool) -> RenderableType:
    """Draw an attempt from its first step to its verdict."""
    parts: list[RenderableType] = []
    for row in rows:
        parts.append(Text.assemble((f"{row.version:>5}  ", "dim"), (f"{row.what:<9}", "bold"), (row.note, "dim")))
        parts += [_shown(f"       {line}", full=full) for line in head(row.text, full=full)]
    return Group(*parts)


def head(text: str, *, full: bool, lines: int = SHORT) -> list[str]:
    """Give the first lines of a text, and say how many were left out."""
    found = text.splitlines()
    if full or len(found) <= lines:
        return found
    return [*found[:lines], f"… {len(found) - lines} more lines (--full shows them)"]


def _shown(line: str, *, full: bool) -> Text:
    return Text(line) if full else one_line(Text(line))


class Summed(Protocol):
    """A row with sums."""

    @property
    def tokens(self) -> int | None:
        """As far as they are known."""

    @property
    def cost_nano_usd(self) -> int | None:
        """As far as it is known."""

    @property
    def unknown_cost_calls(self) -> int:
        """Calls whose cost is missing from that sum."""

    @property
    def unknown_cost_most_nano_usd(self) -> int | None:
        """What those may have cost at most."""

    @property
    def at_least(self) -> tuple[str, ...]:
        """Keys whose sum lacks what nobody counted."""


def spending(row: Summed) -> str:
    """Say what was spent, and whether the sum lacks something."""
    most = row.unknown_cost_most_nano_usd
    bounded = "" if most is None or not row.unknown_cost_calls else f" (at most {cost(most)})"
    if row.cost_nano_usd is None or not row.unknown_cost_calls:
        least = "at least " if "cost_nano_usd" in row.at_least else ""
        return f"{least}{cost(row.cost_nano_usd)}{bounded}"
    return f"{cost(row.cost_nano_usd)}, and {plural(row.unknown_cost_calls, 'call')} of unknown cost{bounded}"


def tokens(row: Summed) -> str:
    """Say how many tokens were counted, and whether the sum lacks something."""
    if row.tokens is None:
        return "tokens unknown"
    least = "at least " if "tokens" in row.at_least else ""
    return f"{least}{count(row.tokens)} tokens"


def calls(row: RunRow) -> str:
    """Say how often models were asked, and how often that failed."""
    if row.calls is None:
        return "number of model calls unknown"
    least = "at least " if "calls" in row.at_least else ""
    failed = f", {row.failed_calls:,} failed" if row.failed_calls else ""
    return f"{least}{plural(row.calls, 'model call')}{failed}"


def _condition(row: TrialRow) -> str:
    """Name a trial's condition, and what sets it apart from that of the run's first trial."""
    told = [row.condition, *([] if row.condition_digest is None else [row.condition_digest[:12]])]
    if row.differs:
        told.append(f"differs from the first trial's in: {', '.join(row.differs)}")
    return ", ".join(told)


class _ShownRun(NamedTuple):
    run: Run
    row: RunRow


_RUN: Final = RecordView(
    _ShownRun,
    ("run", lambda seen: seen.row.run),
    ("name", lambda seen: seen.row.name),
    ("state", lambda seen: seen.row.state),
    ("from", lambda seen: "a script in place of a model" if seen.row.scripted else seen.row.source),
    ("fork of", lambda seen: seen.row.parent and f"{seen.row.parent}, shares its first {seen.row.shared:,} events"),
    ("changed", lambda seen: seen.row.changes),
    ("program", lambda seen: seen.row.program),
    ("method", lambda seen: seen.row.method or (UNKNOWN if seen.row.program is None else None)),
    ("started", lambda seen: f"{when(seen.row.started_at)} UTC, took {_took(seen.run)}"),
    ("model", lambda seen: seen.run.model),
    ("cells", lambda seen: _cells(seen.row)),
    ("calls", lambda seen: f"{calls(seen.row)}, {tokens(seen.row)}, {spending(seen.row)}"),
    ("log", lambda seen: f"{seen.row.events:,} events, {plural(seen.run.sessions, 'session')}"),
    ("sandboxes", lambda seen: tuple(f"{n} {_BECAME[what]} after a crash" for what, n in seen.row.recovered.items())),
    ("stopped by", lambda seen: seen.row.signals),
    ("failed", lambda seen: failed_parts(seen.row) and f"{failed_parts(seen.row)} in the background"),
    ("warnings", lambda seen: "; ".join(seen.run.warnings)),
)
_TRIAL: Final = RecordView(
    TrialRow,
    "trial run task",
    ("condition", _condition),
    "outcome",
    ("reward", lambda row: reward(row.reward)),
    "skill",
    ("spent", lambda row: f"{tokens(row)}, {spending(row)}"),
)
_ATTEMPT: Final = RecordView(
    AttemptRow,
    ("attempt", lambda row: f"{row.trial}/{row.attempt} of run {row.run}"),
    ("intervention", lambda row: row.intervention or "not recorded"),
)
_EVENT: Final = RecordView(
    EventRow,
    ("event", lambda row: f"{row.position:,}"),
    ("place", lambda row: f"{row.stream}@{row.version} of run {row.run}"),
    ("answers", lambda row: f"{row.cause.stream}@{row.cause.version}" if row.cause else "nothing"),
    ("at", lambda row: f"{when(row.at)} UTC"),
    "digest",
)
_BLOB: Final = RecordView(BlobRow, ("blob", lambda row: row.digest), ("size", lambda row: size(row.bytes)))


def _cells(row: RunRow) -> str | None:
    """Say how the cells of an evaluation ended. None: it is none."""
    if row.cells is None:
        return None
    stored = f", {row.found:,} found in the log" if row.found else ""
    ended = f"{row.solved:,} solved, {row.unsolved:,} unsolved, {row.no_verdict:,} without a score"
    return f"{row.cells:,}: {ended}{stored}"


def _took(run: Run) -> str:
    return duration(run.took)


def render_run(run: Run, row: RunRow) -> RenderableType:
    """Draw the head of a run."""
    return _RUN(_ShownRun(run, row))


def render_attempt(row: AttemptRow) -> RenderableType:
    """Draw the head of an attempt."""
    return Group(
        _ATTEMPT(row),
        Text.assemble(("outcome  ", "dim"), word(row.outcome), f"  reward {reward(row.reward)}"),
        *(Text(f"after a crash its sandbox was {_BECAME[each]}", style="dim") for each in row.recovered),
        "",
    )


RunTeller: TypeAlias = Callable[[OpenedLog, str], Awaitable[bool]]
"""Shows what a program came to in place of its trials, and says whether it did."""


async def tell(desk: OpenedLog, text: str, *, full: bool, telling: Sequence[RunTeller] = ()) -> None:
    """Show whatever an id means.

    Raises:
        IdUnknown, IdAmbiguous: It means nothing, or several things.
    """
    target = await find_target(desk.log, text)
    match target:
        case RunTarget():
            await _tell_run(desk, target, telling)
        case TrialTarget():
            await _tell_trial(desk, target)
        case AttemptTarget():
            await _tell_attempt(desk, target, full=full)
        case ItemTarget(run, cell):
            await _tell_steps(desk, StreamId(run, item_stream(cell)), full=full)
        case EventTarget() | PlaceTarget():
            await _tell_event(desk, target, full=full)
        case BlobTarget():
            await _tell_blob(desk, target, full=full)
        case _:
            assert_never(target)


async def _tell_blob(desk: OpenedLog, target: BlobTarget, *, full: bool) -> None:
    """Show bytes, fetched and hashed again.

    Raises:
        BlobMissing: They are not there; `BlobErased` says why.
    """
    data = await desk.log.get(target.digest)
    row = BlobRow(target.digest, len(data), data.decode("utf-8", errors="replace"))
    desk.screen.draw(row, partial(render_blob, full=full))


async def _tell_run(desk: OpenedLog, target: RunTarget, telling: Sequence[RunTeller]) -> None:
    seen = await look(desk, target.run)
    run = seen.trials.runs[target.run]
    desk.screen.head(run_row(seen, run), lambda row: Group(render_run(run, row), ""))
    (cells, training) = await fold_run(desk.log, [Cells(), Training()], target.run, erased=set())
    trained = training.runs.get(target.run)
    if trained is not None:
        desk.screen.head(training_row(trained), lambda row: Group(TRAINING(row), ""))
        desk.screen.show(step_rows(trained), TRAIN_STEPS)
        if trained.placebos:
            desk.screen.show(await placebo_rows(desk.log, trained), PLACEBOS)
        return
    for teller in telling:
        if await teller(desk, target.run):
            return
    items = item_rows(target.run, cells.runs.get(target.run, {}))
    if items:
        desk.screen.show(items, ITEMS)
    if run.trials or not items:
        trials = trial_rows(seen, run)
        desk.screen.show(trials, render_trials, trials_table(trials))


async def _tell_trial(desk: OpenedLog, target: TrialTarget) -> None:
    seen = await look(desk, target.run)
    run = seen.trials.runs[target.run]
    rows = [row for row in trial_rows(seen, run) if row.trial == target.trial]
    for row in rows:
        desk.screen.head(row, lambda told: Group(_TRIAL(told), ""))
    desk.screen.show(attempt_rows(run, run.trials[target.trial]), ATTEMPTS)


async def _tell_attempt(desk: OpenedLog, target: AttemptTarget, *, full: bool) -> None:
    run = (await look(desk, target.run)).trials.runs[target.run]
    trial = run.trials.get(target.trial)  # an attempt at an item belongs to none
    rows = [] if trial is None else [row for row in attempt_rows(run, trial) if row.attempt == target.attempt]
    for row in rows:
        desk.screen.head(row, render_attempt)
    await _tell_steps(desk, StreamId(target.run, attempt_stream(target.trial, target.attempt)), full=full)


async def _tell_steps(desk: OpenedLog, stream: StreamId, *, full: bool) -> None:
    history = [recorded async for page in pages_of(desk.log, Selection(stream=stream)) for recorded in page]
    desk.screen.show(await steps(desk.log, history), partial(render_steps, full=full))


async def _tell_event(desk: OpenedLog, target: EventTarget | PlaceTarget, *, full: bool) -> None:
    match target:
        case EventTarget(position):
            places, here = RunPositions(desk.log), Selection(after=position - 1, until=position)
            found = [await places.of(each) async for each in desk.log.read(here)]
        case PlaceTarget(stream, version):
            pages = pages_of(desk.log, Selection(stream=stream))
            found = [each async for page in pages for each in page if each.version == version]
        case _:
            assert_never(target)
    if not found:
        raise IdUnknown(str(target[0]), "event at position", [f"1 to {(await desk.log.head()).position}"])
    texts = {digest: await text_of(desk.log, digest) for digest in named_blobs(found[0].event)}
    desk.screen.draw(event_row(found[0]), lambda row: render_event(row, texts, full=full))


def render_event(row: EventRow, texts: Mapping[Digest, str], *, full: bool) -> RenderableType:
    """Draw an event, and the beginning of every text it names."""
    parts: list[RenderableType] = [_EVENT(row), "", Text(msgspec.json.format(bytes(row.event), indent=2).decode())]
    for digest, text in texts.items():
        parts += ["", heading(f"blob {digest[:12]}")]
        parts += [_shown(f"  {line}", full=full) for line in head(text, full=full)]
    return Group(*parts)


def render_blob(row: BlobRow, *, full: bool) -> RenderableType:
    """Draw a blob."""
    return Group(_BLOB(row), "", *[_shown(line, full=full) for line in head(row.text, full=full)])
