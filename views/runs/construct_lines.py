"""Lines about tasks that are made or proved, as a run goes on."""

from events.base import Event
from events.types.construction import (
    BlueprintCritiqued,
    BlueprintProposed,
    ConstructionClosed,
    RenderRefused,
)
from events.types.proving import ProofConcluded
from views.terminal.format import plural


def line_of_construction(event: Event, name: str) -> str | None:
    """Say what happened to a task, if people want to hear of it."""
    match event:
        case BlueprintProposed(round=number):
            return f"{name}: proposed, round {number}"
        case BlueprintCritiqued(blocking=blocking) if blocking:
            return f"{name}: goes back to the author with {plural(blocking, 'error')}"
        case RenderRefused(reason=reason):
            return f"{name}: no task can be made of it: {reason}"
        case ProofConcluded(verdict=verdict, findings=findings):
            told = [f"{each.step}: {each.detail}" for each in findings if each.state in {"failed", "not_proved"}]
            return f"{name}: {verdict.replace('_', ' ')}{' (' if told else ''}{'; '.join(told)}{')' if told else ''}"
        case ConstructionClosed(ending=ending, rounds=rounds, reasons=reasons):
            why = f": {'; '.join(reasons)}" if reasons else ""
            return f"{name}: {ending.replace('_', ' ')} after {plural(rounds, 'round')}{why}"
        case _:
            return None
