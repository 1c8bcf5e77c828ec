"""Facts about the memo. In the trial's stream."""

from events.base import Event
from events.digest import Digest
from events.types.decision import Decided


class MemoRewritten(Decided, frozen=True, tag="memo.rewritten"):
    """After a failed attempt the memo was rewritten whole."""

    attempt: int
    memo: Digest
    """Blob: Markdown with the five sections."""
    previous: Digest | None
    """Blob: the memo before. None: this is the first."""
    repaired: bool
    """True if a first answer was malformed and a second one was not."""


class MemoKept(Decided, frozen=True, tag="memo.kept"):
    """The memo was not rewritten: the reflector failed or its answers were malformed. The old one stands."""

    attempt: int
    memo: Digest | None
    """Blob: the memo that stands. None: there is none yet."""
    problems: tuple[str, ...]
    """What was wrong; never empty."""


class MemoImported(Event, frozen=True, tag="memo.imported"):
    """What another system stored as its memo, healthy or not."""

    attempt: int
    """The attempt it was written after, as the source counts."""
    memo: Digest
    """Blob; may hold an error text or nothing."""
    previous: Digest | None
    """Blob: what the source had before. None: it had nothing."""
    reflected: bool
    """True if a reflect call made it; False if the source wrote a template without asking a model."""
