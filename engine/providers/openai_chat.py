"""Chat completions over HTTP, at any endpoint that speaks OpenAI's protocol.

The key goes into one header and nowhere else. The body is what was asked for and nothing else. What comes
back is kept byte for byte, failed or not.
"""

from collections.abc import Awaitable, Callable
from functools import partial

import anyio
import httpx
from msgspec import Struct
from msgspec.structs import replace
from tenacity import RetryCallState
from tenacity.asyncio import AsyncRetrying
from tenacity.retry import retry_if_exception

from engine.protocols.base import with_stated
from engine.protocols.chat import Chat
from engine.protocols.error_body import read_error
from engine.protocols.errors import MalformedReply, NetworkFault, ProviderError, RateLimited, Seen, TimedOut, Try
from engine.protocols.faults import fault_of
from engine.protocols.reply import ChatReply
from engine.providers.base import ChatRequest, Clock, Gate, body_of
from engine.providers.endpoint import headers_for, url_for
from engine.providers.gate import tell_answer, tell_failure, wide_open
from engine.providers.retry import Retry, spread_of, wait_before
from engine.providers.seen import seen_of
from events.digest import digest_of

Sleep = Callable[[float], Awaitable[None]]
Note = Callable[[int | None, ProviderError | None, float], None]
"""Takes down one physical call: its status, its failure, the seconds waited after it."""


class Wire(Struct, frozen=True, kw_only=True):
    """How an endpoint is spoken to, beyond its address.

    Attributes:
        headers: Sent with every call, such as ``X-Title``. Never a key: settings are recorded.
        connect_s: Seconds to a usable connection, above 0.
        total_s: Seconds until one physical call is complete, above 0, where the request does not say.
        echo: Fields of the model's message that this provider wants back in the conversation, such as
            ``reasoning_details`` (OpenRouter) or ``reasoning_content``; others are dropped from it.
    """

    headers: dict[str, str] = {}
    connect_s: float = 10.0
    total_s: float = 600.0
    echo: tuple[str, ...] = ()


class OpenAIChat:
    """Asks one endpoint, as often as allowed."""

    def __init__(  # noqa: PLR0913 - where, with what key, how, and the three things a test decides
        self,
        base_url: str,
        *,
        client: httpx.AsyncClient,
        clock: Clock,
        api_key: str | None = None,
        retry: Retry = Retry(),  # noqa: B008 - frozen
        wire: Wire = Wire(),  # noqa: B008 - frozen
        sleep: Sleep = anyio.sleep,
    ) -> None:
        """Check the settings; nothing is sent.

        Args:
            base_url: With or without ``/v1``, see ``url_for``.
            client: Carries the calls; see ``transport.open_client``.
            clock: Against which dates and the time budget are read.
            api_key: Sent as ``Authorization: Bearer``; None sends no such header.
            retry: When to ask again.
            wire: Headers, timeouts.
            sleep: Waits so many seconds between calls.

        Raises:
            EndpointInvalid: The URL, the key or a header cannot be sent.
        """
        self._url = url_for(base_url)
        self._headers = headers_for(api_key, wire.headers)
        self._client = client
        self._clock = clock
        self._api_key = api_key
        self._retry = retry
        self._wire = wire
        self._protocol = Chat(wire.echo)
        self._sleep = sleep

    async def complete(self, request: ChatRequest, gate: Gate = wide_open) -> ChatReply:
        """Ask once, trying again where that may help, each time through the gate.

        A call that was refused waits for itself first, as its retry settings say, and then at the gate.

        Raises:
            ProviderError: One of the tree in ``errors.py``, carrying every physical call in ``tries``.
        """
        body = body_of(request)
        made: list[Try] = []

        def note(status: int | None, error: ProviderError | None, waited_s: float) -> None:
            made.append(Try(status=status, error=error.kind if error else None, waited_s=waited_s))

        try:
            reply = await self._tried(partial(self._through, gate, request, body), body, note)
        except ProviderError as error:
            note(error.status, error, 0.0)
            error.tries = tuple(made)
            raise
        note(reply.status, None, 0.0)
        return replace(reply, tries=tuple(made))

    async def _tried(self, call: Callable[[], Awaitable[ChatReply]], body: bytes, note: Note) -> ChatReply:
        """Call until answered. Tenacity, a hundred microseconds a call, is asked only once a call has failed."""
        started = self._clock()
        failed: list[ProviderError] = []
        try:
            return await call()
        except ProviderError as error:
            if not error.retryable:
                raise
            failed.append(error)

        async def once() -> ChatReply:
            if failed:  # the loop counts the first call as its own
                raise failed.pop()
            return await call()

        reply: ChatReply = await self._retrying(body, started, note)(once)
        return reply

    def _retrying(self, body: bytes, started: int, note: Note) -> AsyncRetrying:
        """Build the loop for one call; tenacity keeps its state in it, so it cannot be shared."""
        request = digest_of(body)
        patient = self._retry.budget_s is not None and self._retry.tries > 1

        def wait(state: RetryCallState) -> float:
            spread = spread_of(request, state.attempt_number)
            return wait_before(self._retry, state.attempt_number, _error_of(state).retry_after_s, spread)

        def spent(state: RetryCallState) -> bool:
            budget = self._retry.budget_s
            return budget is not None and (self._clock() - started) / 1e6 + state.upcoming_sleep > budget

        refused = 0

        def enough(state: RetryCallState) -> bool:
            nonlocal refused
            refused += patient and isinstance(_error_of(state), RateLimited)
            return state.attempt_number - refused >= self._retry.tries or spent(state)

        def before_sleep(state: RetryCallState) -> None:
            error = _error_of(state)
            note(error.status, error, state.upcoming_sleep)

        return AsyncRetrying(
            sleep=self._sleep,
            stop=enough,
            wait=wait,
            retry=retry_if_exception(lambda error: isinstance(error, ProviderError) and error.retryable),
            before_sleep=before_sleep,
            reraise=True,
        )

    async def _through(self, gate: Gate, request: ChatRequest, body: bytes) -> ChatReply:
        """Make one physical call when the gate lets it pass, and tell it how that went."""
        async with gate() as seat:
            try:
                reply = await self._once(request, body)
            except ProviderError as error:
                tell_failure(seat, error)
                raise
            tell_answer(seat, reply)
            return reply

    async def _once(self, request: ChatRequest, body: bytes) -> ChatReply:
        """Make one physical call."""
        total = request.timeout_s or self._wire.total_s
        # The transport honours ``total``; ``read`` is for others, which would wait for ever otherwise.
        limits = {"connect": min(self._wire.connect_s, total), "read": total, "write": total, "total": total}
        sent = httpx.Request("POST", self._url, headers=self._headers, content=body, extensions={"timeout": limits})
        chunks: list[bytes] = []
        response: httpx.Response | None = None
        try:
            response = await self._client.send(sent, stream=True, auth=None, follow_redirects=False)
            try:
                async for chunk in response.aiter_bytes():
                    chunks.append(chunk)  # noqa: PERF401 - what came before a cut is kept
            finally:
                await response.aclose()
        except httpx.RequestError as error:
            seen = with_stated(self._protocol, self._seen(response, b"".join(chunks)))
            raise self._unfinished(error, seen, total) from error
        return self._read(response, b"".join(chunks))

    def _read(self, response: httpx.Response, raw: bytes) -> ChatReply:
        """Read a complete answer."""
        seen = self._seen(response, raw)
        if not response.is_success:
            seen = with_stated(self._protocol, seen)
            raise fault_of(seen, read_error(raw, hide=self._api_key), status=response.status_code)
        return self._protocol.read(raw, seen)

    def _seen(self, response: httpx.Response | None, raw: bytes) -> Seen:
        """Keep what there is to know of an answer."""
        if response is None:
            return Seen()
        return seen_of(response.status_code, response.headers, raw, self._clock())

    def _unfinished(self, error: httpx.RequestError, seen: Seen, total_s: float) -> ProviderError:
        """Say what a call that did not end means."""
        reason = str(error) or type(error).__name__
        match error:
            case httpx.ConnectTimeout():
                return TimedOut(f"no connection to the endpoint in time: {reason}", seen=seen)
            case httpx.TimeoutException():
                return TimedOut(f"the endpoint did not answer completely within {total_s:g} s", seen=seen)
            case _ if seen.status is None:
                return NetworkFault(f"the endpoint did not answer: {reason}", seen=seen)
            case _ if seen.status >= 300:  # the status says more than the half of a body
                return fault_of(seen, read_error(seen.raw or b"", hide=self._api_key), status=seen.status)
            case _:
                return MalformedReply(f"the answer was cut off: {reason}", seen=seen)


def _error_of(state: RetryCallState) -> ProviderError:
    """Give the failure that a retry is about; only provider errors are retried."""
    assert state.outcome is not None
    error = state.outcome.exception()
    assert isinstance(error, ProviderError)
    return error
