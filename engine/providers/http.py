"""Models over HTTP, at any endpoint that takes one of the protocols.

The key goes into one header and nowhere else. The body is what was asked for and nothing else. What comes
back is kept byte for byte, failed or not.
"""

from collections.abc import Sequence
from http import HTTPStatus
from typing import assert_never
from urllib.parse import quote

import httpx
import msgspec

from engine.protocols.base import ApiProtocol, with_stated
from engine.protocols.chat import Chat
from engine.protocols.chat_request import CHAT_PATH
from engine.protocols.embeddings import EMBEDDINGS_PATH, Embeddings
from engine.protocols.error_body import read_error
from engine.protocols.errors import (
    Authentication,
    BadRequest,
    FailedCallFacts,
    MalformedReply,
    NetworkFault,
    ProviderError,
    TimedOut,
)
from engine.protocols.faults import fault_of
from engine.protocols.gemini import Gemini
from engine.protocols.messages import Messages
from engine.protocols.reply import ChatReply
from engine.protocols.request import ChatRequest, RequestProtocol
from engine.protocols.responses import Responses
from engine.protocols.writers import writer_for
from engine.providers.base import ChatProvider, Clock, Gate, body_of
from engine.providers.credentials import StaticKey
from engine.providers.endpoint import ModelEndpoint, TransportOptions, checked_url, headers_for, joined, url_for
from engine.providers.gate import tell_answer, tell_failure, wide_open
from engine.providers.key_header import KeyHeader
from engine.providers.provider import ModelProvider
from engine.providers.seen import seen_of
from engine.providers.transport import BodyTooLarge, pieces_of, too_large

NEVER_SENT = (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout, httpx.UnsupportedProtocol)
"""Failures before a connection was there to send anything over."""


class HttpProvider:
    """Asks one endpoint over HTTP, in whichever protocol it takes; each asking is one physical call."""

    def __init__(self, provider: ModelProvider, endpoint: ModelEndpoint) -> None:
        """Check the settings; nothing is sent.

        Raises:
            EndpointInvalid: The URL or a header cannot be sent.
        """
        self._provider = provider
        self._endpoint = endpoint
        self._wire = wire = endpoint.wire
        self._echo = (*provider.echo, *wire.echo)
        self._carrier = carrier_of(provider, endpoint)
        self._extra = {**provider.headers, **wire.headers}
        headers_for(None, self._extra)
        checked_url(endpoint.base_url)
        self._protocol = _reader(provider.protocol, self._echo)
        self._writer = writer_for(provider.protocol)
        self._urls: dict[tuple[str, bool], httpx.URL] = {}
        self._keyed: tuple[tuple[bytes, str | None], list[tuple[bytes, bytes]]] | None = None
        """Headers of the last call but for the length of its body, by host and key. None: there was none."""

    async def complete(self, request: ChatRequest, gate: Gate = wide_open) -> ChatReply:
        """Make one physical call when the gate lets it pass, and tell the gate how that went.

        Raises:
            ProviderError: One of the tree in ``errors.py``. One that says that a token was refused is retryable if
                there is another one now.
        """
        if (request.protocol or "chat") != self._provider.protocol:
            raise BadRequest(
                f"a request of the protocol {request.protocol} went to {self._provider.name}, which takes "
                f"{self._provider.protocol}",
                remedy="give the model the protocol of its provider, or leave it out",
            )
        body = body_of(request)
        async with gate() as seat:
            key = await self._endpoint.credential.get()
            try:
                reply = await self._once(request, body, key)
            except Authentication as error:
                if error.status == HTTPStatus.UNAUTHORIZED:
                    error.retryable = await self._endpoint.credential.renewed(key)
                raise
            except ProviderError as error:
                tell_failure(seat, error)
                raise
            tell_answer(seat, reply)
            return reply

    async def _once(self, request: ChatRequest, body: bytes, key: str | None) -> ChatReply:
        """Make one physical call."""
        total = request.timeout_s or self._wire.total_s
        # The transport honours ``total``; ``read`` is for others, which would wait for ever otherwise.
        limits = {"connect": min(self._wire.connect_s, total), "read": total, "write": total, "total": total}
        url = self._url(request.model, stream=request.stream)
        headers = [*self._headers(url, key), (b"Content-Length", str(len(body)).encode())]
        # With its headers complete and its body a stream, httpx has nothing to work out: that is a fifth of its work.
        sent = httpx.Request(
            "POST", url, headers=headers, stream=httpx.ByteStream(body), extensions={"timeout": limits}
        )
        chunks: list[bytes] = []
        response: httpx.Response | None = None
        try:
            response = await self._endpoint.client.send(sent, stream=True, auth=None, follow_redirects=False)
            try:
                async for chunk in pieces_of(response):
                    chunks.append(chunk)  # noqa: PERF401 - what came before a cut is kept
            finally:
                await response.aclose()
        except httpx.RequestError as error:
            seen = (
                FailedCallFacts(sent=False) if isinstance(error, NEVER_SENT) else self._seen(response, b"".join(chunks))
            )
            raise self._unfinished(error, seen, (total, key)) from error
        return self._read(response, b"".join(chunks), key)

    def _headers(self, url: httpx.URL, key: str | None) -> Sequence[tuple[bytes, bytes]]:
        """Give the headers of every call with this key; they are checked when the key is a new one."""
        if self._keyed is None or self._keyed[0] != (url.netloc, key):
            raw = headers_for(key, self._extra, self._carrier).raw
            self._keyed = (url.netloc, key), [(b"Host", url.netloc), *raw]
        return self._keyed[1]

    def _url(self, model: str, *, stream: bool) -> httpx.URL:
        """Say where a call goes."""
        if (model, stream) not in self._urls:
            self._urls[model, stream] = self._new_url(model, stream=stream)
        return self._urls[model, stream]

    def _new_url(self, model: str, *, stream: bool) -> httpx.URL:
        provider, base_url = self._provider, self._endpoint.base_url
        if provider.path is None:
            url = url_for(base_url, provider.protocol, self._writer.path(model, stream=stream))
        else:
            base = checked_url(base_url)
            url = joined(base, base.path.rstrip("/") + provider.path.format(model=quote(model, safe="")), "")
        name, version = provider.version or ("api-version", None)
        version = self._endpoint.version or version
        return url if version is None or name in url.params else url.copy_merge_params({name: version})

    def _read(self, response: httpx.Response, raw: bytes, key: str | None) -> ChatReply:
        """Read a complete answer."""
        seen = self._seen(response, raw)
        if not response.is_success:
            seen = with_stated(self._protocol, seen)
            raise fault_of(seen, read_error(raw, hide=key), status=response.status_code)
        return self._protocol.read(raw, seen)

    def _seen(self, response: httpx.Response | None, raw: bytes) -> FailedCallFacts:
        """Keep what there is to know of an answer."""
        if response is None:
            return FailedCallFacts()
        # Names are looked up by the dozen, which a dictionary does in a tenth of the time.
        return seen_of(response.status_code, dict(response.headers.items()), raw, self._endpoint.clock())

    def _unfinished(
        self, error: httpx.RequestError, seen: FailedCallFacts, by: tuple[float, str | None]
    ) -> ProviderError:
        """Say what a call that did not end means, by its seconds and its key."""
        total_s, key = by
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
                return fault_of(seen, read_error(seen.raw or b"", hide=key), status=seen.status)
            case _:
                return MalformedReply(f"the answer was cut off: {reason}", seen=seen)


class OpenAIChat(HttpProvider):
    """Chat completions at any endpoint of which nothing else is known."""

    def __init__(
        self,
        base_url: str,
        *,
        client: httpx.AsyncClient,
        clock: Clock,
        api_key: str | None = None,
        wire: TransportOptions = TransportOptions(),  # noqa: B008 - frozen
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
        headers_for(api_key, wire.headers)
        url_for(base_url)
        super().__init__(generic("chat"), ModelEndpoint(base_url, client, clock, StaticKey(api_key), wire=wire))


def carrier_of(provider: ModelProvider, endpoint: ModelEndpoint) -> KeyHeader:
    """Say which header carries the key or token."""
    usual = provider.token_header if endpoint.credential.is_token else provider.key_header
    return endpoint.header or usual


def other_carrier(provider: ModelProvider, endpoint: ModelEndpoint) -> KeyHeader | None:
    """Say which header carries the key of whoever uses other protocols there too. None: the header of each protocol."""
    carrier = carrier_of(provider, endpoint)
    usual = KeyHeader(*_reader(provider.protocol, ()).key(""))
    return None if carrier == usual and endpoint.header is None else carrier


def generic(protocol: RequestProtocol) -> ModelProvider:
    """Give a provider of which nothing but its protocol is known: its key travels as the protocol has it."""
    headers = {"anthropic-version": "2023-06-01"} if protocol == "messages" else {}
    carrier = KeyHeader(*_reader(protocol, ()).key(""))
    about = f"an endpoint that takes {protocol}"
    return ModelProvider(name=protocol, about=about, protocol=protocol, key_header=carrier, headers=headers)


def embedding_provider(provider: ModelProvider) -> ModelProvider:
    """Give a provider as it is asked for embeddings, at the same address and with the same key."""
    path = provider.path if provider.path is None else provider.path.replace(CHAT_PATH, EMBEDDINGS_PATH)
    return msgspec.structs.replace(provider, protocol="embeddings", path=path)


def connect(provider: ModelProvider, endpoint: ModelEndpoint) -> ChatProvider:
    """Open a provider: by what it brings for that, else over HTTP.

    Raises:
        EndpointInvalid: The URL or a header cannot be sent.
    """
    return HttpProvider(provider, endpoint) if provider.connect is None else provider.connect(provider, endpoint)


def _reader(protocol: RequestProtocol, echo: tuple[str, ...]) -> ApiProtocol:
    """Give what reads the answers, and keeps what the provider wants back."""
    match protocol:
        case "chat":
            return Chat(echo)
        case "responses":
            return Responses()
        case "messages":
            return Messages(keep_thoughts=True)
        case "gemini":
            return Gemini(keep_thoughts=True)
        case "embeddings":
            return Embeddings()
        case _:
            assert_never(protocol)
