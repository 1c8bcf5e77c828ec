"""Stories of failed calls as they are recorded: what mends them is said where it is known."""

from decimal import Decimal

import pytest
from msgspec.structs import replace

from engine.concurrency.pools import room_of
from engine.core.ports import EffectAddress
from engine.core.scope import Scope
from engine.effects.budget import BudgetKeeper, Caps
from engine.effects.conversation import EMPTY, extend, message
from engine.effects.models import CallPricing, ModelClient, ModelPort, failed
from engine.protocols.errors import BadRequest, FailedCallFacts, MalformedReply, ProviderError, RateLimited
from engine.protocols.reply import ChatReply
from engine.protocols.request import ChatRequest
from engine.protocols.usage import ReportedUsage
from engine.providers.base import Gate
from engine.providers.credentials import StaticKey
from engine.providers.prices import price_from
from engine.providers.upstream import Upstream
from events.types.model import ModelAsked
from tests.support.worlds import Echo, live_world, memory_log

UNKNOWN = CallPricing(price=None, bound=None)


@pytest.mark.parametrize(
    ("error", "role", "detail"),
    [
        (
            BadRequest("no tools", setting="set models.ROLE.tools=false"),
            "teacher",
            "no tools (set models.teacher.tools=false)",
        ),
        (
            BadRequest("no tools", setting="set models.ROLE.tools=false"),
            "reflector",
            "no tools (set models.reflector.tools=false)",
        ),
        (
            BadRequest("no tools", remedy="another model", setting="set models.ROLE.tools=false"),
            None,
            "no tools (another model)",
        ),
        (BadRequest("no tools", setting="set models.ROLE.tools=false"), None, "no tools"),
        (RateLimited("spent", remedy="add credit"), "teacher", "spent (add credit)"),
        (RateLimited("slow down"), "teacher", "slow down"),
    ],
)
def test_a_failed_call_says_what_mends_it(error: ProviderError, role: str | None, detail: str) -> None:
    """A setting of the role that asked; for agents of other makes, which have their own, what helps anyone."""
    assert failed(memory_log(), error, UNKNOWN, role).detail == detail


def test_what_the_provider_said_is_kept_whole_beside_it() -> None:
    """The detail is for people."""
    log = memory_log()
    event = failed(log, BadRequest("no", seen=FailedCallFacts(status=400, raw=b"no, because")), UNKNOWN)
    assert event.reply is not None
    assert (event.kind, event.status) == ("bad_request", 400)


class Refusing:
    """A provider that has no room, and then has."""

    def __init__(self, *, retryable: bool = True) -> None:
        self.asked = 0
        self._retryable = retryable

    async def complete(self, request: ChatRequest, gate: Gate) -> ChatReply:
        """Refuse, through the gate."""
        del request
        async with gate():
            self.asked += 1
            raise RateLimited("slow down", seen=FailedCallFacts(status=429), retryable=self._retryable)


@pytest.mark.parametrize(("retryable", "kept"), [(True, True), (False, False)])
async def test_a_call_that_is_made_again_keeps_its_turn(*, retryable: bool, kept: bool) -> None:
    """It goes before those that came later; another question, or one that was given up, gets a turn of its own."""
    log, place = memory_log(), EffectAddress("r1", "attempt/a/1", 1)
    talk = extend(Scope(live_world(log, Echo(log)), place.stream), EMPTY, [message("user", "go on")])
    assert talk.node is not None
    line = ModelClient(
        Refusing(retryable=retryable), None, room_of(1, "calls"), Upstream("", StaticKey(None), None, 1.0)
    )
    port = ModelPort(log, lambda _role, _place: line, BudgetKeeper(Caps(None, None)))
    asked = ModelAsked("teacher", "m", talk.node, None, {}, stream=False, timeout_s=None)
    port.turns[place.stream] = first = port.turn(asked, place)
    await port(asked, place)
    assert (port.turn(asked, place) is first) == kept
    await port(asked, place)
    other = replace(asked, model="another")
    assert port.turn(other, place) is not first


COUNTED = ReportedUsage(input_tokens=1000, output_tokens=1000)
PRICED = CallPricing(price=price_from("1", "9"), bound=None)


@pytest.mark.parametrize(
    ("stated", "terms", "cost"),
    [
        (None, PRICED, 10_000_000),
        (None, UNKNOWN, None),
        (Decimal("0.02"), PRICED, 20_000_000),
        (Decimal("1.1"), PRICED, 1_100_000_000),
        (Decimal("1.101"), PRICED, 10_000_000),
        (Decimal("1.101"), UNKNOWN, 1_101_000_000),
        (Decimal(1001), UNKNOWN, None),
        (Decimal("0.2"), PRICED._replace(bound=20_000_000), 200_000_000),
        (Decimal("0.201"), PRICED._replace(bound=20_000_000), 10_000_000),
    ],
)
def test_a_call_costs_what_the_provider_says_if_that_can_be(
    stated: Decimal | None, terms: CallPricing, cost: int | None
) -> None:
    """Else what its tokens cost by the configured price; where there is none, nobody knows, and its bound counts."""
    error = MalformedReply("cut", seen=FailedCallFacts(status=200, raw=b"", usage=COUNTED, cost_usd=stated))
    assert failed(memory_log(), error, terms).cost == cost
