"""What the events of an attempt mean to its reader: a word, a note, and the texts to show."""

from typing import TypeAlias

from events.base import Event
from events.digest import Digest
from events.types.agent import AgentActed, AgentSaid
from events.types.attempt import AgentEnded, AttemptAbandoned, AttemptJudged
from events.types.item import ItemAnswered, ItemScored, ItemUnanswered
from events.types.model import ModelAnswered, ModelFailed, RetryAsked
from events.types.sandbox import (
    ActionAsked,
    ActionObserved,
    SandboxFailed,
    SandboxOpened,
    VerifierRewarded,
    VerifierSilent,
)
from events.types.trajectory import ObservationImported, StepImported
from events.values import Usage
from views.terminal.format import cost, count, duration, plural, reward

Told: TypeAlias = tuple[str, str, tuple[Digest | None, ...]]


def told_of(event: Event) -> Told | None:
    """Say what an event means to a reader of an attempt. None: it is an inner step of another."""
    match event:
        case SandboxOpened():
            return "sandbox", f"isolation: {event.isolation}", ()
        case ModelAnswered() | RetryAsked():
            return _told_of_call(event)
        case ActionAsked():
            return "run", "", (event.command,)
        case ActionObserved():
            note = event.ended if event.exit_code is None else f"exit {event.exit_code}"
            return "output", note, (event.stdout, event.stderr)
        case AgentEnded():
            return "agent", f"{event.reason} after {event.turns} turns {event.detail}".rstrip(), ()
        case _:
            return _told_of_installed(event) or _told_of_item(event) or _told_of_end(event)


def _tokens(usage: Usage) -> str:
    """Say what an answer took, as far as it was counted."""
    known = [each for each in (usage.input_tokens, usage.output_tokens) if each is not None]
    if not known:
        return "tokens unknown"
    return f"{'at least ' if len(known) < 2 else ''}{count(sum(known))} tokens"


def _told_of_call(event: ModelAnswered | RetryAsked) -> Told:
    if isinstance(event, RetryAsked):
        wait = duration(round(event.wait_s * 1e6))
        return "again", f"{plural(event.tries, 'call')} failed, retried after {wait}", ()
    return "model", f"{_tokens(event.usage)}, {cost(event.cost)}", (event.text,)


def _told_of_installed(event: Event) -> Told | None:
    match event:
        case AgentActed():
            return "run", event.tool, (event.command, event.output)
        case AgentSaid():
            return "said", "its answer" if event.final else "", (event.text,)
        case StepImported():
            return _told_of_step(event)
        case ObservationImported():
            return "output", "" if event.call is None else f"of {event.call}", (event.text,)
        case _:
            return None


def _told_of_step(event: StepImported) -> Told:
    """Say what another system recorded of a step."""
    notes = ["copied context" if event.copied else "", *(f"calls {each.name}" for each in event.calls)]
    if event.usage is not None:
        notes.insert(0, f"{_tokens(event.usage)}, {cost(event.cost)}")
    what = "model" if event.source == "agent" else event.source
    return (
        what,
        ", ".join(filter(None, notes)),
        (event.reasoning, event.text, *(each.arguments for each in event.calls)),
    )


def _told_of_item(event: Event) -> Told | None:
    match event:
        case ItemAnswered():
            return "answer", f"after {plural(event.turns, 'turn')}", (event.answer,)
        case ItemUnanswered():
            return "answer", f"{event.ending}: {event.detail}", ()
        case ItemScored():
            return "score", "; ".join((event.outcome, *event.reasons)), ()
        case _:
            return None


def _told_of_end(event: Event) -> Told | None:
    match event:
        case VerifierRewarded():
            return "verifier", f"reward {reward(event.reward)}", (event.stdout, event.stderr)
        case VerifierSilent():
            return "verifier", f"no verdict ({event.reason}): {event.detail}", (event.stdout, event.stderr)
        case AttemptJudged():
            return "verdict", f"{event.outcome.kind.replace('_', ' ')} {event.outcome.reason}".rstrip(), ()
        case SandboxFailed() | ModelFailed():
            return "trouble", f"{event.kind}: {event.detail}{_charged(event)}", ()
        case AttemptAbandoned():
            return "abandoned", f"{event.reason}: {event.detail}", ()
        case _:
            return None


def _charged(event: SandboxFailed | ModelFailed) -> str:
    """Say what a failed call took, where its provider says so."""
    if isinstance(event, SandboxFailed):
        return ""
    tokens = (event.usage.input_tokens or 0) + (event.usage.output_tokens or 0)
    return f" ({count(tokens)} tokens, {cost(event.cost)})" if tokens or event.cost else ""
