"""What what-if prints with ``--json``."""

from collections.abc import Mapping
from typing import Any

import msgspec


class WhatIfRow(msgspec.Struct, frozen=True, tag_field="kind", tag="what_if"):
    """All runs under one setting."""

    settings: Mapping[str, Any]
    """What was changed, by key."""
    runs: int
    trials: int
    decisions: int
    """Decisions that could be re-evaluated."""
    flips: int
    flips_by_point: Mapping[str, int]
    trials_left: int
    """Trials that would have left their recorded path."""
    effects: int
    """Times that the world was asked behind the places where trials left; recorded there, like the five below."""
    attempts: int
    interventions: int
    calls: int
    cost_nano_usd: int
    """Of calls whose cost is known."""
    unknown_calls: int
    unanswerable: int
    """Decisions after such a position; their results cannot be known."""
    missing: int
    """Decisions whose source is not in the log."""
    silent: int
    """Imported trials whose source records no decision that a change bears on."""
    readings: int
    """Of PDI at which a trigger is possible, over all recorded steps, as a shadow monitor reads them."""
    triggered: int
    trigger_rate: float | None
    """None: there is no such reading."""
    none: int
    """Interventions that an attempt followed, by level, over all recorded steps."""
    soft: int
    strong: int


class UnaskedRow(msgspec.Struct, frozen=True, tag_field="kind", tag="unasked"):
    """A run of which nothing can be asked; it is left out."""

    run: str
    why: str


class FlipRow(msgspec.Struct, frozen=True, tag_field="kind", tag="flip"):
    """A decision that comes out otherwise."""

    run: str
    trial: str
    point: str
    stream: str
    version: int
    field: str
    recorded: Any
    decided: Any


class DepartureRow(msgspec.Struct, frozen=True, tag_field="kind", tag="left"):
    """Where a trial would have left its recorded path: it needs live calls from here."""

    run: str
    trial: str
    point: str
    stream: str
    version: int
    effects: int
    """Times that the world was asked from here on; recorded behind this place, like the five below."""
    attempts: int
    interventions: int
    calls: int
    cost_nano_usd: int
    unknown_calls: int


class RecordedRow(msgspec.Struct, frozen=True, tag_field="kind", tag="recorded"):
    """What became of `--record`."""

    settings: Mapping[str, Any]
    runs: int
    """To which derived events were appended."""
    already: tuple[str, ...]
    """Runs that had the answer for these settings."""
    busy: tuple[str, ...]
    """Runs that a process holds: nothing is appended to them before they end."""
