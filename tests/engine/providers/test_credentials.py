"""Stories of tokens that a command prints: real commands, a clock that is set by hand."""

import sys
from pathlib import Path

import anyio
import pytest

from engine.protocols.errors import Authentication
from engine.protocols.request import ChatRequest
from engine.providers.credentials import CommandToken, KeyCommandFailed, Token, read_token, token_of
from engine.providers.endpoint import ModelEndpoint
from engine.providers.gate import wide_open
from engine.providers.http import OpenAIChat, connect, generic
from engine.providers.transport import open_client
from events.errors import ExitCode
from tests.engine.providers.support_server import answer, completion, serving

NOON = 1_700_000_000_000_000
COUNTING = """
import pathlib
count = pathlib.Path("count")
n = int(count.read_text()) + 1 if count.exists() else 1
count.write_text(str(n))
print(f"token-of-the-day-{n}")
"""
PRINTS = f"{sys.executable} print.py"
ASK = ChatRequest(model="m", messages=(b'{"role":"user","content":"Hi"}',))


class Clock:
    """A clock that is set by hand."""

    def __init__(self) -> None:
        self.now = NOON

    def __call__(self) -> int:
        """Tell the time."""
        return self.now


def token_in(folder: Path, clock: Clock, protected: list[str], script: str = COUNTING) -> CommandToken:
    """Make a token of a command that says how often it was run."""
    (folder / "print.py").write_text(script, encoding="utf-8")
    return CommandToken(PRINTS, folder, clock, protected.append)


async def test_a_command_runs_once_however_many_ask(tmp_path: Path) -> None:
    """A thousand calls begin together; each token is made known before anybody has it."""
    protected: list[str] = []
    token, given = token_in(tmp_path, Clock(), protected), []

    async def ask() -> None:
        given.append(await token.get())

    async with anyio.create_task_group() as tasks:
        for _ in range(20):
            tasks.start_soon(ask)
    assert given == ["token-of-the-day-1"] * 20
    assert protected == ["token-of-the-day-1"]


async def test_a_token_is_renewed_after_five_minutes_where_nothing_else_is_known(tmp_path: Path) -> None:
    """Not before, and not only when it is refused: an installed agent would end on that."""
    clock = Clock()
    token = token_in(tmp_path, clock, [])
    await token.get()
    clock.now = NOON + 299_999_999
    assert await token.get() == "token-of-the-day-1"
    clock.now += 1
    assert await token.get() == "token-of-the-day-2"


async def test_a_token_is_renewed_a_minute_before_it_runs_out(tmp_path: Path) -> None:
    """As its JSON says."""
    clock = Clock()
    script = COUNTING.replace("print(f", "import json\nword = (f")
    script += "print(json.dumps({'accessToken': word, 'expires_in': 3600}))"
    token = token_in(tmp_path, clock, [], script)
    assert await token.get() == "token-of-the-day-1"
    clock.now = NOON + 3_539_999_999
    assert await token.get() == "token-of-the-day-1"
    clock.now += 1
    assert await token.get() == "token-of-the-day-2"


async def test_a_refused_token_is_renewed_and_the_call_may_be_made_again(tmp_path: Path) -> None:
    """The engine makes it again, so that each physical call is on record."""
    refusal = answer('{"error":{"message":"expired"}}', 401)
    async with serving(refusal, answer(completion())) as endpoint, open_client() as client:
        clock = Clock()
        place = ModelEndpoint(endpoint.url, client, clock, token_in(tmp_path, clock, []))
        provider = connect(generic("chat"), place)
        with pytest.raises(Authentication) as refused:
            await provider.complete(ASK, wide_open)
        assert refused.value.retryable
        assert (await provider.complete(ASK, wide_open)).text == "Hello"
    keys = [each.header("Authorization") for each in endpoint.asked]
    assert keys == [["Bearer token-of-the-day-1"], ["Bearer token-of-the-day-2"]]


async def test_the_same_token_again_is_no_reason_to_ask_again(tmp_path: Path) -> None:
    """A command that keeps one until its end would have calls made for nothing."""
    async with serving(answer("{}", 401)) as endpoint, open_client() as client:
        clock = Clock()
        token = token_in(tmp_path, clock, [], 'print("always-the-same-token")')
        provider = connect(generic("chat"), ModelEndpoint(endpoint.url, client, clock, token))
        with pytest.raises(Authentication) as refused:
            await provider.complete(ASK, wide_open)
    assert not refused.value.retryable


async def test_a_key_that_is_refused_is_not_tried_again() -> None:
    """It stays what it is."""
    async with serving(answer("{}", 401)) as endpoint, open_client() as client:
        with pytest.raises(Authentication) as refused:
            await OpenAIChat(endpoint.url, client=client, clock=Clock(), api_key="key-1").complete(ASK)
    assert not refused.value.retryable


@pytest.mark.parametrize(
    ("command", "why"),
    [
        ("no-such-command-anywhere", "cannot be run"),
        ("", "cannot be run"),
        ("sh -c 'unclosed", "cannot be run"),
        ("sh -c 'echo not logged in >&2; exit 3'", "failed with exit code 3: not logged in"),
        ("true", "printed no token"),
        ("echo short", "printed no token"),
        ("echo two words that are longer than sixteen", "printed no token"),
        ("echo {}", "printed no token"),
    ],
)
async def test_a_command_that_gives_no_token_is_named_with_what_is_wrong(
    command: str, why: str, tmp_path: Path
) -> None:
    """Before a run starts it ends it; later it is a failure of the call, which may pass."""
    with pytest.raises(KeyCommandFailed) as failed:
        await token_of(command, tmp_path, NOON)
    assert why in failed.value.problem
    assert command in failed.value.problem
    assert failed.value.exit_code is ExitCode.USAGE
    with pytest.raises(Authentication, match="api_key_command") as call:
        await CommandToken(command, tmp_path, Clock(), list[str]().append).get()
    assert (call.value.retryable, call.value.sent) == (True, False)
    assert "not logged in" not in call.value.problem, "what a command says may hold anything, and this is recorded"


@pytest.mark.parametrize(
    ("printed", "token"),
    [
        (b"0123456789abcdef\n", Token("0123456789abcdef", None, NOON + 300_000_000)),
        (b"0123456789abcde", None),
        (b'{"token":"0123456789abcdef"}', Token("0123456789abcdef", None, NOON + 300_000_000)),
        (
            b'{"access_token":"0123456789abcdef","expires_on":1700000600,"expiresOn":"2023-11-14 00:00:00"}',
            Token("0123456789abcdef", NOON + 600_000_000, NOON + 540_000_000),
        ),
        (
            b'{"token":"0123456789abcdef","expiry":"2023-11-14T22:23:20Z"}',
            Token("0123456789abcdef", NOON + 600_000_000, NOON + 540_000_000),
        ),
        (b'{"token":"0123456789abcdef","expiry":"soon"}', Token("0123456789abcdef", None, NOON + 300_000_000)),
        (b'{"token":', None),
        (b'{"token":7}', None),
    ],
)
def test_tokens_are_read_as_the_tools_of_clouds_print_them(printed: bytes, token: Token | None) -> None:
    """Alone, or in JSON that says when they run out."""
    assert read_token(printed, NOON) == token
