"""Inputs that only repeat what other events say stand in the event that records the decision."""

from typing import Any, Literal

import msgspec
import pytest
from msgspec.structs import replace

from engine.agents.points import OBSERVATION, TURN
from engine.core.decision import Deciding, Era, NoSettings, Point, PolicyContext, no_settings
from engine.core.errors import ReplayDiverged
from engine.core.scope import Scope
from engine.core.world import ReplayContext
from engine.programs.explore.points import INTERVENTION, JUDGING, PDI, RETRY, STOPPING
from events.base import Ref
from events.digest import Digest
from events.integrity.blobs import names_in
from events.redaction.redactor import Redactor
from events.store.memory import MemoryLog
from events.types.attempt import AgentEnded
from events.types.decision import (
    Decided,
    DecisionMade,
    Earlier,
    Held,
    InlineDecisionMade,
    Seen,
    Text,
    inputs_of,
    repeats_events,
    seen_in,
)
from tests.support.worlds import Echo, Ticking, closed_world, live_world

AT = Ref("run", 1)
SECRET = "measured"  # as long as a secret must be, and the name of a field


class Measure(msgspec.Struct, frozen=True):
    """Of an event: a number, and words that the event holds."""

    size: float
    words: str


class MeasureSaw(msgspec.Struct, frozen=True):
    """What was measured, and how often before."""

    measured: Seen[Measure]
    before: int


class LongSaw(msgspec.Struct, frozen=True):
    """The same with a text."""

    measured: Seen[Measure]
    text: Text | None


class Weight(msgspec.Struct, frozen=True):
    """A ruling with a fraction."""

    weight: float
    kind: Literal["light", "heavy"]


def _point(saw: type[Any]) -> Point[Any, NoSettings, Weight]:
    return Point(
        name="weigh", revision=1, saw=saw, settings=NoSettings, ruling=Weight, decisive=("kind",), steers=True,
        rule=no_settings,
    )  # fmt: skip


def _weigh(saw: MeasureSaw, rule: NoSettings, desk: PolicyContext) -> Weight:
    """Rule with a whole number where a fraction may stand."""
    del rule, desk
    return Weight(round(saw.measured.value.size), "heavy" if saw.measured.value.size > 1 else "light")


def _scope(world: ReplayContext) -> Scope:
    return Scope(world._replace(deciding=Deciding((Era(None, {"weigh": _weigh}, "own"),))), "run")


def _seen(size: float, words: str = "") -> Seen[Measure]:
    return Seen(AT, Measure(size, words))


async def _decided(log: MemoryLog, saw: Any, point: Point[Any, Any, Weight]) -> Decided:
    scope = _scope(live_world(log, Echo(log)))
    await scope.decide(point, saw)
    await scope.record(AgentEnded("done", "", 1))
    (made,) = [each.event async for each in log.read() if isinstance(each.event, DecisionMade)]
    return made


async def test_what_repeats_other_events_is_no_blob() -> None:
    """It reads back from the event; only the rule is kept beside it."""
    log, saw = MemoryLog(clock=Ticking()), MeasureSaw(_seen(2), 3)
    made = await _decided(log, saw, _point(MeasureSaw))
    assert isinstance(made, InlineDecisionMade)
    assert made.inputs is None
    assert msgspec.json.decode(made.saw, type=MeasureSaw) == saw
    assert [digest async for page in log.stored() for digest, _ in page] == [made.rule]
    assert inputs_of(made) not in {None, made.rule}


async def test_inputs_with_a_text_are_a_blob_as_ever() -> None:
    """Even where there is none this time: an erasure of inputs must find them in one place."""
    log, saw = MemoryLog(clock=Ticking()), LongSaw(_seen(2), None)
    made = await _decided(log, saw, _point(LongSaw))
    assert not isinstance(made, InlineDecisionMade)
    assert seen_in(made) is None
    assert made.inputs is not None
    assert msgspec.json.decode(await log.get(made.inputs), type=LongSaw) == saw


@pytest.mark.parametrize("size", [2, 2.0, 2.25])
async def test_a_whole_number_that_may_be_a_fraction_is_written_one_way(size: float) -> None:
    """1 and 1.0 are equal, but not as JSON: what is read back must be written again byte for byte."""
    log = MemoryLog(clock=Ticking())
    made = await _decided(log, MeasureSaw(_seen(size), 0), _point(MeasureSaw))
    assert isinstance(made, InlineDecisionMade)
    assert type(made.ruling["weight"]) is float
    assert bytes(made.saw).startswith(b'{"measured":{"seen":["run",1],"value":{"size":2.')
    scope = _scope(await closed_world(log))
    assert (await scope.decide(_point(MeasureSaw), MeasureSaw(_seen(size), 0))).value == Weight(2.0, "heavy")
    await scope.record(AgentEnded("done", "", 1))
    await scope.finish()


async def test_other_inputs_than_those_on_record_part_a_rerun() -> None:
    """As with inputs in a blob; the field is named."""
    log = MemoryLog(clock=Ticking())
    await _decided(log, MeasureSaw(_seen(2), 0), _point(MeasureSaw))
    scope = _scope(await closed_world(log))
    with pytest.raises(ReplayDiverged, match="saw"):
        await scope.decide(_point(MeasureSaw), MeasureSaw(_seen(2), 1))


async def test_a_decision_that_named_a_blob_reruns_beside_one_that_needs_none() -> None:
    """Logs that were written before hold the same inputs in a blob."""
    log, older = MemoryLog(clock=Ticking()), MemoryLog(clock=Ticking())
    saw, point = MeasureSaw(_seen(2), 0), _point(MeasureSaw)
    made = await _decided(log, saw, point)
    inputs, rule = older.put(seen_in(made) or b""), older.put(b"{}")
    event = DecisionMade(
        point="weigh", ruling={"weight": 2.0, "kind": "heavy"}, inputs=inputs, rule=rule, point_revision=1
    )
    scope = Scope(live_world(older, Echo(older)), "run")
    await scope.record(event)
    rerun = _scope(await closed_world(older))
    assert (await rerun.decide(point, saw)).value.kind == "heavy"
    await rerun.finish()
    other = _scope(await closed_world(older))
    with pytest.raises(ReplayDiverged, match="inputs"):
        await other.decide(point, replace(saw, before=9))


@pytest.mark.parametrize("saw", [MeasureSaw(_seen(2, f"it is {SECRET}"), 0), LongSaw(_seen(2, SECRET), None)])
async def test_a_secret_that_is_the_name_of_a_field_is_replaced_in_values_alone(saw: Any) -> None:
    """With the name replaced too, nobody could read the inputs any more."""
    log = MemoryLog(clock=Ticking(), redactor=Redactor({"WORD": SECRET}))
    made = await _decided(log, saw, _point(type(saw)))
    data = seen_in(made) or await log.get(made.inputs or Digest(""))
    assert msgspec.json.decode(data, type=type(saw)).measured.value.words.endswith("[secret:WORD]")
    assert data.count(SECRET.encode()) == 1
    rerun = _scope(await closed_world(log))
    await rerun.decide(_point(type(saw)), msgspec.json.decode(data, type=type(saw)))


@pytest.mark.parametrize(
    ("hint", "inline"),
    [
        (Seen[Measure], True),
        (tuple[Seen[Measure], ...] | None, True),
        (tuple[int, float], True),
        (Literal["a"], True),
        (Digest, True),
        (MeasureSaw, True),
        (str, False),
        (str | None, False),
        (Text, False),
        (Held | None, False),
        (Earlier, False),
        (LongSaw, False),
        (list[int], False),
        (dict[str, int], False),
        (Any, False),
    ],
)
def test_what_repeats_events_is_read_from_the_class(hint: Any, *, inline: bool) -> None:
    """A text of its own, and whatever names a blob, keeps inputs out of the event."""
    assert repeats_events(hint) is inline


def test_the_decisions_of_every_turn_need_no_blob() -> None:
    """There are two a turn, and all others are few."""
    assert TURN.inline
    assert OBSERVATION.inline
    assert not any(point.inline for point in (JUDGING, STOPPING, RETRY, PDI, INTERVENTION))


def test_blobs_that_a_stranger_names_in_inputs_of_an_event_are_found() -> None:
    """Verification and bundles follow them, whoever wrote the event."""
    held, text = Digest("1" * 64), Digest("2" * 64)
    inputs = msgspec.json.encode({"a": Held(held, AT), "b": [Text(text, AT), _seen(1)]})
    made = InlineDecisionMade(point="weigh", ruling={}, saw=msgspec.Raw(inputs))
    assert [(each.digest, each.kind) for each in names_in(1, made)] == [(held, "inputs"), (text, "bytes")]


class Saying(msgspec.Struct, frozen=True):
    """A ruling that is a text."""

    text: str


class _LearnsLate:
    """Says a secret, or what it is told of one that becomes known only while it rules."""

    def __init__(self, redactor: Redactor, says: str, *, late: bool) -> None:
        self._redactor = redactor
        self._says = says
        self._late = late

    def __call__(self, saw: MeasureSaw, rule: NoSettings, desk: PolicyContext) -> Saying:
        """Rule with a text, and tell the redactor of a secret."""
        del saw, rule, desk
        if self._late:
            self._redactor.add("LATE", "only-now-known")
        return Saying(self._says)


@pytest.mark.parametrize(
    ("words", "says", "late", "kept"),
    [
        ("nothing", "it is measured", False, ("nothing", "it is [secret:S]")),
        ("measured", "nothing", False, ("[secret:S]", "nothing")),
        ("only-now-known", "nothing", True, ("[secret:LATE]", "nothing")),
        ("only-now-known", "nothing", False, ("only-now-known", "nothing")),
    ],
)
async def test_inputs_that_were_looked_through_hide_no_secret_of_the_event(
    words: str,
    says: str,
    kept: tuple[str, str],
    *,
    late: bool,
) -> None:
    """The ruling is searched without them, and what the actor goes on with at once is what the log holds.

    A secret that becomes known while the policy rules is in neither.
    """
    redactor = Redactor({"S": SECRET})
    log = MemoryLog(clock=Ticking(), redactor=redactor)
    point: Point[Any, NoSettings, Saying] = Point(
        name="say", revision=1, saw=MeasureSaw, settings=NoSettings, ruling=Saying, decisive=("text",), steers=True,
        rule=no_settings,
    )  # fmt: skip
    eras = (Era(None, {"say": _LearnsLate(redactor, says, late=late)}, "own"),)
    scope = Scope(live_world(log, Echo(log))._replace(deciding=Deciding(eras)), "run")
    ruled = await scope.decide(point, MeasureSaw(_seen(2, words), 0))
    await scope.record(AgentEnded("done", "", 1))
    (made,) = [each.event async for each in log.read() if isinstance(each.event, InlineDecisionMade)]
    assert (msgspec.json.decode(made.saw, type=MeasureSaw).measured.value.words, made.ruling["text"]) == kept
    assert ruled.value.text == kept[1]
