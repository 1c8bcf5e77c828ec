"""Stories of a run done again: what is equal, what differs, and what is likely to be behind it."""

from pathlib import Path

import pytest

from engine.core.decision import PolicyContext
from engine.core.errors import HistoryEnded
from engine.core.fold import fold_kept, fold_run
from engine.core.history import load_histories
from engine.core.prompts import load_prompts, make_prompts
from engine.core.snapshots import keep
from engine.core.trial_histories import EventReader, load_parts
from engine.programs.explore import points, rulings
from engine.programs.explore.method import SPARK
from engine.runtime.run import start_run
from events.base import Draft, Ref
from events.store.memory import MemoryLog
from events.store.sqlite.store import SqliteLog
from events.types.trial import TrialClosed
from projections.memo import Memo
from replay.diff import Here, notes_of, of_decision
from replay.rebuild import compare_snapshots, rebuild
from replay.redecide import decisions
from replay.report import Checked, Strengths, check
from replay.rerun import rerun
from tests.engine.runtime.test_resume import all_blobs
from tests.support.edits import edit_events
from tests.support.runs import make_base, setting, spec
from tests.support.worlds import Ticking

HERE = Here("test", load_prompts())
RERUN = Strengths(rebuild=False, redecide=False, rerun=True)


async def lived(folder: Path) -> tuple[MemoryLog, str]:
    """A run that has ended."""
    log = MemoryLog(clock=Ticking())
    return log, (await start_run(await setting(log, make_base(folder)), spec())).run


async def edited(folder: Path, tag: str, before: str, after: str) -> Checked:
    """A run of which one kind of event was changed in the file, done again."""
    path = folder / "log.db"
    async with await SqliteLog.open(path, clock=Ticking()) as log:
        run = (await start_run(await setting(log, make_base(folder)), spec())).run
    edit_events(path, tag, before, after)
    async with await SqliteLog.open(path, clock=Ticking()) as log:
        return await check(log, run, HERE)


async def test_a_run_is_equal_at_every_strength(tmp_path: Path) -> None:
    """And nothing is said to be behind a difference that is not there."""
    log, run = await lived(tmp_path)
    checked = await check(log, run, HERE)
    assert checked.equal
    assert checked.rerun is not None
    assert checked.redecided is not None
    assert sum(each.decisions for each in checked.redecided.points) > 9
    assert (checked.differences, checked.causes, checked.remedies, checked.notes, checked.prompts) == (*[()] * 5,)


async def test_an_edited_verdict_is_traced_to_the_event_that_was_edited(tmp_path: Path) -> None:
    """The reward was raised in the file; what judging saw, and the verdict of then, give it away."""
    checked = await edited(tmp_path, "verify.rewarded", '"reward":0.0', '"reward":1.0')
    first = checked.differences[0]
    assert (first.strength, first.point, first.at.stream) == ("redecide", "judging", "attempt/word/1")
    assert (first.field, first.recorded, first.decided) == ("inputs: reward", "1.0", "0.0")
    assert first.nearest is not None
    assert first.nearest.at == Ref("attempt/word/1", first.at.version - 2), "the count of its checks stands between"
    again = checked.differences[-1]
    assert (again.strength, again.at, again.field) == ("rerun", first.at, "inputs")
    assert checked.causes[0].startswith(f"attempt/word/1@{first.nearest.at.version} (verify.rewarded, position ")
    assert "log verify" in checked.causes[0]


async def test_an_edited_decision_is_named_with_both_values(tmp_path: Path) -> None:
    """What was decided can still be told from what it saw."""
    checked = await edited(tmp_path, "trial.next_chosen", '"counted":2', '"counted":3')
    (decided, again) = (each for each in checked.differences if each.at == Ref("trial/word", 8))
    for each in (decided, again):
        assert (each.field, each.recorded, each.decided) == ("counted", "3", "2")
    assert len(checked.causes) == 1
    assert checked.causes[0].startswith("trial/word@8 (trial.next_chosen, position ")


async def test_a_policy_that_changed_is_named_by_redecide_and_by_rerun(tmp_path: Path) -> None:
    """The event, the field and both values; no event was edited, so the policy is what is left."""

    def stern(saw: points.InterventionSaw, rule: points.InterventionRule, desk: PolicyContext) -> points.Intervention:
        del saw, desk
        return points.Intervention("strong", rule.mode, "always")

    log, run = await lived(tmp_path)
    checked = await check(log, run, HERE, method=SPARK.but("stern", intervention=stern))
    assert [(each.strength, each.at, each.field) for each in checked.differences] == [
        ("redecide", Ref("trial/word", 13), "level"),
        ("redecide", Ref("trial/word", 13), "reason"),
        ("rerun", Ref("trial/word", 13), "level"),
    ]
    again = checked.differences[-1]
    assert (again.recorded, again.decided) == ('"none"', '"strong"')
    assert checked.causes == ("the policy of intervention decides differently from the same inputs",)


async def test_a_changed_prompt_is_named_and_the_run_is_equal_all_the_same(tmp_path: Path) -> None:
    """A rerun uses the recorded texts; it is a resume that would ask a model in other words."""
    log, run = await lived(tmp_path)
    texts = {each.name: each.text for each in HERE.prompts.prompts}
    here = Here("test", make_prompts({**texts, "reflect_user": texts["reflect_user"] + " "}))
    checked = await check(log, run, here)
    assert checked.equal
    assert [(each.name, each.recorded == each.here) for each in checked.prompts] == [("reflect_user", False)]


async def test_another_version_is_named_only_where_something_differs(tmp_path: Path) -> None:
    """A run of an older version that comes out the same is no finding."""
    log, run = await lived(tmp_path)
    here = Here("newer", HERE.prompts)
    assert (await check(log, run, here)).causes == ()

    def harder(saw: points.RetrySaw, rule: points.RetryRule, desk: PolicyContext) -> points.Retry:
        return rulings.word_retry(saw, rule, desk) if not saw.before else points.Retry("none", desk.put(b"try harder"))

    checked = await check(log, run, here, RERUN, method=SPARK.but("harder", retry=harder))
    assert checked.causes == (
        "the run was made by stillroom test, and this is newer",
        "the policy of retry decides differently from the same inputs",
    )
    (difference,) = checked.differences
    assert (difference.at, difference.field) == (Ref("trial/word", 14), "injection")
    assert difference.nearest is not None
    assert difference.nearest.why == "the last trial.attempt_planned before it"


async def test_a_complete_run_whose_record_ends_too_early_differs(tmp_path: Path) -> None:
    """It is not taken for one that was cut off: its last event says that every trial ended."""
    log, run = await lived(tmp_path)
    short = MemoryLog(clock=Ticking())
    for name in await all_blobs(log):
        short.put(await log.get(name))
    async for each in log.read():
        if not isinstance(each.event, TrialClosed):
            await short.append(each.stream, [Draft(each.event, each.cause)], expected_version=each.version - 1)
    with pytest.raises(HistoryEnded, match=r"trial\.closed"):
        await rerun(short, run)
    (difference,) = (await check(short, run, HERE, RERUN)).differences
    assert (difference.recorded, difference.decided) == ("nothing", "trial.closed")


async def test_views_are_rebuilt_alike_and_beside_what_was_kept(tmp_path: Path) -> None:
    """A snapshot is a shortcut: one that says something else is found by folding again."""
    log, run = await lived(tmp_path)
    assert all(each.agrees for each in await rebuild(log, run))
    await fold_run(log, [Memo()], run, far=1)
    kept = await log.load_snapshot(f"memo/{run}", Memo.revision)
    assert kept is not None
    assert [each.agrees async for each in compare_snapshots(log)] == [True]
    await keep(log, f"memo/{run}", Memo.revision, await log.head(), Memo().initial())
    (compared,) = [each async for each in compare_snapshots(log)]
    assert (compared.view, compared.position, compared.agrees) == (f"memo/{run}", kept.position, False)


async def test_a_view_of_the_whole_log_is_beside_what_was_kept_of_it(tmp_path: Path) -> None:
    """It is of no run: names of runs, sets of items and stored scores are kept so, once a log is long."""
    log, _ = await lived(tmp_path)
    await fold_kept(log, Memo(), await log.head(), far=1)
    assert await log.load_snapshot("memo", Memo.revision) is not None
    assert [(each.view, each.agrees) async for each in compare_snapshots(log)] == [("memo", True)]


async def test_a_ruling_of_another_revision_is_a_note_and_no_difference(tmp_path: Path) -> None:
    """The record stands, whatever a later revision of its point would rule; at the recorded revision it is a fault."""

    def stern(saw: points.InterventionSaw, rule: points.InterventionRule, desk: PolicyContext) -> points.Intervention:
        del saw, desk
        return points.Intervention("strong", rule.mode, "always")

    log, run = await lived(tmp_path)
    made = await decisions(log, run, method=SPARK.but("stern", intervention=stern))
    events = EventReader(await load_parts(log, run))
    older = [each._replace(entry=each.entry._replace(revision=each.entry.revision + 1)) for each in made]
    differences = [difference for each in made for difference in await of_decision(each, events)]
    assert [difference.point for difference in differences] == ["intervention"] * 2
    assert [difference for each in older for difference in await of_decision(each, events)] == []
    assert notes_of(made, ()) == []
    (note,) = notes_of(older, ())
    (place,) = [each.at for each in older if each.point == "intervention"]
    assert (note.point, note.recorded_revision, note.revision, note.places) == ("intervention", 2, 1, (place,))


async def test_a_run_that_parts_is_told_what_can_be_done(tmp_path: Path) -> None:
    """The version that recorded it replays it, and a fork of it holds right up to where it parts."""
    log, run = await lived(tmp_path)
    (stop,) = [
        each
        for each in (await load_histories(log, run)).by_stream["trial/word"]
        if getattr(each.event, "decision", "") == "solved"
    ]

    def never(saw: points.StoppingSaw, rule: points.StoppingRule, desk: PolicyContext) -> points.Next:
        ruling = rulings.decide_whether_to_go_on(saw, rule, desk)
        return points.Next("exhausted", None, "", None) if ruling.decision == "solved" else ruling

    checked = await check(log, run, Here("newer", HERE.prompts), RERUN, method=SPARK.but("never", stopping=never))
    assert not checked.equal
    assert checked.remedies == (
        "stillroom test recorded the run and can replay it",
        f"it can be forked up to position {stop.position - 1:,}: `stillroom fork {run} --at {stop.position - 1}`",
    )
