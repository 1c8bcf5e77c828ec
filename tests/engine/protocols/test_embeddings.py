"""Vectors come over the protocol that most providers have for them, from a real endpoint on loopback."""

from decimal import Decimal

import pytest
from msgspec import json

from engine.protocols.embeddings import Embeddings, EmbeddingsRequests
from engine.protocols.errors import BadRequest, FailedCallFacts, MalformedReply, ProviderError
from engine.protocols.reply import ChatReply
from engine.protocols.request import ChatRequest
from engine.protocols.server_side import ServerRequest
from engine.providers.credentials import StaticKey
from engine.providers.endpoint import ModelEndpoint
from engine.providers.gate import wide_open
from engine.providers.http import connect, embedding_provider, generic
from engine.providers.provider import ModelProvider
from engine.providers.registry import provider_named
from engine.providers.transport import open_client
from engine.scripted.reader import parse_script
from engine.scripted.server import ScriptedEndpoint
from engine.scripted.word_vectors import DIMENSIONS, embed_words


def asking(*texts: str, **more: object) -> ChatRequest:
    """Ask for the vectors of texts."""
    messages = tuple(json.encode({"role": "user", "content": each}) for each in texts)
    return ChatRequest(model="m", messages=messages, protocol="embeddings", parameters=more)


async def answered(
    turn: str, request: ChatRequest, provider: ModelProvider, path: str = "/v1/embeddings", base: str = ""
) -> ChatReply:
    """Ask an endpoint that answers with a turn."""
    script = parse_script(f'name = "story"\n[[rule]]\nname = "all"\n[[rule.turn]]\n{turn}\n', "story")
    async with ScriptedEndpoint(script) as endpoint, open_client() as client:
        url = endpoint.host_url + base
        reply = await connect(provider, ModelEndpoint(url, client, lambda: 0, StaticKey("k"))).complete(
            request, wide_open
        )
        assert endpoint.came[0].path == path
        assert endpoint.came[0].headers["authorization"] == "Bearer k"
        return reply


def test_a_request_holds_the_texts_and_what_was_set_and_nothing_else() -> None:
    """Byte for byte the same each time; a text may come in parts."""
    body = EmbeddingsRequests().body(asking("one", "two", dimensions=2))
    assert body == b'{"model":"m","input":["one","two"],"dimensions":2}'
    parts = json.encode({"role": "user", "content": [{"type": "text", "text": "o"}, {"type": "text", "text": "ne"}]})
    request = ChatRequest(model="m", messages=(parts,), protocol="embeddings")
    assert EmbeddingsRequests().body(request) == b'{"model":"m","input":["one"]}'


@pytest.mark.parametrize(
    "wrong",
    [
        asking(),
        asking("one", ""),
        asking("one", input="two"),
        asking("one", encoding_format="base64"),
        ChatRequest(model="m", messages=asking("one").messages, stream=True, protocol="embeddings"),
        ChatRequest(model="m", messages=asking("one").messages, tools=b"[]", protocol="embeddings"),
    ],
)
def test_what_cannot_be_asked_is_refused_before_it_is_sent(wrong: ChatRequest) -> None:
    """No texts, an empty one, a stream, tools, or parameters that the request sets itself."""
    with pytest.raises(BadRequest):
        EmbeddingsRequests().body(wrong)


@pytest.mark.parametrize("base", ["", "/v1"])
async def test_vectors_come_with_what_they_cost(base: str) -> None:
    """As a JSON list in the place of a text, so that they are kept and replayed as any answer is."""
    turn = 'text = "[[1.0,0.25],[0,1e-7]]"\nusage = { input = 7, output = 0 }\ncost_usd = "0.000002"'
    reply = await answered(turn, asking("one", "two"), generic("embeddings"), base=base)
    assert reply.text is not None
    assert json.decode(reply.text) == [[1.0, 0.25], [0.0, 1e-07]]
    assert reply.usage.input_tokens == 7
    assert reply.cost_usd == Decimal("0.000002")
    assert json.decode(reply.message) == {"role": "assistant", "content": reply.text}


async def test_a_provider_of_chat_is_asked_for_vectors_at_the_same_address() -> None:
    """With its key; where its requests go to a path of its own, to the path beside that."""
    openai = embedding_provider(provider_named("openai"))
    await answered('text = "[[1.0]]"', asking("one"), openai, base="/v1")
    azure = embedding_provider(ModelProvider(name="a", about="", path="/deployments/{model}/chat/completions"))
    assert azure.path == "/deployments/{model}/embeddings"


@pytest.mark.parametrize("said", ["no vectors", "[]", "[[]]", '[["a"]]', "[[1.0],[1.0,2.0]]", "[[1.0],[true]]"])
async def test_what_is_no_list_of_vectors_of_one_length_is_no_answer(said: str) -> None:
    """A failed call never becomes a ranking."""
    with pytest.raises(MalformedReply):
        await answered(f"text = {json.encode(said).decode()}", asking("one", "two"), generic("embeddings"))


@pytest.mark.parametrize("error", ["authentication", "rate_limit", "server", "half", "garbage"])
async def test_a_failure_has_its_kind(error: str) -> None:
    """As with every other protocol."""
    with pytest.raises(ProviderError):
        await answered(f'error = "{error}"', asking("one"), generic("embeddings"))


def test_vectors_stand_in_the_order_of_their_texts() -> None:
    """Whatever order the answer lists them in; servers that give no index list them in order."""

    def read(*rows: object) -> object:
        raw = json.encode({"object": "list", "data": rows, "usage": {"prompt_tokens": 1, "total_tokens": 1}})
        reply = Embeddings().read(raw, FailedCallFacts(status=200, raw=raw))
        assert reply.text is not None
        return json.decode(reply.text)

    second, first = {"index": 1, "embedding": [0.5]}, {"index": 0, "embedding": [1]}
    assert read(second, first) == [[1.0], [0.5]]
    assert read({"embedding": [2.5]}, {"embedding": [1.5]}) == [[2.5], [1.5]]


def test_a_script_embeds_by_words() -> None:
    """A stand-in for tests and demos: texts that share words are near each other. Other requests have no answer."""
    turn = embed_words(ServerRequest(model="m", opening='["all pages","every page","send orders"]', turn=0))
    assert turn is not None
    assert turn.text is not None
    pages, page, orders = json.decode(turn.text, type=list[list[float]])
    assert len(pages) == DIMENSIONS
    near = sum(a * b for a, b in zip(pages, page, strict=True))
    far = sum(a * b for a, b in zip(pages, orders, strict=True))
    assert near > far
    assert embed_words(ServerRequest(model="m", opening="Hello.", turn=0)) is None
