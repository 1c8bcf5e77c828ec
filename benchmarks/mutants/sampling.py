"""Which mutants are run: a sample of each area, drawn by a seed."""

import tomllib
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Final, NamedTuple, Self

import msgspec

from benchmarks.mutants.operators import Mutant, differs, mutants

PLAN: Final = Path(__file__).with_name("plan.toml")


class Area(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A part of the source, with the number of mutants to draw from it."""

    name: str
    draw: int
    modules: tuple[str, ...]
    """Globs, relative to the repository."""


class Reach(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Tests that reach modules without importing them."""

    modules: tuple[str, ...]
    by: tuple[str, ...]


class Tests(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What is known of tests beside their imports."""

    never: tuple[str, ...]
    reached: tuple[Reach, ...]


class MutationAreas(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The areas, and how tests reach them."""

    area: tuple[Area, ...]
    tests: Tests

    @classmethod
    def read(cls, path: Path = PLAN) -> Self:
        """Read it from its file."""
        return msgspec.convert(tomllib.loads(path.read_text(encoding="utf-8")), cls)


class Drawn(NamedTuple):
    """A mutant, and the area that it was drawn from."""

    area: str
    mutant: Mutant


def matching(root: Path, globs: Sequence[str]) -> Iterator[str]:
    """List the Python files that globs name, each once, relative to a folder."""
    found = {path.relative_to(root).as_posix() for glob in globs for path in root.glob(glob) if path.suffix == ".py"}
    yield from sorted(found)


def areas(root: Path, plan: MutationAreas) -> dict[str, list[str]]:
    """Give each area its modules: a module belongs to the first area that names it."""
    taken: set[str] = set()
    found: dict[str, list[str]] = {}
    for area in plan.area:
        found[area.name] = [path for path in matching(root, area.modules) if path not in taken]
        taken |= set(found[area.name])
    return found


def candidates(root: Path, paths: Sequence[str]) -> list[Mutant]:
    """List every mutant of some modules."""
    return [each for path in paths for each in mutants(path, (root / path).read_text(encoding="utf-8"))]


def drawn(found: Sequence[Mutant], sources: Mapping[str, str], *, count: int, seed: str) -> list[Mutant]:
    """Draw mutants, none of them on the line of another. The order is that of the drawing.

    What is drawn depends on the seed and on the text of each mutant, not on where its module stands: a change elsewhere
    in the source, or a moved module, leaves the rest of the sample as it was.
    """
    lines: set[tuple[str, int]] = set()
    chosen: list[Mutant] = []
    for each in _mixed(found, seed):
        if len(chosen) == count:
            break
        if (each.path, each.line) not in lines and differs(each, sources[each.path]):
            lines.add((each.path, each.line))
            chosen.append(each)
    return chosen


def _mixed(found: Sequence[Mutant], seed: str) -> list[Mutant]:
    """Take from each operator in turn: there are ten constants for a boundary, which says more."""
    kinds: defaultdict[str, list[Mutant]] = defaultdict(list)
    for each in sorted(found, key=lambda mutant: (mutant.rank(seed), mutant.path)):
        kinds[each.operator].append(each)
    ranked = [(place, operator, each) for operator, kind in kinds.items() for place, each in enumerate(kind)]
    return [each for _, _, each in sorted(ranked, key=lambda entry: entry[:2])]


def sample(root: Path, plan: MutationAreas, seed: str) -> list[Drawn]:
    """Draw from every area, and mix them, so that a run that is cut short has seen something of each."""
    everything = []
    for area, (name, paths) in zip(plan.area, areas(root, plan).items(), strict=True):
        sources = {path: (root / path).read_text(encoding="utf-8") for path in paths}
        chosen = drawn(candidates(root, paths), sources, count=area.draw, seed=seed)
        everything += [Drawn(name, each) for each in chosen]
    return sorted(everything, key=lambda each: each.mutant.rank(f"order {seed}"))
