"""Stories of the gateway: what an agent asks passes through unchanged, and all of it is on record."""

from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import anyio
import httpx
import msgspec
import pytest
from anyio.lowlevel import checkpoint

from engine.config.spec import AgentSpec
from engine.core.scope import Child, Scope
from engine.effects.budget import Caps
from engine.effects.model_calls import Reserve
from engine.gateway.call import CallTerms, IncomingCall, ReplayedCall, handle_call
from engine.protocols.base import body_in
from engine.testing.fault_injection import FaultyLog
from events.redaction.redactor import Redactor
from events.store.memory import MemoryLog
from events.types.agent import CallAnswered, CallAsked, CallReceived, CallRefused
from events.types.budget import BudgetAsked, BudgetGranted, BudgetRefused
from events.types.model import ModelAnswered, ModelFailed
from events.types.session import BackgroundFailed, ScopeStopped
from tests.support.visits import KEY, PRICE, TOKEN, House, house
from tests.support.worlds import Ticking, closed_world, memory_log

Json = dict[str, Any]
SCHEMA = {"type": "object", "properties": {"command": {"type": "string"}}}
SHELL = {"name": "run", "parameters": SCHEMA}


def chat(text: str = "Work", **more: Any) -> Json:
    """Ask as chat completions have it."""
    tools = [{"type": "function", "function": SHELL}]
    return {"model": "teacher", "messages": [{"role": "user", "content": text}], "tools": tools, **more}


def responses(text: str = "Work", **more: Any) -> Json:
    """Ask as OpenAI's responses have it."""
    return {"model": "teacher", "input": text, "tools": [{"type": "function", **SHELL}], **more}


def messages(text: str = "Work", **more: Any) -> Json:
    """Ask as Anthropic's messages have it."""
    tools = [{"name": "run", "input_schema": SCHEMA}]
    said = [{"role": "user", "content": text}]
    return {"model": "teacher", "max_tokens": 500, "messages": said, "tools": tools, **more}


def gemini(text: str = "Work", **more: Any) -> Json:
    """Ask as Google's generateContent has it."""
    declared = [{"functionDeclarations": [{"name": "run", "parametersJsonSchema": SCHEMA}]}]
    return {"contents": [{"role": "user", "parts": [{"text": text}]}], "tools": declared, **more}


class GatewayWay(NamedTuple):
    """One protocol, in one piece or streamed."""

    protocol: str
    path: str
    body: Json


WAYS = [
    GatewayWay("chat", "/v1/chat/completions", chat()),
    GatewayWay("chat", "/v1/chat/completions", chat(stream=True, stream_options={"include_usage": True})),
    GatewayWay("responses", "/v1/responses", responses()),
    GatewayWay("responses", "/v1/responses", responses(stream=True)),
    GatewayWay("messages", "/v1/messages", messages()),
    GatewayWay("messages", "/v1/messages", messages(stream=True)),
    GatewayWay("gemini", "/v1beta/models/teacher:generateContent", gemini()),
    GatewayWay("gemini", "/v1beta/models/teacher:streamGenerateContent?alt=sse", gemini()),
]
EVERY = pytest.mark.parametrize("way", WAYS, ids=lambda way: f"{way.protocol}-{'stream' in str(way)}")


@EVERY
async def test_a_call_passes_unchanged_and_is_on_record(way: GatewayWay, tmp_path: Path) -> None:
    """Whatever its protocol: the agent sees what it would see without us, and we have every byte and figure of it."""
    log = memory_log()
    async with house(log, tmp_path) as here:
        # Given what the endpoint answers to one who asks it directly.
        async with httpx.AsyncClient() as client:
            direct = await client.post(here.endpoint.base_url.removesuffix("/v1") + way.path, json=way.body)
        # When an agent asks the same through the gateway.
        through = await here.ask(way.path, way.body)
        # Then it gets the same bytes.
        assert (through.status_code, through.content) == (200, direct.content)
        assert through.headers["content-type"] == direct.headers["content-type"]
        # And the log has the request, the answer, and the provider's own figures.
        came, asked, answer = await here.recorded()
        assert isinstance(came, CallReceived)
        assert isinstance(asked, CallAsked)
        assert isinstance(answer, ModelAnswered)
        assert (came.protocol, came.model, came.barred) == (way.protocol, "teacher", None)
        assert msgspec.json.decode(await log.get(came.request)) == way.body
        assert await log.get(answer.reply) == direct.content
        assert answer.text is not None
        assert await log.get(answer.text) == b"I look."
        assert [call.name for call in answer.tool_calls] == ["run"]
        assert msgspec.json.decode(await log.get(answer.tool_calls[0].arguments)) == {"command": "ls"}
        used = (answer.usage.input_tokens, answer.usage.cached_input_tokens, answer.usage.output_tokens)
        assert used == (1000, 400, 200)
        assert answer.cost == 1_000_000 + 2 * 200_000


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "streamed"])
async def test_what_a_provider_keeps_for_later_is_priced_as_such(tmp_path: Path, *, stream: bool) -> None:
    """Anthropic counts it beside the input, and asks more for it; a cap that took it for input would be passed."""
    async with house(memory_log(), tmp_path) as here:
        assert (await here.ask("/v1/messages", messages("Remember", stream=stream))).status_code == 200
        answer = (await here.recorded())[-1]
        assert isinstance(answer, ModelAnswered)
        assert answer.usage.input_tokens == 1000
        assert answer.cost == 500 * 1000 + 500 * 1250 + 2 * 200_000


async def test_the_key_goes_to_the_provider_and_the_token_does_not(tmp_path: Path) -> None:
    """The agent holds a token that is worth one attempt; the key never leaves our process but for the provider."""
    seen: list[dict[str, str]] = []
    log = memory_log()
    async with house(log, tmp_path) as here:
        # Given an agent whose own token has found its way into what it asks.
        answer = await here.ask("/v1/chat/completions", chat(f"my environment says {TOKEN}"))
        # When it is answered.
        assert answer.status_code == 200
        # Then neither what was sent on nor what was recorded holds it.
        seen.append({"body": here.endpoint.requests[-1].decode()})
        assert TOKEN not in str(seen)
        came = (await here.recorded())[0]
        assert isinstance(came, CallReceived)
        assert b"[token]" in await log.get(came.request)
    assert KEY not in str(seen)


@pytest.mark.parametrize("token", [None, "token-of-another-attempt"])
async def test_without_its_token_nothing_passes_and_that_is_seen(token: str | None, tmp_path: Path) -> None:
    """One attempt cannot spend on another's account, and the attempt to do so is in the log."""
    async with house(memory_log(), tmp_path) as here:
        answer = await here.ask("/v1/messages", messages(), token=token)
        assert answer.status_code == 401
        assert answer.json()["error"]["type"] == "authentication_error"
        refused = (await here.recorded())[-1]
        assert isinstance(refused, CallRefused)
        assert refused.reason == "token"
        assert not here.endpoint.requests


async def test_another_attempts_token_is_foreign_at_this_door(tmp_path: Path) -> None:
    """Each sandbox sees its own socket only; should a token travel, it opens nothing there."""
    async with house(memory_log(), tmp_path) as here:
        other = await here.gateway.open("call/u/1/", "token-of-the-second-attempt", tmp_path / "o", here.terms)
        assert (await here.ask("/v1/responses", responses(), door=other)).status_code == 401
        await other.settled()
        assert isinstance((await here.recorded("call/u/1/1"))[-1], CallRefused)


async def test_money_is_reserved_before_it_is_spent(tmp_path: Path) -> None:
    """A cap is hard: a call that could exceed it is refused in the agent's own protocol, and nothing is sent."""
    # Given a cap that one call fits under and two do not.
    async with house(memory_log(), tmp_path, caps=Caps(None, 8_000_000)) as here:
        # When an agent asks twice.
        first = await here.ask("/v1/chat/completions", chat())
        second = await here.ask("/v1/chat/completions", chat())
        # Then the first is answered, bounded as the cap needs it, and counted at its cost.
        assert first.status_code == 200
        assert msgspec.json.decode(here.endpoint.requests[-1])["max_completion_tokens"] == 1000
        kinds = [type(each) for each in await here.recorded()]
        assert kinds == [CallReceived, BudgetAsked, BudgetGranted, CallAsked, CallAnswered]
        assert here.budget.of_trial("t") == 1_400_000
        # And the second is refused, with a status that no client tries again after.
        assert second.status_code == 402
        assert second.json()["error"]["code"] == "stillroom_budget"
        assert isinstance((await here.recorded("call/t/1/2"))[-1], BudgetRefused)
        assert len(here.endpoint.requests) == 1
        assert here.door.stopped == "budget"


@pytest.mark.parametrize("stream", [False, True])
async def test_a_limit_of_the_attempt_ends_its_calls(tmp_path: Path, *, stream: bool) -> None:
    """Turns are counted where they pass, since the agent is not ours to stop otherwise, and before it can ask again."""
    async with house(memory_log(), tmp_path, limits=AgentSpec(max_turns=1)) as here:
        assert (await here.ask("/v1/responses", responses(stream=stream))).status_code == 200
        assert (await here.ask("/v1/responses", responses(stream=stream))).status_code == 403
        assert here.door.stopped == "turn_limit"


async def test_a_providers_failure_is_handed_on_and_recorded(tmp_path: Path) -> None:
    """The agent decides itself whether to ask again; each time is a call of its own."""
    async with house(memory_log(), tmp_path) as here:
        answer = await here.ask("/v1/chat/completions", chat("Break"))
        assert (answer.status_code, answer.headers["retry-after"]) == (429, "3")
        failed = (await here.recorded())[-1]
        assert isinstance(failed, ModelFailed)
        assert (failed.kind, failed.status) == ("rate_limit", 429)


async def test_half_an_answer_is_a_failure(tmp_path: Path) -> None:
    """What is cut off is never recorded as what the model said."""
    async with house(memory_log(), tmp_path) as here:
        with pytest.raises(httpx.HTTPError):
            await here.ask("/v1/messages", messages("Half", stream=True))
        await here.gateway.close(here.door)
        failed = (await here.recorded())[-1]
        assert isinstance(failed, ModelFailed)
        assert failed.kind == "network"


async def test_what_is_under_way_when_the_agent_ends_is_broken_off_and_recorded(tmp_path: Path) -> None:
    """No call of an attempt may end after it, or its record would grow behind its verdict."""
    async with house(memory_log(), tmp_path) as here, anyio.create_task_group() as group:
        # Given a call that is never answered.
        group.start_soon(partial(_asked_in_vain, here))
        while not here.endpoint.requests:
            await checkpoint()
        # When the door is closed.
        await here.gateway.close(here.door)
        # Then its end is on record, as a failure that may have cost something.
        failed = (await here.recorded())[-1]
        assert isinstance(failed, ModelFailed)
        assert (failed.kind, failed.detail) == ("network", "the agent ended before the answer did")
        group.cancel_scope.cancel()


async def _asked_in_vain(here: House) -> None:
    await here.ask("/v1/responses", responses("Hang"))


@pytest.mark.parametrize("path", ["/v1/models/x", "/v1/embeddings", "/"])
async def test_what_is_no_call_of_a_model_is_refused_and_recorded(path: str, tmp_path: Path) -> None:
    """An agent that looks elsewhere is seen doing so."""
    async with house(memory_log(), tmp_path) as here:
        assert (await here.ask(path, {})).status_code == 404
        refused = (await here.recorded())[-1]
        assert isinstance(refused, CallRefused)
        assert refused.reason == "path"


async def test_known_secrets_are_not_recorded_nor_sent(tmp_path: Path) -> None:
    """What is recorded is what is sent, so a key that an agent has found goes no further."""
    log = MemoryLog(clock=Ticking(), redactor=Redactor({"KEY": KEY}))
    async with house(log, tmp_path) as here:
        assert (await here.ask("/v1/chat/completions", chat(f"I found {KEY}"))).status_code == 200
        assert KEY.encode() not in here.endpoint.requests[-1]
        came = (await here.recorded())[0]
        assert isinstance(came, CallReceived)
        assert b"[secret:KEY]" in await log.get(came.request)


@pytest.mark.parametrize("caps", [None, Caps(None, 8_000_000)], ids=["uncapped", "capped"])
async def test_recorded_calls_come_out_the_same_again(caps: Caps | None, tmp_path: Path) -> None:
    """Whether a call may pass, how it is bounded and what is reserved for it are decided again, and compared."""
    log = memory_log()
    async with house(log, tmp_path, caps=caps) as here:
        for body in (chat(), chat("Break")):
            await here.ask("/v1/chat/completions", body)
        await here.ask("/elsewhere", {})
    terms = CallTerms("t", None if caps is None else Reserve(PRICE, 1000, sent=True))

    async def again(scope: Scope, number: int) -> None:
        came = (await here.recorded(f"call/t/1/{number}"))[0]
        assert isinstance(came, CallReceived)
        raw = await log.get(came.request)
        await handle_call(scope, came, terms, IncomingCall(raw, body_in(raw), waits=False))

    world = await closed_world(log)
    children = [Child(f"call/t/1/{number}", partial(again, number=number)) for number in (1, 2, 3)]
    await Scope(world, "attempt/t/1").gather(children)
    assert world.visited == {"attempt/t/1", "call/t/1/1", "call/t/1/2", "call/t/1/3"}


async def test_a_failure_of_ours_while_a_call_is_served_is_recorded_and_ends_that_call_alone(tmp_path: Path) -> None:
    """It is no outcome of the agent's: its door says so, the call's stream ends there, and the next call passes."""

    def fault(operation: str, about: object) -> None:
        if operation == "put" and isinstance(about, bytes) and b"I look." in about:
            strikes.pop()

    strikes: list[int] = []
    log = memory_log()
    async with house(FaultyLog(log, fault), tmp_path) as here:
        assert (await here.ask("/v1/chat/completions", chat())).status_code == 200  # told before it is on record
        await here.door.settled()
        recorded = await here.recorded()
        assert [type(each) for each in recorded] == [CallReceived, CallAsked, ScopeStopped]
        assert isinstance(here.door.failed, IndexError)
        found = here.failures[0]
        assert isinstance(found, BackgroundFailed)
        assert (found.part, found.error, len(here.failures)) == ("gateway", "IndexError", 1)
        strikes.append(1)
        assert (await here.ask("/v1/chat/completions", chat("Remember"))).status_code == 200
        await here.gateway.close(here.door)
        world = await closed_world(log)
        terms = CallTerms("t", None)
        scope = Scope(world, "call/t/1/1")
        await ReplayedCall(terms)(scope, recorded[0])
        await scope.finish()
