"""PDI: every reading of every monitor, shadows included."""

from typing import NamedTuple

from engine.actors.monitor import ACTIVE, Step, encoded, read_event, reading_of, settings_of, watched
from events.base import Recorded
from events.digest import digest_of
from events.pdi import PdiRead
from projections import pdi
from replay.decisions.base import Chain, Decision, Input, Under, decision, fields_of, method_rule, monitor_rule
from replay.decisions.measured import Measured


class PdiStep(NamedTuple):
    """One reading after one reflection."""

    recorded: Recorded
    event: PdiRead
    step: Step
    measured: Measured
    inputs: tuple[Input, ...]
    past: tuple["PdiStep", ...]
    """Readings of the same monitor before this one."""

    def _so_far(self, settings: pdi.PdiSettings) -> pdi.PdiState:
        state = pdi.PdiState()
        for each in self.past:
            given = each.step.given
            state, _ = pdi.judge(state, given, settings, each.measured.under(given, settings))
        return state

    def decide(self, under: Under, chain: Chain) -> Decision:
        """Read PDI again. A monitor that the spec does not have reads nothing."""
        name = self.event.monitor
        monitor = watched(under.spec.method.pdi).get(name)
        rule = {**method_rule(under.spec), **monitor_rule(under.spec, name)}
        if monitor is None:
            return decision("pdi", self.recorded, rule=rule, inputs=self.inputs, decided={})
        settings = settings_of(monitor)
        if chain.pdi_settings.setdefault(name, settings) != settings:
            # A fork changed them here. From here on it is as if they had counted from the beginning.
            chain.pdi[name], chain.pdi_settings[name] = self._so_far(settings), settings
        state = chain.pdi.get(name, pdi.PdiState())
        given = self.step.given
        chain.pdi[name], reading = pdi.judge(state, given, settings, self.measured.under(given, settings))
        if under.changed and name == ACTIVE:
            chain.readings[self.event.attempt] = reading_of(reading)
        event = read_event(name, digest_of(encoded(settings)), self.step, reading)
        return decision("pdi", self.recorded, rule=rule, inputs=self.inputs, decided=fields_of(event))
