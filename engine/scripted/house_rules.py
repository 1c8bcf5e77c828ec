"""The little English of the demo of evolving: rules of a house, as they are told and as skills hold them; pure.

A rule says what something is about, and what is done: "A page without entries: go on, for it can name another."
"""

import re
from typing import Final, NamedTuple

_TOLD: Final = re.compile(r"House rule: ([^:\n\\\"]+): ([^.\n\\\"]+)\.")
_HELD: Final = re.compile(r"^- ([^:\n]+): ([^\n]+)\.$", re.MULTILINE)


class HouseRule(NamedTuple):
    """What is done about something."""

    about: str
    do: str

    @property
    def line(self) -> str:
        """How a skill holds it."""
        return f"- {self.about}: {self.do}."

    @property
    def told(self) -> str:
        """How the house tells it."""
        return f"House rule: {self.about}: {self.do}."


def rules_told(text: str) -> list[HouseRule]:
    """List the rules that the house tells in a text, each once, in order; of two about the same, the last one."""
    return _last_of_each([HouseRule(*found) for found in _TOLD.findall(text)])


def rules_held(text: str) -> list[HouseRule]:
    """List the rules that a skill holds, likewise."""
    return _last_of_each([HouseRule(*found) for found in _HELD.findall(text)])


def _last_of_each(rules: list[HouseRule]) -> list[HouseRule]:
    return list({rule.about: rule for rule in rules}.values())
