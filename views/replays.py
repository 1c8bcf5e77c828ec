"""What a replay shows: every stream again, byte for byte, and every view again, by its digest."""

from collections.abc import Sequence

import msgspec
from rich.console import RenderableType
from rich.text import Text

from engine.folding import fold_many
from events.log import Selection
from projections.base import state_digest
from projections.registry import registered
from replay.rerun import RerunReport, rerun
from views.desk import Desk
from views.figures import plural
from views.tables import table


class RerunRow(msgspec.Struct, frozen=True, tag_field="kind", tag="rerun"):
    """The actors ran again over the record, and nothing differed; a difference is an error, with exit code 4."""

    run: str
    streams: int
    events: int
    """Events that came out as recorded."""
    complete: bool
    """False: the run was cut off; everything up to there came out as recorded."""
    ends_at: str
    model_calls: int
    """Always 0: no port was open."""


class RebuildRow(msgspec.Struct, frozen=True, tag_field="kind", tag="view"):
    """A view, folded again from its first event."""

    view: str
    revision: int
    digest: str
    """Equal digests mean equal views, on any machine."""


async def tell(desk: Desk, run: str, *, rebuild: bool) -> None:
    """Run a run again, unless only its views are wanted, and fold its views again.

    Raises:
        ReplayDiverged, HistoryUnread: It does not come out the same.
        NotRerunnable: It was imported.
    """
    if not rebuild:
        desk.screen.draw(_row(await rerun(desk.log, run)), render_rerun)
    views = registered()
    states = await fold_many(desk.log, views, Selection(run=run))
    rows = [
        RebuildRow(each.name, each.revision, state_digest(state)) for each, state in zip(views, states, strict=True)
    ]
    desk.screen.show(rows, render_views)


def revisions() -> dict[str, int]:
    """List the views there are, with their revisions."""
    return {each.name: each.revision for each in registered()}


def _row(report: RerunReport) -> RerunRow:
    return RerunRow(report.run, report.streams, report.events, report.complete, report.ends_at, 0)


def render_rerun(row: RerunRow) -> RenderableType:
    """Say what came out."""
    text = f"{row.events:,} events in {plural(row.streams, 'stream')} came out as recorded, 0 model calls"
    tail = "" if row.complete else f"; cut off: {row.ends_at}"
    return Text.assemble(("equal  ", "green"), f"run {row.run}: {text}{tail}")


def render_views(rows: Sequence[RebuildRow]) -> RenderableType:
    """Draw the views and their digests."""
    return table(["view", "revision", "digest"], [(row.view, str(row.revision), row.digest) for row in rows])
