"""The same steps under other settings: what a shadow monitor would have read, and how often each triggers; pure."""

from collections.abc import Iterable, Mapping, Sequence

import msgspec

from projections.pdi.index import PdiInput, PdiSettings, PdiState, Reading, read_step


class Shadow(msgspec.Struct, frozen=True):
    """One trial under one settings."""

    readings: tuple[Reading, ...]
    """One for each step."""
    decidable: int
    """Steps at which a trigger was possible: step 1 and later."""
    triggered: int
    """How many of them did."""
    changed: tuple[int, ...]
    """Places, from 0, of the steps at which the level is another than under the first settings."""


def read_all(steps: Iterable[PdiInput], settings: PdiSettings) -> tuple[Reading, ...]:
    """Read PDI at every step of a trial."""
    state, readings = PdiState(), []
    for given in steps:
        state, reading = read_step(state, given, settings)
        readings.append(reading)
    return tuple(readings)


def shadows(steps: Sequence[PdiInput], settings: Mapping[str, PdiSettings]) -> dict[str, Shadow]:
    """Read the same steps under any number of settings.

    A trigger tells little where most steps trigger (SPARK, W1), so each rate stands beside the others, to be
    compared with rates over steps of which nothing is expected.

    Args:
        steps: Of one trial, in order.
        settings: By name. The first is the one that the others are compared with.
    """
    table = {name: read_all(steps, each) for name, each in settings.items()}
    first = next(iter(table.values()), ())
    return {name: _shadow(readings, first) for name, readings in table.items()}


def _shadow(readings: tuple[Reading, ...], first: tuple[Reading, ...]) -> Shadow:
    return Shadow(
        readings,
        sum(1 for reading in readings if reading.step >= 1),
        sum(1 for reading in readings if reading.triggered),
        tuple(place for place, pair in enumerate(zip(first, readings, strict=True)) if pair[0].level != pair[1].level),
    )
