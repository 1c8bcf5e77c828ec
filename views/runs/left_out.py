"""What a person handed over and a run does without, told before it starts."""

from collections.abc import Callable, Sequence

import msgspec

from engine.runtime.selection import InputOmission
from views.terminal.screen import OutputStyle, Screen


class InputOmissionRow(msgspec.Struct, frozen=True, tag_field="kind", tag="left_out"):
    """Something that a run does without."""

    what: str
    """``task`` or ``skill``."""
    name: str
    why: str
    remedy: str
    """Empty: nothing is to be done about it."""


def teller(screen: Screen) -> Callable[[Sequence[InputOmission]], None]:
    """Make what tells of it: an object a line in JSON, else a line each for people."""

    def tell(left_out: Sequence[InputOmission]) -> None:
        for each in left_out:
            if screen.manner is OutputStyle.JSON:
                screen.line(InputOmissionRow(each.what, each.name, each.why, each.remedy))
            else:
                screen.say(f"left out  {each.what} {each.name}: {each.why}")

    return tell
