"""The little English of the training demo: what a jar holds, and the rules by which jars are labelled; pure.

A rule is one sentence, such as "Dried herbs get the letter D." Of several rules that cover a jar, the last one counts.
"""

import re
from collections.abc import Iterator, Mapping
from types import MappingProxyType
from typing import Final, NamedTuple

GENERAL: Final = "Every jar"
"""Subject of a rule that covers all jars."""
SUBJECTS: Final[Mapping[str, str]] = MappingProxyType(
    {
        "Dried herbs": "dried {name}",
        "Fresh herbs": "fresh {name}",
        "Tinctures": "a tincture of {name}",
        "Oils": "an oil of {name}",
        "Syrups": "a syrup of {name}",
        "Salves": "a salve of {name}",
        "Minerals": "{name}, a mineral",
    }
)
"""Subject of a rule, and how the content of a jar that it covers is worded."""
PLAIN: Final = "{name}, as it is"
"""Content of a jar that gets no letter."""

_RULE: Final = re.compile(rf"({GENERAL}|{'|'.join(SUBJECTS)}) gets? the letter ([A-Z])\.")
_ADVICE: Final = re.compile(r"Jars with an? [a-z]+ lid are wiped on [A-Z][a-z]+\.")
_PLACE: Final = re.compile(r"([A-Z][a-z]+) stands on shelf (\d+)\.")
_CONTENTS: Final = tuple(
    (subject, re.compile(re.escape(form).replace(r"\{name\}", r"([a-z]+)") + r"\Z"))
    for subject, form in (*SUBJECTS.items(), ("", PLAIN))
)


class LabelRule(NamedTuple):
    """Which jars get which letter."""

    subject: str
    letter: str

    @property
    def sentence(self) -> str:
        """How the rule is written."""
        return f"{self.subject} {'gets' if self.subject == GENERAL else 'get'} the letter {self.letter}."


def rules_in(text: str) -> list[LabelRule]:
    """List the rules that stand in a text, in order."""
    return [LabelRule(*found) for found in _RULE.findall(text)]


def sentences_in(text: str) -> Iterator[str]:
    """List what a text says of labels and jars in general, in order: its rules, and its advice."""
    found = [(each.start(), each[0]) for pattern in (_RULE, _ADVICE) for each in pattern.finditer(text)]
    return (sentence for _, sentence in sorted(found))


def label_of(content: str, rules: list[LabelRule]) -> str:
    """Label a jar by rules; without one that covers it, by its name alone, which is a guess.

    Args:
        content: What it holds, such as ``dried mint``.
        rules: The last that covers it counts.
    """
    subject, name = _read(content)
    letters = [each.letter for each in rules if each.subject in {GENERAL, subject}]
    return f"{name.upper()} {letters[-1]}" if letters else name.upper()


def shelf_in(text: str, name: str) -> str | None:
    """Say on which shelf something stands according to a text. None: it does not say."""
    return next((number for stands, number in _PLACE.findall(text) if stands.lower() == name.lower()), None)


def _read(content: str) -> tuple[str, str]:
    """Give the subject of the rules that cover a content, and its name."""
    for subject, pattern in _CONTENTS:
        if (found := pattern.match(content)) is not None:
            return subject, found[1]
    return "", content
