"""Stories of calls of our own: what a room learns of them, and that spent credit is not waited for."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import httpx
import pytest
from typing_extensions import override

from engine.protocols.allowance import SILENT, RateLimitHeaders
from engine.protocols.errors import ProviderError
from engine.protocols.request import ChatRequest
from engine.providers.base import CallPermit
from engine.providers.gate import UnlimitedPermit
from engine.providers.http import OpenAIChat
from engine.providers.transport import open_client
from tests.engine.providers.support_server import Endpoint, Handler, answer, completion, serving

STREAM = {"content-type": "text/event-stream"}
ASK = ChatRequest(model="m", messages=(b'{"role":"user","content":"Hi"}',))
BEGUN = 'data: {"choices":[{"index":0,"delta":{"content":"I lo"}}]}\n\n'


@pytest.fixture
async def client() -> AsyncIterator[httpx.AsyncClient]:
    """Give a client, and close it before the loop ends."""
    async with open_client() as opened:
        yield opened


def chat_at(endpoint: Endpoint, client: httpx.AsyncClient) -> OpenAIChat:
    """Speak to an endpoint."""
    return OpenAIChat(endpoint.url, client=client, clock=lambda: 1_700_000_000_000_000)


class Heard(UnlimitedPermit):
    """A place that remembers what it was told."""

    def __init__(self) -> None:
        self.told: list[tuple[str, float | None]] = []
        self.left: list[RateLimitHeaders] = []

    @override
    def answered(self, tokens: int | None = None, left: RateLimitHeaders = SILENT) -> None:
        """Remember it."""
        self.told.append(("answered", tokens))
        self.left.append(left)

    @override
    def refused(self, retry_after_s: float | None = None, left: RateLimitHeaders = SILENT) -> None:
        """Remember it."""
        self.told.append(("refused", retry_after_s))
        self.left.append(left)

    @override
    def overloaded(self, retry_after_s: float | None = None, left: RateLimitHeaders = SILENT) -> None:
        """Remember it."""
        self.told.append(("overloaded", retry_after_s))
        self.left.append(left)

    @asynccontextmanager
    async def gate(self) -> AsyncIterator[CallPermit]:
        """Let every call take this place."""
        yield self


@pytest.mark.parametrize(
    ("refusal", "told"),
    [
        (answer("", 429), ("refused", None)),
        (answer("", 429, {"retry-after": "3"}), ("refused", 3.0)),
        (answer('{"error":{"message":"try again in 20s"}}', 429), ("refused", 20.0)),
        (answer("", 503), ("overloaded", None)),
        (answer("", 529), ("overloaded", None)),
        (answer(BEGUN + 'data: {"error":{"code":429,"message":"x"}}\n\n', 200, STREAM), ("refused", None)),
        (answer(BEGUN + 'data: {"error":{"type":"overloaded_error"}}\n\n', 200, STREAM), ("overloaded", None)),
        (answer('{"error":{"code":429,"message":"retry in 2s"}}'), ("refused", 2.0)),
    ],
)
async def test_a_refusal_reaches_the_gate_wherever_it_is_said(
    refusal: Handler, told: tuple[str, float | None], client: httpx.AsyncClient
) -> None:
    """In a status, in a stream, in the body of a 200; and the call may be made again."""
    heard = Heard()
    async with serving(refusal) as endpoint:
        with pytest.raises(ProviderError) as caught:
            await chat_at(endpoint, client).complete(ASK, heard.gate)
    assert heard.told == [told]
    assert caught.value.retryable


@pytest.mark.parametrize(
    "refusal",
    [
        answer('{"error":{"code":"1113","message":"please recharge"}}', 429),
        answer('{"error":{"type":"exceeded_current_quota_error","message":"suspended"}}', 429),
        answer('{"error":{"message":"insufficient balance"}}'),
        answer('{"error":{"message":"used up, please try again in 5h"}}', 429),
    ],
)
async def test_spent_credit_ends_a_call_at_once(refusal: Handler, client: httpx.AsyncClient) -> None:
    """Without a wait, and without a word to other calls: each of them fails as fast."""
    heard = Heard()
    async with serving(refusal) as endpoint:
        with pytest.raises(ProviderError) as caught:
            await chat_at(endpoint, client).complete(ASK, heard.gate)
    assert (caught.value.kind, caught.value.retryable, heard.told) == ("rate_limit", False, [])


async def test_what_is_left_reaches_the_gate_with_an_answer(client: httpx.AsyncClient) -> None:
    """That is what calls are spaced out by before they are refused."""
    heard = Heard()
    left = {"x-ratelimit-remaining-requests": "7", "x-ratelimit-reset-requests": "60s"}
    async with serving(answer(completion(), 200, left)) as endpoint:
        await chat_at(endpoint, client).complete(ASK, heard.gate)
    (requests,) = [each.requests for each in heard.left]
    assert requests is not None
    assert (requests.remaining, requests.reset_s) == (7.0, 60.0)
