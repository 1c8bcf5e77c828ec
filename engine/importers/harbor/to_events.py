"""A trial of Harbor's as events: an attempt of its own, with what its trajectory tells."""

from collections.abc import Callable, Iterator
from typing import NamedTuple

from engine.agents.installed.adapter import AgentMessage, ToolRun
from engine.importers.assumed import OPENING, Assumed
from engine.importers.atif.assumptions import nano_usd
from engine.importers.atif.importer import status_of
from engine.importers.atif.to_events import TrajectoryMapping, commands_of, told
from engine.importers.harbor.files import TrialFiles
from engine.importers.harbor.outcomes import ImportedTrialKey, error_of, model_of, outcome_of
from engine.importers.harbor.result import stated
from engine.importers.harbor.schema import RESULT, TrialResult
from engine.importers.streams import StreamBuilder
from events.base import Event, Ref
from events.digest import Digest
from events.streams import attempt_stream
from events.types.agent import AgentActed, AgentSaid
from events.types.attempt import AttemptJudged, ImportedAttempt, UsageImported
from events.types.decision import Text
from events.types.trajectory import ObservationImported, StepImported
from events.types.trial import AttemptConcluded
from events.values import Outcome, Usage
from projections.checks import Checks, read_checks
from projections.commands import joined_commands


class JudgedAttempt(NamedTuple):
    """How an attempt ended."""

    outcome: Outcome
    checks: Checks


class Into(NamedTuple):
    """What a trial is laid out with."""

    put: Callable[[bytes], Digest]
    """Takes the bytes of a blob in, without the job's own secrets."""
    assumed: Assumed


class Conclusion(NamedTuple):
    """What a trial notes of an attempt, and why."""

    event: AttemptConcluded
    judged: Ref


def judged_of(result: TrialResult, stdout: bytes | None, ctrf: bytes | None) -> JudgedAttempt:
    """Say how an attempt ended, and which checks passed.

    Args:
        result: Of the trial.
        stdout: Of the verifier. None: it left none.
        ctrf: Its report in the Common Test Report Format. None: it left none.
    """
    return JudgedAttempt(outcome_of(result), read_checks((stdout or b"").decode(errors="replace"), ctrf))


def lay_out_attempt(layout: StreamBuilder, place: ImportedTrialKey, trial: TrialFiles, into: Into) -> Conclusion:
    """Lay out an attempt's own stream; give what its trial takes note of."""
    put = into.put
    stream = attempt_stream(place.trial, place.attempt)
    printed = [part.printed for part in trial.parts if part.printed is not None]
    agent = put(b"".join(printed)) if printed else None
    verifier = None if trial.stdout is None else put(trial.stdout)
    layout.add(stream, ImportedAttempt(place.trial, place.attempt, agent, verifier, error_of(trial.result)))
    counted = _steps(layout, stream, trial, put)
    usage = usage_of(trial.result) or _spent(trial)
    if usage is not None and not counted:
        layout.add(stream, usage)
    judged = judged_of(trial.result, trial.stdout, trial.ctrf)
    outcome, passed, total = judged.outcome, judged.checks.passed, judged.checks.total
    summary = put(judged.checks.summary.encode())
    result = f"{trial.name}/{RESULT}"
    sources = [Text(put(data), OPENING) for name, data in trial.files.items() if name == result]
    at = into.assumed.add(layout, stream, into.assumed.verdict(AttemptJudged(outcome, passed, total, summary), sources))
    commands = put(_commands(trial).encode())
    status = status_of(outcome)
    return Conclusion(AttemptConcluded(place.attempt, outcome, status, passed, total, commands, summary), at)


def _commands(trial: TrialFiles) -> str:
    """Give what was run, as PDI reads it."""
    told = [each for part in trial.parts for each in part.transcripts]
    documents = [document.trajectory for part in trial.parts for document in part.documents]
    steps = commands_of([*documents, *(each.trajectory for each in told)])
    did = [each.command for transcript in told for each in transcript.told if isinstance(each, ToolRun)]
    return steps or joined_commands(did)


def _steps(layout: StreamBuilder, stream: str, trial: TrialFiles, put: Callable[[bytes], Digest]) -> bool:
    """Lay out what trajectories and transcripts tell. Says whether a step of theirs counts tokens."""
    counted = False
    for part in trial.parts:
        telling = TrajectoryMapping(put, part.media)
        for document in part.documents:
            counted |= _laid(layout, stream, told(document.name, document.trajectory, telling))
        for transcript in part.transcripts:
            file = f"{trial.name}/{transcript.file}"
            counted |= _laid(layout, stream, told(file, transcript.trajectory, telling))
            for each in transcript.told:
                layout.add(stream, _did(each, put))
    return counted


def _laid(layout: StreamBuilder, stream: str, events: Iterator[Event]) -> bool:
    """Lay out the events of a trajectory. Says whether a step of it counts tokens."""
    counted = False
    step: Ref | None = None
    for event in events:
        place = layout.add(stream, event, step if isinstance(event, ObservationImported) else None)
        if isinstance(event, StepImported):
            step = place
            counted = counted or event.usage is not None
    return counted


def _did(each: ToolRun | AgentMessage, put: Callable[[bytes], Digest]) -> Event:
    match each:
        case ToolRun():
            return AgentActed(each.tool, put(each.command.encode()), each.exit_code, put(each.output.encode()))
        case AgentMessage():
            return AgentSaid(put(each.text.encode()), each.final)


def _spent(trial: TrialFiles) -> UsageImported | None:
    """Give the sums that transcripts state, of all steps of a task. None: they state none."""
    stated = [part.spent for part in trial.parts if part.spent is not None]
    if not stated:
        return None
    usage = Usage(
        _sum([each.usage.input_tokens for each in stated]),
        _sum([each.usage.output_tokens for each in stated]),
        _sum([each.usage.cached_input_tokens for each in stated]),
        _sum([each.usage.reasoning_tokens for each in stated]),
    )
    models = [each.trajectory.agent.model_name for part in trial.parts for each in part.transcripts]
    return UsageImported(model_of(trial.result) or models[0], usage, _sum([each.cost for each in stated]))


def usage_of(result: TrialResult) -> UsageImported | None:
    """Give the sums that a trial states, of all its steps. None: it states none."""
    given = (result.agent_result, *(each.agent_result for each in result.step_results or ()))
    took = [stated(each) for each in given if each is not None]
    read, cached = _sum([each.n_input_tokens for each in took]), _sum([each.n_cache_tokens for each in took])
    said, dollars = _sum([each.n_output_tokens for each in took]), [each.cost_usd for each in took]
    cost = _sum([None if each is None else nano_usd(each) for each in dollars])
    if read is None and said is None and cost is None:
        return None
    return UsageImported(model_of(result), Usage(read, said, cached, None), cost)


def _sum(counts: list[int | None]) -> int | None:
    """Add up what is stated, as Harbor does. None: nothing is."""
    known = [each for each in counts if each is not None]
    return sum(known) if known else None
