"""Stories of asking again: when, after how long, and that every call is counted."""

from collections.abc import AsyncIterator
from email.utils import formatdate

import httpx
import pytest

from engine.protocols.errors import ProviderError
from engine.protocols.reply import ChatReply
from engine.providers.base import ChatRequest
from engine.providers.openai_chat import OpenAIChat
from engine.providers.retry import Retry
from engine.providers.transport import open_client
from tests.engine.providers.support_server import Endpoint, Handler, answer, completion, on_the_wire, serving

ASK = ChatRequest(model="m", messages=(b'{"role":"user","content":"Hi"}',))
NOW_S = 1_700_000_000


class Hourglass:
    """A clock that only moves when somebody sleeps; remembers for how long."""

    def __init__(self) -> None:
        self.slept: list[float] = []

    def __call__(self) -> int:
        """Tell UTC microseconds since 1970."""
        return int((NOW_S + sum(self.slept)) * 1e6)

    async def sleep(self, seconds: float) -> None:
        """Let the time pass at once."""
        self.slept.append(seconds)


@pytest.fixture
async def client() -> AsyncIterator[httpx.AsyncClient]:
    """Give a client, and close it before the loop ends."""
    async with open_client() as opened:
        yield opened


@pytest.fixture
def glass() -> Hourglass:
    """Give a clock that nobody waits for."""
    return Hourglass()


def chat_at(endpoint: Endpoint, client: httpx.AsyncClient, glass: Hourglass, retry: Retry) -> OpenAIChat:
    """Give a provider on the hourglass's time."""
    return OpenAIChat(endpoint.url, client=client, clock=glass, retry=retry, sleep=glass.sleep)


async def asked(client: httpx.AsyncClient, glass: Hourglass, *answers: Handler) -> ChatReply:
    """Ask until there is an answer."""
    async with serving(*answers) as endpoint:
        reply = await chat_at(endpoint, client, glass, Retry(tries=5)).complete(ASK)
    assert len(endpoint.asked) == len(reply.tries)
    assert len({each.body for each in endpoint.asked}) == 1
    return reply


async def given_up(client: httpx.AsyncClient, glass: Hourglass, retry: Retry, *answers: Handler) -> ProviderError:
    """Ask until there is none."""
    async with serving(*answers) as endpoint:
        with pytest.raises(ProviderError) as caught:
            await chat_at(endpoint, client, glass, retry).complete(ASK)
    assert len(endpoint.asked) == caught.value.calls_made
    return caught.value


async def test_what_passes_is_asked_again_and_every_call_is_told(client: httpx.AsyncClient, glass: Hourglass) -> None:
    """Whoever reads the log sees what the answer took, and the same bytes were sent each time."""
    reply = await asked(client, glass, answer("", 503), on_the_wire(), answer("{", 200), answer(completion()))
    assert [(each.status, each.error) for each in reply.tries] == [
        (503, "server"),
        (None, "network"),
        (200, "malformed"),
        (200, None),
    ]
    assert [each.waited_s for each in reply.tries] == [*glass.slept, 0.0]


async def test_waits_grow_and_are_the_same_in_every_life(client: httpx.AsyncClient, glass: Hourglass) -> None:
    """No dice: the spread between callers comes from the question itself."""
    retry = Retry(tries=6, first_wait_s=1.0, longest_wait_s=4.0)
    again = Hourglass()
    await given_up(client, glass, retry, answer("", 500))
    await given_up(client, again, retry, answer("", 500))
    assert glass.slept == again.slept
    for waited, longest in zip(glass.slept, [1.0, 2.0, 4.0, 4.0, 4.0], strict=True):
        assert longest / 2 <= waited <= longest


async def test_the_last_failure_is_the_one_that_is_told(client: httpx.AsyncClient, glass: Hourglass) -> None:
    """With all calls before it."""
    error = await given_up(client, glass, Retry(tries=2), answer("", 500), answer("broken", 502))
    assert (error.kind, error.status, error.raw) == ("server", 502, b"broken")
    assert [(each.status, each.error) for each in error.tries] == [(500, "server"), (502, "server")]
    assert error.tries[-1].waited_s == 0.0


async def test_being_refused_for_too_many_calls_is_no_try(client: httpx.AsyncClient, glass: Hourglass) -> None:
    """While a provider wants fewer calls the pool slows down; a storm longer than a few calls is no failure."""
    # Given a call that may be tried five times, and a provider that refuses it more often than that
    storm = [answer("", 429) for _ in range(6)]
    # When something else fails once among the refusals
    reply = await asked(client, glass, *storm[:3], answer("", 500), *storm[3:], answer(completion()))
    # Then it is answered all the same, and all of it is told
    assert [each.status for each in reply.tries] == [429, 429, 429, 500, 429, 429, 429, 200]


async def test_what_fails_besides_refusals_is_counted(client: httpx.AsyncClient, glass: Hourglass) -> None:
    """Two tries are two, whatever lies between them."""
    answers = (answer("", 500), answer("", 429), answer("", 429), answer("broken", 500))
    error = await given_up(client, glass, Retry(tries=2), *answers)
    assert (error.status, error.raw, error.calls_made) == (500, b"broken", 4)


async def test_refusals_without_end_end_with_the_time_there_is(client: httpx.AsyncClient, glass: Hourglass) -> None:
    """What counts is how long it has waited, and not how often it asked."""
    error = await given_up(client, glass, Retry(tries=2, budget_s=300.0), answer("", 429))
    assert error.kind == "rate_limit"
    assert error.calls_made > 5
    assert 240 < sum(glass.slept) <= 300


async def test_without_a_bound_in_time_refusals_are_tries(client: httpx.AsyncClient, glass: Hourglass) -> None:
    """Something must end it."""
    error = await given_up(client, glass, Retry(tries=3, budget_s=None), answer("", 429))
    assert error.calls_made == 3


@pytest.mark.parametrize("status", [400, 401, 402, 403, 404, 413, 422])
async def test_what_will_not_pass_is_asked_once(client: httpx.AsyncClient, glass: Hourglass, status: int) -> None:
    """Asking again costs time, and sometimes money."""
    error = await given_up(client, glass, Retry(tries=5), answer("", status))
    assert (error.calls_made, glass.slept) == (1, [])


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({"Retry-After": "7"}, 7),
        ({"Retry-After": "0"}, 0),
        ({"Retry-After": formatdate(NOW_S + 9, usegmt=True)}, 9),
        ({"Retry-After": formatdate(NOW_S - 9, usegmt=True)}, 0),
        ({"Retry-After": "20", "retry-after-ms": "1500"}, 1.5),
        ({"x-ratelimit-remaining-requests": "0", "x-ratelimit-reset-requests": "1m2s"}, 62),
    ],
)
async def test_the_provider_says_how_long_to_wait(
    client: httpx.AsyncClient, glass: Hourglass, headers: dict[str, str], seconds: float
) -> None:
    """At least so long, and not much longer."""
    await asked(client, glass, answer("", 429, headers), answer(completion()))
    assert len(glass.slept) == 1
    assert seconds <= glass.slept[0] <= seconds + 0.5


@pytest.mark.parametrize("word", ["soon", "-5", "nan", "inf", "1e9", "", "Wed, 99 Foo 2099 99:99:99 GMT"])
async def test_a_wish_that_cannot_be_read_is_no_wish(client: httpx.AsyncClient, glass: Hourglass, word: str) -> None:
    """Waiting for ever because of a header would be a poor joke."""
    await asked(client, glass, answer("", 429, {"Retry-After": word}), answer(completion()))
    assert 0 <= glass.slept[0] <= 0.5


async def test_a_wait_beyond_the_budget_is_not_begun(client: httpx.AsyncClient, glass: Hourglass) -> None:
    """Come back tomorrow: the error says so, and a person decides."""
    retry = Retry(tries=5, budget_s=60.0)
    error = await given_up(client, glass, retry, answer("", 429, {"Retry-After": "86400"}))
    assert (error.kind, error.retry_after_s, error.calls_made) == ("rate_limit", 86400.0, 1)
    assert glass.slept == []
