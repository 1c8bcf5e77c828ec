"""What is seen of a model's answer that has to be read, and what is read from it."""

from typing import Literal

import msgspec

from events.digest import Digest


class ReplySeen(msgspec.Struct, frozen=True):
    """Of `ModelAnswered`."""

    message: Digest
    text: Digest | None


class ReadAnswer(msgspec.Struct, frozen=True):
    """What is read from an answer."""

    verdict: Literal["read", "repair", "unreadable"]
    """It is taken; it is asked for once more; it is not taken."""
    value: Digest | None
    """Blob: JSON; what was read, in the shape of its point. None: nothing was."""
    beside: Digest | None
    """Blob: JSON; what was said besides, such as kinds of failures or a summary of changes. None: nothing was."""
    count: int
    """How many proposals, indices or notes the value holds; the rate itself; 0 where nothing was read."""
    problems: tuple[str, ...]
    """What is wrong with it, each as it is told to the model. Of what is taken: what was left out of it."""
    quoted: Digest | None
    """Blob: the model's own message, as it is shown to it again. None: it is not."""
