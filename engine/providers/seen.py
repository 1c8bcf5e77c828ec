"""Keeping what there is to know of an answer beside its body: the same for our own calls and for those of agents."""

from collections.abc import Mapping

from engine.protocols.allowance import allowance_in
from engine.protocols.errors import FailedCallFacts
from engine.providers.retry import retry_after_in


def seen_of(status: int, headers: Mapping[str, str], raw: bytes, now_us: int) -> FailedCallFacts:
    """Put together what is kept of an answer.

    Args:
        status: The HTTP status.
        headers: Of the answer, found by lower-case names.
        raw: The body's bytes, as many as came.
        now_us: UTC microseconds since 1970, against which dates are read.
    """
    return FailedCallFacts(
        status=status,
        raw=raw,
        retry_after_s=retry_after_in(headers, now_us),
        request_id=headers.get("x-request-id") or headers.get("request-id"),
        left=allowance_in(headers, now_us),
    )
