"""Placebos on request: neutral text goes to the gate as a candidate does, and nothing else of the run hears of it."""

from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from engine.config.amend import amended
from engine.config.changes import read_changes
from engine.config.errors import ConfigRefused
from engine.config.spec import RunSpec
from engine.config.tree import ConfigValue
from engine.core.decision import PolicyContext
from engine.core.fold import fold
from engine.policies.gates.base import GatePlan
from engine.policies.gates.power import gate_power
from engine.programs.explore.method import SPARK
from engine.programs.train.edit_points import PLACEBO
from engine.programs.train.gate_points import GATE, CandidateRuling
from engine.programs.train.gate_rulings import rule_on_candidate
from engine.runtime.fork import Fork, fork_run
from events.base import Ref
from events.store.base import EventLog, Selection
from events.store.memory import MemoryLog
from events.types.skill import SkillRejected
from events.types.training import (
    BufferNoted,
    CandidateMade,
    GateDecided,
    RolloutsScored,
    SkillAccepted,
    StepOpened,
    TrainingClosed,
)
from projections.library import Library
from replay.rerun import rerun
from replay.what_if.ask import ask, prepare
from tests.support.crashes import ended, in_memory, wrong
from tests.support.mutation import mutate
from tests.support.orders import CountingClock
from tests.support.runs import setting
from tests.support.training import FEW, course_of, jars, mortal, run_digest, told, trained, training
from views.runs.placebo_rows import placebo_rows
from views.runs.train_rows import revision_beliefs, step_rows, training_row
from views.training.end import training_end
from views.training.results import result_rows
from views.training.trained_log import read_training


async def trained_to_the_end(base: Path, spec: RunSpec) -> tuple[EventLog, str]:
    """Train as a spec says, to the end."""
    log = MemoryLog(clock=CountingClock())
    report = await trained(log, base, spec)
    assert report.outcomes == {"train": "completed"}
    return log, report.run


async def lived(base: Path, **changes: Any) -> tuple[EventLog, str]:
    """Train in few small steps."""
    return await trained_to_the_end(base, training(**{**FEW, **changes}))


async def rulings_on_placebos(log: EventLog, run: str) -> list[tuple[Ref, GateDecided]]:
    """Give what the gate that counts ruled on placebos, in order."""
    course = await course_of(log, run)
    made = {each.ref for each in course if isinstance(each.event, CandidateMade) and each.event.origin == "placebo"}
    return [
        (each.ref, each.event)
        for each in course
        if isinstance(each.event, GateDecided) and each.event.candidate in made and each.event.shadow is None
    ]


async def placebos_of(log: EventLog, run: str) -> dict[str, list[GateDecided]]:
    """Give all rulings on each placebo, by its place."""
    course = await course_of(log, run)
    made = {
        each.ref: each.event
        for each in course
        if isinstance(each.event, CandidateMade) and each.event.origin == "placebo"
    }
    ruled = [each.event for each in course if isinstance(each.event, GateDecided)]
    return {f"s{event.step}": [each for each in ruled if each.candidate == ref] for ref, event in made.items()}


async def test_a_placebo_of_every_second_step_goes_to_the_gate_and_its_shadows(tmp_path: Path) -> None:
    """Given `placebo = 2` over four steps, the even ones bring one: scored under its own label, ruled on by all."""
    log, run = await lived(jars(tmp_path), placebo=2, shadows={"strict": {"name": "strict"}})
    ruled = await placebos_of(log, run)
    assert [*ruled] == ["s2", "s4"]
    for each in ruled.values():
        assert {one.shadow for one in each} == {None, "strict"}
        assert not any(one.best for one in each)
    labels = [each.label for each in await told(log, run, RolloutsScored)]
    assert [label for label in labels if "placebo" in label] == ["s2.placebo", "s4.placebo"]
    assert (await rerun(log, run)).complete


async def test_a_placebo_is_the_skill_in_force_with_neutral_text_of_the_length_of_the_change(tmp_path: Path) -> None:
    """It holds all that is in force, then a text that says nothing, about as long as what the step wrote."""
    log, run = await lived(jars(tmp_path), placebo=1, gate={"name": "force"}, epochs=1)
    in_force, before = "", ""
    seen = 0
    for each in await course_of(log, run):
        match each.event:
            case SkillAccepted(files=files):
                before, in_force = in_force, (await log.get(files[0].digest)).decode()
            case CandidateMade(origin="placebo", files=files) as made:
                seen += 1
                text = (await log.get(files[0].digest)).decode()
                assert text.startswith(in_force.rstrip("\n"))
                added = text[len(in_force.rstrip("\n")) :].strip()
                assert added.startswith("This page holds no advice")
                wrote = len(in_force) - len(before) if before else len(in_force.rpartition("---\n")[2])
                assert abs(len(added) - wrote) <= 4
                assert (made.applied, made.refused, made.changed) == (1, 0, True)
            case _:
                pass
    assert seen == 2


async def test_a_placebo_that_the_gate_accepts_is_not_in_force(tmp_path: Path) -> None:
    """Under `force`, which accepts all, only the steps' own candidates come into force, and nothing is rejected."""
    log, run = await lived(jars(tmp_path), placebo=1, gate={"name": "force"}, slow={"on": False}, meta=False)
    outcomes = [each.outcome for of in (await placebos_of(log, run)).values() for each in of]
    assert "accept" in outcomes
    accepted = await told(log, run, SkillAccepted)
    assert accepted
    assert {each.origin for each in accepted} == {"step"}
    assert len(accepted) == len([each for each in await told(log, run, CandidateMade) if each.origin == "step"])
    assert await told(log, run, SkillRejected) == []


async def test_nothing_that_the_optimizer_is_told_depends_on_placebos(tmp_path: Path) -> None:
    """The notes of steps and the candidates under `force` are those of the run without any, byte for byte."""
    runs = []
    for name, every in (("with", 1), ("without", None)):
        (tmp_path / name).mkdir()
        log, run = await lived(jars(tmp_path / name), placebo=every, gate={"name": "force"})
        made = [each.files for each in await told(log, run, CandidateMade) if each.origin != "placebo"]
        notes = [await log.get(each.note) for each in await told(log, run, BufferNoted)]
        assert made
        assert notes
        runs.append((made, notes))
    assert runs[0] == runs[1]


async def test_its_rows_are_those_of_the_revision_in_force(tmp_path: Path) -> None:
    """What a pass of a placebo says goes into the level: what is believed moves with it, accepted or not."""
    log, run = await lived(jars(tmp_path), placebo=1)
    counting = [of[-1] for of in (await placebos_of(log, run)).values()]
    assert counting
    assert all(each.rows > 0 for each in counting)
    revisions = [each.revision for each in await told(log, run, SkillAccepted)]
    assert revisions == list(range(1, len(revisions) + 1))
    decided = await told(log, run, GateDecided)
    for each in counting:
        before = decided[decided.index(each) - 1]
        assert each.figures["raw_mean"] == before.figures["raw_mean"]
        assert each.figures["filtered_variance"] != before.figures["filtered_variance"]


async def test_what_was_told_after_an_accepted_placebo_is_what_the_next_ruling_begins_with(tmp_path: Path) -> None:
    """Folded again for the next candidate, an accepted placebo is still a pass of the revision in force."""
    log, run = await lived(jars(tmp_path), placebo=1, gate={"name": "force"})
    course = [each for each in await told(log, run, GateDecided) if each.shadow is None]
    ended = [of[-1] for of in (await placebos_of(log, run)).values() if of[-1].rows]
    followed = [(each, course[course.index(each) + 1]) for each in ended if course[-1] != each]
    begun = [(each, after) for each, after in followed if after.outcome == "more"]
    assert begun
    for each, after in begun:
        assert (each.outcome, each.best) == ("accept", False)
        assert after.figures["filtered_variance"] == each.figures["filtered_variance"]


@pytest.mark.slow
async def test_a_ruling_on_a_placebo_goes_into_the_next_as_such(tmp_path: Path) -> None:
    """Each ruling of the gate and each placebo is answered otherwise once; later inputs are what substitution gives."""
    log, run = await lived(jars(tmp_path), epochs=1, placebo=1)
    came = await mutate(log, run, [GATE.name, PLACEBO.name])
    assert came.mutations > 0
    assert came.found == ()


@pytest.mark.slow
async def test_a_run_that_died_within_the_pass_of_a_placebo_comes_to_the_same(tmp_path: Path) -> None:
    """Given deaths all along, each stream has the digest that it has without."""
    opened = in_memory()
    digests = []
    async with mortal(tmp_path, placebo=1, epochs=1) as here:
        plain = await ended(here, (), opened)
        for deaths in ((), *((at,) for at in range(20, plain.moments[0], plain.moments[0] // 6))):
            seen = await ended(here, deaths, opened)
            assert wrong(plain, seen) == []
            async with opened() as log:
                run = (await log.runs())[-1]
                assert any("placebo" in name for name in await log.streams(run))
                digests.append(await run_digest(log, run))
    assert len(digests) > 4
    assert all(each == digests[0] for each in digests)


async def test_a_fork_behind_a_placebo_goes_on_with_another_gate_and_its_own_placebos(tmp_path: Path) -> None:
    """The other gate folds the rows of the placebo before the cut as those of the revision in force."""
    base, log = jars(tmp_path), MemoryLog(clock=CountingClock())
    spec = training(**FEW, placebo=2)
    run = (await trained(log, base, spec)).run
    cut = next(
        each for each in await course_of(log, run) if isinstance(each.event, StepOpened) and each.event.step == 3
    )
    changed = amended(
        spec,
        [ConfigValue(("train", "gate", "name"), "strict", "--set"), ConfigValue(("train", "placebo"), 3, "--set")],
    )
    report = await fork_run(await setting(log, base), Fork(run, cut.position, changed.spec, ()))
    assert report.outcomes == {"train": "completed"}
    assert [*await placebos_of(log, report.run)] == ["s3"]
    assert {each.gate for each in await told(log, report.run, GateDecided)} == {"strict"}
    assert (await rerun(log, report.run)).complete


async def test_another_gate_is_asked_of_placebos_too(tmp_path: Path) -> None:
    """`level` again flips nothing."""
    log, run = await lived(jars(tmp_path), placebo=1)
    prepared = await prepare(log, run)
    same, other = [await ask([prepared], read_changes([("train.gate.name", name)])) for name in ("level", "probe")]
    assert same.flips == ()
    assert {each.point for each in other.flips} <= {"gate"}


@pytest.mark.slow
async def test_a_placebo_that_another_gate_takes_or_not_leads_nowhere_else(tmp_path: Path) -> None:
    """`strict` rules on the candidates as `level` did, and on three placebos otherwise: the path is gone to its end."""
    log, run = await trained_to_the_end(jars(tmp_path), training(placebo=1))
    prepared = await prepare(log, run)
    found = await ask([prepared], read_changes([("train.gate.name", "strict")]))
    assert [(each.point, each.field, each.recorded, each.decided) for each in found.flips] == [
        ("gate", "outcome", "accept", "reject")
    ] * 3
    assert {each.at for each in found.flips} < {ref for ref, _ in await rulings_on_placebos(log, run)}
    assert found.left == ()
    assert sum(each.unanswerable for each in found.trials) == 0
    # A candidate that would be taken is another matter: the run would have had another skill from there on.
    (left,) = (await ask([prepared], read_changes([("train.gate.name", "force")]))).left
    assert (left.flip.field, left.flip.recorded, left.flip.decided) == ("outcome", "reject", "accept")
    assert left.flip.at not in {ref for ref, _ in await rulings_on_placebos(log, run)}


async def test_a_placebo_of_which_more_is_wanted_ends_the_recorded_path(tmp_path: Path) -> None:
    """Items that were not run are known to nobody, whoever they would have been run for."""
    log, run = await trained_to_the_end(jars(tmp_path), training(placebo=1))

    def curious(saw: Any, rule: Any, desk: PolicyContext) -> CandidateRuling:
        ruled = rule_on_candidate(saw, rule, desk)
        wants = saw.origin == "placebo" and saw.parts
        return replace(ruled, outcome="more", run=("items.idle-val",)) if wants else ruled

    prepared = await prepare(log, run, method=SPARK.but("curious", gate=curious))
    (left,) = (await ask([prepared], ())).left
    first = next(ref for ref, event in await rulings_on_placebos(log, run) if event.outcome != "more")
    assert (left.flip.at, left.flip.decided) == (first, "more")
    assert left.impact.calls > 0


async def test_what_a_gate_says_of_a_placebo_is_never_that_it_is_the_best(tmp_path: Path) -> None:
    """Given a gate that accepts placebos, no ruling on one says so."""
    log, run = await trained_to_the_end(jars(tmp_path), training(placebo=1))
    ended = [event for _, event in await rulings_on_placebos(log, run) if event.outcome != "more"]
    assert [each.outcome for each in ended].count("accept") == 3
    assert [each.best for each in ended] == [False] * len(ended)


@pytest.mark.parametrize("gate", ["level", "evidence", "force"])
async def test_one_revision_is_believed_one_thing_by_whichever_name_it_goes(tmp_path: Path, gate: str) -> None:
    """The initial, the best and the final skill of one revision have one figure, on record and in every table."""
    settings = {"anyway": True} if gate == "evidence" else {}
    spec = training(**FEW, placebo=1, gate={"name": gate, "settings": settings})
    log, run = await trained_to_the_end(jars(tmp_path), spec)
    (closed,) = await told(log, run, TrainingClosed)
    known = (await read_training(log, run)).run
    beliefs = revision_beliefs(known)
    best = [0, *[each.revision for each in await told(log, run, SkillAccepted) if each.best]][-1]
    assert [each.revision for each in closed.skills] == [0, best, known.in_force.revision]
    for each in closed.skills:
        assert each.believed is not None
        assert float(each.believed.exact) == beliefs[each.revision].believed
    rows = await result_rows(log, known, step_rows(known))
    assert [(row.which, row.believed) for row in rows] == [
        (each.which, beliefs[each.revision].believed) for each in closed.skills
    ]
    ruled = [each for each in await told(log, run, GateDecided) if each.shadow is None]
    assert next(each.believed for each in closed.skills if each.which == "final") == ruled[-1].believed
    assert training_row(known).believed == float(ruled[-1].believed.exact)


@pytest.mark.slow
async def test_every_gate_is_told_with_what_it_sees(tmp_path: Path) -> None:
    """How many placebos it accepted of how many stands beside its power, for the gate and each shadow."""
    shadows = {"strict": {"name": "strict"}, "all": {"name": "paired"}}
    log, run = await lived(jars(tmp_path), placebo=1, gate={"name": "force"}, shadows=shadows)
    ruled = await placebos_of(log, run)
    known = (await read_training(log, run)).run
    assert len(ruled) >= 2
    assert [each.name for each in known.placebos] == [f"{name}.placebo" for name in ruled]
    assert not [each for each in known.candidates if each.origin == "placebo"]
    rows = await placebo_rows(log, known)
    assert [(row.gate, row.shadow) for row in rows] == [("force", None), ("paired", "all"), ("strict", "strict")]
    for row in rows:
        last = [[one.outcome for one in of if one.shadow == row.shadow][-1] for of in ruled.values()]
        assert row.accepted == last.count("accept")
        assert row.ruled == len(last) - last.count("more") - last.count("undecided")
        assert row.open == len(last) - row.ruled
    assert rows[0].accepted == len(ruled)
    sees = gate_power("strict", {}, GatePlan(6 - len(known.do_nothing), 9))
    assert (rows[2].smallest_gain, rows[2].useless, rows[2].how) == (sees.smallest, sees.useless, sees.how)
    end = await training_end(log, run)
    assert end is not None
    assert end.placebos == tuple(rows)
    assert end.undecided == 0
    assert training_row(known).believed == float((await told(log, run, GateDecided))[-3].believed.exact)


async def test_the_library_of_the_run_holds_no_placebo(tmp_path: Path) -> None:
    """What only tries a gate is no proposal of a skill."""
    log, run = await lived(jars(tmp_path), placebo=1, epochs=1)
    state = await fold(log, Library(), Selection(run=run))
    made = [each for each in await told(log, run, CandidateMade) if each.origin != "placebo"]
    assert len(state.runs[run].candidates) == len(made)
    assert len(await told(log, run, CandidateMade)) > len(made)


async def test_a_step_that_changes_nothing_has_no_placebo(tmp_path: Path) -> None:
    """Given edits that are all refused, there is nothing that a placebo could stand in for."""
    log, run = await lived(jars(tmp_path), placebo=1, edits={"max_chars": 1})
    assert await told(log, run, CandidateMade)
    assert await placebos_of(log, run) == {}


async def test_every_nought_th_step_is_refused(tmp_path: Path) -> None:
    """A number below 1 names no step."""
    with pytest.raises(ConfigRefused, match=r"train\.placebo is 0"):
        await trained(MemoryLog(clock=CountingClock()), jars(tmp_path), training(**FEW, placebo=0))
