"""Stories of exposure: what an agent read of the skills it was given, told from the log alone."""

from collections.abc import Sequence

import pytest

from events.base import Event, StreamId
from events.digest import Fingerprint, digest_of
from events.types.agent import AgentRunFinished, SkillRead
from events.types.condition import AgentKey, Condition, MethodKey, SkillRef
from events.types.sandbox import ActionObserved, SandboxAsked
from projections.exposure import AttemptExposure, Exposure, Exposures, exposure_in
from tests.projections.histories import recorded

NOTHING = digest_of(b"")
CONDITION = Condition(
    agent=AgentKey("shell", "stillroom@1", NOTHING),
    models=(),
    method=MethodKey("spark", NOTHING),
    prompts=Fingerprint(NOTHING),
    skills=(SkillRef("greet", "", ()), SkillRef("word", "", ())),
    note=None,
    feedback="none",
)


def touched(name: str, opened: int = 1, read: int = 1) -> tuple[SkillRead, ...]:
    """Touch a file of a skill."""
    return (SkillRead(name, opened, read),)


def ran(reads: tuple[SkillRead, ...] | None) -> ActionObserved:
    """Run a command."""
    return ActionObserved(0, "exited", NOTHING, NOTHING, reads)


def followed(*events: Event) -> AttemptExposure:
    """Fold an attempt."""
    projection, state = Exposures(), Exposures().initial()
    stream = StreamId("r1", "attempt/set/word/2")
    for each in recorded((stream, event) for event in (SandboxAsked("local", "word", CONDITION.digest), *events)):
        blobs = dict.fromkeys(projection.needs(each), CONDITION.canonical)
        state = projection.apply(state, each, blobs)
    return state.runs["r1"][stream.name]


READ = touched("word/SKILL.md")


@pytest.mark.parametrize(
    ("commands", "expected"),
    [
        ([], "no"),
        ([()], "no"),
        ([(), READ, ()], "yes"),
        ([touched("word/scripts/run.sh")], "yes"),
        ([touched("wordy/SKILL.md")], "no"),
        ([touched("word/SKILL.md", read=0)], "unknown"),  # it may have been mapped
        ([None], "unknown"),
        ([None, READ], "yes"),
        ([READ, None], "yes"),
        ([(), None, ()], "unknown"),
    ],
)
def test_a_skill_was_read_if_bytes_of_it_were(
    commands: Sequence[tuple[SkillRead, ...] | None], expected: Exposure
) -> None:
    """The other one never was, or nobody can know that either. Command by command it comes to the same."""
    found = followed(*map(ran, commands))
    assert (found.trial, found.attempt, found.given) == ("set/word", 2, ("greet", "word"))
    assert found.skills == {"word": expected, "greet": "unknown" if None in commands else "no"}
    assert found.skills == exposure_in(("greet", "word"), commands)


@pytest.mark.parametrize(
    ("reads", "expected"),
    [
        ((), "no"),
        (READ, "unknown"),  # every agent reads the heads of skills when it starts
        ((*READ, *touched("word/scripts/run.sh")), "yes"),
    ],
)
def test_an_installed_agent_reads_heads_by_itself(reads: tuple[SkillRead, ...], expected: Exposure) -> None:
    """So a head that was touched says nothing; another file does, and so does nothing at all."""
    assert followed(_finished(reads)).skills["word"] == expected


def _finished(reads: tuple[SkillRead, ...]) -> AgentRunFinished:
    return AgentRunFinished(
        kit=Fingerprint(NOTHING),
        exit_code=0,
        ended="exited",
        stdout=NOTHING,
        stderr=NOTHING,
        calls=1,
        answered=1,
        stopped=None,
        skills=(),
        reads=reads,
        unanswered=(),
        cut=0,
    )


def test_a_condition_that_cannot_be_read_gives_nothing_to_tell() -> None:
    """Its bytes were erased, or are something else: the fold goes on."""
    projection = Exposures()
    for blobs in ({}, {CONDITION.digest: b"[]"}):
        (each,) = recorded([(StreamId("r1", "attempt/a/1"), SandboxAsked("local", "a", CONDITION.digest))])
        state = projection.apply(projection.initial(), each, blobs)
        assert state.runs["r1"]["attempt/a/1"].skills == {}


def test_an_attempt_that_is_told_of_no_skills_is_not_listed() -> None:
    """There is nothing to be exposed to."""
    projection = Exposures()
    history = recorded([(StreamId("r1", "attempt/a/1"), SandboxAsked("local", "a")), (StreamId("r1", "x"), ran(()))])
    state = projection.initial()
    for each in history:
        state = projection.apply(state, each, {})
    assert state.runs == {}
