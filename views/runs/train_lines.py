"""Lines about a training run as it goes on."""

from math import sqrt

from events.base import Event
from events.types.training import (
    BatchBroken,
    CandidateMade,
    EpochPlanned,
    GateDecided,
    SkillAccepted,
    StepSkipped,
    TrainingClosed,
)
from views.runs.train_rows import believed, number, percent
from views.terminal.format import plural


def line_of_training(event: Event) -> str | None:
    """Say what happened in a training, if people want to hear of it."""
    match event:
        case EpochPlanned(epoch=epoch, steps=steps) if steps:
            return f"epoch {epoch}: {plural(len(steps), 'step')}"
        case BatchBroken() as broken:
            return f"{broken.label}: {broken.reason}; the run pauses, and begins it again once it is resumed"
        case CandidateMade(origin="placebo", step=step):
            return f"step {step}: a placebo goes to the gate"
        case StepSkipped() as skipped:
            return f"step {skipped.step}: skipped: {skipped.reason}"
        case TrainingClosed() as closed:
            return f"training ended: {closed.ending}, {closed.accepted} accepted, {closed.rejected} rejected"
        case _:
            return _line_of_ruling(event)


def _line_of_ruling(event: Event) -> str | None:
    match event:
        case GateDecided(shadow=None, outcome=outcome) as ruled if outcome != "more":
            deviation = None if ruled.variance is None else sqrt(ruled.variance.exact)
            after = f"believed {believed(number(ruled.believed), deviation)}"
            return f"gate {ruled.gate}: {outcome} ({ruled.reason}), score {percent(number(ruled.score))}, {after}"
        case SkillAccepted() as accepted:
            return f"step {accepted.step}: skill {accepted.skill}, revision {accepted.revision} is in force"
        case _:
            return None
