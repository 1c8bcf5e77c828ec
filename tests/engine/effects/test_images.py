"""Stories of images in a conversation: blobs of their own, in each protocol's form, the same in every replay."""

from base64 import b64encode
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, NamedTuple

import msgspec
import pytest

from engine.concurrency.pools import room_of
from engine.core.errors import ImageUnusable
from engine.core.ports import EffectAddress, Permit, granted
from engine.core.scope import Scope
from engine.core.system import clock
from engine.effects.budget import BudgetKeeper, Caps
from engine.effects.conversation import (
    EMPTY,
    IMAGE_BYTES,
    ConversationReader,
    MessageImage,
    extend,
    image_message,
    message,
)
from engine.effects.model_calls import Caller, CallResult, Reserve, ask_model, quoting
from engine.effects.models import ModelClient, ModelPort, build_request
from engine.providers.base import body_of
from engine.providers.credentials import StaticKey
from engine.providers.endpoint import ModelEndpoint
from engine.providers.http import connect, generic
from engine.providers.prices import price_from
from engine.providers.transport import open_client
from engine.providers.upstream import Upstream
from engine.scripted.reader import parse_script
from engine.scripted.server import ScriptedEndpoint
from events.base import Event, Recorded
from events.digest import Fingerprint, digest_of
from events.redaction.redactor import Redactor
from events.store.blob_refs import named_blobs
from events.store.memory import MemoryLog
from events.store.sqlite.store import SqliteLog
from events.types.budget import BudgetAsked
from events.types.model import ConversationNode, ModelAnswered, ModelAsked
from tests.support.worlds import Ticking, closed_world, live_world, payloads

PNG = bytes.fromhex("89504e470d0a1a0a0000000d4948445200000001000000010802000000907753de") + bytes(range(256))
"""Bytes that are no text in any encoding."""
STREAM = "attempt/a/1"
SCRIPT = 'name = "eye"\n[[rule]]\nname = "any"\n[[rule.turn]]\ntext = "A line."\n[[rule.turn]]\ntext = "The same."\n'
PICTURE = MessageImage(PNG, "image/png")
PROTOCOLS = ["chat", "responses", "messages", "gemini"]


class Eye(NamedTuple):
    """A world with a model that is shown things."""

    log: Any
    port: ModelPort
    keeper: BudgetKeeper
    endpoint: ScriptedEndpoint

    def handler_for(self, asked: Event) -> Any:
        """The budget's, or the model's."""
        return self.keeper if isinstance(asked, BudgetAsked) else self.port

    async def recover(self, history: Sequence[Recorded], place: EffectAddress) -> None:
        """Nothing is lost."""
        del history, place

    def admit(self, asked: Event, place: EffectAddress) -> Any:
        """Let everything be asked."""
        del asked, place
        leave: Permit | Any = granted()
        return leave


@asynccontextmanager
async def looking(log: Any, protocol: Any) -> AsyncIterator[Eye]:
    """Open one."""
    async with ScriptedEndpoint(parse_script(SCRIPT, "here")) as endpoint, open_client() as client:
        provider = connect(generic(protocol), ModelEndpoint(endpoint.base_url, client, clock))
        line = ModelClient(provider, None, room_of(1, "calls"), Upstream("", StaticKey(None), None, 1.0))
        keeper = BudgetKeeper(Caps(10**12, None))
        yield Eye(log, ModelPort(log, lambda _role, _place: line, keeper), keeper, endpoint)


def caller(protocol: Any) -> Caller:
    """Say whom to ask: a model that costs a dollar a million tokens."""
    return Caller(
        "a",
        "teacher",
        "m",
        {"max_tokens": 100},
        False,
        60.0,
        Reserve(price_from("1", "1"), 100, sent=True),
        protocol,
    )


async def talk(scope: Scope, protocol: Any) -> tuple[CallResult, ...]:
    """Show an image, and then ask about it once more."""
    said = extend(scope, EMPTY, [image_message("user", "What is this?", [PICTURE])], [PICTURE])
    first = await ask_model(scope, lambda: caller(protocol), said)
    assert isinstance(first.outcome, ModelAnswered)
    said = await quoting(scope, said, first.outcome.message)
    said = extend(scope, said, [message("user", "And now?")])
    return first, await ask_model(scope, lambda: caller(protocol), said)


def sent_image(protocol: str, body: bytes) -> tuple[str, str]:
    """Find the image in a request, where its protocol has it: media type and base64."""
    tree = msgspec.json.decode(body)
    match protocol:
        case "chat":
            url = tree["messages"][0]["content"][1]["image_url"]["url"]
            media, _, data = url.removeprefix("data:").partition(";base64,")
            return media, data
        case "responses":
            url = tree["input"][0]["content"][1]["image_url"]
            media, _, data = url.removeprefix("data:").partition(";base64,")
            return media, data
        case "messages":
            source = tree["messages"][0]["content"][1]["source"]
            assert source["type"] == "base64"
            return source["media_type"], source["data"]
        case _:
            inline = tree["contents"][0]["parts"][1]["inlineData"]
            return inline["mimeType"], inline["data"]


@pytest.mark.parametrize("protocol", PROTOCOLS)
async def test_an_image_is_sent_in_the_protocols_form_and_kept_once(protocol: str) -> None:
    """Two requests show it; the log holds it as it came, once, and none of its JSON holds it."""
    log = MemoryLog(clock=Ticking())
    async with looking(log, protocol) as eye:
        asked = await talk(Scope(live_world(log, eye), STREAM), protocol)
        sent = list(eye.endpoint.requests)
    assert [isinstance(each.outcome, ModelAnswered) for each in asked] == [True, True]
    assert [sent_image(protocol, body) for body in sent] == [("image/png", b64encode(PNG).decode())] * 2
    assert await log.get(digest_of(PNG)) == PNG
    reader, history = ConversationReader(log), [each async for each in log.read()]
    for each in history:
        assert b64encode(PNG)[:40] not in each.payload
        if isinstance(each.event, ModelAsked):
            said = await reader.read(each.event.conversation)
            assert said.images == (digest_of(PNG),)
            assert all(b64encode(PNG)[:40] not in message for message in said.messages)


@pytest.mark.parametrize("protocol", PROTOCOLS)
async def test_a_replay_builds_the_same_bytes(protocol: str) -> None:
    """From the log alone, and with no door open."""
    log = MemoryLog(clock=Ticking())
    async with looking(log, protocol) as eye:
        await talk(Scope(live_world(log, eye), STREAM), protocol)
        sent = list(eye.endpoint.requests)
    before = await payloads(log)
    scope = Scope(await closed_world(log), STREAM)
    await talk(scope, protocol)
    await scope.finish()
    assert await payloads(log) == before
    events = [each.event async for each in log.read()]
    asked = [each for each in events if isinstance(each, ModelAsked)]
    replies = [each for each in events if isinstance(each, ModelAnswered)]
    reader = ConversationReader(log)
    built = [body_of(await build_request(each, reader, log)) for each in asked]
    assert built == sent
    assert [Fingerprint(digest_of(each)) for each in built] == [each.request for each in replies]


async def test_money_is_set_aside_for_what_an_image_may_cost() -> None:
    """A small file may cost as many tokens as a large one, and a large one no more than its bytes."""
    log = MemoryLog(clock=Ticking())
    async with looking(log, "chat") as eye:
        await talk(Scope(live_world(log, eye), STREAM), "chat")
    granted_for = [each.event.amount async for each in log.read() if isinstance(each.event, BudgetAsked)]
    assert all(amount >= IMAGE_BYTES * 1_000 for amount in granted_for)
    assert MessageImage(bytes(10), "image/png").size == IMAGE_BYTES
    assert MessageImage(bytes(90_000), "image/png").size == 120_002


async def test_a_secret_in_an_image_is_refused_and_not_cut_out_of_it(tmp_path: Path) -> None:
    """With a mark in its place it would be no image; without a word it would be sent as it is."""
    secret = "sk-0123456789abcdef"
    redactor = Redactor({"KEY": secret})
    async with await SqliteLog.open(tmp_path / "log.db", clock=Ticking(), redactor=redactor) as log:
        async with looking(log, "chat") as eye:
            scope = Scope(live_world(log, eye), STREAM)
            bad = MessageImage(PNG + b"tEXtComment\0" + secret.encode(), "image/png")
            with pytest.raises(ImageUnusable) as refused:
                extend(scope, EMPTY, [image_message("user", "?", [bad])], [bad])
            assert refused.value.remedy
            await talk(scope, "chat")
            assert not eye.endpoint.requests or all(secret.encode() not in each for each in eye.endpoint.requests)
        assert await log.get(digest_of(PNG)) == PNG
    assert secret.encode() not in (tmp_path / "log.db").read_bytes()


def test_a_node_without_images_is_written_as_it_always_was() -> None:
    """Conversations of earlier versions have the same digests, and read the same."""
    name = digest_of(b"x")
    assert (
        msgspec.json.encode(ConversationNode(None, (name,))) == b'{"before":null,"messages":["' + name.encode() + b'"]}'
    )
    shown = ConversationNode(None, (name,), (digest_of(PNG),))
    assert msgspec.json.decode(msgspec.json.encode(shown), type=ConversationNode) == shown
    assert list(named_blobs(shown)) == [name, digest_of(PNG)], "so that bundles, verification and erasure find it"
