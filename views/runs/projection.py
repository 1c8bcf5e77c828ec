"""The state of a projection: of one that is registered, ours or another package's."""

from collections.abc import Sequence
from typing import Any

import msgspec
from rich.console import RenderableType
from rich.json import JSON

from engine.core.fold import fold
from events.store.base import Selection
from projections.base import encode_state
from projections.registry import projection_named
from views.terminal.log_access import OpenedLog


class ProjectionRow(msgspec.Struct, frozen=True, tag_field="kind", tag="projection"):
    """What a projection folded."""

    name: str
    revision: int
    run: str | None
    """None: all runs of the log."""
    state: Any
    """As JSON has it."""


async def tell(desk: OpenedLog, name: str, run: str | None) -> None:
    """Fold a projection over a run, or over the whole log, and show its state.

    Raises:
        ProjectionUnknown: No installed package registers it.
        ProjectionBroken: What is registered under that name cannot be used.
        BlobMissing: Bytes that it needs are gone.
    """
    projection = projection_named(name)
    state = await fold(desk.log, projection, Selection(run=run))
    row = ProjectionRow(name, projection.revision, run, msgspec.json.decode(encode_state(state)))
    desk.screen.show([row], render)


def render(rows: Sequence[ProjectionRow]) -> RenderableType:
    """Draw the state."""
    return JSON.from_data(rows[0].state)
