"""The gateway's server: a Unix socket for each attempt, so that nobody else's can be reached from its sandbox."""

from collections.abc import AsyncIterator, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from functools import partial
from pathlib import Path
from typing import Final, NamedTuple

import anyio
import msgspec
from anyio.abc import TaskGroup
from typing_extensions import override

from engine.budget import BudgetKeeper
from engine.gateway.door import Door, DoorTerms
from engine.gateway.exchange import Exchange
from engine.gateway.http.coming import Request
from engine.gateway.http.serving import Answer, Listening, listen
from engine.gateway.upstream import Going
from engine.gateway.visit import Came, facts_of, visit
from engine.gateway.wires.base import Json, Wire, body_in
from engine.gateway.wires.chat import Chat
from engine.gateway.wires.table import wire_of
from engine.kept import first_of
from engine.ports import Leave, Place, Port, PortTable
from engine.scope import Scope, Stopped
from engine.world import World
from events.agent import CallAsked, CallReceived, CallRefused
from events.base import Event, Fence
from events.budget import BudgetAsked, BudgetRefused
from events.digest import digest_of
from events.log import EventLog

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
        self._doors: dict[Door, Listening] = {}

    async def open(self, below: str, token: str, socket: Path, terms: DoorTerms) -> Door:
        """Open a door; everybody who sees the socket may knock, and the token lets in."""
        door = Door(below, token, socket, terms)
        self._doors[door] = await listen(socket, partial(self._serve, door), self._tasks)
        await anyio.Path(socket).chmod(0o666)
        return door

    async def close(self, door: Door) -> None:
        """Close a door: nothing comes in, what is under way is broken off, all of it is on record.

        Raises:
            StillroomError: Something of ours broke while a call was served.
        """
        await door.close()
        held = self._doors.pop(door, None)
        if held is not None:
            held.close()
        if door.broken is not None:
            raise door.broken

    def shut(self) -> None:
        """Let go of every door that is still open."""
        for held in self._doors.values():
            held.close()
        self._doors.clear()

    async def _serve(self, door: Door, request: Request, answer: Answer) -> None:
        """Let a call through, or not, and record how it ended, also if the agent leaves meanwhile: it is paid for."""
        came, raw, body = await self._received(door, request)
        wire = wire_of(request.url.path) or Chat()
        going = Going(wire, came.path, request.headers, raw, came.request)
        exchange = Exchange(answer, going, door.terms.means, door.note)
        stream = door.enter(exchange)
        ports = VisitPorts({BudgetAsked: self._budget, CallAsked: exchange}, exchange)
        world = World(self._book.log, self._book.log, self._book.run, {}, (), ports, self._book.fence, set())
        try:
            outcome = await visit(Scope(world, stream), came, door.terms.visit, Came(raw, body, exchange.must_wait))
            told = _told(exchange.wire, outcome)
            if told is not None:
                door.note(outcome)
                exchange.tell(*told)
        except Stopped:
            pass  # the agent has ended, and nobody waits for an answer
        except Exception as error:  # noqa: BLE001 - raised where the door is closed; here it would end other calls
            door.broken = door.broken or error
        finally:
            door.leave(exchange)

    async def _received(self, door: Door, request: Request) -> tuple[CallReceived, bytes, Json | None]:
        """Take a request in: what is recorded of it, and its body as it is recorded, also read."""
        raw = door.scrub(request.body)
        digest = self._book.log.put(raw)
        if digest_of(raw) != digest:  # a known secret was in it
            raw = await self._book.log.get(digest)
        path = door.scrub(str(request.url).encode()).decode()
        body = body_in(raw)
        protocol, facts = facts_of(path, body)
        barred, detail = door.barred(_token(request))
        role, stream = door.terms.role, facts.stream
        came = CallReceived(role, protocol, path, facts.model, stream, digest, barred, detail)  # type: ignore[arg-type]
        return came, raw, body


class VisitPorts(PortTable):
    """The doors of one visit. Before its call may be asked, it waits like every other."""

    def __init__(self, doors: Mapping[type[Event], Port], exchange: Exchange) -> None:
        super().__init__(doors)
        self._exchange = exchange

    @override
    def leave(self, asked: Event, place: Place) -> AbstractAsyncContextManager[Leave]:
        """Let the money be asked for; have the call wait."""
        return self._exchange.leave(asked, place) if isinstance(asked, CallAsked) else super().leave(asked, place)


@asynccontextmanager
async def open_gateway(book: Book, budget: BudgetKeeper) -> AsyncIterator[Gateway]:
    """Serve doors for as long as a run lasts."""
    try:
        async with anyio.create_task_group() as tasks:
            gateway = Gateway(book, budget, tasks)
            try:
                yield gateway
            finally:
                gateway.shut()
                tasks.cancel_scope.cancel()
    except BaseExceptionGroup as errors:
        raise first_of(errors) from errors


def _token(request: Request) -> str | None:
    """Find the token, wherever a protocol carries its key."""
    bearer = request.headers.get("Authorization", "")
    if bearer.startswith("Bearer "):
        return bearer.removeprefix("Bearer ")
    given = request.headers.get("x-api-key") or request.headers.get("x-goog-api-key")
    return given or request.url.query.get("key")


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
