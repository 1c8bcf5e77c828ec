"""One request of an agent: its way to the provider, and the answer's way back, while every byte is kept."""

from collections.abc import Callable
from contextlib import suppress
from typing import Final, NamedTuple

import aiohttp
import anyio
import msgspec
from aiohttp import web
from multidict import CIMultiDict

from engine.budget import BudgetKeeper
from engine.gateway.upstream import Carrier, Going, Upstream
from engine.gateway.wires.base import Wire
from engine.model_port import answered, failed
from engine.pools.room import Room
from engine.pools.room import Try as Turn
from engine.ports import Place
from engine.providers.errors import MalformedReply, NetworkFault, ProviderError, Seen, TimedOut, Try
from engine.providers.openai_faults import fault_of, read_error
from events.agent import CallAsked
from events.base import Event
from events.digest import Fingerprint
from events.log import BlobStore

_BACK: Final = ("content-type", "retry-after", "retry-after-ms", "x-should-retry", "x-request-id", "request-id")
"""Headers of an answer that agents go by."""


class Means(NamedTuple):
    """What an exchange is carried out with."""

    blobs: BlobStore
    carrier: Carrier
    upstream: Upstream
    budget: BudgetKeeper
    room: Room
    """Where calls to this model wait for each other, whoever makes them."""


class Exchange:
    """The port of `CallAsked`, for one request."""

    def __init__(self, request: web.Request, going: Going, means: Means, note: Callable[[Event], None]) -> None:
        """Make it.

        Args:
            request: The agent's.
            going: The same, as it is to be passed on.
            means: How.
            note: Told how it ended, before the agent can ask again.
        """
        self._note = note
        self._request = request
        self._going = going
        self._means = means
        self._scope = anyio.CancelScope()
        self._raw = bytearray()
        self._status: int | None = None
        self._headers: CIMultiDict[str] = CIMultiDict()
        self._stream: web.StreamResponse | None = None
        self._left = False
        self._told = anyio.Event()

    @property
    def wire(self) -> Wire:
        """Its protocol."""
        return self._going.wire

    def cut(self) -> None:
        """Break it off: the agent has ended."""
        self._scope.cancel()

    async def __call__(self, asked: Event, place: Place) -> Event:
        """Pass the request on, hand the answer's stream to the agent as it comes, and say what came of it."""
        assert isinstance(asked, CallAsked)
        unchanged = asked.request == self._going.digest
        body = self._going.body if unchanged else await self._means.blobs.get(asked.request)
        async with self._means.room.turn(place.run, place.stream).place() as turn:
            fault = await self._carry(self._going._replace(body=body))
            self._say(turn)
        try:
            if fault is not None:
                raise fault
            outcome: Event = self._answered(asked)
        except ProviderError as error:
            error.tries = (Try(status=self._status, error=error.kind, waited_s=0.0),)
            outcome = failed(self._means.blobs, error)
        self._means.budget.settle(place.stream, outcome)
        self._note(outcome)
        # Told before this is on record: what the agent does with it is of this attempt, and ends with our process.
        await self._finish(cut=fault is not None)
        return outcome

    async def tell(self, status: int, body: bytes, content_type: str = "application/json") -> None:
        """Answer the agent in one piece, unless that was done."""
        if self._stream is None:
            headers = self._headers or CIMultiDict({"Content-Type": content_type})
            await self._prepare(web.StreamResponse(status=status, headers=headers), len(body))
            await self._hand_on(body)
            await self._end()

    async def told(self) -> web.StreamResponse:
        """Wait until the agent has its answer to the last byte."""
        await self._told.wait()
        assert self._stream is not None
        return self._stream

    def let_go(self) -> None:
        """End the waiting, whatever became of it."""
        self._stream = self._stream or web.Response(status=500)
        self._told.set()

    async def _carry(self, going: Going) -> ProviderError | None:
        """Send it and read the answer to its end. None: it came, whatever it says."""
        try:
            with self._scope:
                async with self._means.carrier.send(going, self._means.upstream) as response:
                    await self._begin(response)
                    async for chunk in response.content.iter_any():
                        self._raw += chunk
                        await self._hand_on(chunk)
        except TimeoutError as error:
            return TimedOut(f"no complete answer in {self._means.upstream.timeout_s:g} s: {error}", seen=self._seen())
        except (aiohttp.ClientError, OSError) as error:
            return NetworkFault(f"{type(error).__name__}: {error}", seen=self._seen())
        if self._scope.cancelled_caught:
            return NetworkFault("the agent ended before the answer did", seen=self._seen())
        return None

    async def _finish(self, *, cut: bool) -> None:
        """End the answer to the agent: as the provider did, cleanly or not."""
        if self._stream is None and self._status is not None and not cut:
            await self.tell(self._status, bytes(self._raw))
        elif self._stream is None:
            await self.tell(502, msgspec.json.encode(self.wire.error(502, "network", "the provider did not answer")))
        elif cut and self._request.transport is not None:
            self._request.transport.close()  # a clean end would say that this was all
            self.let_go()
        else:
            await self._end()

    async def _begin(self, response: aiohttp.ClientResponse) -> None:
        self._status = response.status
        self._headers.extend((name, response.headers[name]) for name in _BACK if name in response.headers)
        if response.status == 200 and response.content_type == "text/event-stream":
            await self._prepare(web.StreamResponse(status=200, headers=self._headers), None)

    async def _prepare(self, stream: web.StreamResponse, length: int | None) -> None:
        self._stream = stream
        stream.content_length = length
        try:
            await stream.prepare(self._request)
        except ConnectionError:
            self._left = True

    async def _end(self) -> None:
        if self._stream is not None and not self._left:
            with suppress(ConnectionError):
                await self._stream.write_eof()
        self.let_go()

    async def _hand_on(self, chunk: bytes) -> None:
        """Give the agent a piece of a stream. If it has left, the rest is read all the same: it is paid for."""
        if self._stream is None or self._left:
            return
        try:
            await self._stream.write(chunk)
        except ConnectionError:
            self._left = True

    def _say(self, turn: Turn) -> None:
        """Tell the room how it went, for its pace."""
        after = self._headers.get("retry-after", "")
        wait_s = float(after) if after.isdigit() else None
        match self._status:
            case 200:
                turn.answered()
            case 429:
                turn.refused(wait_s)
            case 503 | 529:
                turn.overloaded(wait_s)
            case _:
                pass

    def _seen(self) -> Seen:
        return Seen(status=self._status, raw=bytes(self._raw) if self._status is not None else None)

    def _answered(self, asked: CallAsked) -> Event:
        seen = self._seen()
        assert seen.status is not None
        assert seen.raw is not None
        if seen.status != 200:
            raise fault_of(seen, read_error(seen.raw, self._means.upstream.key), status=seen.status)
        try:
            reply = self.wire.read(seen.raw, seen)
        except (AttributeError, KeyError, TypeError, IndexError, ValueError) as error:
            # Providers vary, and a reader of ours that stumbles must not take the answer from the agent.
            raise MalformedReply(f"the answer could not be read: {error!r}", seen=seen) from error
        reply = msgspec.structs.replace(reply, tries=(Try(status=seen.status, error=None, waited_s=0.0),))
        return answered(self._means.blobs, Fingerprint(asked.request), reply, self._means.upstream.price)
