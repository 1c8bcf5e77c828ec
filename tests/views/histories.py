"""Histories for tests: what a run would have recorded, written by hand."""

from collections.abc import Sequence
from typing import NamedTuple

import msgspec

from engine.config.spec import RunSpec, canonical
from events.base import Draft, Event, StreamId
from events.digest import Fingerprint
from events.store.base import EventLog
from events.types.attempt import AgentEnded, AttemptAbandoned, AttemptOpened
from events.types.model import ConversationNode, ModelAsked
from events.types.run import RunClosed, RunOpened, TaskPinned
from events.types.session import SessionEnded, SessionStarted
from events.types.skill import SkillRevised
from events.types.trial import AttemptConcluded, AttemptPlanned, TrialClosed, TrialOpened
from events.values import NamedDigest, Outcome, Usage
from tests.support.outcomes import answered

SOLVED = Outcome("solved", 1.0, "")
FAILED = Outcome("failed", 0.0, "")
BROKEN = Outcome("infrastructure", None, "the sandbox was lost")
SKILL = b"---\nname: greet\ndescription: Greets.\n---\n\n# Greeting\n"


class PlacedEvent(NamedTuple):
    """An event and where it stands."""

    stream: str
    event: Event


async def record(log: EventLog, run: str, story: Sequence[PlacedEvent]) -> None:
    """Append a story, event by event."""
    versions = await log.streams(run)
    for stream, event in story:
        version = versions.get(stream, 0)
        await log.append(StreamId(run, stream), [Draft(event, None)], expected_version=version)
        versions[stream] = version + 1


def opened(log: EventLog, *tasks: str, scripted: bool = False) -> list[PlacedEvent]:
    """A run begins."""
    pinned = tuple(TaskPinned(task, Fingerprint("0" * 64)) for task in tasks)
    return [
        PlacedEvent("session", SessionStarted("live", 1, "host:1:1", "0.1.0")),
        PlacedEvent("run", RunOpened(log.put(canonical(RunSpec(tasks="t"))), "spark", pinned, (), "0.1.0", scripted)),
    ]


def tried(log: EventLog, trial: str, number: int, outcome: Outcome, intervention: str = "none") -> list[PlacedEvent]:
    """An attempt is planned, made, and judged."""
    text, stream = log.put(b"text"), f"attempt/{trial}/{number}"
    planned = AttemptPlanned(number, intervention, None)  # type: ignore[arg-type]
    ended = AttemptConcluded(number, outcome, "PASS" if outcome is SOLVED else "FAIL", 0, 1, text, text)
    return [
        PlacedEvent(f"trial/{trial}", planned),
        PlacedEvent(stream, AttemptOpened(trial, number, "shell", text)),
        *asked(log, stream),
        PlacedEvent(stream, AgentEnded("done", "", 1)),
        PlacedEvent(f"trial/{trial}", ended),
    ]


def asked(log: EventLog, stream: str, cost: int | None = 1_000_000) -> list[PlacedEvent]:
    """A model is asked, and answers."""
    blob = log.put(b"Hello, I look around.")
    said = log.put(msgspec.json.encode(ConversationNode(None, (blob,))))
    usage = Usage(100, 20, None, None)
    return [
        PlacedEvent(stream, ModelAsked("teacher", "m", said, None, {}, False, None)),
        PlacedEvent(
            stream,
            answered(cost, usage, text=blob),
        ),
    ]


def lost(trial: str, number: int) -> PlacedEvent:
    """An attempt cannot be finished."""
    return PlacedEvent(f"attempt/{trial}/{number}", AttemptAbandoned("sandbox_lost", "the process died"))


def distilled(log: EventLog, trial: str) -> PlacedEvent:
    """A skill comes of it."""
    files = (NamedDigest("SKILL.md", log.put(SKILL)), NamedDigest("references/more.md", log.put(b"more\n")))
    return PlacedEvent(f"trial/{trial}", SkillRevised("greet", 1, files, log.put(b"{}"), ()))


def trial_opened(trial: str) -> PlacedEvent:
    """A trial begins."""
    return PlacedEvent(f"trial/{trial}", TrialOpened(trial, "default", 5))


def trial_closed(trial: str, outcome: str, attempts: int, reward: float | None) -> PlacedEvent:
    """A trial is over."""
    return PlacedEvent(f"trial/{trial}", TrialClosed(outcome, attempts, reward))  # type: ignore[arg-type]


def closed(solved: int, unsolved: int, no_verdict: int) -> list[PlacedEvent]:
    """The run is over, and its process lets go of it."""
    return [
        PlacedEvent("run", RunClosed(solved, unsolved, no_verdict)),
        PlacedEvent("session", SessionEnded("completed")),
    ]


def whole(log: EventLog) -> list[PlacedEvent]:
    """A run of two trials: one solved at the second attempt and distilled, one that has no verdict."""
    return [
        *opened(log, "greet", "sort", scripted=True),
        trial_opened("greet"),
        *tried(log, "greet", 1, FAILED),
        *tried(log, "greet", 2, SOLVED, "soft"),
        distilled(log, "greet"),
        trial_closed("greet", "solved", 2, 1.0),
        trial_opened("sort"),
        *tried(log, "sort", 1, BROKEN),
        trial_closed("sort", "infrastructure", 1, None),
        *closed(1, 0, 1),
    ]
