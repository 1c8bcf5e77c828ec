"""What is asked of a model and what comes back: values, and the one protocol between them.

Messages are kept as the exact bytes they had when they entered the log, so a request can be assembled again
from its blobs to the last byte, today or in a year.
"""

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from typing import Protocol

from engine.protocols.allowance import SILENT, RateLimitHeaders
from engine.protocols.reply import ChatReply
from engine.protocols.request import ChatRequest
from engine.protocols.writers import writer_for

Clock = Callable[[], int]
"""Gives UTC microseconds since 1970. Passed in, so that a test or a replay decides what time it is."""


class CallPermit(Protocol):
    """A place for one physical call. Whoever has it says how the call went, or nothing if that says nothing."""

    def answered(self, tokens: int | None = None, left: RateLimitHeaders = SILENT) -> None:
        """Say that it was answered.

        Args:
            tokens: Input and output together. None: not counted.
            left: What the provider says is left of its limits.
        """

    def refused(self, retry_after_s: float | None = None, left: RateLimitHeaders = SILENT) -> None:
        """Say that it was refused because there were too many (429). None: it was not said how long to wait."""

    def overloaded(self, retry_after_s: float | None = None, left: RateLimitHeaders = SILENT) -> None:
        """Say that the provider has too much load (503, 529)."""


Gate = Callable[[], AbstractAsyncContextManager[CallPermit]]
"""Waits for a place for one physical call."""


class ChatProvider(Protocol):
    """Answers questions, or says in a typed way why not.

    One instance serves any number of callers at once; whoever needs a limit puts a gate in front.
    """

    async def complete(self, request: ChatRequest, gate: Gate) -> ChatReply:
        """Make one physical call, through the gate. Whether to call again is for whoever asks to decide.

        Raises:
            ProviderError: One of the tree in ``engine/protocols/errors.py``.
        """
        ...


def body_of(request: ChatRequest) -> bytes:
    """Assemble the request body, in the request's own protocol: a pure function of it, the same bytes each time.

    Raises:
        BadRequest: A parameter would overwrite one of the request's own fields, or is not a JSON value.
    """
    return writer_for(request.protocol).body(request)
