"""Stories of a run done again: what is equal, what differs, and what is likely to be behind it."""

from collections.abc import Sequence
from pathlib import Path

import pytest

from engine.errors import HistoryEnded
from engine.folding import fold_run
from engine.methods.base import SPARK
from engine.policies.intervention import Intervention, InterventionRule, Level, Reading
from engine.prompting import load_prompts, make_prompts
from engine.runtime import start_run
from engine.snapshots import keep
from events.base import Draft, Ref
from events.memory import MemoryLog
from events.sqlite import SqliteLog
from events.trial import TrialClosed
from projections.memo import Memo
from replay.checked import Checked, Strengths, check
from replay.differences import Here
from replay.rebuild import compare_snapshots, rebuild
from replay.rerun import rerun
from tests.engine.test_resume import all_blobs
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
    assert len(checked.decisions or ()) == 14
    assert (checked.differences, checked.causes, checked.prompts) == ((), (), ())


async def test_an_edited_verdict_is_traced_to_the_event_that_was_edited(tmp_path: Path) -> None:
    """The reward was raised in the file; the verdict that was written down when it was 0 gives it away."""
    checked = await edited(tmp_path, "verify.rewarded", '"reward":0.0', '"reward":1.0')
    first = checked.differences[0]
    assert (first.strength, first.point, first.at) == ("redecide", "judging", Ref("attempt/word/1", 13))
    assert (first.field, first.recorded[:16], first.decided[:16]) == ("outcome", '{"kind":"failed"', '{"kind":"solved"')
    again = checked.differences[-1]
    assert (again.strength, again.at, again.field) == ("rerun", Ref("attempt/word/1", 13), "outcome")
    assert checked.causes[0].startswith("attempt/word/1@12 (verify.rewarded, position ")
    assert "log verify" in checked.causes[0]


async def test_an_edited_decision_is_named_with_both_values(tmp_path: Path) -> None:
    """What was decided can still be told from what it saw."""
    checked = await edited(tmp_path, "trial.next_chosen", '"counted":2', '"counted":3')
    (decided, again) = (each for each in checked.differences if each.at == Ref("trial/word", 7))
    for each in (decided, again):
        assert (each.field, each.recorded, each.decided) == ("counted", "3", "2")
    assert len(checked.causes) == 1
    assert checked.causes[0].startswith("trial/word@7 (trial.next_chosen, position ")


async def test_a_policy_that_changed_is_named_by_redecide_and_by_rerun(tmp_path: Path) -> None:
    """The event, the field and both values; no event was edited, so the policy is what is left."""

    def stern(readings: Sequence[Reading | None], rule: InterventionRule) -> Intervention:
        return Intervention(Level.STRONG, Level.STRONG, "always")

    log, run = await lived(tmp_path)
    checked = await check(log, run, HERE, method=SPARK._replace(intervene=stern))
    assert [(each.strength, each.at, each.field) for each in checked.differences] == [
        ("redecide", Ref("trial/word", 12), "level"),
        ("redecide", Ref("trial/word", 12), "reason"),
        ("rerun", Ref("trial/word", 12), "level"),
    ]
    again = checked.differences[-1]
    assert (again.recorded, again.decided) == ('"none"', '"strong"')
    assert checked.causes == ("the policy of intervention decides otherwise from the same inputs",)


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
    hasty = SPARK._replace(retry=lambda memo, place, level, wording: "try harder")
    checked = await check(log, run, here, RERUN, method=hasty)
    assert checked.causes == (
        "the run was made by stillroom test, and this is newer",
        "the policy of retry decides otherwise from the same inputs",
    )
    (difference,) = checked.differences
    assert (difference.at, difference.field) == (Ref("trial/word", 13), "injection")
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
