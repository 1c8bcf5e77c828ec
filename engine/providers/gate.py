"""Telling a gate how a physical call went."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from engine.protocols.allowance import SILENT, RateLimitHeaders
from engine.protocols.errors import Overloaded, ProviderError, RateLimited
from engine.protocols.reply import ChatReply
from engine.providers.base import CallPermit
from projections.charges import known_tokens


class UnlimitedPermit:
    """A place where there is room for all."""

    def answered(self, tokens: int | None = None, left: RateLimitHeaders = SILENT) -> None:
        """Take no note."""

    def refused(self, retry_after_s: float | None = None, left: RateLimitHeaders = SILENT) -> None:
        """Take no note."""

    def overloaded(self, retry_after_s: float | None = None, left: RateLimitHeaders = SILENT) -> None:
        """Take no note."""


@asynccontextmanager
async def wide_open() -> AsyncIterator[CallPermit]:
    """Let every call through at once."""
    yield UnlimitedPermit()


def tell_answer(seat: CallPermit, reply: ChatReply) -> None:
    """Say that a call was answered."""
    counts = map(known_tokens, (reply.usage.input_tokens, reply.usage.output_tokens))
    used = [each for each in counts if each is not None]
    seat.answered(sum(used) if used else None, reply.left)


def tell_failure(seat: CallPermit, error: ProviderError) -> None:
    """Say what a failure means for other calls, whether it came as a status or inside an answer; most mean nothing."""
    match error:
        case RateLimited(retryable=True):
            seat.refused(error.retry_after_s, error.left)
        case Overloaded():
            seat.overloaded(error.retry_after_s, error.left)
        case _:
            pass
