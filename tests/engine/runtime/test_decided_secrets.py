"""A secret never stands in a decision: neither in what was seen, nor in what was ruled from it."""

from typing import Literal

import msgspec
import pytest

from engine.core.decision import Deciding, Era, Point, PolicyContext
from engine.core.scope import Scope
from events.base import Ref
from events.digest import Digest, digest_of
from events.redaction.redactor import Redactor
from events.store.memory import MemoryLog
from events.types.attempt import AgentEnded
from events.types.decision import DecisionMade, Earlier, Held, Seen, Text, parts_of
from tests.support.worlds import Echo, Ticking, live_world

SECRET = "open-sesame-4711"
MARK = "[secret:DOOR_KEY]"


class SecretSaw(msgspec.Struct, frozen=True):
    """A text that came from elsewhere."""

    said: str


class NoRule(msgspec.Struct, frozen=True):
    """Nothing."""


class Ruled(msgspec.Struct, frozen=True):
    """Words of a policy, in one of three places."""

    act: Literal["ask", "tell"]
    words: str
    lines: tuple[str, ...]
    kept: Digest | None


POINT = Point(
    name="word",
    revision=1,
    saw=SecretSaw,
    settings=NoRule,
    ruling=Ruled,
    decisive=("act",),
    steers=True,
    rule=lambda *_: NoRule(),
)


@pytest.mark.parametrize("ruled", [Ruled("ask", f"say {SECRET}", (), None), Ruled("tell", "", ("a", SECRET), None)])
async def test_a_secret_in_a_ruling_is_replaced_before_anyone_goes_on_with_it(ruled: Ruled) -> None:
    """The actor has what a replay will read, and the log holds no more than that."""
    log = MemoryLog(clock=Ticking(), redactor=Redactor({"DOOR_KEY": SECRET}))
    scope = _scope(log, lambda *_: ruled)
    got = (await scope.decide(POINT, SecretSaw("nothing"))).value
    await scope.record(AgentEnded("done", "", 1))
    (made,) = [each.event async for each in log.read() if isinstance(each.event, DecisionMade)]
    assert msgspec.convert(made.ruling, Ruled) == got
    assert MARK in str(got)
    assert SECRET not in str(made)


async def test_a_secret_in_the_inputs_is_replaced_before_the_policy_sees_them() -> None:
    """What it rules can be ruled again from what is stored."""
    seen: list[str] = []

    def policy(saw: SecretSaw, rule: NoRule, desk: PolicyContext) -> Ruled:
        del rule
        seen.append(saw.said)
        return Ruled("ask", "", (), desk.put(saw.said.encode()))

    log = MemoryLog(clock=Ticking(), redactor=Redactor({"DOOR_KEY": SECRET}))
    scope = _scope(log, policy)
    await scope.decide(POINT, SecretSaw(f"it is {SECRET}"))
    await scope.record(AgentEnded("done", "", 1))
    (made,) = [each.event async for each in log.read() if isinstance(each.event, DecisionMade)]
    assert made.inputs is not None
    assert seen == [f"it is {MARK}"]
    assert msgspec.json.decode(await log.get(made.inputs), type=SecretSaw).said == seen[0]
    assert made.named == (digest_of(seen[0].encode()),)


def _scope(log: MemoryLog, policy: object) -> Scope:
    era = Era(None, {"word": policy}, "own")  # type: ignore[dict-item]  # each test has its own class of ruling
    return Scope(live_world(log, Echo(log))._replace(deciding=Deciding((era,))), "trial/word")


class Deep(msgspec.Struct, frozen=True):
    """Parts in every place where parts may stand, beside what can hold none."""

    name: str
    number: int | None
    text: Text | None
    many: tuple[Seen[Ruled], ...]
    named: dict[str, Held]
    inner: "Inner"
    earlier: Earlier | None = None


class Inner(msgspec.Struct, frozen=True):
    """Below."""

    at: Ref
    text: Text
    word: Literal["a", "b"]


def test_parts_are_found_wherever_they_stand_and_nothing_else_is() -> None:
    """In the order of the fields; what a ruling holds is its own."""
    at, digest = Ref("trial/word", 1), digest_of(b"x")
    seen = Seen(at, Ruled("ask", "", (), digest))
    deep = Deep("n", 1, Text(digest, at), (seen, seen), {"t": Held(digest, at)}, Inner(at, Text(digest, at), "a"))
    assert list(parts_of(deep)) == [Text(digest, at), seen, seen, Held(digest, at), Text(digest, at)]
    chained = msgspec.structs.replace(deep, text=None, many=(), earlier=Earlier(digest, at))
    assert list(parts_of(chained))[-1] == Earlier(digest, at)
