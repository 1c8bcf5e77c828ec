"""A real HTTP server on loopback that answers from a script.

It speaks chat completions, responses, embeddings (all OpenAI's), messages (Anthropic's) and generateContent
(Google's).
"""

from collections import deque
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import Final, Self

import anyio
import msgspec
from aiohttp import web

from engine.protocols.base import ProtocolName
from engine.protocols.embeddings import EMBEDDINGS_PATH
from engine.protocols.routes import protocol_of
from engine.protocols.server_side import ServerSide, Wording
from engine.protocols.servers import SERVERS
from engine.scripted.answers import ScriptedReply, refuse, word
from engine.scripted.counts import CountLine, Counts
from engine.scripted.errors import PortTaken
from engine.scripted.forms import Form, ScriptedRequest, refusal
from engine.scripted.matching import NoAnswer, find
from engine.scripted.script import Script
from events.digest import digest_of

HEADER: Final = "x-stillroom-script"
_TOO_MANY: Final = (
    b'{"error":{"message":"Too many requests at a time.","type":"rate_limit_error","code":"rate_limit_exceeded"}}'
)
_HOST: Final = "127.0.0.1"
_BACKLOG: Final = 4096
_MOST_BYTES: Final = 64 * 1024 * 1024
_MOST_KEPT: Final = 4096
_STOPPING_S: Final = 0.5
"""Seconds for handlers to end; they are told beforehand, so this is never reached in practice."""


class ScriptedEndpoint:
    """Serves a script while its context is open.

    Attributes:
        requests: The bodies received, oldest first; the last 4096 of them.
        came: The same requests, with path, query and headers.
    """

    def __init__(
        self,
        script: Script,
        port: int = 0,
        counts: Path | None = None,
        bears: Callable[[], int] | None = None,
        form: Form | None = None,
    ) -> None:
        """Get ready; nothing listens yet.

        Args:
            script: What is answered.
            port: Where to listen on loopback; 0 takes any free port.
            counts: A file to keep the counts in. None: they end with the process.
            bears: How many requests it bears at this moment; those beyond are refused at once with 429. None: any.
            form: What requests must look like, as one provider wants them; all others are refused. None: any protocol
                is taken, and a key is not looked at.
        """
        self._form = form
        self.requests: deque[bytes] = deque(maxlen=_MOST_KEPT)
        self.came: deque[ScriptedRequest] = deque(maxlen=_MOST_KEPT)
        self._script = script
        self._port = port
        self._counts_path = counts
        self._bears = bears
        self._working = 0

    @property
    def base_url(self) -> str:
        """What a client calls the endpoint; only while it serves."""
        return f"{self.host_url}/v1"

    @property
    def host_url(self) -> str:
        """The same without a path; only while it serves."""
        return f"http://{_HOST}:{self._port}"

    async def __aenter__(self) -> Self:
        """Start listening.

        Raises:
            CountsInvalid: The count file cannot be used.
            PortTaken: Nothing can listen at the port.
        """
        self._closing = anyio.Event()
        self._counts = Counts(self._counts_path)
        # Without access log: the count file says more. Cancellation frees a hanging request when its client leaves.
        self._runner = web.AppRunner(
            self._app(), access_log=None, handler_cancellation=True, shutdown_timeout=_STOPPING_S
        )
        try:
            await self._runner.setup()
            await web.TCPSite(self._runner, _HOST, self._port, backlog=_BACKLOG).start()
        except (OSError, OverflowError) as error:
            await self._stop()
            raise PortTaken(self._port, str(error)) from error
        except BaseException:
            await self._stop()
            raise
        self._port = self._runner.addresses[0][1]
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._stop()

    async def _stop(self) -> None:
        self._closing.set()
        with anyio.CancelScope(shield=True):
            await self._runner.cleanup()
        self._counts.close()

    def _app(self) -> web.Application:
        app = web.Application(client_max_size=_MOST_BYTES)
        app.router.add_get("/", self._about)
        for prefix in ("", "/v1", "/v1beta"):
            app.router.add_get(f"{prefix}/models", self._models)
        app.router.add_post("/{path:.*}", self._complete)
        return app

    async def _about(self, _: web.Request) -> web.Response:
        return self._json(
            {
                "script": self._script.name,
                "about": "This is not a model. It answers from a script, word for word.",
                "rules": [rule.name for rule in self._script.rules],
            }
        )

    async def _models(self, _: web.Request) -> web.Response:
        named = dict.fromkeys(rule.model for rule in self._script.rules if rule.model is not None)
        names = list(named) or [f"script/{self._script.name}"]
        data = [{"id": name, "object": "model", "created": 0, "owned_by": HEADER} for name in names]
        return self._json({"object": "list", "data": data})

    def _json(self, value: object) -> web.Response:
        headers = {HEADER: self._script.name}
        return web.Response(body=msgspec.json.encode(value), content_type="application/json", headers=headers)

    async def _complete(self, request: web.Request) -> web.StreamResponse:
        name = self._form.protocol if self._form is not None else _protocol_at(request.path)
        if name is None:
            raise web.HTTPNotFound
        side = SERVERS[name]
        body = await request.read()
        self.requests.append(body)
        headers = {name.lower(): value for name, value in request.headers.items()}
        came = ScriptedRequest(request.path, dict(request.query), headers, body)
        self.came.append(came)
        if self._bears is not None and self._working >= self._bears():
            return web.Response(status=429, body=_TOO_MANY, content_type="application/json")
        self._working += 1
        try:
            return await self._answer(side, request, came)
        finally:
            self._working -= 1

    async def _answer(self, side: ServerSide, request: web.Request, came: ScriptedRequest) -> web.StreamResponse:
        reply, line, delay_s = self._decide(side, came)
        self._counts.write(line)
        if await self._stopped_within(delay_s) or reply.status is None:
            if reply.status is None:
                await self._closing.wait()
            return _broken_off(request)
        try:
            response = await self._send(request, reply)
        except ConnectionResetError:  # the client has left
            return _broken_off(request)
        if not reply.cut:
            self._counts.write(msgspec.structs.replace(line, at="answered"))
        return response

    def _decide(self, side: ServerSide, came: ScriptedRequest) -> tuple[ScriptedReply, CountLine, float]:
        """Find the answer, what is noted of it, and the seconds before it is given."""
        body, digest = came.body, digest_of(came.body)
        misformed = None if self._form is None else refusal(self._form, came)
        found = misformed or find(self._script, side, body, came.path)
        if isinstance(found, NoAnswer):
            line = CountLine(digest=digest, rule=None, turn=None, status=found.status, error=found.code)
            return refuse(side, found), line, self._script.delay_s
        reply = word(
            Wording(self._script.name, self._script.fingerprint, found.asked, digest, len(body)),
            side,
            found.choice,
            failures=self._counts.received(digest),
        )
        rule, number, turn = found.choice
        line = CountLine(digest=digest, rule=rule.name, turn=number, status=reply.status, error=reply.error)
        return reply, line, self._script.delay_s if turn.delay_s is None else turn.delay_s

    async def _stopped_within(self, delay_s: float) -> bool:
        """Wait, and say whether the endpoint was closed meanwhile."""
        if delay_s:
            with anyio.move_on_after(delay_s):
                await self._closing.wait()
        return self._closing.is_set()

    async def _send(self, request: web.Request, reply: ScriptedReply) -> web.StreamResponse:
        assert reply.status is not None
        headers = {HEADER: self._script.name, "Content-Type": reply.content_type}
        if reply.retry_after_s is not None:
            headers["Retry-After"] = f"{reply.retry_after_s:g}"
        response = web.StreamResponse(status=reply.status, headers=headers)
        streamed = len(reply.body) > 1
        if not streamed:
            response.content_length = len(reply.body[0])
        if request.transport is not None:
            # Draining then means that the kernel has all of it, not that a buffer of ours has room.
            request.transport.set_write_buffer_limits(high=0)
        await response.prepare(request)
        if reply.cut:
            await response.write(b"".join(_first_half(reply.body)))
            return _broken_off(request, response)
        for piece in reply.body[:-1]:
            await response.write(piece)
        # The last piece goes with the end, which drains; an end without a piece would not.
        await response.write_eof(reply.body[-1])
        return response


def _protocol_at(path: str) -> ProtocolName | None:
    """Name the protocol that a path belongs to. None: it belongs to none.

    Embeddings are asked for by the engine itself; the gateway for agents takes no such path.
    """
    asked = protocol_of(path)
    if asked is not None:
        return asked.name
    return "embeddings" if path.removeprefix("/v1") == EMBEDDINGS_PATH else None


def _first_half(body: tuple[bytes, ...]) -> tuple[bytes, ...]:
    return body[: len(body) // 2] if len(body) > 1 else (body[0][: len(body[0]) // 2],)


def _broken_off(request: web.Request, response: web.StreamResponse | None = None) -> web.StreamResponse:
    """Close the connection under an answer; what was written before still goes out."""
    if request.transport is not None:
        request.transport.close()
    return web.Response() if response is None else response
