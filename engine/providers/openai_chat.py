"""Chat completions over HTTP, at any endpoint that speaks OpenAI's protocol.

The key goes into one header and nowhere else. The body is what was asked for and nothing else. What comes
back is kept byte for byte, failed or not.
"""

import httpx
from msgspec import Struct

from engine.protocols.base import with_stated
from engine.protocols.chat import Chat
from engine.protocols.error_body import read_error
from engine.protocols.errors import MalformedReply, NetworkFault, ProviderError, Seen, TimedOut
from engine.protocols.faults import fault_of
from engine.protocols.reply import ChatReply
from engine.providers.base import ChatRequest, Clock, Gate, body_of
from engine.providers.endpoint import headers_for, url_for
from engine.providers.gate import tell_answer, tell_failure, wide_open
from engine.providers.seen import seen_of
from engine.providers.transport import BodyTooLarge, too_large

NEVER_SENT = (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout, httpx.UnsupportedProtocol)
"""Failures before a connection was there to send anything over."""


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
    """Asks one endpoint; each asking is one physical call."""

    def __init__(
        self,
        base_url: str,
        *,
        client: httpx.AsyncClient,
        clock: Clock,
        api_key: str | None = None,
        wire: Wire = Wire(),  # noqa: B008 - frozen
    ) -> None:
        """Check the settings; nothing is sent.

        Args:
            base_url: With or without ``/v1``, see ``url_for``.
            client: Carries the calls; see ``transport.open_client``.
            clock: Against which dates are read.
            api_key: Sent as ``Authorization: Bearer``; None sends no such header.
            wire: Headers, timeouts.

        Raises:
            EndpointInvalid: The URL, the key or a header cannot be sent.
        """
        self._url = url_for(base_url)
        self._headers = headers_for(api_key, wire.headers)
        self._client = client
        self._clock = clock
        self._api_key = api_key
        self._wire = wire
        self._protocol = Chat(wire.echo)

    async def complete(self, request: ChatRequest, gate: Gate = wide_open) -> ChatReply:
        """Make one physical call when the gate lets it pass, and tell the gate how that went.

        Raises:
            ProviderError: One of the tree in ``errors.py``.
        """
        body = body_of(request)
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
            seen = Seen(sent=False) if isinstance(error, NEVER_SENT) else self._seen(response, b"".join(chunks))
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
        if isinstance(error, BodyTooLarge):
            return too_large(error, seen)
        seen = with_stated(self._protocol, seen)
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
