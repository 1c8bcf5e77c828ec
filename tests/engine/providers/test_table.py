"""Stories of the table of providers: each row against an endpoint that takes its form and refuses every other."""

import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from urllib.parse import urlsplit

import httpx
import pytest
from msgspec import json, structs

from engine.core.system import clock
from engine.protocols.errors import Authentication, BadRequest, ProviderError
from engine.protocols.request import ChatRequest
from engine.providers.credentials import Credential, StaticKey
from engine.providers.endpoint import ModelEndpoint
from engine.providers.gate import wide_open
from engine.providers.http import connect, other_carrier
from engine.providers.key_header import KeyHeader
from engine.providers.provider import ModelProvider
from engine.providers.registry import GROUP, provider_named, provider_names
from engine.providers.transport import open_client
from engine.scripted.forms import FORMS, Form
from engine.scripted.reader import parse_script
from engine.scripted.server import ScriptedEndpoint

SCRIPT = parse_script('name = "row"\n[[rule]]\nname = "any"\n[[rule.turn]]\ntext = "Hello"\nrepeat = true\n', "here")
NAMES = sorted(FORMS)
TOOLS = b'[{"type":"function","function":{"name":"run","description":"d","parameters":{"type":"object"}}}]'
KEY = StaticKey("key-0123456789")


def asking(provider: ModelProvider, *, stream: bool = False, **parameters: str | float | bool) -> ChatRequest:
    """Ask something of a provider, with all that its row needs."""
    needed = dict.fromkeys(provider.needs, 100)
    return ChatRequest(
        model="some-model",
        messages=(b'{"role":"system","content":"Be short."}', b'{"role":"user","content":"Hi"}'),
        tools=TOOLS,
        parameters={**needed, **parameters},
        stream=stream,
        protocol=provider.protocol,
    )


def below(endpoint: ScriptedEndpoint, provider: ModelProvider) -> str:
    """Put the endpoint in the place of the provider's host; the path of its address stays."""
    return endpoint.host_url + urlsplit(provider.base_url or "").path + provider.base_path


@asynccontextmanager
async def standing_in(name: str, form: Form | None = None) -> AsyncIterator[tuple[ScriptedEndpoint, httpx.AsyncClient]]:
    """Stand in for a provider."""
    async with ScriptedEndpoint(SCRIPT, form=form or FORMS[name]) as endpoint, open_client() as client:
        yield endpoint, client


async def say(provider: ModelProvider, name: str, request: ChatRequest, credential: Credential = KEY) -> str | None:
    """Ask the endpoint of the provider of a name as another row has it."""
    async with standing_in(name) as (endpoint, client):
        base_url = below(endpoint, provider_named(name) if provider.path is None else provider)
        place = ModelEndpoint(base_url, client, clock, credential)
        return (await connect(provider, place).complete(request, wide_open)).text


def test_every_row_is_registered_under_its_name_and_has_a_form() -> None:
    """The table, the package's metadata and the endpoints that stand in name the same providers."""
    assert set(provider_names()) == set(FORMS), f"the metadata of the group {GROUP} is old: run `make venv`"
    assert [provider_named(name).name for name in NAMES] == NAMES


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "stream"])
@pytest.mark.parametrize("name", NAMES)
async def test_a_row_reaches_its_provider(name: str, *, stream: bool) -> None:
    """Path, header of the key, version and body are what that provider takes."""
    provider = provider_named(name)
    assert await say(provider, name, asking(provider, stream=stream, temperature=0.5)) == "Hello"


@pytest.mark.parametrize("name", [name for name in NAMES if provider_named(name).thinking])
async def test_thinking_is_switched_in_the_providers_own_words(name: str) -> None:
    """On and off; the endpoint refuses fields that its provider does not know."""
    provider = provider_named(name)
    assert provider.thinking is not None
    assert provider.thinking[0] != provider.thinking[1]
    for switch in provider.thinking:
        ask = asking(provider)
        ask = structs.replace(ask, parameters={**ask.parameters, **switch})
        assert await say(provider, name, ask) == "Hello"


@pytest.mark.parametrize("name", [name for name in NAMES if provider_named(name).protocol == "chat"])
async def test_reasoning_goes_back_to_the_providers_that_want_it(name: str) -> None:
    """Those refuse or repeat a call whose reasoning is missing; others refuse a field that they did not expect."""
    thought = {"reasoning_content": "hm", "reasoning_details": [{"text": "hm"}]}
    message = {"role": "assistant", "content": "Hello", **thought}
    body = {"id": "1", "object": "chat.completion", "choices": [{"message": message, "finish_reason": "stop"}]}
    came: list[bytes] = []

    def answer(request: httpx.Request) -> httpx.Response:
        came.append(request.content)
        return httpx.Response(200, json=body)

    provider = provider_named(name)
    async with httpx.AsyncClient(transport=httpx.MockTransport(answer)) as client:
        model = connect(provider, ModelEndpoint("http://h" + provider.base_path, client, clock, KEY))
        first = asking(provider)
        said = (await model.complete(first, wide_open)).message
        await model.complete(structs.replace(first, messages=(*first.messages, said)), wide_open)
    sent = set(json.decode(came[1])["messages"][-1]) - {"role", "content"}
    assert sent == {
        "openrouter": {"reasoning_details"},
        "minimax": {"reasoning_details"},
        "deepseek": {"reasoning_content"},
        "moonshot": {"reasoning_content"},
        "zhipu": {"reasoning_content"},
    }.get(name, set())


@pytest.mark.parametrize("name", NAMES)
async def test_an_endpoint_refuses_the_rows_of_all_others(name: str) -> None:
    """Otherwise it would prove nothing that a row is taken."""
    form = FORMS[name]
    for other in NAMES:
        provider, theirs = provider_named(other), FORMS[other]
        alike = (theirs.path, theirs.carrier, theirs.protocol) == (form.path, form.carrier, form.protocol)
        if alike:
            continue
        async with standing_in(name) as (endpoint, client):
            place = ModelEndpoint(below(endpoint, provider), client, clock, KEY)
            with pytest.raises(ProviderError):
                await connect(provider, place).complete(asking(provider), wide_open)


@pytest.mark.parametrize("name", NAMES)
async def test_a_wrong_path_header_version_or_dialect_is_refused(name: str) -> None:
    """One thing wrong at a time."""
    right = provider_named(name)
    ask = asking(right)
    other_header = KeyHeader("api-key" if FORMS[name].carrier != "api-key" else "Authorization")
    wrong = {
        "header": structs.replace(right, key_header=other_header),
        "path": structs.replace(right, path="/elsewhere"),
        "version": structs.replace(
            right, version=None if right.version else ("api-version", "2024-10-21"), path=right.path
        ),
        **({"headers": structs.replace(right, headers={})} if right.headers else {}),
        "key": structs.replace(right, headers={**right.headers, "x-goog-api-key": "k", "x-api-key": "k"}),
    }
    for what, provider in wrong.items():
        async with standing_in(name) as (endpoint, client):
            place = ModelEndpoint(below(endpoint, right), client, clock, KEY)
            with pytest.raises(ProviderError) as refused:
                await connect(provider, place).complete(ask, wide_open)
        assert not isinstance(refused.value, Authentication) or what in {"header", "key"}, what
    with pytest.raises(BadRequest):
        await say(right, name, structs.replace(ask, parameters={**ask.parameters, "unheard_of": 1}))


async def test_a_stream_of_google_is_asked_for_as_events() -> None:
    """Without ``alt=sse`` it would come as one list."""
    bare = structs.replace(provider_named("gemini"), path="/models/{model}:streamGenerateContent")
    async with standing_in("gemini") as (endpoint, client):
        place = ModelEndpoint(below(endpoint, bare), client, clock, KEY)
        with pytest.raises(BadRequest, match="alt=sse"):
            await connect(bare, place).complete(asking(bare, stream=True), wide_open)


async def test_a_request_of_another_protocol_is_not_sent() -> None:
    """Its body would be nonsense there."""
    async with standing_in("openai") as (endpoint, client):
        openai = provider_named("openai")
        place = ModelEndpoint(below(endpoint, openai), client, clock, KEY)
        with pytest.raises(BadRequest, match="takes chat"):
            await connect(openai, place).complete(asking(provider_named("gemini")), wide_open)
        assert not endpoint.requests


async def test_agents_of_other_protocols_have_their_own_header_unless_the_provider_has_another() -> None:
    """An endpoint may take several protocols under one key; Azure takes each under its own header."""
    async with open_client() as client:
        place = ModelEndpoint("http://h", client, clock, KEY)
        assert other_carrier(provider_named("openai"), place) is None
        assert other_carrier(provider_named("anthropic"), place) is None
        assert other_carrier(provider_named("azure"), place) == KeyHeader("api-key")
        named = KeyHeader("Authorization", "Bearer ")
        assert other_carrier(provider_named("openai"), place._replace(header=named)) == named


@pytest.mark.parametrize("name", NAMES)
async def test_a_key_is_wanted_but_where_it_need_not_be(name: str) -> None:
    """A server of one's own takes requests without one."""
    provider = provider_named(name)
    if provider.key_optional:
        assert await say(provider, name, asking(provider), StaticKey(None)) == "Hello"
    else:
        with pytest.raises(Authentication):
            await say(provider, name, asking(provider), StaticKey(None))


async def test_a_version_that_the_spec_names_is_sent_in_place_of_the_usual_one() -> None:
    """Azure has features in previews only."""
    azure = provider_named("azure")
    wanted = structs.replace(FORMS["azure"], version=("api-version", re.escape("2025-04-01-preview")))
    async with standing_in("azure", wanted) as (endpoint, client):
        usual = ModelEndpoint(below(endpoint, azure), client, clock, KEY)
        with pytest.raises(ProviderError):
            await connect(azure, usual).complete(asking(azure), wide_open)
        newer = usual._replace(version="2025-04-01-preview")
        assert (await connect(azure, newer).complete(asking(azure), wide_open)).text == "Hello"


def test_the_documentation_lists_every_row() -> None:
    """A reader looks for a provider there."""
    text = (Path(__file__).parents[3] / "docs" / "models.md").read_text(encoding="utf-8")
    assert [name for name in NAMES if f"| `{name}` |" not in text] == []
