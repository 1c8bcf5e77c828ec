"""The session that tried a task goes on, and writes skills: it knows what it did, and no trace is told to it."""

from collections.abc import Sequence
from functools import partial
from typing import Final

from engine.core.ports import EffectAddress
from engine.core.scope import Scope
from engine.effects.conversation import Conversation, ConversationReader, extend, extend_kept, message
from engine.policies.assistant_message import sendable
from engine.policies.library.patch import Patch
from engine.programs.evolve.author.terms import AuthorBrief, AuthorTerms
from engine.programs.evolve.author.writing import (
    FamilyQuestion,
    answer_prompt,
    asked_text,
    decisions_text,
    family_text,
    feedback_text,
    files_prompt,
    library_text,
    open_question,
)
from engine.programs.evolve.trace_notes import tell_traces
from engine.programs.train.optimizer.terms import Came
from engine.programs.train.trajectories import TrajectoryPort
from events.base import Event, Recorded
from events.store.base import EventLog
from events.types.attempt import AttemptOpened
from events.types.authoring import SessionAsked, SessionFound, SessionMissing
from events.types.model import ModelAnswered, ModelAsked
from events.types.optimizing import HiddenItem, TrajectoryMissing

RESUMABLE: Final = frozenset({"shell"})
"""Agents whose session can be gone on with: stillroom holds their conversation. An installed agent keeps its own, in a
sandbox that is gone when its trial has ended."""


def why_not_resumable(agent: str) -> str:
    """Say why the session of an agent cannot be gone on with. Empty: it can.

    Args:
        agent: Name under which it is registered.
    """
    if agent in RESUMABLE:
        return ""
    known = ", ".join(sorted(RESUMABLE))
    return (
        f"the session of agent {agent!r} cannot be gone on with: it ends with its sandbox; this is built for: {known}"
    )


class SessionPort:
    """Answers `SessionAsked` from the run's own streams; a fork's go back into those of its ancestors."""

    def __init__(self, log: EventLog) -> None:
        self._log = log
        self._trajectories = TrajectoryPort(log)

    async def __call__(self, asked: Event, place: EffectAddress) -> Event:
        """Find the last conversation of whoever acted."""
        assert isinstance(asked, SessionAsked)
        events = await self._trajectories.recorded_of(place.run, asked.cell)
        if isinstance(events, TrajectoryMissing):
            return SessionMissing(events.reason)
        opened = [each.event for each in events if isinstance(each.event, AttemptOpened)]
        if not opened:
            return SessionMissing("no attempt was begun")
        if why := why_not_resumable(opened[-1].agent):
            return SessionMissing(why)
        return await self._found(events, f"{opened[-1].trial}/{opened[-1].attempt}")

    async def _found(self, events: Sequence[Recorded], attempt: str) -> Event:
        within = [each for each in events if each.ref.stream == f"attempt/{attempt}"]
        answered = [each for each in within if isinstance(each.event, ModelAnswered)]
        if not answered:
            return SessionMissing("its model never answered")
        last = answered[-1]
        asked = next(each.event for each in within if each.ref == last.cause)
        assert isinstance(asked, ModelAsked)
        assert isinstance(last.event, ModelAnswered)
        said = sendable(await self._log.get(last.event.message), calls=False)
        kept = None if said is None else self._log.put(said)
        before = await ConversationReader(self._log).messages(asked.conversation)
        size = sum(map(len, before)) + len(said or b"")
        return SessionFound(last.ref, asked.conversation, kept, asked.tools, size)


async def reflect_in_session(scope: Scope, terms: AuthorTerms, brief: AuthorBrief) -> Came[Patch]:
    """Have the session of the last trial write skills.

    Where its conversation cannot be gone on with, nothing is asked, and the ending says why.
    """
    question = await open_question(scope, terms, brief, "reflect")
    return await question.talk.until_stopped(partial(_reflect, question))


async def _reflect(question: FamilyQuestion) -> Came[Patch]:
    talk, scope, trial = question.talk, question.talk.scope, question.brief.trials[-1]
    found = await scope.effect(SessionAsked(trial.cell))
    if not isinstance(found, SessionFound):
        assert isinstance(found, SessionMissing)
        talk.hidden = (HiddenItem(trial.task, found.reason),)
        at = await talk.ended("nothing_shown", found.reason)
        return Came(None, "nothing_shown", found.reason, at, talk.hidden)
    said = Conversation(found.conversation, found.size)
    if found.message is not None:
        said = extend_kept(scope, said, (found.message,), 0)
    session = extend(scope, said, [message("user", await _told(question))])
    return await talk.came_of(await talk.ask(session, question.steps(), found.tools), question.patch)


async def _told(question: FamilyQuestion) -> str:
    """Say what is asked of the session; of feedback, what an author of the same arm is told of this trial."""
    prompts = question.talk.terms.prompts
    told = await tell_traces(question.talk.scope, question.brief.trials[-1:])
    return prompts.fill(
        "evolve_reflect_user",
        layout=prompts.text("evolve_layout").rstrip(),
        files=prompts.text(files_prompt(question)),
        answer=prompts.text(answer_prompt(question)).rstrip(),
        family=family_text(question),
        decisions=await decisions_text(question),
        feedback=await feedback_text(question, told.worded.value),
        library=library_text(question),
        asked=asked_text(question),
    )
