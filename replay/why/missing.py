"""Why not: what stood between a trial and a solution, or between a solution and a skill."""

from typing import NamedTuple, assert_never

from events.base import Recorded
from events.errors import BlobErased, BlobMissing
from events.store.base import EventLog
from events.streams import attempt_stream, trial_stream
from events.types.attempt import AgentEnded, AttemptAbandoned
from events.types.sandbox import VerifierSilent
from events.types.skill import SkillRefused, SkillRevised
from events.types.trial import AttemptConcluded, NextChosen, TrialClosed
from projections.pdi.similarity import failed_rows
from replay.why.loader import Past


class Obstacle(NamedTuple):
    """One thing that stood in the way."""

    at: Recorded
    said: str
    """In words."""
    details: tuple[str, ...]
    """Failed checks, or broken rules; how the agent ended."""


class WhyNotAnswer(NamedTuple):
    """What stood in the way, in order of time."""

    obstacles: tuple[Obstacle, ...]
    won: Recorded | None
    """The event by which it was reached all the same. None: it was not."""


async def attempt_unsolved(past: Past, trial: str, attempt: int) -> WhyNotAnswer:
    """Say why an attempt was never judged solved."""
    history = await past.stream(trial_stream(trial))
    for each in history:
        if isinstance(each.event, AttemptConcluded) and each.event.attempt == attempt:
            if each.event.outcome.kind == "solved":
                return WhyNotAnswer((), each)
            return WhyNotAnswer(
                (*await _ends(past, trial, attempt), await _concluded(past.log, each, each.event)), None
            )
    return WhyNotAnswer(tuple(await _ends(past, trial, attempt)), None)


async def trial_without_skill(past: Past, trial: str) -> WhyNotAnswer:
    """Say why a trial was never solved, or, if it was, why no skill of it was accepted."""
    obstacles: list[Obstacle] = []
    for each in await past.stream(trial_stream(trial)):
        match each.event:
            case SkillRevised():
                return WhyNotAnswer((), each)
            case SkillRefused(problems=problems):
                obstacles.append(Obstacle(each, "the answer was no skill that keeps the rules", problems))
            case AttemptConcluded(outcome=outcome) as event if outcome.kind != "solved":
                obstacles.append(await _concluded(past.log, each, event))
            case AttemptConcluded(attempt=attempt):
                obstacles.append(Obstacle(each, f"attempt {attempt} solved the task", ()))
            case NextChosen(decision=decision, reason=reason) if decision != "continue":
                obstacles.append(Obstacle(each, f"decided: {decision.replace('_', ' ')}", (reason,)))
            case TrialClosed(outcome=outcome):
                obstacles.append(Obstacle(each, f"the trial was closed: {outcome}", ()))
            case _:
                continue
    return WhyNotAnswer(tuple(obstacles), None)


async def _concluded(log: EventLog, recorded: Recorded, event: AttemptConcluded) -> Obstacle:
    """Tell a verdict that is none, or not enough, with the checks that failed."""
    outcome = event.outcome
    match outcome.kind:
        case "failed" | "solved":
            said = f"attempt {event.attempt} earned {outcome.reward:g}"
            said += f": {event.passed} of {event.total} checks passed" if event.total else ""
        case "no_verdict":
            said = f"attempt {event.attempt} got no verdict: {outcome.reason}"
        case "infrastructure":
            said = f"attempt {event.attempt} counts for nothing: {outcome.reason}"
        case _:
            assert_never(outcome.kind)
    try:
        summary = (await log.get(event.test_summary)).decode(errors="replace")
    except (BlobErased, BlobMissing) as error:
        return Obstacle(recorded, said, (error.problem,))
    return Obstacle(recorded, said, tuple(sorted(failed_rows(summary))))


async def _ends(past: Past, trial: str, attempt: int) -> list[Obstacle]:
    """Tell how an attempt's agent and its verifier ended."""
    found: list[Obstacle] = []
    for each in await past.stream(attempt_stream(trial, attempt)):
        match each.event:
            case AgentEnded(reason=reason, detail=detail, turns=turns):
                found.append(
                    Obstacle(each, f"its agent ended after {turns} turns: {reason.replace('_', ' ')}", (detail,))
                )
            case VerifierSilent(reason=reason):
                found.append(Obstacle(each, f"its verifier gave no reward: {reason.replace('_', ' ')}", ()))
            case AttemptAbandoned(reason=reason, detail=detail):
                found.append(Obstacle(each, f"it was abandoned: {reason.replace('_', ' ')}", (detail,)))
            case _:
                continue
    return found
