"""One request of an agent: its way to the provider, and the answer's way back, while every byte is kept."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from functools import partial
from http import HTTPStatus
from typing import Final, NamedTuple

import aiohttp
import anyio
import msgspec
from anyio.lowlevel import cancel_shielded_checkpoint, checkpoint_if_cancelled
from multidict import CIMultiDict

from engine.concurrency.limiter import AdaptiveLimiter, LimitedTask
from engine.concurrency.run_controls import RunControls
from engine.core.ports import EffectAddress, Permit
from engine.core.scope import Stopped
from engine.effects.budget import BudgetKeeper
from engine.effects.models import CallPricing, answered, failed
from engine.effects.refusals import AgentCall, FailedLine, RefusalWatch
from engine.gateway.answer import GatewayResponse
from engine.gateway.headers import told_headers
from engine.gateway.upstream_client import UpstreamClient, UpstreamRequest
from engine.protocols.base import ApiProtocol, with_stated
from engine.protocols.error_body import read_error
from engine.protocols.errors import Authentication, FailedCallFacts, NetworkFault, ProviderError, TimedOut
from engine.protocols.faults import fault_of
from engine.protocols.reply import ChatReply
from engine.providers.base import Clock
from engine.providers.gate import tell_answer, tell_failure
from engine.providers.seen import seen_of
from engine.providers.transport import MOST_BODY_BYTES, BodyTooLarge, too_large
from engine.providers.upstream import Upstream
from events.base import Event
from events.digest import Fingerprint
from events.store.base import BlobStore
from events.types.agent import AnswerTold, CallAnswered, CallAsked, CallFailed, HeaderTold
from events.types.session import ScopeStopped
from events.values import NanoUsd

_NEVER_SENT: Final = (aiohttp.ConnectionTimeoutError, aiohttp.ClientConnectorError, aiohttp.InvalidURL)
"""Failures before a connection was there to send anything over."""
UNANSWERED: Final = 502
"""Status that an agent gets where the provider did not answer."""
_JSON: Final = {"Content-Type": "application/json"}
_TOO_LATE: Final = ScopeStopped("cancelled", "the agent ended before its call was made")


class RefusalTerms(NamedTuple):
    """For which calls of an agent the run stops."""

    watch: RefusalWatch
    agent: str
    model: str
    """That the spec names; an agent may ask others of its own accord, which are no reason to stop."""


class ExchangeContext(NamedTuple):
    """What an exchange is carried out with."""

    blobs: BlobStore
    carrier: UpstreamClient
    upstream: Upstream
    budget: BudgetKeeper
    room: AdaptiveLimiter
    """Where calls to this model wait for each other, whoever makes them."""
    orders: RunControls
    """What people have ordered of the run."""
    clock: Clock
    """Against which dates in answers are read."""
    refusals: RefusalTerms | None = None
    """None: a call that only a person can mend is an outcome like others."""


class Exchange:
    """The port of `CallAsked`, for one request."""

    def __init__(
        self, answer: GatewayResponse, going: UpstreamRequest, means: ExchangeContext, note: Callable[[Event], None]
    ) -> None:
        """Make it.

        Args:
            answer: To the agent.
            going: Its request, as it is to be passed on.
            means: How.
            note: Told how it ended, before the agent can ask again.
        """
        self._answer = answer
        self._going = going
        self._means = means
        self._note = note
        self._leave: Permit | None = None
        """While it waits."""
        self._turn: LimitedTask | None = None
        self._scope = anyio.CancelScope()
        self._cut = False
        self._raw = bytearray()
        self._last = b""
        """The end of a stream: once the agent has it, it may ask again at once, and limits must hold by then."""
        self._status: int | None = None
        self._key: str | None = None
        """With which it was sent. None: with none."""
        self._sent = False
        """Whether the request may have reached the provider."""
        self._headers: CIMultiDict[str] = CIMultiDict()
        """Of the answer, as far as the agent gets them."""
        self._all_headers: dict[str, str] = {}
        """All of them, by lower-case names."""

    @property
    def protocol(self) -> ApiProtocol:
        """Its protocol."""
        return self._going.protocol

    @property
    def must_wait(self) -> bool:
        """Whether it would wait before it may be asked."""
        return self._means.orders.paused or not self._means.room.free

    def cut(self) -> None:
        """Break it off: the agent has ended."""
        if self._leave is not None:
            self._leave.order(_TOO_LATE)
        self._cut = True
        self._scope.cancel()

    @asynccontextmanager
    async def admit(self, asked: Event, place: EffectAddress) -> AsyncIterator[Permit]:
        """Wait while the run is paused, and for a place. What waits here has not been asked."""
        del asked
        # It may have been broken off while the money was asked for: nobody comes to say so again.
        self._leave = leave = Permit(_TOO_LATE if self._cut else None)
        self._turn = turn = self._means.room.turn(place.run, place.stream)
        try:
            if self.must_wait:
                await leave.during(partial(self._wait, turn))
            else:
                await turn.wait()
            self._leave = None
            if leave.stop is not None:
                self._means.budget.give_back(place.stream)
            yield leave
        finally:
            turn.release()

    async def __call__(self, asked: Event, place: EffectAddress) -> Event:
        """Pass the request on, hand the answer's stream to the agent as it comes, and say what came of it.

        Raises:
            Stopped: The run stops for this call, which has no outcome and is not answered.
        """
        assert isinstance(asked, CallAsked)
        assert self._turn is not None
        going = self._going
        if asked.request != going.digest:  # changed, to bound the answer
            going = going._replace(body=await self._means.blobs.get(asked.request))
        async with self._turn.place() as held:
            fault = await self._heard(going)
            said, told = fault or self._said(), self._told(cut=fault is not None)
            bound = self._means.budget.bound(place.stream)
            if isinstance(said, ProviderError):
                outcome = self._outcome(asked, said, bound, told)
                await self._watched(asked, said, outcome, place)
            else:
                await self._end()
                outcome = self._outcome(asked, said, bound, told)
                await self._watched(asked, said, outcome, place)
            self._means.budget.settle(place.stream, outcome)
            self._note(outcome)
            if isinstance(said, ProviderError):
                self._finish(cut=fault is not None)
                tell_failure(held, said)
            else:
                tell_answer(held, said)
        return outcome

    async def _end(self) -> None:
        """Have the agent told of an answer before it is on record: what it does with it ends with our process.

        Whoever sends it comes first. No further request of the agent's can come between that and what follows here: its
        task and this one are due in the same round of the event loop, and nothing is read from anywhere before that
        has ended.
        """
        self._finish(cut=False)
        await cancel_shielded_checkpoint()

    def tell(self, status: int, body: bytes) -> None:
        """Answer the agent in one piece, unless that was done."""
        if not self._answer.begun:
            self._answer.whole(status, self._headers or _JSON, body)

    async def _wait(self, turn: LimitedTask) -> None:
        """Wait for leave: nobody takes a place that is not going to be used."""
        await self._means.orders.unpaused()
        await turn.wait()

    async def _heard(self, going: UpstreamRequest) -> ProviderError | None:
        """Send the request and read the answer, and have it counted that one is waited for. None: it came."""
        terms = self._means.refusals
        if terms is None:
            return await self._keyed() or await self._carry(going)
        terms.watch.begin()
        try:
            return await self._keyed() or await self._carry(going)
        finally:
            terms.watch.end()

    async def _watched(
        self, asked: CallAsked, said: ChatReply | ProviderError, outcome: Event, place: EffectAddress
    ) -> None:
        """Have it counted what came of a call. If the run stops for it, wait until the agent is ended.

        Raises:
            Stopped: It was.
        """
        terms = self._means.refusals
        if terms is None or asked.model != terms.model:
            return
        line = (self._means.upstream.base_url, asked.model)
        if not isinstance(said, ProviderError):
            terms.watch.answered(line)
            return
        by = AgentCall(terms.agent, self._going.path, place.stream.rpartition("/")[0])
        self._scope = anyio.CancelScope()
        with self._scope:
            if self._cut:
                return  # its own end broke it off
            await terms.watch.meet(FailedLine(line, asked.role, said, by), outcome, place)
            return
        raise Stopped(_TOO_LATE)

    async def _keyed(self) -> ProviderError | None:
        """Get the key or token. None: it is there."""
        try:
            self._key = await self._means.upstream.credential.get()
        except Authentication as error:
            return error
        return None

    async def _carry(self, going: UpstreamRequest) -> ProviderError | None:
        """Send it and read the answer to its end. None: it came, whatever it says."""
        try:
            with self._scope:
                self._scope.deadline = anyio.current_time() + self._means.upstream.timeout_s
                await self._pass_on(going)
        except (aiohttp.ClientError, BodyTooLarge, OSError, ValueError) as error:
            self._sent = self._sent and not isinstance(error, _NEVER_SENT)
            return self._broken(error)
        if not self._scope.cancelled_caught:
            return None
        if self._cut:
            return NetworkFault("the agent ended before the answer did", seen=self._failed())
        return TimedOut(f"no complete answer in {self._means.upstream.timeout_s:g} s", seen=self._failed())

    def _broken(self, error: Exception) -> ProviderError:
        """Say what it means that no answer came, or not all of it."""
        match error:
            case BodyTooLarge():
                return too_large(error, self._seen())
            case TimeoutError():
                return TimedOut(f"no connection: {error}", seen=self._failed())
            case _ if self._status is not None and self._status >= HTTPStatus.MULTIPLE_CHOICES:
                return self._fault(self._status)  # the status says more than the half of a body
            case _:
                return NetworkFault(f"{type(error).__name__}: {error}", seen=self._failed())

    async def _pass_on(self, going: UpstreamRequest) -> None:
        """Send the request, and hand on what comes; the last of it is kept back.

        If the agent has left, the rest is read all the same: it is paid for.
        """
        await checkpoint_if_cancelled()
        self._sent = True
        async with self._means.carrier.send(going, self._means.upstream, self._key) as response:
            await self._begin(response)
            async for piece in response.content.iter_any():
                if len(self._raw) + len(piece) > MOST_BODY_BYTES:
                    raise BodyTooLarge(MOST_BODY_BYTES)
                self._raw += piece
                if self._answer.begun and response.content.at_eof():
                    self._last = piece
                elif self._answer.begun:
                    await self._answer.write(piece)

    async def _begin(self, response: aiohttp.ClientResponse) -> None:
        self._status = response.status
        chosen = told_headers(response.headers.items(), self._key)
        self._headers.extend((each.name, each.value) for each in chosen)
        self._all_headers = {name.lower(): value for name, value in response.headers.items()}
        if response.status == HTTPStatus.OK and response.content_type == "text/event-stream":
            await self._answer.begin(HTTPStatus.OK, self._headers)

    def _finish(self, *, cut: bool) -> None:
        """End the answer to the agent: as the provider did, cleanly or not."""
        if self._answer.begun and cut:
            self._answer.let_go()
        elif self._answer.begun:
            self._answer.end(self._last)
        elif self._status is not None and not cut:
            self.tell(self._status, bytes(self._raw))
        else:
            self._headers.clear()
            self.tell(UNANSWERED, unanswered(self.protocol))

    def _told(self, *, cut: bool) -> AnswerTold:
        """Say what `_finish` is going to tell the agent."""
        if self._status is not None and (self._answer.begun or not cut):
            # Without any header of the provider's, the answer is said to be JSON (`tell`).
            headers = self._headers if self._headers or self._answer.begun else _JSON
            told = tuple(HeaderTold(name.lower(), value) for name, value in headers.items())
            return AnswerTold(self._status, told, None, whole=not cut)
        headers_told = tuple(HeaderTold(name.lower(), value) for name, value in _JSON.items())
        return AnswerTold(UNANSWERED, headers_told, self._means.blobs.put(unanswered(self.protocol)), whole=True)

    def _outcome(
        self, asked: CallAsked, said: ChatReply | ProviderError, bound: NanoUsd | None, told: AnswerTold
    ) -> Event:
        """Write down what came of it, and what the agent was told."""
        terms = CallPricing(self._means.upstream.price, bound)
        if isinstance(said, ProviderError):
            failure = failed(self._means.blobs, said, terms)
            return CallFailed(**{name: getattr(failure, name) for name in failure.__struct_fields__}, told=told)
        answer = answered(self._means.blobs, Fingerprint(asked.request), said, terms)
        return CallAnswered(**{name: getattr(answer, name) for name in answer.__struct_fields__}, told=told)

    def _seen(self) -> FailedCallFacts:
        if self._status is None:
            return FailedCallFacts(sent=self._sent)
        return seen_of(self._status, self._all_headers, bytes(self._raw), self._means.clock())

    def _failed(self) -> FailedCallFacts:
        """Say what there is to know of an answer that failed; what it states of its usage is paid for."""
        return with_stated(self.protocol, self._seen())

    def _fault(self, status: int) -> ProviderError:
        body = read_error(bytes(self._raw), self._key)
        return fault_of(self._failed(), body, status=status)

    def _said(self) -> ChatReply | ProviderError:
        """Read a complete answer."""
        assert self._status is not None
        if not HTTPStatus.OK <= self._status < HTTPStatus.MULTIPLE_CHOICES:
            return self._fault(self._status)
        try:
            return self.protocol.read(bytes(self._raw), self._seen())
        except ProviderError as error:
            return error


def unanswered(protocol: ApiProtocol) -> bytes:
    """Word what an agent is told where the provider did not answer."""
    return msgspec.json.encode(protocol.error(UNANSWERED, "network", "the provider did not answer"))
