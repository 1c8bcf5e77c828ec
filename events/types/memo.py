"""Facts about the memo. In the trial's stream."""

from events.base import Event
from events.digest import Digest
from events.types.decision import Decided


class MemoRewritten(Decided, frozen=True, tag="memo.rewritten"):
    """The memo was rewritten as a whole after a failed attempt."""

    attempt: int
    memo: Digest
    """Blob: Markdown with the five sections."""
    previous: Digest | None
    """Blob: the previous memo. None: this is the first."""
    repaired: bool
    """True if the first answer was malformed and the second one was not."""


class MemoKept(Decided, frozen=True, tag="memo.kept"):
    """The memo was not rewritten: the reflector failed or its answers were malformed. The previous memo remains."""

    attempt: int
    memo: Digest | None
    """Blob: the memo that remains. None: there is none yet."""
    problems: tuple[str, ...]
    """What was wrong; never empty."""


class MemoImported(Event, frozen=True, tag="memo.imported"):
    """What another system stored as its memo, valid or not."""

    attempt: int
    """The attempt after which it was written, as the source counts."""
    memo: Digest
    """Blob; may contain an error text or nothing."""
    previous: Digest | None
    """Blob: the previous memo of the source. None: it had none."""
    reflected: bool
    """True if a reflect call produced it; False if the source wrote a template without calling a model."""
