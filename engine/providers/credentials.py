"""Keys and tokens: a key that the environment holds, or a token that a command prints and that runs out.

A token is never written down: it is known to whatever replaces secrets before it is first sent.
"""

import re
import shlex
import subprocess
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, ClassVar, Final, NamedTuple, Protocol

import anyio
import msgspec

from engine.protocols.errors import Authentication, FailedCallFacts
from events.errors import ExitCode, StillroomError

COMMAND_S: Final = 60.0
"""Seconds after which a command that has not printed a token is given up."""
SHORTEST_TOKEN: Final = 16
"""Characters; a shorter one would be found in innocent text."""
_EARLY_US: Final = 60_000_000
"""A token is renewed so many microseconds before it runs out."""
_AGE_US: Final = 300_000_000
"""Microseconds after which a token is renewed of which it was not said when it runs out."""
_SENDABLE: Final = re.compile(r"[\x21-\x7e]+")
_TOKENS: Final = ("accessToken", "access_token", "token", "id_token")
"""Where the JSON of a command has its token: that of Azure, of OAuth, of gcloud and of others."""
_MOST_TOLD: Final = 200
"""Characters of what a command that failed complains of."""


class KeyCommandFailed(StillroomError):
    """Raised when `api_key_command` gives no token.

    Attributes:
        command: As the spec has it.
        why: What is wrong, without any word of the command's own: those may hold anything, and this is recorded.
    """

    exit_code: ClassVar[ExitCode] = ExitCode.USAGE

    def __init__(self, command: str, why: str, complaint: str = "") -> None:
        super().__init__(
            f"the api_key_command `{command}` {why}{complaint}",
            remedy="run it in a shell: it has to print a token and nothing else, or JSON that holds one; "
            "for a key that does not run out, name its variable as api_key_env",
        )
        self.command = command
        self.why = why


class Credential(Protocol):
    """What a call is made with."""

    async def get(self) -> str | None:
        """Give the key or token. None: the endpoint takes none.

        Raises:
            Authentication: There is none to be had.
        """
        ...

    async def renewed(self, refused: str | None) -> bool:
        """Look for another one, since this one was refused. Says whether there is one now."""
        ...

    @property
    def is_token(self) -> bool:
        """Whether it is a token, which some providers want in another header."""
        ...


class StaticKey(NamedTuple):
    """A key that stays what it is."""

    key: str | None

    async def get(self) -> str | None:
        """Give the key."""
        return self.key

    async def renewed(self, refused: str | None) -> bool:
        """Say that there is no other."""
        del refused
        return False

    @property
    def is_token(self) -> bool:
        """Say that it is none."""
        return False


class Token(NamedTuple):
    """What a command printed."""

    value: str
    expires_us: int | None
    """UTC microseconds since 1970. None: it did not say."""
    renew_us: int
    """When another one is asked for, in UTC microseconds since 1970."""


class CommandToken:
    """A token that a command prints: run when there is none, before it runs out, and when it is refused."""

    def __init__(self, command: str, folder: Path, clock: Callable[[], int], protect: Callable[[str], None]) -> None:
        """Take note; nothing is run.

        Args:
            command: Split as a shell splits it; no shell runs it.
            folder: Where it is run.
            clock: Gives UTC microseconds since 1970.
            protect: Told of every token before it is used, so that it is written nowhere.
        """
        self._command = command
        self._folder = folder
        self._clock = clock
        self._protect = protect
        self._token: Token | None = None
        self._lock = anyio.Lock()

    @property
    def is_token(self) -> bool:
        """Say that it is one."""
        return True

    async def get(self) -> str | None:
        """See ``Credential``. However many ask, the command runs once."""
        async with self._lock:
            if self._token is None or self._clock() >= self._token.renew_us:
                self._token = await self._run()
            return self._token.value

    async def renewed(self, refused: str | None) -> bool:
        """See ``Credential``."""
        async with self._lock:
            if self._token is not None and self._token.value != refused:
                return True  # another call was refused before, and has seen to it
            self._token = await self._run()
            return self._token.value != refused

    async def _run(self) -> Token:
        try:
            token = await token_of(self._command, self._folder, self._clock())
        except KeyCommandFailed as error:
            problem = f"the api_key_command {error.why}"
            raise Authentication(
                problem, remedy=error.remedy, seen=FailedCallFacts(sent=False), retryable=True
            ) from error
        self._protect(token.value)
        return token


async def token_of(command: str, folder: Path, now_us: int) -> Token:
    """Run a command that prints a token.

    Args:
        command: Split as a shell splits it; no shell runs it.
        folder: Where it is run.
        now_us: UTC microseconds since 1970.

    Raises:
        KeyCommandFailed: It cannot be run, fails, takes too long, or prints no token.
    """
    try:
        words = shlex.split(command)
        if not words:
            raise KeyCommandFailed(command, "cannot be run: it is empty")
        with anyio.fail_after(COMMAND_S):
            ran = await anyio.run_process(words, stdin=subprocess.DEVNULL, cwd=folder, check=False)
    except TimeoutError as error:
        raise KeyCommandFailed(command, f"did not end within {COMMAND_S:g} s") from error
    except (OSError, ValueError, IndexError) as error:
        raise KeyCommandFailed(command, f"cannot be run: {error}") from error
    if ran.returncode:
        raise KeyCommandFailed(command, f"failed with exit code {ran.returncode}", _complaint(ran.stderr))
    token = read_token(ran.stdout, now_us)
    if token is None:
        raise KeyCommandFailed(command, f"printed no token (one line of {SHORTEST_TOKEN} characters or more, or JSON)")
    return token


def read_token(printed: bytes, now_us: int) -> Token | None:
    """Read what a command printed: a token alone, or JSON with it and when it runs out. None: there is no token.

    Args:
        printed: On standard output.
        now_us: UTC microseconds since 1970, from which ``expires_in`` counts.
    """
    text = printed.decode("utf-8", "replace").strip()
    told: Any = None
    if text.startswith("{"):
        try:
            told = msgspec.json.decode(text)
        except ValueError:
            return None
        text = next((told[name] for name in _TOKENS if isinstance(told.get(name), str)), "")
    if len(text) < SHORTEST_TOKEN or not _SENDABLE.fullmatch(text):
        return None
    ends = None if told is None else _end(told, now_us)
    return Token(text, ends, now_us + _AGE_US if ends is None else ends - _EARLY_US)


def _end(told: dict[str, Any], now_us: int) -> int | None:
    """Say when a token runs out. None: it is not said, or not in a way that can be read."""
    if isinstance(told.get("expires_in"), int):
        return now_us + int(told["expires_in"]) * 1_000_000
    if isinstance(told.get("expires_on"), int):  # Azure's; the date that it prints beside it has no zone
        return int(told["expires_on"]) * 1_000_000
    for name in ("expires_at", "expiry", "expiration", "Expiration", "expiresOn"):
        if isinstance(told.get(name), str):
            return _date(told[name])
    return None


def _date(text: str) -> int | None:
    try:
        then = datetime.fromisoformat(text)
    except ValueError:
        return None
    # Without a zone it is local time, as Azure's own tool writes it.
    return int((then if then.tzinfo else then.astimezone(UTC)).timestamp() * 1_000_000)


def _complaint(stderr: bytes) -> str:
    lines = stderr.decode("utf-8", "replace").split("\n")
    last = next((line.strip() for line in reversed(lines) if line.strip()), "")
    return f": {last[:_MOST_TOLD]}" if last else ""
