"""How calls of models end, made up: of most of them only what they cost matters."""

from collections.abc import Sequence

from events.digest import Digest, Fingerprint
from events.types.model import ModelAnswered, ModelFailed, TryMade
from events.values import NanoUsd, Usage

NOTHING = Digest("0" * 64)
UNKNOWN = Usage(None, None, None, None)


def answered(
    cost: NanoUsd | None = None, usage: Usage = UNKNOWN, *, text: Digest | None = None, earlier: Sequence[TryMade] = ()
) -> ModelAnswered:
    """Make an answer."""
    return ModelAnswered(
        request=Fingerprint(NOTHING),
        reply=text or NOTHING,
        message=text or NOTHING,
        text=text,
        tool_calls=(),
        finish=None,
        model=None,
        usage=usage,
        cost=cost,
        reasoning=None,
        status=200,
        earlier=tuple(earlier),
    )


def failed(  # noqa: PLR0913 - each is one of the things that decide what a failure is counted at
    kind: str,
    status: int | None = None,
    *,
    cost: NanoUsd | None = None,
    usage: Usage = UNKNOWN,
    sent: bool | None = True,
    retryable: bool = False,
    retry_after_s: float | None = None,
    detail: str = "",
    earlier: Sequence[TryMade] = (),
) -> ModelFailed:
    """Make a failure."""
    return ModelFailed(
        kind=kind,
        status=status,
        detail=detail,
        reply=None,
        usage=usage,
        cost=cost,
        sent=sent,
        retryable=retryable,
        retry_after_s=retry_after_s,
        earlier=tuple(earlier),
    )
