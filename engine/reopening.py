"""Reopening: which sandboxes of a run may be gone on with as they stand, by what the log says of them. Pure.

A sandbox is exactly where the log has it if everything that was asked of it was answered on record. While something
was asked and not answered, nobody knows how much of it was done, or whether it still goes on.
"""

from collections.abc import Mapping, Sequence

from engine.rebuilding import Held, held
from events.base import Recorded
from events.budget import BudgetAsked
from events.codec import tag_of
from events.model import ModelAsked
from events.session import SandboxRebuilt, ScopeStopped, SessionStarted
from sandbox.base import Gone


def in_doubt(history: Sequence[Recorded]) -> Gone | None:
    """Say why the sandbox that a stream relies on may not be where the log has it. None: it is there, if anywhere."""
    last = history[-1].event
    if isinstance(last, ModelAsked | BudgetAsked) or not tag_of(last).endswith("asked"):
        return None
    return Gone("in_flight", f"{tag_of(last)} was under way in it when its process ended")


def opened_in(noted: Sequence[Recorded], stream: str, lost: Held) -> int | None:
    """Say in which session a sandbox was made that is where the log has it.

    Args:
        noted: The stream ``session`` of this run.
        stream: That relies on the sandbox.
        lost: What the stream says of it.

    Returns:
        Its number. None: no process of this run made one. A fork has it from its parent, whose it is.
    """
    session: int | None = None
    made: int | None = None
    for each in noted:
        match each.event:
            case SessionStarted() as started:
                session = started.token
            case SandboxRebuilt() as again if again.stream == stream and each.position > lost.opened.position:
                made = session
            case _:
                pass
        if each.position < lost.opened.position:
            made = session
    return made


def standing(histories: Mapping[str, Sequence[Recorded]]) -> list[str]:
    """Name the streams whose sandboxes may be gone on with, if they still stand."""
    return [
        name
        for name, history in histories.items()
        if held(history) is not None and in_doubt(history) is None and not isinstance(history[-1].event, ScopeStopped)
    ]
