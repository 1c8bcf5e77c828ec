"""When a run stops for a person: its calls are refused for something that asking again cannot mend.

A wrong key, a model that the provider does not have, an address that has no such path or that nobody answers, an
account without credit: every further call would fail as the first one did. So no further effect begins, calls in flight
are heard to their end, and the run stays open, to be resumed. A call that was refused has no answer on record, like one
that was in flight when a process died: a resume makes it again, so nothing that is mended costs an attempt.

A model that has answered before may be refused once for what it was asked, as by a filter in between. Three refusals
in a row, each of another stream, are not that.

Installed agents make their calls through the gateway, and ask again by themselves: what counts is the attempt, not the
call, and only the model that the spec names, since an agent may ask others of its own accord. The call that the run
stops for is not answered: the agent would end by itself, and its attempt with it.
"""

from collections import Counter
from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from typing import Final, NamedTuple, TypeAlias

import anyio

from engine.core.errors import CallsRefused, EngineError, ProviderUnreachable
from engine.core.history import refused_calls
from engine.core.lineage import SESSION
from engine.core.ports import EffectAddress
from engine.protocols.errors import (
    Authentication,
    BadRequest,
    EndpointInvalid,
    ImagesUnsupported,
    NetworkFault,
    ProviderError,
    RateLimited,
    TimedOut,
)
from events.base import Event, Recorded, Ref
from events.types.agent import CallAsked
from events.types.model import ModelAnswered, ModelAsked, ModelFailed
from events.types.session import CallLeftOpen
from events.values import Role

IN_A_ROW: Final = 3
"""Refusals in other streams, with no answer between, after which a model that has answered before is given up."""
UNREACHED: Final = 4
"""Connections that fail in one stream, with no answer before, after which a provider counts as unreachable."""
LAST_CALLS_S: Final = 30.0
"""Seconds that calls in flight are waited for; a call that takes longer is asked again by the resume."""
_NO_SUCH: Final = frozenset({404, 405, 410})

Line: TypeAlias = tuple[str, str]
"""Base URL and model."""


class PastCalls(NamedTuple):
    """What earlier processes of the run learned."""

    answered: Collection[str]
    """Models that have answered."""
    refused: Collection[str]
    """Models that the last process stopped for."""


def past_calls(histories: Mapping[str, Sequence[Recorded]]) -> PastCalls:
    """Read what earlier processes learned from the streams of a run, by name."""
    answered: set[str] = set()
    for history in histories.values():
        model = ""
        for each in history:
            if isinstance(each.event, ModelAsked | CallAsked):
                model = each.event.model
            elif isinstance(each.event, ModelAnswered):
                answered.add(model)
    return PastCalls(answered, set(refused_calls(histories.get(SESSION, ())).values()))


class FailedLine(NamedTuple):
    """A call that failed."""

    line: Line
    role: Role
    error: ProviderError
    agent: "AgentCall | None" = None
    """None: the run itself made the call."""


class AgentCall(NamedTuple):
    """Who made a call through the gateway, and where to."""

    agent: str
    path: str
    """That it asked, with its query."""
    attempt: str
    """What the streams of all calls of its attempt begin with."""


class RefusalWatch:
    """Counts refusals by model, and says when the run stops. One per run and process."""

    def __init__(
        self,
        past: Callable[[], PastCalls],
        *,
        note: Callable[[Event], Awaitable[object]],
        halt: Callable[[], None],
        tries: int = UNREACHED,
        named: Callable[[Role, str], str] = lambda role, _: role,
    ) -> None:
        """Begin.

        Args:
            past: Reads what earlier processes learned; asked at the first refusal.
            note: Records a fact of this process.
            halt: Has nothing new asked.
            tries: Physical calls at most for one question, 1 or more.
            named: Says by which name the spec has what a role asks of a model.
        """
        self._named = named
        self._note = note
        self._halt = halt
        self._read_past = past
        self._past: PastCalls | None = None
        self._unreached = min(UNREACHED, tries)
        self._answered: set[Line] = set()
        self._refused: dict[Line, set[str]] = {}
        self._missed: dict[Line, Counter[str]] = {}
        self._under_way = 0
        self._moved = anyio.Event()
        self.stopped: EngineError | None = None
        """Why the run stops. None: it goes on."""

    def begin(self) -> None:
        """Take note that a call is under way."""
        self._under_way += 1

    def end(self) -> None:
        """Take note that a call has ended, whatever came of it."""
        self._under_way -= 1
        self._wake()

    def answered(self, line: Line) -> None:
        """Take note that a model answers."""
        self._answered.add(line)
        self._refused.pop(line, None)

    async def meet(self, call: FailedLine, outcome: Event, place: EffectAddress) -> None:
        """Take note of a call that failed. If the run stops for it, record that, and never return.

        Args:
            call: What was asked of whom.
            outcome: The failure, as it would be recorded.
            place: Of the request.
        """
        if not self.refused(call, place):
            return
        assert isinstance(outcome, ModelFailed)
        asked = Ref(place.stream, place.version)
        said = (outcome.kind, outcome.status, outcome.detail, outcome.reply)
        await self._note(CallLeftOpen(asked, call.role, call.line[1], *said))
        await anyio.sleep_forever()

    def refused(self, call: FailedLine, place: EffectAddress) -> bool:
        """Take note of a call that failed; say whether the run stops for it."""
        line, error = call.line, call.error
        stream = place.stream if call.agent is None else call.agent.attempt
        if _not_reached(error):
            stops = self._cannot_reach(line, stream, by_agent=call.agent is not None)
        elif _needs_a_person(error) or (_names_a_setting(call) and not self._worked(call)):
            streams = self._refused.setdefault(line, set())
            streams.add(stream)
            stops = not self._worked(call) or len(streams) >= IN_A_ROW
        else:
            return False
        if stops and self.stopped is None:
            self.stopped = _stop_for(call, self._named(call.role, line[1]), place.run)
            self._halt()
            self._wake()
        return stops

    async def over(self, recorded: Callable[[], Awaitable[None]]) -> None:
        """Wait until the run stops, and calls that were under way have ended; ends only so, or by being cancelled.

        Args:
            recorded: Waits until the log holds what was appended before.

        Raises:
            CallsRefused, ProviderUnreachable: The run stops.
        """
        while self.stopped is None:
            await self._moved.wait()
        with anyio.move_on_after(LAST_CALLS_S):
            while self._under_way:
                await self._moved.wait()
        await recorded()
        raise self.stopped

    @property
    def _known(self) -> PastCalls:
        if self._past is None:
            self._past = self._read_past()
        return self._past

    def _cannot_reach(self, line: Line, stream: str, *, by_agent: bool) -> bool:
        """Say whether a model counts as unreachable. An agent may give up at its first call: then others count, too."""
        if line in self._answered:
            return False
        by_stream = self._missed.setdefault(line, Counter())
        by_stream[stream] += 1
        missed = by_stream.total() if by_agent and len(by_stream) >= IN_A_ROW else by_stream[stream]
        return self.stopped is not None or missed >= self._unreached or line[1] in self._known.refused

    def _worked(self, call: FailedLine) -> bool:
        """Say whether the settings of a call have worked; those of its key, only if they did in this process."""
        answered = call.line in self._answered
        if isinstance(call.error, Authentication | RateLimited):
            return answered
        return answered or call.line[1] in self._known.answered

    def _wake(self) -> None:
        self._moved.set()
        self._moved = anyio.Event()


def _not_reached(error: ProviderError) -> bool:
    return isinstance(error, NetworkFault | TimedOut) and not error.sent


def _needs_a_person(error: ProviderError) -> bool:
    """Say whether only a person mends a failure, whatever was asked: the key, the credit, or where it was asked."""
    if isinstance(error, Authentication | RateLimited):
        return not error.retryable
    return isinstance(error, EndpointInvalid) or (isinstance(error, BadRequest) and error.status in _NO_SUCH)


def _names_a_setting(call: FailedLine) -> bool:
    """Say whether a failure may come of what was asked, and names a setting that mends it: not those of an agent."""
    error = call.error
    named = isinstance(error, BadRequest) and not isinstance(error, ImagesUnsupported) and error.setting is not None
    return named and call.agent is None


def _stop_for(call: FailedLine, role: str, run: str) -> EngineError:
    """Word why a run stops; `role` is as the spec names it."""
    (base_url, model), _, error, by = call
    who = f"{role} ({model} at {base_url}{'' if by is None else f', asked by {by.agent} for {by.path}'})"
    if _not_reached(error):
        return ProviderUnreachable(run, who, error.problem, f"models.{role}.base_url")
    if isinstance(error, Authentication):
        return CallsRefused(run, who, error.problem, f"check the key that models.{role}.api_key_env names")
    if isinstance(error, RateLimited):
        return CallsRefused(run, who, error.problem, error.remedy)
    setting = (error.setting or f"check models.{role}.model and models.{role}.base_url").replace("ROLE", role)
    return CallsRefused(run, who, error.problem, setting, in_spec=True)
