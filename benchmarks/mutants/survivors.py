"""Mutants that may survive, each with the reason."""

import tomllib
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Final, Literal

import msgspec

from benchmarks.mutants.operators import Mutant

SURVIVORS: Final = Path(__file__).with_name("survivors.toml")


class Survivor(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A mutant that no test kills, and why."""

    kind: Literal["equivalent", "unheld"]
    """``equivalent``: no caller can tell it from the original. ``unheld``: one could, and no story is worth it."""
    inside: str
    """Qualified name of the function or class; empty at the top of a module."""
    was: str
    """The line, without its indentation."""
    mutant: str
    because: str

    def names(self, mutant: Mutant) -> bool:
        """Whether it is this mutant."""
        said = (mutant.inside, mutant.before.strip(), mutant.after.strip())
        return said == (self.inside, self.was.strip(), self.mutant.strip())


def read(path: Path = SURVIVORS) -> tuple[Survivor, ...]:
    """Read the list."""
    found = tomllib.loads(path.read_text(encoding="utf-8")).get("mutant", [])
    return msgspec.convert(found, tuple[Survivor, ...])


def listed(mutant: Mutant, survivors: Iterable[Survivor]) -> Survivor | None:
    """Find a mutant in the list."""
    return next((each for each in survivors if each.names(mutant)), None)


def stale(survivors: Sequence[Survivor], found: Iterable[Mutant]) -> list[Survivor]:
    """Give what is listed and is no mutant of today's source: its line has changed."""
    there = {(each.inside, each.before.strip(), each.after.strip()) for each in found}
    return [each for each in survivors if (each.inside, each.was.strip(), each.mutant.strip()) not in there]
