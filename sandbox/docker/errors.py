"""How an engine fails: in one way, whatever it was that did.

Errors of the API, of the connection and of the socket become `EngineFailed`; what that means is for callers to say:
before a sandbox is open it is unavailable, after that it is lost.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

import aiodocker
import aiohttp

CALL_S: Final = 120.0
"""Seconds without an answer after which a call to the engine has failed."""


class EngineFailed(Exception):
    """Raised when the engine refuses, fails or cannot be reached."""

    def __init__(self, detail: str, status: int | None = None) -> None:
        super().__init__(detail)
        self.detail = detail
        self.status = status
        """HTTP status. None: it did not answer."""


@contextmanager
def told() -> Iterator[None]:
    """Turn every way in which a call can fail into one."""
    try:
        yield
    except aiodocker.DockerError as error:
        raise EngineFailed(str(error.message), error.status) from error
    except TimeoutError as error:
        raise EngineFailed(f"no answer for {CALL_S:.0f} s") from error
    except (aiohttp.ClientError, OSError) as error:
        raise EngineFailed(f"{type(error).__name__}: {error}") from error


@contextmanager
def gone_is_fine() -> Iterator[None]:
    """As `told`, but what is not there needs no removing."""
    try:
        with told():
            yield
    except EngineFailed as error:
        if error.status != 404:
            raise


async def checked(response: aiohttp.ClientResponse) -> None:
    """Turn an answer that is an error into one."""
    if response.status >= 400:
        text = await response.text()
        raise EngineFailed(text.strip()[-500:], response.status)
