"""Filling ``{{names}}`` in a text, strictly: no name too few, none too many, no value expanded twice."""

import re

from events.errors import StillroomError

_PLACEHOLDER = re.compile(r"\{\{([a-z][a-z0-9_]*)\}\}")


class TemplateMismatchError(StillroomError):
    """Raised when the values given are not those a template asks for."""

    def __init__(self, *, missing: tuple[str, ...], unknown: tuple[str, ...]) -> None:
        super().__init__(
            f"a template lacks values for {list(missing)} and knows nothing of {list(unknown)}",
            remedy="give exactly the placeholders which the template names",
        )
        self.missing = missing
        self.unknown = unknown


def placeholders(template: str) -> frozenset[str]:
    """The names a template asks for."""
    return frozenset(_PLACEHOLDER.findall(template))


def fill(template: str, /, **values: str | int) -> str:
    """Replace each placeholder in one pass, so that a value which holds ``{{`` stays as it is.

    Raises:
        TemplateMismatchError: A placeholder has no value, or a value no placeholder.
    """
    asked = placeholders(template)
    if asked != values.keys():
        raise TemplateMismatchError(
            missing=tuple(sorted(asked - values.keys())), unknown=tuple(sorted(values.keys() - asked))
        )
    return _PLACEHOLDER.sub(lambda match: str(values[match[1]]), template)
