"""An attempt as its trial learnt of it, read back from the attempt's own stream."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from engine.actors.attempt import AttemptResult, checks_of, facts_of, result_of, scoreless
from engine.agents.base import Acted, Action, Note, note_of
from engine.agents.oracle import SOLUTION
from engine.calls import Readable, text_of
from engine.installed.agent import seen
from engine.policies.ending import has_verdict
from events.agent import AgentActed, AgentSaid
from events.attempt import AgentEnded, AttemptAbandoned
from events.base import Event, Recorded, Ref
from events.digest import digest_of
from events.model import ModelAnswered
from events.sandbox import (
    ActionAsked,
    ActionObserved,
    SandboxFailed,
    SolutionAsked,
    VerifierRewarded,
    VerifierSilent,
)
from replay.decisions.base import Input, fields_of


class AttemptRead(NamedTuple):
    """What an attempt's stream holds."""

    result: AttemptResult
    inputs: tuple[Input, ...]
    """What its verdict rested on."""


async def read_attempt(blobs: Readable, history: Sequence[Recorded]) -> AttemptRead | None:
    """Read an attempt. None: it has not come to an end.

    Raises:
        BlobMissing: Bytes that its verdict or its commands rest on are gone.
    """
    abandoned = _last(history, AttemptAbandoned)
    if abandoned is not None:
        failed = _last(history, SandboxFailed)
        source = abandoned if failed is None else failed
        lost = isinstance(abandoned.event, AttemptAbandoned) and abandoned.event.reason in ("sandbox_lost", "stopped")
        detail = getattr(abandoned.event if lost else source.event, "detail", "")
        return AttemptRead(scoreless(detail, counts=not lost), (_event_input("abandoned", abandoned),))
    ended = _last(history, AgentEnded)
    if ended is None:
        return None
    assert isinstance(ended.event, AgentEnded)
    verdict = _verdict(history, ended)
    actions = await _actions(blobs, history)
    if verdict is None and has_verdict(ended.event.reason, acted=bool(actions)):
        return None
    said = None if verdict is None else verdict.event
    acted = Acted(ended.event, actions, await _notes(blobs, history))
    result = result_of(acted, facts_of(ended.event, said), await checks_of(blobs, said))
    inputs = [_event_input("how the agent ended", ended)]
    if verdict is not None:
        inputs.append(_event_input("what the verifier said", verdict))
        inputs += await _verifier_files(blobs, verdict)
    return AttemptRead(result, tuple(inputs))


def _last(history: Sequence[Recorded], kind: type[Event]) -> Recorded | None:
    return next((each for each in reversed(history) if isinstance(each.event, kind)), None)


def _verdict(history: Sequence[Recorded], ended: Recorded) -> Recorded | None:
    """Find what the verifier answered after the agent had ended."""
    kinds = VerifierRewarded | VerifierSilent | SandboxFailed
    return next((each for each in history if each.version > ended.version and isinstance(each.event, kinds)), None)


def _event_input(name: str, recorded: Recorded) -> Input:
    return Input(name, recorded.ref, None, fields_of(recorded.event))


async def _verifier_files(blobs: Readable, verdict: Recorded) -> list[Input]:
    event = verdict.event
    if not isinstance(event, VerifierRewarded | VerifierSilent):
        return []
    inputs = [Input("what the verifier printed", verdict.ref, event.stdout, await text_of(blobs, event.stdout))]
    for file in event.files:
        if file.name == "ctrf.json":
            text = await text_of(blobs, file.digest)
            inputs.append(Input("the verifier's report", verdict.ref, file.digest, text))
    return inputs


async def _actions(blobs: Readable, history: Sequence[Recorded]) -> tuple[Action, ...]:
    """List what was run, in order: each observation with the command it answers."""
    commands = await _commands(blobs, history)
    actions: list[Action] = []
    for each in history:
        match each.event:
            case ActionObserved() if each.cause in commands:
                actions.append(Action(commands[each.cause], each.event, each.ref))
            case AgentActed():
                command = await text_of(blobs, each.event.command)
                actions.append(Action(command, seen(each.event, digest_of(b"")), each.ref))
            case _:
                pass
    return tuple(actions)


async def _commands(blobs: Readable, history: Sequence[Recorded]) -> Mapping[Ref | None, str]:
    commands: dict[Ref | None, str] = {}
    for each in history:
        match each.event:
            case ActionAsked():
                commands[each.ref] = await text_of(blobs, each.event.command)
            case SolutionAsked():
                commands[each.ref] = SOLUTION
            case _:
                pass
    return commands


async def _notes(blobs: Readable, history: Sequence[Recorded]) -> tuple[Note, ...]:
    return tuple(
        [
            note_of(await text_of(blobs, each.event.text), each.ref)
            for each in history
            if isinstance(each.event, ModelAnswered | AgentSaid)
        ]
    )
