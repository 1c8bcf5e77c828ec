"""PDI as a trial watches it: one monitor that decides, and any number that look on."""

from collections.abc import Sequence
from typing import NamedTuple

import msgspec

from engine.policies.intervention import Reading
from engine.scope import Scope
from engine.spec import MonitorSpec, PdiSpec, ReferenceSpec
from events.digest import Digest
from events.pdi import PdiRead
from projections import pdi
from projections.pdi_reference import PdiReference
from projections.pdi_shipped import SPARK_RELEASE

ACTIVE = "active"
"""Name of the monitor that decides."""


class Step(NamedTuple):
    """What a reflect step gives to read. All of it is in the log already."""

    attempt: int
    memo: Digest
    previous_memo: Digest | None
    commands: Digest
    summary: Digest
    given: pdi.PdiInput


class Monitor:
    """Reads PDI under the active settings and all shadow ones, over the same steps."""

    def __init__(self, spec: PdiSpec, past: Sequence[Step] = ()) -> None:
        """Watch, as if from the beginning.

        Args:
            spec: Under which settings.
            past: Steps that were read already, under these settings or others.
        """
        self._spec = spec
        self._steps = list(past)
        watching = watched(spec)
        self._settings = {name: settings_of(monitor) for name, monitor in watching.items()}
        self._states = {name: _state(self._steps, settings) for name, settings in self._settings.items()}

    def under(self, spec: PdiSpec) -> "Monitor":
        """Give a monitor with these settings that has seen the same steps."""
        return self if spec == self._spec else Monitor(spec, self._steps)

    async def read(self, scope: Scope, step: Step) -> Reading:
        """Read under every settings, record all, and give the active one's reading."""
        readings: dict[str, pdi.Reading] = {}
        for name, settings in self._settings.items():
            self._states[name], readings[name] = pdi.read_step(self._states[name], step.given, settings)
        self._steps.append(step)
        kept = {name: scope.put(encoded(settings)) for name, settings in self._settings.items()}
        await scope.record(*[read_event(name, kept[name], step, reading) for name, reading in readings.items()])
        return reading_of(readings[ACTIVE])


def encoded(settings: pdi.PdiSettings) -> bytes:
    """Write a monitor's settings as they are kept."""
    return msgspec.json.encode(settings)


def reading_of(read: pdi.Reading | PdiRead) -> Reading:
    """Give a reading as interventions are chosen from."""
    return Reading(read.triggered, read.level, read.valid)


def read_event(monitor: str, settings: Digest, step: Step, reading: pdi.Reading) -> PdiRead:
    """Record a reading with all that it saw."""
    return PdiRead(
        attempt=step.attempt,
        step=reading.step,
        monitor=monitor,
        settings=settings,
        method=reading.method,
        proxy_exec=reading.proxy_exec,
        proxy_plan=reading.proxy_plan,
        proxy_oss=reading.proxy_oss,
        raw_pdi=reading.raw_pdi,
        weight=reading.weight,
        weighted_pdi=reading.weighted_pdi,
        triggered=reading.triggered,
        level=reading.level,
        valid=reading.valid,
        reasons=reading.reasons,
        memo=step.memo,
        previous_memo=step.previous_memo,
        commands=step.commands,
        test_summary=step.summary,
    )


def watched(spec: PdiSpec) -> dict[str, MonitorSpec]:
    """Name the monitors of a spec, the active one first."""
    return {ACTIVE: spec.active, **spec.shadows}


def _state(steps: Sequence[Step], settings: pdi.PdiSettings) -> pdi.PdiState:
    state = pdi.PdiState()
    for step in steps:
        state, _ = pdi.read_step(state, step.given, settings)
    return state


def settings_of(monitor: MonitorSpec) -> pdi.PdiSettings:
    """Give a monitor's settings as the measure takes them."""
    settings = pdi.PdiSettings(method=monitor.method, threshold=monitor.threshold, warmup=monitor.warmup)
    if monitor.method != "calibrated":
        return settings
    # Recorded with each reading: what it was compared with stays known though the shipped figures may change.
    return msgspec.structs.replace(settings, reference=_reference(monitor.reference))


def _reference(stated: ReferenceSpec) -> PdiReference:
    """Give a reference as the measure takes it. Figures that were changed do not pass for those of their source."""
    reference = PdiReference(**msgspec.structs.asdict(stated))
    if reference != SPARK_RELEASE and reference.source == SPARK_RELEASE.source:
        return msgspec.structs.replace(reference, source=f"changed by hand, after: {reference.source}")
    return reference
