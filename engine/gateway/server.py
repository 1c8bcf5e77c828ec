"""The gateway's server: a Unix socket for each attempt, so that nobody else's can be reached from its sandbox."""

import logging
from collections.abc import AsyncIterator, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from functools import partial
from pathlib import Path
from typing import Any, Final, NamedTuple

import anyio
import msgspec
from aiohttp import web
from aiohttp.http_exceptions import HttpProcessingError
from anyio.abc import TaskGroup
from typing_extensions import override

from engine.core.errors import first_of
from engine.core.ports import EffectAddress, Permit, Port, PortTable
from engine.core.scope import Scope, Stopped
from engine.core.supervision import Supervisor
from engine.core.world import ReplayContext
from engine.effects.budget import BudgetKeeper
from engine.gateway.answer import GatewayResponse
from engine.gateway.call import IncomingCall, facts_of, handle_call
from engine.gateway.exchange import Exchange
from engine.gateway.session import ProxySession, SessionTerms
from engine.gateway.upstream_client import UpstreamRequest
from engine.protocols.base import ApiProtocol, body_in
from engine.protocols.chat import Chat
from engine.protocols.json_text import Json
from engine.protocols.routes import protocol_of
from events.base import Event, Fence
from events.digest import digest_of
from events.errors import StillroomError
from events.store.base import EventLog
from events.types.agent import CallAsked, CallReceived, CallRefused
from events.types.budget import BudgetAsked, BudgetRefused
from events.types.session import ScopeStopped

_REFUSED: Final = {"token": 401, "limit": 403, "path": 404, "body": 400}
_NO_MONEY: Final = 402
"""Clients try again after 429, and no waiting helps here."""
_MOST_BYTES: Final = 256 * 1024 * 1024
"""Of a request's body, without compression."""
_BACKLOG: Final = 512
_STOPPING_S: Final = 0.2
"""Seconds an agent that does not read what it was told may hold up the closing of its door."""
_UNHEARD: Final = logging.getLogger(__name__)
# What a sandbox sends must not show in the operator's terminal; what breaks of ours is raised where the door is closed.
_UNHEARD.disabled = True


class CallRecorder(NamedTuple):
    """Where calls are recorded."""

    log: EventLog
    run: str
    fence: Fence | None


class Gateway:
    """Serves every attempt's door. Made by `open_gateway`."""

    def __init__(self, book: CallRecorder, budget: BudgetKeeper, supervisor: Supervisor, tasks: TaskGroup) -> None:
        self._book = book
        self._supervisor = supervisor
        self._tasks = tasks
        self._budget = budget
        self._doors: dict[ProxySession, web.ServerRunner] = {}

    async def open(self, below: str, token: str, socket: Path, terms: SessionTerms) -> ProxySession:
        """Open a door; everybody who sees the socket may knock, and the token lets in."""
        door = ProxySession(below, token, socket, terms)
        # Not cancelled when an agent leaves: what it asked for is paid for, and is put on record.
        server = web.Server(partial(self._serve, door), request_factory=_request, access_log=None, logger=_UNHEARD)
        self._doors[door] = runner = web.ServerRunner(server, shutdown_timeout=_STOPPING_S)
        await runner.setup()
        await web.UnixSite(runner, socket, backlog=_BACKLOG).start()
        await anyio.Path(socket).chmod(0o666)
        return door

    async def close(self, door: ProxySession) -> None:
        """Close a session: new calls are refused, those in flight are aborted, all of them are recorded.

        Raises:
            StillroomError: A call could not be recorded. What else of ours fails while a call is served is in
                `ProxySession.failed`.
        """
        await door.close()
        held = self._doors.pop(door, None)
        if held is not None:
            await held.cleanup()
            await door.settled()  # what had come in while it closed
        if door.broken is not None:
            raise door.broken

    async def shut(self) -> None:
        """Let go of every door that is still open."""
        while self._doors:
            _, held = self._doors.popitem()
            await held.cleanup()

    async def _serve(self, door: ProxySession, request: web.BaseRequest) -> web.StreamResponse:
        """Take a request in, and answer it."""
        if request.headers.get("Expect", "").lower() == "100-continue":
            await request.writer.write(b"HTTP/1.1 100 Continue\r\n\r\n")
            request.writer.output_size = 0
        try:
            body = await request.read()
        except (HttpProcessingError, web.RequestPayloadError) as error:
            refused = web.HTTPBadRequest(text="the body cannot be read")
            refused.force_close()
            raise refused from error
        answer = GatewayResponse(request)
        # In a task of its own: the agent need not wait until its answer is on record, nor the record for the agent.
        self._tasks.start_soon(self._visit, door, request, door.redact(body), answer)
        return await answer.said()

    async def _visit(self, door: ProxySession, request: web.BaseRequest, sent: bytes, answer: GatewayResponse) -> None:
        """Let a call through, or not, and record how it ended, also if the agent leaves meanwhile: it is paid for."""
        exchange: Exchange | None = None
        scope: Scope | None = None
        try:
            came, raw, body = await self._received(door, request, sent)
            protocol = protocol_of(request.path) or Chat()
            going = UpstreamRequest(protocol, came.path, request.headers, raw, came.request)
            exchange = Exchange(answer, going, door.terms.means, door.note)
            stream = door.enter(exchange)
            ports = CallPorts({BudgetAsked: self._budget, CallAsked: exchange}, exchange)
            world = ReplayContext(
                self._book.log, self._book.log, self._book.run, {}, (), ports, self._book.fence, set()
            )
            scope = Scope(world, stream)
            outcome = await handle_call(scope, came, door.terms.visit, IncomingCall(raw, body, exchange.must_wait))
            told = _told(exchange.protocol, outcome)
            if told is not None:
                door.note(outcome)
                exchange.tell(*told)
        except Stopped:
            pass  # the agent has ended, and nobody waits for an answer
        except StillroomError as error:  # raised where the door is closed; here it would end other calls
            door.broken = door.broken or error
        except Exception as error:  # noqa: BLE001 - it is recorded, and the attempt has no verdict
            await self._failed(door, scope, error)
        finally:
            answer.let_go()
            if exchange is not None:
                door.leave(exchange)

    async def _failed(self, door: ProxySession, scope: Scope | None, error: Exception) -> None:
        """Record that something of ours failed while a call was served; its stream says that it ends here."""
        self._supervisor.failed("gateway", error)
        door.failed = door.failed or error
        if scope is not None and scope.at.version:
            try:
                await scope.stop(ScopeStopped("cancelled", f"the gateway failed: {type(error).__name__}"))
            except StillroomError as worse:
                door.broken = door.broken or worse

    async def _received(
        self, door: ProxySession, request: web.BaseRequest, raw: bytes
    ) -> tuple[CallReceived, bytes, Json | None]:
        """Take a request in: what is recorded of it, and its body as it is recorded, also read."""
        digest = self._book.log.put(raw)
        if digest_of(raw) != digest:  # a known secret was in it
            raw = await self._book.log.get(digest)
        path = door.redact(request.path_qs.encode()).decode()
        body = body_in(raw)
        protocol, facts = facts_of(path, body)
        barred, detail = door.barred(_token(request))
        role, stream = door.terms.role, facts.stream
        came = CallReceived(role, protocol, path, facts.model, stream, digest, barred, detail)  # type: ignore[arg-type]
        return came, raw, body


class CallPorts(PortTable):
    """The doors of one visit. Before its call may be asked, it waits like every other."""

    def __init__(self, doors: Mapping[type[Event], Port], exchange: Exchange) -> None:
        super().__init__(doors)
        self._exchange = exchange

    @override
    def admit(self, asked: Event, place: EffectAddress) -> AbstractAsyncContextManager[Permit]:
        """Let the money be asked for; have the call wait."""
        return self._exchange.admit(asked, place) if isinstance(asked, CallAsked) else super().admit(asked, place)


@asynccontextmanager
async def open_gateway(book: CallRecorder, budget: BudgetKeeper, supervisor: Supervisor) -> AsyncIterator[Gateway]:
    """Serve doors for as long as a run lasts."""
    try:
        async with anyio.create_task_group() as tasks:
            gateway = Gateway(book, budget, supervisor, tasks)
            try:
                yield gateway
            finally:
                tasks.cancel_scope.cancel()
                with anyio.CancelScope(shield=True):
                    await gateway.shut()
    except BaseExceptionGroup as errors:
        raise first_of(errors) from errors


def _request(*parts: Any) -> web.BaseRequest:
    """Make a request whose body may be as large as those of agents are, of what aiohttp makes one of."""
    *_, task = parts
    return web.BaseRequest(*parts, task.get_loop(), client_max_size=_MOST_BYTES)  # type: ignore[misc]


def _token(request: web.BaseRequest) -> str | None:
    """Find the token, wherever a protocol carries its key."""
    bearer = request.headers.get("Authorization", "")
    if bearer.startswith("Bearer "):
        return bearer.removeprefix("Bearer ")
    given = request.headers.get("x-api-key") or request.headers.get("x-goog-api-key")
    return given or request.query.get("key")


def _told(protocol: ApiProtocol, outcome: Event) -> tuple[int, bytes] | None:
    """Word what the gateway itself has to say. None: the provider's answer stands."""
    match outcome:
        case CallRefused():
            status, code, message = _REFUSED[outcome.reason], str(outcome.reason), outcome.detail
        case BudgetRefused():
            status, code, message = _NO_MONEY, "budget", f"the budget of the {outcome.cap} is used up"
        case _:
            return None
    return status, msgspec.json.encode(protocol.error(status, code, message))
