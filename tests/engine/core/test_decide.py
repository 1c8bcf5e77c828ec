"""Stories of a scope that has a policy decide: live, over history, under another version, and where bytes are gone."""

from collections.abc import AsyncIterator, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager

import msgspec
import pytest
from typing_extensions import override

from engine.core.decision import Deciding, Observed, PolicyContext, Reruled, Unanswered
from engine.core.errors import HistoryEnded, ReplayDiverged
from engine.core.history import RunHistory, load_histories
from engine.core.lineage import Branch
from engine.core.ports import EffectAddress, Permit
from engine.core.scope import Child, Scope, Stopped
from engine.core.world import ReadOnlyBlobs
from events.base import Draft, Event, Recorded, Ref, StreamId
from events.errors import BlobErased, EventRefused
from events.redaction.redactor import Redactor
from events.store.memory import MemoryLog
from events.types.attempt import AgentEnded
from events.types.decision import DecisionMade, Earlier, Seen, Text
from events.types.sandbox import ActionAsked, ActionObserved
from events.types.session import ScopeStopped
from tests.support.weighing import Parcel, Scale, Shop, Weighed, deciding, point, post, weigh, weigh_all
from tests.support.worlds import NO_HISTORY, Echo, Ticking, closed_world, live_world, memory_log

STREAM = "attempt/a/1"
SHOP = Shop(5.0)
LIGHT = DecisionMade(point="weigh", ruling={"may": True, "why": ""})


async def recorded(log: MemoryLog) -> RunHistory:
    """What the run holds."""
    return await load_histories(log, "r1") if await log.streams("r1") else NO_HISTORY


async def live(log: MemoryLog, how: Deciding, ports: Echo | None = None) -> Scope:
    """Take a stream up with open ports, whatever it holds."""
    world = live_world(log, Echo(log) if ports is None else ports, await recorded(log))
    return Scope(world._replace(deciding=how), STREAM)


async def again(log: MemoryLog, how: Deciding) -> Scope:
    """Live what is recorded again, and nothing else."""
    world = live_world(log, None, await recorded(log))
    return Scope(world._replace(blobs=ReadOnlyBlobs(log), deciding=how), STREAM)


async def history(log: MemoryLog) -> Sequence[Recorded]:
    """What the stream holds."""
    return (await recorded(log)).by_stream.get(STREAM, ())


async def told(log: MemoryLog, *events: Event, cause: Ref | None = None) -> None:
    """Record what an earlier version might have."""
    before = len(await history(log))
    await log.append(StreamId("r1", STREAM), [Draft(event, cause) for event in events], expected_version=before)


async def test_a_ruling_is_recorded_with_what_it_saw_just_before_what_follows_from_it() -> None:
    """One append holds both; and whoever asks reads the inputs, the rule and the revision."""
    log = memory_log()
    scope = await live(log, deciding(SHOP))
    (seen,) = await post(scope, 5.0)
    made, asked, observed = await history(log)
    assert seen == Seen(made.ref, Weighed(may=True))
    assert (made.ref, asked.ref, observed.cause) == (Ref(STREAM, 1), Ref(STREAM, 2), asked.ref)
    assert made.at == asked.at
    event = made.event
    assert isinstance(event, DecisionMade)
    assert (event.point, event.ruling, event.shadow) == ("weigh", {"may": True, "why": ""}, None)
    assert event.point_revision == 2
    assert event.inputs is not None
    assert event.rule is not None
    assert msgspec.json.decode(await log.get(event.inputs), type=Parcel) == Parcel(5.0)
    assert msgspec.json.decode(await log.get(event.rule), type=Scale) == Scale(5.0)


async def test_a_decision_that_nothing_follows_is_recorded_at_the_end_and_before_actors_below() -> None:
    """Until then it waits: its place is known, and the log does not hold it."""
    log = memory_log()
    scope = await live(log, deciding(SHOP))
    seen = await post(scope, 6.0, 7.0)
    assert [each.seen for each in seen] == [Ref(STREAM, 1), Ref(STREAM, 2)]
    assert scope.at == Ref(STREAM, 2)
    assert await history(log) == ()
    held: list[int] = []

    async def below(scope: Scope) -> None:
        del scope
        held.append(len(await history(log)))

    await scope.gather([Child("below", below)])
    assert held == [2]
    await post(scope, 8.0)
    await scope.finish()
    assert len(await history(log)) == 3


async def test_over_history_the_same_is_decided_and_nothing_is_written() -> None:
    """Each decision stands where it stood, and nothing is noted of it."""
    log, how = memory_log(), deciding(SHOP)
    first = await post(await live(log, deciding(SHOP)), 5.0, 6.0, 1.0)
    scope = await again(log, how)
    assert await post(scope, 5.0, 6.0, 1.0) == first
    await scope.finish()
    assert (how.notes, how.revisions) == ([], {})


async def test_a_policy_that_rules_otherwise_under_the_same_revision_is_a_divergence() -> None:
    """Nobody said that it would: the first field that differs is named."""
    log = memory_log()
    await post(await live(log, deciding(SHOP)), 5.0)
    with pytest.raises(ReplayDiverged) as caught:
        await post(await again(log, deciding(SHOP, policy=lambda saw, rule, desk: Weighed(may=False))), 5.0)
    assert (caught.value.stream, caught.value.version, caught.value.field) == (STREAM, 1, "ruling")


@pytest.mark.parametrize("revision", [1, 3])
async def test_where_the_revision_has_changed_the_recorded_ruling_counts_and_the_other_is_noted(revision: int) -> None:
    """A mended policy must not break older runs, nor the other way round; what it would rule is said."""
    log = memory_log()
    await post(await live(log, deciding(SHOP)), 5.0, 4.0)
    how = deciding(SHOP, policy=lambda saw, rule, desk: Weighed(saw.grams < rule.most))
    scope = await again(log, how)
    assert [seen.value.may for seen in await post(scope, 5.0, 4.0, at=point(revision))] == [True, True]
    await scope.finish()
    both = {"may": True, "why": ""}, {"may": False, "why": ""}
    assert how.notes == [Reruled("weigh", Ref(STREAM, 1), 2, revision, *both)]
    assert how.revisions == {"weigh": (2, revision)}


async def test_the_lowest_recorded_revision_of_a_point_is_the_one_that_is_told() -> None:
    """A run that was taken up by a later version holds several."""
    log, how = memory_log(), deciding(SHOP)
    await told(log, *(msgspec.structs.replace(LIGHT, point_revision=number) for number in (None, 2)))
    scope = await again(log, how)
    for grams in (5.0, 4.0):
        await scope.decide(point(3), Parcel(grams))
    assert how.revisions == {"weigh": (1, 3)}


async def test_other_inputs_than_the_recorded_ones_are_a_divergence() -> None:
    """Whatever is ruled: the decision is another one."""
    log = memory_log()
    await post(await live(log, deciding(SHOP)), 5.0)
    with pytest.raises(ReplayDiverged) as caught:
        await post(await again(log, deciding(SHOP)), 4.0)
    assert (caught.value.version, caught.value.field) == (1, "inputs")
    unread = await again(log, deciding(SHOP))
    with pytest.raises(ReplayDiverged):
        await unread.decide(point(saw=Scale), Parcel(4.0))


class Fragile(Parcel, frozen=True, omit_defaults=True):
    """A parcel as a later version sees it."""

    fragile: bool = False


async def test_inputs_are_compared_by_value_since_their_class_may_grow() -> None:
    """A field that older inputs lack has its default; another value than that is other inputs."""

    class Written(Parcel, frozen=True, omit_defaults=False):
        """The same, in other bytes."""

        fragile: bool = False

    log = memory_log()
    await post(await live(log, deciding(SHOP)), 5.0)
    seen: list[Observed] = []

    def observe(met: Observed) -> Weighed:
        seen.append(met)
        return Weighed(may=True)

    scope = await again(log, deciding(SHOP, observer=observe))
    ruled = await scope.decide(point(saw=Written), Written(5.0))
    (made, *_) = await history(log)
    assert isinstance(made.event, DecisionMade)
    assert (ruled.value.may, seen[0].inputs) == (True, made.event.inputs)
    scope = await again(log, deciding(SHOP))
    with pytest.raises(ReplayDiverged):
        await scope.decide(point(saw=Fragile), Fragile(5.0, fragile=True))


async def test_what_only_looks_on_is_recorded_behind_what_counts() -> None:
    """Under its name, from the same inputs; it steers nothing, and over history it must be there."""
    log = memory_log()
    shop = Shop(5.0, {"strict": 3.0, "loose": 9.0})
    (seen,) = await post(await live(log, deciding(shop)), 5.0)
    assert seen == Seen(Ref(STREAM, 1), Weighed(may=True))
    made = [each.event for each in await history(log) if isinstance(each.event, DecisionMade)]
    assert [(each.shadow, each.ruling["may"]) for each in made] == [(None, True), ("loose", True), ("strict", False)]
    assert len({each.inputs for each in made}) == 1
    assert len({each.rule for each in made}) == 3
    await post(await again(log, deciding(shop)), 5.0)
    in_another_order = Shop(5.0, {"loose": 9.0, "strict": 3.0})
    await post(await again(log, deciding(in_another_order)), 5.0)
    with pytest.raises(ReplayDiverged):
        await post(await again(log, deciding(Shop(5.0, {"strict": 3.0, "loose": 9.0, "third": 1.0}))), 5.0)


async def test_a_run_of_the_first_shape_records_no_such_decision() -> None:
    """As the version did that began it: the place of a decision is the event before it."""
    log, how = memory_log(), deciding(SHOP, shape=1)
    scope = await live(log, how)
    assert scope.shape == 1
    assert [each.seen for each in await post(scope, 6.0, 5.0)] == [Ref(STREAM, 0), Ref(STREAM, 0)]
    assert [type(each.event) for each in await history(log)] == [ActionAsked, ActionObserved]
    scope = await again(log, deciding(SHOP, shape=1))
    assert [each.value.may for each in await post(scope, 6.0, 5.0)] == [False, True]
    await scope.finish()
    with pytest.raises(ReplayDiverged):  # a run of the second shape would have recorded it
        await post(await again(log, deciding(SHOP, shape=2)), 6.0)


async def test_an_observer_is_told_of_each_decision_and_gives_what_the_actor_goes_on_with() -> None:
    """Of recorded ones and of silent ones, each with its place; shadows too."""
    log = memory_log()
    shop = Shop(5.0, {"strict": 3.0})
    await post(await live(log, deciding(shop)), 5.0)
    met: list[Observed] = []

    def observe(each: Observed) -> Weighed:
        met.append(each)
        return Weighed(may=False, why="observed")

    scope = await again(log, deciding(shop, observer=observe, tolerates=lambda before, event: True))
    seen = await scope.decide(point(3), Parcel(5.0))
    assert seen.value == Weighed(may=False, why="observed")
    counted, strict = met
    (made, *_) = await history(log)
    assert isinstance(made.event, DecisionMade)
    assert (counted.shadow, counted.at, counted.silent, counted.position) == (None, made.ref, False, made.position)
    assert (counted.era, counted.revision, counted.saw, counted.rule) == (0, 2, Parcel(5.0), Scale(5.0))
    assert (counted.inputs, counted.ruling, counted.computed) == (made.event.inputs, *[Weighed(may=True)] * 2)
    assert (strict.shadow, strict.rule, strict.computed) == ("strict", Scale(3.0), Weighed(may=False))
    silent = await live(memory_log(), deciding(shop, shape=1, observer=observe))
    await silent.decide(point(), Parcel(5.0))
    assert len(met) == 2  # what is live is decided, not observed


async def test_a_decision_that_no_event_records_is_observed_where_it_would_stand() -> None:
    """Of a run of the first shape, behind the event before it."""
    log = memory_log()
    await post(await live(log, deciding(SHOP, shape=1)), 5.0, 4.0)
    met: list[Observed] = []

    def observe(each: Observed) -> Weighed:
        met.append(each)
        return each.ruling  # type: ignore[no-any-return]

    await post(await again(log, deciding(SHOP, shape=1, observer=observe)), 5.0, 4.0)
    (_, observed, *_) = await history(log)
    # Where history has ended nobody is told; both stood before its end.
    assert [(each.silent, each.at, each.position) for each in met] == [
        (True, Ref(STREAM, 0), 0),
        (True, observed.ref, observed.position),
    ]
    assert [each.revision for each in met] == [1, 1]


async def test_an_observer_that_changes_a_ruling_needs_leave_to_go_on() -> None:
    """What comes out otherwise ends the life, unless that is tolerated; a request has no other cause than its own."""
    log = memory_log()
    await post(await live(log, deciding(SHOP)), 5.0)

    async def label(how: Deciding) -> None:
        scope = await again(log, how)
        seen = await scope.decide(point(), Parcel(5.0))
        await scope.effect(ActionAsked(scope.put(seen.value.why.encode()), None))

    def observe(each: Observed) -> Weighed:
        return Weighed(may=True, why="another label")

    with pytest.raises(ReplayDiverged) as caught:
        await label(deciding(SHOP, observer=observe))
    assert caught.value.version == 2
    asked: list[tuple[Ref, str]] = []

    def tolerates(before: Recorded, event: Event) -> bool:
        asked.append((before.ref, type(event).__name__))
        return True

    await label(deciding(SHOP, observer=observe, tolerates=tolerates))
    assert asked == [(Ref(STREAM, 2), "ActionAsked")]
    with pytest.raises(ReplayDiverged):
        await label(deciding(SHOP, observer=observe, tolerates=lambda before, event: False))


async def test_inputs_that_follow_from_a_changed_ruling_may_be_others_where_that_is_tolerated() -> None:
    """The recorded ruling of the later decision is told beside what is ruled from the new inputs."""
    log = memory_log()
    await post(await live(log, deciding(SHOP)), 5.0, 4.0)
    met: list[Observed] = []

    def observe(each: Observed) -> Weighed:
        met.append(each)
        return each.ruling  # type: ignore[no-any-return]

    await post(await again(log, deciding(SHOP, observer=observe, tolerates=lambda before, event: True)), 5.0, 9.0)
    assert [each.saw.grams for each in met] == [5.0, 9.0]
    assert [(each.ruling.may, each.computed.may) for each in met] == [(True, True), (True, False)]


async def test_an_actor_goes_on_with_a_ruling_as_it_is_kept() -> None:
    """A secret in its texts is replaced in every life alike; digests and words are not looked through."""
    log = MemoryLog(clock=Ticking(), redactor=Redactor({"KEY": "made-up-value"}))

    def repeat(saw: Parcel, rule: Scale, desk: PolicyContext) -> Weighed:
        return Weighed(may=False, why="it says made-up-value")

    scope = await live(log, deciding(SHOP, policy=repeat))
    (seen,) = await post(scope, 5.0)
    await scope.finish()
    assert seen.value.why == "it says [secret:KEY]"
    assert await post(await again(log, deciding(SHOP, policy=repeat)), 5.0) == [seen]


async def test_a_decision_has_no_cause_whatever_is_tolerated() -> None:
    """A record that names one is none of ours."""
    log = memory_log()
    await told(log, AgentEnded("done", "", 1))
    await told(log, LIGHT, cause=Ref(STREAM, 1))
    for tolerates in (None, lambda before, event: True):
        scope = await again(log, deciding(SHOP, tolerates=tolerates))
        await scope.record(AgentEnded("done", "", 1))
        with pytest.raises(ReplayDiverged):
            await scope.decide(point(1), Parcel(5.0))
        scope = await again(log, deciding(SHOP, tolerates=tolerates))
        await scope.record(AgentEnded("done", "", 1))
        with pytest.raises(ReplayDiverged):
            await scope.record(LIGHT)


async def test_what_older_events_lack_of_a_ruling_is_worked_out() -> None:
    """Their point had fewer fields; one that was recorded with a revision has them all."""
    log, how = memory_log(), deciding(SHOP, policy=lambda saw, rule, desk: Weighed(may=True, why="light"))
    await told(log, LIGHT, msgspec.structs.replace(LIGHT, point_revision=1))
    scope = await again(log, how)
    later = point(2, later=("why",))
    assert (await scope.decide(later, Parcel(5.0))).value == Weighed(may=True, why="light")
    assert how.notes == []
    assert (await scope.decide(later, Parcel(5.0))).value == Weighed(may=True, why="")
    assert [note.at for note in how.notes if isinstance(note, Reruled)] == [Ref(STREAM, 2)]


async def test_where_a_blob_was_erased_the_recorded_ruling_counts_and_that_is_noted() -> None:
    """Nobody can rule again; live, where nothing says how it was ruled, the place is named that needs the bytes."""
    log, how = memory_log(), deciding(SHOP)
    scope = await live(log, deciding(SHOP))
    label = Text(scope.put(b"books"), Ref(STREAM, 0))
    assert (await scope.decide(point(), Parcel(5.0, label))).value.why == "books"
    await scope.finish()
    await log.erase(label.text, "asked for")
    scope = await again(log, how)
    assert (await scope.decide(point(), Parcel(5.0, label))).value == Weighed(may=True, why="books")
    assert how.notes == [Unanswered("weigh", Ref(STREAM, 0), label.text)]
    scope = await live(log, deciding(SHOP))
    await scope.decide(point(), Parcel(5.0, label))
    with pytest.raises(BlobErased) as caught:
        await scope.decide(point(), Parcel(4.0, label))
    assert caught.value.place == f"{STREAM}@1 of run r1"


async def test_inputs_that_were_erased_are_not_compared() -> None:
    """There is nothing left to compare with."""
    log = memory_log()
    await post(await live(log, deciding(SHOP)), 5.0)
    (made, *_) = await history(log)
    assert isinstance(made.event, DecisionMade)
    assert made.event.inputs is not None
    await log.erase(made.event.inputs, "asked for")
    scope = await again(log, deciding(SHOP))
    assert (await scope.decide(point(), Parcel(4.0))).value.may


async def test_earlier_inputs_are_folded_from_the_oldest_on_in_every_life() -> None:
    """Live step by step; in a life that begins in the middle from what is recorded."""
    log = memory_log()
    ruled = await post(await live(log, deciding(SHOP, policy=weigh_all)), 1.0, 2.0)
    assert [each.value.why for each in ruled] == ["1 g", "3 g"]
    scope = await again(log, deciding(SHOP, policy=weigh_all))
    assert await post(scope, 1.0, 2.0) == ruled
    (first, _, _, second, *_) = await history(log)
    assert isinstance(first.event, DecisionMade)
    assert isinstance(second.event, DecisionMade)
    assert second.event.inputs is not None
    saw = msgspec.json.decode(await log.get(second.event.inputs), type=Parcel)
    assert first.event.inputs is not None
    assert saw.earlier == Earlier(first.event.inputs, first.ref)
    middle = await live(memory_log(), deciding(SHOP, policy=weigh_all))
    for digest in (first.event.inputs, second.event.inputs):
        middle.put(await log.get(digest))
    later = await middle.decide(point(), Parcel(2.0, earlier=Earlier(second.event.inputs, second.ref)))
    assert later.value == Weighed(may=True, why="5 g")
    more = await middle.decide(point(), Parcel(0.5, earlier=middle.decided))
    assert more.value == Weighed(may=False, why="5.5 g")


async def test_inputs_that_would_read_back_as_others_are_refused() -> None:
    """JSON has no word for what is no number."""
    scope = await live(memory_log(), deciding(SHOP))
    with pytest.raises(EventRefused, match="Parcel"):
        await scope.decide(point(), Parcel(float("nan")))


async def test_a_life_that_may_not_write_ends_where_it_would_have_to_record_a_ruling() -> None:
    """And where it would have to ask, too; a decision without an event needs no leave."""
    log = memory_log()
    with pytest.raises(HistoryEnded, match=r"decision\.made"):
        await post(await again(log, deciding(SHOP)), 6.0)
    with pytest.raises(HistoryEnded, match=r"action\.asked"):
        await post(await again(log, deciding(SHOP, shape=1)), 5.0)
    assert await post(await again(log, deciding(SHOP, shape=1)), 6.0) == [Seen(Ref(STREAM, 0), Weighed(may=False))]


async def test_behind_the_cut_of_a_fork_its_own_settings_count_from_the_first_decision_on() -> None:
    """Up to the cut those of the run that it was forked from do."""
    log = memory_log()
    await post(await live(log, deciding(SHOP)), 6.0, 5.0)
    cut = len(await history(log)) - 2  # behind the two decisions
    assert cut == 2
    eras: list[int] = []

    def observe(each: Observed) -> Weighed:
        eras.append(each.era)
        return each.ruling  # type: ignore[no-any-return]

    how = deciding(Shop(5.0), Shop(1.0), observer=observe)
    lines = (Branch("r0", None, {}), Branch("r1", None, {STREAM: cut}))
    scope = Scope((await closed_world(log))._replace(deciding=how, lineage=lines), STREAM)
    await scope.decide(point(), Parcel(6.0))
    assert scope.era == 0
    seen = await scope.decide(point(), Parcel(5.0, earlier=scope.decided))
    assert (scope.era, eras, seen.value.may) == (1, [0, 0], True)


class NoLeave(Echo):
    """Nobody may ask any more."""

    @override
    def admit(self, asked: Event, place: EffectAddress) -> AbstractAsyncContextManager[Permit]:
        del asked, place
        return self._refused()

    @asynccontextmanager
    async def _refused(self) -> AsyncIterator[Permit]:
        yield Permit(ScopeStopped("cancelled", "ordered"))


async def test_what_gets_no_leave_is_not_on_record_as_asked() -> None:
    """The decision that led to it is, and then the stop; and so it is lived again."""
    log = memory_log()
    scope = await live(log, deciding(SHOP), NoLeave(log))
    with pytest.raises(Stopped):
        await post(scope, 5.0)
    assert [type(each.event) for each in await history(log)] == [DecisionMade, ScopeStopped]
    scope = await again(log, deciding(SHOP))
    with pytest.raises(Stopped):
        await post(scope, 5.0)
    await scope.finish()


async def test_a_request_on_record_that_nobody_answered_is_asked_again_unless_there_is_no_leave() -> None:
    """It stands once, whatever becomes of it."""
    log = memory_log()
    scope = await live(log, deciding(SHOP))
    await scope.decide(point(), Parcel(5.0))
    await scope.record(ActionAsked(scope.put(b"5"), None))
    with pytest.raises(Stopped):
        await post(await live(log, deciding(SHOP), NoLeave(log)), 5.0)
    assert [type(each.event) for each in await history(log)] == [DecisionMade, ActionAsked, ScopeStopped]


def test_a_policy_is_a_function_of_what_it_is_given() -> None:
    """The one that these stories go by: at its limit a parcel may go."""
    assert deciding(SHOP, policy=weigh).eras[0].policies["weigh"] is weigh
