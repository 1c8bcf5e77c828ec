"""The gateway's server: a Unix socket for each attempt, so that nobody else's can be reached from its sandbox."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Final, NamedTuple

import anyio
import msgspec
from aiohttp import web
from anyio.abc import TaskGroup

from engine.budget import BudgetKeeper
from engine.gateway.door import Door, DoorTerms
from engine.gateway.exchange import Exchange
from engine.gateway.upstream import Going
from engine.gateway.visit import facts_of, visit
from engine.gateway.wires.base import Wire
from engine.gateway.wires.chat import Chat
from engine.gateway.wires.table import wire_of
from engine.kept import first_of
from engine.ports import PortTable
from engine.scope import Scope
from engine.world import World
from events.agent import CallAsked, CallReceived, CallRefused
from events.base import Event, Fence
from events.budget import BudgetAsked, BudgetRefused
from events.digest import digest_of
from events.log import EventLog

_MOST_BYTES: Final = 256 * 1024 * 1024
_BACKLOG: Final = 512
_STOPPING_S: Final = 0.5
_REFUSED: Final = {"token": 401, "limit": 403, "path": 404, "body": 400}
_NO_MONEY: Final = 402
"""Clients try again after 429, and no waiting helps here."""


class Book(NamedTuple):
    """Where calls are recorded."""

    log: EventLog
    run: str
    fence: Fence | None


class Gateway:
    """Serves every attempt's door. Made by `open_gateway`."""

    def __init__(self, book: Book, budget: BudgetKeeper, tasks: TaskGroup) -> None:
        self._book = book
        self._tasks = tasks
        self._budget = budget
        self._doors: dict[str, tuple[Door, web.UnixSite]] = {}
        app = web.Application(client_max_size=_MOST_BYTES)
        app.router.add_route("*", "/{path:.*}", self._serve)
        # Not cancelled when an agent leaves: what it asked for is paid for, and is put on record.
        self.runner = web.AppRunner(app, access_log=None, shutdown_timeout=_STOPPING_S)

    async def open(self, below: str, token: str, socket: Path, terms: DoorTerms) -> Door:
        """Open a door; everybody who sees the socket may knock, and the token lets in."""
        door = Door(below, token, socket, terms)
        site = web.UnixSite(self.runner, socket, backlog=_BACKLOG)
        await site.start()
        await anyio.Path(socket).chmod(0o666)
        self._doors[str(socket)] = (door, site)
        return door

    async def close(self, door: Door) -> None:
        """Close a door: nothing comes in, what is under way is broken off, all of it is on record.

        Raises:
            StillroomError: Something of ours broke while a call was served.
        """
        await door.close()
        held = self._doors.pop(str(door.socket), None)
        if held is not None:
            await held[1].stop()
        if door.broken is not None:
            raise door.broken

    async def _serve(self, request: web.Request) -> web.StreamResponse:
        transport = request.transport
        held = self._doors.get(transport.get_extra_info("sockname")) if transport is not None else None
        if held is None:
            return web.Response(status=410)
        door, _ = held
        came, raw = await self._received(door, request)
        wire = wire_of(request.path) or Chat()
        going = Going(wire, came.path, request.headers, raw, came.request)
        exchange = Exchange(request, going, door.terms.means, door.note)
        # In a task of its own: the agent need not wait until its answer is on record.
        self._tasks.start_soon(self._visit, door, exchange, came, raw)
        return await exchange.told()

    async def _visit(self, door: Door, exchange: Exchange, came: CallReceived, raw: bytes) -> None:
        """Let a call through, or not, and record how it ended."""
        stream = door.enter(exchange)
        ports = PortTable({BudgetAsked: self._budget, CallAsked: exchange})
        world = World(self._book.log, self._book.log, self._book.run, {}, (), ports, self._book.fence, set())
        try:
            outcome = await visit(Scope(world, stream), came, door.terms.visit, raw)
            told = _told(exchange.wire, outcome)
            if told is not None:
                door.note(outcome)
                await exchange.tell(*told)
        except Exception as error:  # noqa: BLE001 - raised where the door is closed; here it would end other calls
            door.broken = door.broken or error
        finally:
            exchange.let_go()
            door.leave(exchange)

    async def _received(self, door: Door, request: web.Request) -> tuple[CallReceived, bytes]:
        """Take a request in: what is recorded of it, and its body as it is recorded."""
        raw = door.scrub(await request.read())
        digest = self._book.log.put(raw)
        if digest_of(raw) != digest:  # a known secret was in it
            raw = await self._book.log.get(digest)
        path = door.scrub(request.path_qs.encode()).decode()
        protocol, facts = facts_of(path, raw)
        barred, detail = door.barred(_token(request))
        role, stream = door.terms.role, facts.stream
        came = CallReceived(role, protocol, path, facts.model, stream, digest, barred, detail)  # type: ignore[arg-type]
        return came, raw


@asynccontextmanager
async def open_gateway(book: Book, budget: BudgetKeeper) -> AsyncIterator[Gateway]:
    """Serve doors for as long as a run lasts."""
    try:
        async with anyio.create_task_group() as tasks:
            gateway = Gateway(book, budget, tasks)
            await gateway.runner.setup()
            try:
                yield gateway
            finally:
                with anyio.CancelScope(shield=True):
                    await gateway.runner.cleanup()
                tasks.cancel_scope.cancel()
    except BaseExceptionGroup as errors:
        raise first_of(errors) from errors


def _token(request: web.Request) -> str | None:
    """Find the token, wherever a protocol carries its key."""
    bearer = request.headers.get("Authorization", "")
    if bearer.startswith("Bearer "):
        return bearer.removeprefix("Bearer ")
    given = request.headers.get("x-api-key") or request.headers.get("x-goog-api-key")
    return given or request.query.get("key")


def _told(wire: Wire, outcome: Event) -> tuple[int, bytes] | None:
    """Word what the gateway itself has to say. None: the provider's answer stands."""
    match outcome:
        case CallRefused():
            status, code, message = _REFUSED[outcome.reason], str(outcome.reason), outcome.detail
        case BudgetRefused():
            status, code, message = _NO_MONEY, "budget", f"the budget of the {outcome.cap} is used up"
        case _:
            return None
    return status, msgspec.json.encode(wire.error(status, code, message))
