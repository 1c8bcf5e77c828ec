"""The intervention: how the next attempt is spoken to."""

from typing import NamedTuple

from engine.actors.deciding import choose_intervention
from engine.policies.intervention import Reading
from events.base import Recorded
from events.pdi import InterventionChosen
from replay.decisions.base import Chain, Decision, Input, Under, decision, fields_of, method_rule


class InterventionStep(NamedTuple):
    """After an attempt that another one follows."""

    recorded: Recorded
    event: InterventionChosen
    readings: tuple[tuple[int, Reading | None], ...]
    """One for each attempt so far, with its number. None: it gave none."""
    inputs: tuple[Input, ...]

    def decide(self, under: Under, chain: Chain) -> Decision:
        """Choose again."""
        readings = [chain.readings.get(number, reading) for number, reading in self.readings]
        chosen, event = choose_intervention(under.method, under.spec.method, readings, self.event.attempt)
        if under.changed:
            chain.levels[self.event.attempt] = chosen.level
        rule = method_rule(under.spec, "pdi.mode")
        return decision("intervention", self.recorded, rule=rule, inputs=self.inputs, decided=fields_of(event))
