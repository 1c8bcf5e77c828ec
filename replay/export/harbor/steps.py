"""What came of the steps of a task of several, as Harbor tells them beside the trial as a whole."""

from collections.abc import Sequence

from engine.importers.harbor.schema import ExceptionInfo, StepResult, Timing, VerifierResult
from events.base import Recorded
from events.types.steps import StepBegun, StepJudged, StepVerifyAsked
from replay.export.atif.steps import timestamp
from replay.export.harbor.problems import silent


def steps_of(history: Sequence[Recorded]) -> tuple[StepResult, ...] | None:
    """Tell the steps that were judged. None: there are none on record, as of a task that has no steps."""
    found: list[StepResult] = []
    begun: Recorded | None = None
    asked: Recorded | None = None
    for recorded in history:
        match recorded.event:
            case StepBegun():
                begun = recorded
            case StepVerifyAsked():
                asked = recorded
            case StepJudged() as event if asked is not None:
                found.append(_step(recorded, event, asked, begun))
            case _:
                pass
    return tuple(found) or None


def _step(recorded: Recorded, judged: StepJudged, asked: Recorded, begun: Recorded | None) -> StepResult:
    assert isinstance(asked.event, StepVerifyAsked)
    problem = None
    if judged.reward is None:
        told = silent(*judged.detail.split(": ", 1)) if ": " in judged.detail else silent(judged.detail, "")
        problem = ExceptionInfo(told.name, told.message, "", timestamp(recorded.at))
    return StepResult(
        step_name=asked.event.step,
        verifier_result=None if judged.reward is None else VerifierResult(judged.rewards),
        exception_info=problem,
        agent_execution=None if begun is None else Timing(timestamp(begun.at), timestamp(asked.at)),
        verifier=Timing(timestamp(asked.at), timestamp(recorded.at)),
    )
