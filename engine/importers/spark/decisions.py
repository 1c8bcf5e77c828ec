"""What SPARK's decisions about PDI saw, as far as its files say it: readings, and what the next attempt was told."""

from typing import Final

import msgspec

from engine.config.spec import RunSpec
from engine.core.decision import PolicyContext, encode_value, fields_of
from engine.importers.assumed import Assumed, ForeignDecision, assumed_spec
from engine.importers.spark.injections import Injection
from engine.importers.spark.records import Story
from engine.programs.explore.points import (
    DECIMALS,
    INTERVENTION,
    PDI,
    Intervention,
    InterventionRule,
    InterventionSaw,
    ReadingSeen,
)
from engine.programs.explore.rulings import choose_intervention
from events.base import Ref
from events.digest import digest_of
from events.types.decision import DecisionMade, Earlier, Seen
from events.types.memo import MemoImported
from events.types.pdi import PdiImported
from events.types.trial import AttemptConcluded
from projections.pdi.index import PdiSettings
from projections.pdi.inputs import Trail

_WITHIN: Final = 0.5 * 10**-DECIMALS + 1e-9
"""A value that the source rounded to its threshold was no farther from it."""


def spec_of(story: Story) -> RunSpec:
    """Give the settings that SPARK's decisions are taken to rest on: its defaults, with what its files say of them."""
    return assumed_spec("observe" if story.injects is False else "intervene", story.facts.max_attempts)


class Reflecting:
    """A trial of SPARK's, as far as readings and interventions rest on it. It is told of events in their order."""

    def __init__(self, assumed: Assumed) -> None:
        self._assumed = assumed
        self._trail = Trail()
        self._earlier: Earlier | None = None
        self._readings: dict[int, Seen[ReadingSeen]] = {}
        """By attempt."""

    def concluded(self, event: AttemptConcluded, at: Ref) -> None:
        """Take in an attempt that ended."""
        self._trail.concluded(event, at, {})

    def reading(
        self, event: PdiImported, memo: MemoImported, memo_at: Ref, cause: Ref | None = None
    ) -> ForeignDecision:
        """Say what a reading rests on. The memo that it is about stands behind it."""
        self._trail.read(event)
        saw = self._trail.rewritten(memo, memo_at)
        assert saw is not None, "where there is a reading, a model had been asked"
        tie = event.triggered if _at_threshold(event) else None
        saw = msgspec.structs.replace(saw, earlier=self._earlier, tie=tie)
        return ForeignDecision(PDI, saw, PDI.rule(self._assumed.spec, saw), event, cause)

    def read(self, event: PdiImported, at: Ref) -> None:
        """Take in a reading: the decision that was noted last."""
        self._earlier = Earlier(self._assumed.noted[-1].inputs, at)
        self._readings[event.attempt] = Seen(at, ReadingSeen(event.triggered, event.level))

    def spoken(self, told: Injection) -> ForeignDecision | None:
        """Say what it rests on what an attempt was told because of PDI. None: the readings do not explain it."""
        if told.intervention is None or not told.read:
            return None
        latest = self._readings[max(self._readings)] if self._readings else None
        saw = InterventionSaw(reading=self._readings.get(told.attempt - 1), latest=latest)
        usual = INTERVENTION.rule(self._assumed.spec, saw)
        assert usual is not None
        for rule in (usual, msgspec.structs.replace(usual, mode="observe")):
            ruling = self._ruled(saw, rule)
            if ruling.level == told.intervention:
                # No decision of the source's stands between this and the attempt: it acts by this one.
                made = DecisionMade(point=INTERVENTION.name, ruling=fields_of(ruling), steers=True)
                return ForeignDecision(INTERVENTION, saw, rule, made)
        return None

    def _ruled(self, saw: InterventionSaw, rule: InterventionRule) -> Intervention:
        asked = INTERVENTION.name, digest_of(encode_value(saw)), digest_of(encode_value(rule))
        return choose_intervention(saw, rule, PolicyContext({}, digest_of, {}, asked))


def _at_threshold(event: PdiImported) -> bool:
    """Say whether the value is so near the threshold that what was recorded of it does not decide."""
    return abs(event.weighted_pdi - PdiSettings().limit) <= _WITHIN
