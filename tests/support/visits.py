"""A gateway for tests: real sockets, the scripted endpoint behind it, a log in memory."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, NamedTuple

import httpx

from engine.concurrency.limiter import AdaptiveLimiter
from engine.concurrency.pools import room_of
from engine.concurrency.run_controls import RunControls
from engine.config.spec import AgentSpec
from engine.core.supervision import Supervisor
from engine.core.system import clock
from engine.effects.budget import BudgetKeeper, Caps
from engine.effects.model_calls import Reserve
from engine.gateway.call import CallTerms
from engine.gateway.exchange import ExchangeContext, RefusalTerms
from engine.gateway.server import CallRecorder, Gateway, open_gateway
from engine.gateway.session import ProxySession, SessionTerms
from engine.gateway.upstream_client import open_carrier
from engine.providers.credentials import StaticKey
from engine.providers.prices import price_from
from engine.providers.upstream import Upstream
from engine.scripted.reader import parse_script
from engine.scripted.server import ScriptedEndpoint
from events.base import Event
from events.store.base import EventLog, Selection

PRICE = price_from("1", "2", cache_write_usd="1.25")
TOKEN = "token-of-the-first-attempt"
KEY = "sk-the-operators-own-key"

SCRIPT = """
name = "visits"

[[rule]]
name = "trouble"
contains = ["Break"]
[[rule.turn]]
error = "rate_limit"
retry_after_s = 3

[[rule]]
name = "half"
contains = ["Half"]
[[rule.turn]]
error = "half"

[[rule]]
name = "hang"
contains = ["Hang"]
[[rule.turn]]
error = "hang"

[[rule]]
name = "remember"
contains = ["Remember"]
[[rule.turn]]
text = "I keep that."
usage = { input = 1000, output = 200, cached = 400, written = 500 }

[[rule]]
name = "work"
[[rule.turn]]
text = "I look."
command = "ls"
usage = { input = 1000, output = 200, cached = 400 }
"""


class House(NamedTuple):
    """A gateway with one door, and what is behind it."""

    gateway: Gateway
    door: ProxySession
    log: EventLog
    budget: BudgetKeeper
    endpoint: ScriptedEndpoint
    folder: Path
    terms: SessionTerms
    failures: list[Event]
    """What was reported to have failed beside the actors."""

    async def ask(
        self, path: str, body: Any, *, token: str | None = TOKEN, door: ProxySession | None = None
    ) -> httpx.Response:
        """Ask through a door, as an agent does: over its socket, with its token."""
        headers = {} if token is None else {"Authorization": f"Bearer {token}"}
        async with self.client(door) as client:
            return await client.post(path, json=body, headers=headers)

    def client(self, door: ProxySession | None = None) -> httpx.AsyncClient:
        """Make a client that reaches the door's socket."""
        transport = httpx.AsyncHTTPTransport(uds=str((door or self.door).socket))
        return httpx.AsyncClient(transport=transport, base_url="http://gateway", timeout=20)

    async def recorded(self, stream: str = "call/t/1/1") -> list[Event]:
        """Read what was recorded of a call, once it is."""
        await self.door.settled()
        return [each.event async for each in self.log.read(Selection(run="r1")) if each.stream.name == stream]


class Behind:
    """What stands behind the door: the orders of people, places, and another provider or key than the script's."""

    def __init__(
        self,
        *,
        base_url: str | None = None,
        key: str = KEY,
        room: AdaptiveLimiter | None = None,
        refusals: RefusalTerms | None = None,
    ) -> None:
        self.base_url = base_url
        self.key = key
        self.refusals = refusals
        self.room = room or room_of(64, "calls")
        self.orders = RunControls()


@asynccontextmanager
async def house(
    log: EventLog,
    folder: Path,
    *,
    caps: Caps | None = None,
    limits: AgentSpec | None = None,
    behind: Behind | None = None,
) -> AsyncIterator[House]:
    """Open it; where money is capped, answers are bounded to 1,000 tokens."""
    behind = behind or Behind()
    failures: list[Event] = []
    budget = BudgetKeeper(caps or Caps(None, None))
    async with (
        open_carrier() as carrier,
        ScriptedEndpoint(parse_script(SCRIPT, "here")) as endpoint,
        open_gateway(CallRecorder(log, "r1", None), budget, Supervisor(log, failures.append)) as gateway,
    ):
        base_url = behind.base_url or endpoint.base_url.removesuffix("/v1")
        upstream = Upstream(base_url, StaticKey(behind.key), PRICE, 20.0)
        means = ExchangeContext(log, carrier, upstream, budget, behind.room, behind.orders, clock, behind.refusals)
        visit = CallTerms("t", None if caps is None else Reserve(PRICE, 1000, sent=True))
        terms = SessionTerms("teacher", visit, limits or AgentSpec(), means)
        door = await gateway.open("call/t/1/", TOKEN, folder / "s", terms)
        yield House(gateway, door, log, budget, endpoint, folder, terms, failures)
