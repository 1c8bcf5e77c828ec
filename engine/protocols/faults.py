"""What a failed answer of an endpoint means, in all protocols.

A status alone does not decide: the same 400 is a conversation that is too long, a filter, or a misspelt parameter.
Codes and fields come first, wherever they are (`error_body`, `error_codes`); then the words that providers use
(`error_words`), under few statuses and with what they must not be mistaken for; then the status. What remains is a bad
request, which says nothing about an agent: an attempt without a score is better than an untrue one.
"""

from collections.abc import Callable
from typing import Any, Final, NamedTuple

from msgspec.structs import replace

from engine.protocols.error_body import ErrorBody, error_in
from engine.protocols.error_codes import Meaning, meanings_of, status_of
from engine.protocols.error_mends import Mend, mend_of
from engine.protocols.error_words import (
    TooLong,
    credit_spent,
    filtered,
    images_unsupported,
    never_fits,
    renewed_later,
    soon_again,
    too_long,
    usage_only,
)
from engine.protocols.errors import (
    Authentication,
    BadRequest,
    ContextLength,
    FailedCallFacts,
    ImagesUnsupported,
    Overloaded,
    ProviderError,
    RateLimited,
    Refused,
    ServerFault,
    TimedOut,
)

_CREDIT: Final = "add credit to the provider's account"
_QUOTA: Final = "wait until the quota is renewed, or have the provider raise it"
_WINDOW: Final = "lower models.ROLE.parameters.max_tokens: what the answer may have counts toward the model's window"
LONGEST_WAIT_S: Final = 900.0
"""Seconds beyond which what a provider asks to wait is no matter of a call any more."""

_MAY_BE_TOO_LONG: Final = frozenset({400, 413, 422, 500})
"""Statuses under which words may say that a conversation is too long; llama.cpp and vLLM have used 500."""
_MAY_BE_IF_SURE: Final = frozenset({403, 424, 502, 503})
"""Where they must name the model's window: Together says so with 403, routers with 502."""
_BUSY: Final = frozenset({503, 529})
"""529 is Anthropic's."""
_MAY_BE_MENDED: Final = frozenset({400, 404, 405, 415, 422, 500, 501})
_MAY_BE_FILTERED: Final = frozenset({400, 403, 422})
_MAY_BE_SPENT: Final = frozenset({400, 401, 403, 429})

_BY_STATUS: Final[dict[int, type[ProviderError]]] = {
    401: Authentication,
    403: Authentication,
    407: Authentication,
    408: TimedOut,
    409: ServerFault,  # a lock, which passes
    425: ServerFault,  # too early, which passes
    **dict.fromkeys(_BUSY, Overloaded),
}


class _Case(NamedTuple):
    """An answer to be judged."""

    seen: FailedCallFacts
    body: ErrorBody
    status: int
    meanings: frozenset[Meaning]
    said: str


def fault_of(seen: FailedCallFacts, body: ErrorBody, *, status: int) -> ProviderError:
    """Say what went wrong.

    Args:
        seen: What is kept of the answer.
        body: What could be read of its body.
        status: The status to judge by: the answer's own, or one found inside a 200.
    """
    if seen.retry_after_s is None and body.wait_s is not None:
        seen = replace(seen, retry_after_s=body.wait_s)
    said = f"the endpoint answered {status}: {body.message or 'no reason given'}"
    case = _Case(seen, body, status, meanings_of(body), said)
    for judge in _JUDGES:
        fault = judge(case)
        if fault is not None:
            return fault
    return _by_status(case)


def fault_within(error: Any, seen: FailedCallFacts) -> ProviderError:
    """Judge an error that came inside a 200, by its own status or codes; without one it is the server's fault.

    Args:
        error: What was decoded: an object, a text, or anything else.
        seen: What is kept of the answer.
    """
    body = error_in(error)
    return fault_of(seen, body, status=status_of(body) or (429 if soon_again(body.words) else 500))


def _too_long_by_code(case: _Case) -> ProviderError | None:
    if Meaning.TOO_LONG not in case.meanings or Meaning.RATE in case.meanings:
        return None
    words = too_long(case.body.words)
    return _context(case, words or TooLong(sure=True, with_answer=False))


def _filtered_by_code(case: _Case) -> ProviderError | None:
    if Meaning.FILTERED in case.meanings or case.body.filtered:
        return Refused(case.said, seen=case.seen)
    return None


def _spent(case: _Case) -> ProviderError | None:
    """Tell an account without credit from one that has to wait: asking again helps only the latter."""
    named = case.status == 402 or Meaning.SPENT in case.meanings
    # Google words an ordinary rate limit as if the account had to be looked at.
    sure = case.status not in _MAY_BE_SPENT or "resource_exhausted" in case.body.codes
    words = credit_spent(case.body.words, sure=sure)
    if not (named or words) or (case.status != 402 and soon_again(case.body.words)):
        return None
    plan = not named and usage_only(case.body.words)
    if plan and renewed_later(case.body.words):
        return RateLimited(case.said, remedy=_QUOTA, seen=case.seen, retryable=False)
    if plan and case.status == 429 and case.seen.retry_after_s is not None:
        return None
    return RateLimited(case.said, remedy=_CREDIT, seen=case.seen, retryable=False)


def _limited(case: _Case) -> ProviderError | None:
    """Judge a rate limit or a quota, by requests or by tokens; it is never a conversation that is too long."""
    if 429 not in {case.status, *case.body.statuses} and not case.meanings & {Meaning.RATE, Meaning.LATER}:
        return None
    if never_fits(case.body.words):
        remedy = "have the limit of tokens a minute raised: one request alone is beyond it"
        return BadRequest(case.said, remedy=remedy, setting="lower models.ROLE.parameters.max_tokens", seen=case.seen)
    wait = case.seen.retry_after_s
    daily = any("perday" in code or "per_day" in code for code in case.body.codes)
    later = Meaning.LATER in case.meanings or renewed_later(case.body.words)
    if daily or (later if wait is None else wait > LONGEST_WAIT_S):
        return RateLimited(case.said, remedy=_QUOTA, seen=case.seen, retryable=False)
    return RateLimited(case.said, seen=case.seen)


def _overloaded(case: _Case) -> ProviderError | None:
    busy = Meaning.OVERLOADED in case.meanings or case.body.statuses & _BUSY
    return Overloaded(case.said, seen=case.seen) if busy else None


def _too_long_by_words(case: _Case) -> ProviderError | None:
    if case.status not in _MAY_BE_TOO_LONG | _MAY_BE_IF_SURE:
        return None
    found = too_long(case.body.words)
    if found is None or (case.status in _MAY_BE_IF_SURE and not found.sure):
        return None
    return _context(case, found)


def _context(case: _Case, found: TooLong) -> ProviderError:
    return ContextLength(case.said, setting=_WINDOW if found.with_answer else None, seen=case.seen)


def _filtered_by_words(case: _Case) -> ProviderError | None:
    if case.status in _MAY_BE_FILTERED and filtered(case.body.words):
        return Refused(case.said, seen=case.seen)
    return None


def _images_unsupported(case: _Case) -> ProviderError | None:
    """Judge what refuses an image as such; llama.cpp does so with 500, and would do so for ever."""
    if case.status not in _MAY_BE_MENDED or not images_unsupported(case.body.words):
        return None
    return ImagesUnsupported(case.said, seen=case.seen)


def _mended(case: _Case) -> ProviderError | None:
    """Find the setting that mends a refused request; llama.cpp and others refuse some with 500 or 501."""
    mend = mend_of(case.body) if case.status in _MAY_BE_MENDED else None
    if mend is None or (case.status == 500 and "tools" not in (mend.setting or "")):
        return None
    return _bad(case, mend)


def _bad(case: _Case, mend: Mend) -> BadRequest:
    return BadRequest(case.said, remedy=mend.remedy, setting=mend.setting, seen=case.seen)


_JUDGES: Final[tuple[Callable[[_Case], ProviderError | None], ...]] = (
    _too_long_by_code,
    _filtered_by_code,
    _spent,
    _limited,
    _overloaded,
    _too_long_by_words,
    _filtered_by_words,
    _images_unsupported,
    _mended,
)
"""In the order in which they are asked; the first that knows decides."""


def _by_status(case: _Case) -> ProviderError:
    """Judge by the status alone."""
    seen, status = case.seen, case.status
    if known := _BY_STATUS.get(status):
        return known(case.said, seen=seen)
    if status >= 500:
        return ServerFault(case.said, seen=seen, retryable=status != 501)
    if status == 413:
        remedy = "the request has more bytes than the endpoint, or a proxy before it, lets through"
        return BadRequest(case.said, remedy=remedy, seen=seen)
    if 300 <= status < 400:
        return BadRequest(
            f"{case.said} (a redirect, which is not followed: the key would go with it)",
            remedy="give the base URL that it points to",
            seen=seen,
        )
    return BadRequest(case.said, seen=seen)
