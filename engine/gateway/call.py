"""A call that came to the gateway: may it pass, is there money, and what did the provider say."""

from typing import NamedTuple

import msgspec

from engine.core.scope import Scope, Stopped
from engine.effects.model_calls import Reserve
from engine.protocols.base import RequestFacts, body_in
from engine.protocols.json_text import Json
from engine.protocols.routes import protocol_of
from engine.providers.prices import upper_bound
from events.base import Event
from events.types.agent import CallAsked, CallReceived, CallRefused
from events.types.budget import BudgetAsked, BudgetRefused


class CallTerms(NamedTuple):
    """On whose account an agent calls."""

    trial: str
    reserve: Reserve | None
    """None: no cap on money is set, so nothing is reserved."""


class IncomingCall(NamedTuple):
    """What came with a call."""

    raw: bytes
    """The body, as it is recorded."""
    body: Json | None
    """The same, read. None: it is no JSON object."""
    waits: bool
    """Whether it will have to wait before it may be asked. Then that it came is recorded by itself, so that it can
    be seen to wait; else together with the asking, for which one commit is enough. The events are the same."""


async def handle_call(scope: Scope, came: CallReceived, terms: CallTerms, more: IncomingCall) -> Event:
    """Pass a call on, or refuse it; give how it ended.

    Args:
        scope: Of a stream of its own.
        came: The call.
        terms: On whose account.
        more: What `came` names.

    Raises:
        Stopped: The agent ended with the process that held it.
    """
    raw, body, waits = more
    refused = why_not(came, body)
    if refused is not None or body is None:
        assert refused is not None
        await scope.record(came, refused)
        return refused
    if terms.reserve is None:
        if waits:
            await scope.record(came)
        return await scope.effect(CallAsked(came.role, came.model, came.request), after=() if waits else (came,))
    sent, bound = _bounded(came, body, raw, terms.reserve)
    most = upper_bound(len(sent), bound, terms.reserve.price)
    granted = await scope.effect(BudgetAsked(terms.trial, most), after=(came,))
    if isinstance(granted, BudgetRefused):
        return granted
    return await scope.effect(CallAsked(came.role, came.model, scope.put(sent)))


class ReplayedCall(NamedTuple):
    """Runs `handle_call` over history."""

    terms: CallTerms

    async def __call__(self, scope: Scope, came: Event) -> None:
        """Go through it. A call that was in flight in a dead process was stopped, and records so itself."""
        assert isinstance(came, CallReceived)
        try:
            raw = await scope.get(came.request)
            await handle_call(scope, came, self.terms, IncomingCall(raw, body_in(raw), waits=False))
        except Stopped:
            return


def why_not(came: CallReceived, body: Json | None) -> CallRefused | None:
    """Say why a call is not passed on. None: it is."""
    if came.barred is not None:
        return CallRefused(came.barred, came.detail)
    if came.protocol == "other":
        return CallRefused("path", f"{came.path} is not a path of a protocol that the gateway supports")
    if body is None:
        return CallRefused("body", "the body is not a JSON object")
    return None


def facts_of(path: str, body: Json | None) -> tuple[str, RequestFacts]:
    """Look at a request: its protocol, ``other`` if none is known, and what it asks for."""
    bare = path.partition("?")[0]
    protocol = protocol_of(bare)
    if protocol is None:
        return "other", RequestFacts("", False, None)
    return protocol.name, protocol.facts(body or {}, bare)


def _bounded(came: CallReceived, body: Json, raw: bytes, reserve: Reserve) -> tuple[bytes, int]:
    """Bound the answer, since a cap on money is set: the request as it came if it asks for no more, else changed.

    Where no setting bounds it, the request is left as it came, and what it asks for is set aside.
    """
    most = reserve.most_output
    protocol = protocol_of(came.path.partition("?")[0])
    assert protocol is not None
    asked = protocol.facts(body, came.path).most_output
    if asked is not None and (asked <= most or not reserve.sent):
        return raw, asked
    if not reserve.sent:
        return raw, most
    return msgspec.json.encode(protocol.bounded(body, most)), most
