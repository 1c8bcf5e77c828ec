"""Decisions of imported runs carry what they saw, as those of our own runs do."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import msgspec
import pytest

from engine.config.spec import read_spec
from engine.core.fold import fold
from engine.importers.assumed import Assumed, assumed_spec
from engine.importers.atif.importer import import_atif
from engine.importers.harbor.importer import import_harbor
from engine.importers.spark.importer import import_spark
from engine.programs.explore.points import INTERVENTION, PDI, InterventionRule, InterventionSaw, JudgingSaw
from events.base import Recorded, Ref
from events.digest import Digest
from events.redaction.redactor import Redactor
from events.store.base import Selection
from events.store.blob_refs import named_blobs
from events.store.memory import MemoryLog
from events.types.attempt import AttemptJudged
from events.types.decision import Decided, DecisionMade, Earlier, Held, Seen, Text, parts_of
from events.types.pdi import PdiImported
from events.types.run import RunImported
from events.values import Outcome
from projections.pdi.index import PdiSettings
from projections.pdi.inputs import PdiSaw, given_to_read
from projections.pdi.trials import PdiTrials, trials_of
from tests.engine.importers.harbor.made import job
from tests.engine.importers.harbor.made import trial as harbor_trial
from tests.engine.importers.recorded import write_task
from tests.support.worlds import Ticking, memory_log

STRONG = "\n### Critical Exploration Feedback\ngo elsewhere\n"


async def told(log: MemoryLog, folder: Path) -> list[Recorded]:
    """Import one task of SPARK's and give all that is recorded of it."""
    await import_spark(log, folder)
    return [each async for each in log.read(Selection())]


async def saws(log: MemoryLog, events: Sequence[Recorded], kind: type[Any], tag: type[Decided]) -> list[Any]:
    """Give what decisions saw that events of a kind record."""
    found = [each.event for each in events if isinstance(each.event, tag)]
    return [msgspec.json.decode(await log.get(_is_there(each.inputs)), type=kind) for each in found]


def _is_there(digest: Digest | None) -> Digest:
    assert digest is not None
    return digest


async def test_every_text_is_named_by_the_event_that_it_is_said_to_stand_in(tmp_path: Path) -> None:
    """So that a chain of causes can be followed; the memo stands behind its reading, so the log is looked ahead in."""
    log = memory_log()
    events = await told(log, write_task(tmp_path))
    by_ref = {each.ref: each.event for each in events}
    looked = 0
    for each, kind in ((PdiImported, PdiSaw), (DecisionMade, InterventionSaw)):
        for saw in await saws(log, events, kind, each):
            for part in parts_of(saw):
                looked += 1
                match part:
                    case Text():
                        assert part.text in set(named_blobs(by_ref[part.at]))
                    case Seen():
                        held = msgspec.structs.asdict(by_ref[part.seen])
                        shown: dict[str, Any] = msgspec.to_builtins(part.value)
                        assert {name: held[name] for name in shown} == shown
                    case Earlier():
                        event = by_ref[part.at]
                        assert isinstance(event, PdiImported)
                        assert event.inputs == part.earlier
                    case Held():
                        raise AssertionError("no table is seen")
    assert looked == 5 * 3 + 4 * 3 + 5 * 2


async def test_a_reading_saw_what_projections_give_to_read(tmp_path: Path) -> None:
    """One builder: from recorded inputs and from events come the same texts and the same step."""
    log = memory_log()
    events = await told(log, write_task(tmp_path))
    blobs = {part.text: b"" for saw in await saws(log, events, PdiSaw, PdiImported) for part in _texts(saw)}
    blobs = {digest: await log.get(digest) for digest in blobs}
    recorded = [
        given_to_read(saw, lambda part: "" if part is None else blobs[part.text].decode())
        for saw in await saws(log, events, PdiSaw, PdiImported)
    ]
    (trial,) = trials_of(await fold(log, PdiTrials(), Selection()))
    assert recorded == [step.given for step in trial.steps]


def _texts(saw: PdiSaw) -> list[Text]:
    return [part for part in parts_of(saw) if isinstance(part, Text)]


async def test_an_intervention_stands_before_its_attempt_and_steers(tmp_path: Path) -> None:
    """SPARK records no retry: what comes next follows from this decision. Its settings are assumed: SPARK's."""
    log = memory_log()
    events = await told(log, write_task(tmp_path))
    made = [each for each in events if isinstance(each.event, DecisionMade)]
    rulings = [INTERVENTION.ruling_in(each.event) for each in made if isinstance(each.event, DecisionMade)]
    assert [None if each is None else each.level for each in rulings] == ["none", "soft", *["strong"] * 3]
    assert all(isinstance(each.event, DecisionMade) and each.event.steers for each in made)
    begun = [each.position for each in events if each.stream.name.startswith("attempt/") and each.version == 1]
    read = [each for each in events if isinstance(each.event, PdiImported)]
    places = zip(made, read, begun[1:], strict=True)
    assert all(before.position < each.position < after for each, before, after in places)
    saw = await saws(log, events, InterventionSaw, DecisionMade)
    assert [each.reading == each.latest and each.reading.seen for each in saw] == [each.ref for each in read]
    (opened,) = [each.event for each in events if isinstance(each.event, RunImported)]
    spec = read_spec(await log.get(_is_there(opened.assumed)))
    assert (spec.method.pdi.stale, spec.method.pdi.invalid, spec.method.pdi.mode) == ("repeat", "trust", "intervene")


async def test_an_attempt_that_was_told_nothing_was_only_observed(tmp_path: Path) -> None:
    """Its text says so, and outweighs the reading; what no setting explains stays a fact without a decision."""
    log = memory_log()
    attempts = {2: {"retry_injection": "carry on"}, 3: {"retry_injection": STRONG}, 1: {"retry_injection": STRONG}}
    events = await told(log, write_task(tmp_path, attempts=attempts))
    made = [each.event for each in events if isinstance(each.event, DecisionMade)]
    rules = [msgspec.json.decode(await log.get(_is_there(each.rule)), type=InterventionRule).mode for each in made]
    levels = [each.ruling["level"] for each in made]
    # The first reading triggers nothing, so that the strong text of attempt 1 cannot follow from it.
    assert list(zip(levels, rules, strict=True)) == [
        ("none", "observe"),
        ("strong", "intervene"),
        ("strong", "intervene"),
        ("strong", "intervene"),
    ]


async def test_behind_a_lost_reading_nobody_knows_what_was_acted_on(tmp_path: Path) -> None:
    """And the chain of readings goes from the one before it to the one behind."""
    log = memory_log()
    # A text of the attempt says what it was told; from which reading that followed is lost all the same.
    attempts = {2: {"retry_injection": "carry on"}}
    events = await told(log, write_task(tmp_path, readings={1: {}}, attempts=attempts))
    read = [each for each in events if isinstance(each.event, PdiImported)]
    saw = await saws(log, events, PdiSaw, PdiImported)
    assert [None if each.earlier is None else each.earlier.at for each in saw] == [None, *[at.ref for at in read[:-1]]]
    assert len(saw) == 4
    assert len([each for each in events if isinstance(each.event, DecisionMade)]) == 4


async def test_after_an_attempt_that_broke_the_reading_before_counts_again(tmp_path: Path) -> None:
    """SPARK repeats it (1.7): the attempt has no reading of its own."""
    log = memory_log()
    broken = {"status": "INFRA_ERROR", "reward": 0.0, "error": "Docker is gone"}
    folder = write_task(tmp_path, attempts={5: broken})
    lines = (folder / "task4" / "trajectory.jsonl").read_text().splitlines()
    last = msgspec.json.decode(lines[-1]) | {"attempt": 6, "status": "PASS", "reward": 1.0, "error": ""}
    (folder / "task4" / "trajectory.jsonl").write_text("\n".join([*lines, msgspec.json.encode(last).decode()]))
    saw = (await saws(log, await told(log, folder), InterventionSaw, DecisionMade))[-1]
    assert saw.reading is None
    assert saw.latest.value.level == "strong"


@pytest.mark.parametrize(
    ("weighted", "tie"), [(-0.5, True), (-0.5 - 1e-4, None), (-0.5 + 1e-4, None), (-0.5 + 4e-5, True)]
)
async def test_what_the_source_ruled_is_seen_only_at_the_threshold(
    *, weighted: float, tie: bool | None, tmp_path: Path
) -> None:
    """Elsewhere the value decides; there its last bits are gone, and only the source knows (W2)."""
    log = memory_log()
    readings = {1: {"weighted_pdi": weighted, "triggered": True, "level": "soft"}}
    saw = await saws(log, await told(log, write_task(tmp_path, readings=readings)), PdiSaw, PdiImported)
    assert [each.tie for each in saw] == [None, tie, None, None, None]


async def test_a_verdict_saw_what_the_files_say(tmp_path: Path) -> None:
    """The reward, or why there is none, beside the files; the assumed rule makes a verdict of it."""
    log = memory_log()
    attempts: dict[int, dict[str, object]] = {
        0: {"reward": None},
        1: {"status": "INFRA_ERROR", "error": "Docker is gone"},
        2: {"reward": 0.25},
    }
    events = await told(log, write_task(tmp_path, attempts=attempts))
    saw = [each.said for each in await _judgings(log, events) if each.said is not None]
    assert len(saw) == 6
    assert [(each.reward, each.broken) for each in saw[:3]] == [(None, None), (None, "Docker is gone"), (0.25, None)]
    assert [bool(each.silence) for each in saw[:3]] == [True, False, False]
    (opened,) = [each.event for each in events if isinstance(each.event, RunImported)]
    names = {file.digest: file.name for file in opened.files}
    assert {(names[part.text], part.at) for each in saw for part in each.files} == {("trajectory.jsonl", Ref("run", 1))}


async def _judgings(log: MemoryLog, events: Sequence[Recorded]) -> list[JudgingSaw]:
    found = [each.event for each in events if type(each.event).__name__ == "AttemptJudged"]
    assert all(isinstance(each, Decided) and each.rule for each in found)
    return [
        msgspec.json.decode(await log.get(_is_there(each.inputs)), type=JudgingSaw)
        for each in found
        if isinstance(each, Decided)
    ]


async def test_trials_of_harbor_say_by_which_file_they_were_judged(tmp_path: Path) -> None:
    """Each by the result of its own."""
    log = memory_log()
    rewarded = {"verifier_result": {"rewards": {"reward": 1.0}}}
    await import_harbor(log, job(tmp_path / "j", harbor_trial("a__1", "a", **rewarded), harbor_trial("b__1", "b")))
    events = [each async for each in log.read(Selection())]
    (opened,) = [each.event for each in events if isinstance(each.event, RunImported)]
    names = {file.digest: file.name for file in opened.files}
    saw = [each.said for each in await _judgings(log, events)]
    assert [names[part.text] for each in saw if each is not None for part in each.files] == [
        "a__1/result.json",
        "b__1/result.json",
    ]
    assert [each.reward for each in saw if each is not None] == [1.0, None]


async def test_a_trajectory_of_another_system_has_no_verdict_to_see(tmp_path: Path) -> None:
    """The format has no place for one: that is what was seen, and no verdict is made of it."""
    log = memory_log()
    agent = {"name": "a", "version": "1"}
    step = {"step_id": 1, "source": "user", "message": "hello"}
    document = {"schema_version": "ATIF-v1.5", "session_id": "s", "agent": agent, "steps": [step]}
    (tmp_path / "trajectory.json").write_bytes(msgspec.json.encode(document))
    await import_atif(log, tmp_path / "trajectory.json", task="greet")
    (saw,) = await _judgings(log, [each async for each in log.read(Selection())])
    assert saw.said is not None
    assert (saw.said.reward, saw.said.verdict, saw.said.broken) == (None, None, None)
    assert "no verdict" in saw.said.silence


async def test_a_secret_does_not_get_into_the_inputs(tmp_path: Path) -> None:
    """What is noted as seen is what the log keeps of it."""
    log = MemoryLog(clock=Ticking(), redactor=Redactor({"TOKEN": "hunter2hunter2"}))
    broken = {"status": "INFRA_ERROR", "error": "login with hunter2hunter2 failed"}
    events = await told(log, write_task(tmp_path, attempts={1: broken}))
    saw = (await _judgings(log, events))[1].said
    assert saw is not None
    assert saw.broken == "login with [secret:TOKEN] failed"
    assumed = Assumed(log.put, log.redactor, assumed_spec())
    verdict = AttemptJudged(Outcome("no_verdict", None, "no hunter2hunter2"), 0, 0, log.put(b""))
    assumed.note(assumed.verdict(verdict, ()), Ref("attempt/a/1", 1))
    (noted,) = assumed.noted
    assert msgspec.json.decode(await log.get(noted.inputs), type=JudgingSaw) == noted.saw


async def test_readings_are_decided_under_the_settings_of_spark(tmp_path: Path) -> None:
    """The source records none of them."""
    log = memory_log()
    events = await told(log, write_task(tmp_path))
    read = [each.event for each in events if isinstance(each.event, PdiImported)]
    rules = [msgspec.json.decode(await log.get(_is_there(each.rule)), type=PdiSettings) for each in read]
    assert rules == [PdiSettings()] * 5
    assert {each.point_revision for each in read} == {PDI.revision}
