"""Stories of decisions made again: each from what it saw, whatever has become of the world since."""

from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import pytest

from engine.core.decision import PolicyContext
from engine.core.history import load_histories
from engine.programs.explore import points, rulings
from engine.programs.explore.method import SPARK
from engine.runtime.run import resume_run, start_run
from events.base import Draft, Event, Ref, StreamId
from events.digest import Digest
from events.store.base import EventLog
from events.store.memory import MemoryLog
from events.store.sqlite.store import SqliteLog
from events.types.attempt import AttemptJudged
from events.types.model import ModelAnswered
from events.types.pdi import PdiImported, PdiRead
from events.types.run import RunImported
from events.types.sandbox import VerifierRewarded
from events.types.trial import AttemptConcluded, TrialClosed, TrialOpened
from events.values import Outcome
from projections.pdi.inputs import PdiSaw
from replay.errors import InputsUnrecorded, NothingDecided
from replay.redecide import Redecided, decisions
from replay.rerun import rerun
from tests.engine.runtime.test_resume import cut, place_of
from tests.support.edits import edit_events
from tests.support.runs import MEMO, REFUSING, SCRIPT, make_base, setting, spec
from tests.support.worlds import Ticking

SHADOWED = {"pdi": {"shadows": {"careful": {"method": "calibrated"}, "js": {"method": "js_divergence"}}}}
TWICE_WRONG = SCRIPT.replace('contains = ["Attempt: 2 of"]', 'contains = ["Attempt: 3 of"]').replace(
    '[[rule]]\nname = "first attempt: a guess"\ncontains = ["Attempt: 1 of"]',
    '[[rule]]\nname = "second attempt: a guess too"\ncontains = ["Attempt: 2 of"]\n[[rule.turn]]\n'
    'command = "echo no > answer.txt"\n[[rule.turn]]\ntext = "DONE"\n\n'
    '[[rule]]\nname = "first attempt: a guess"\ncontains = ["Attempt: 1 of"]',
)
"""A model that fails twice with the same memo, so that PDI has a step at which it may trigger."""
BABBLING = SCRIPT.replace(MEMO, "no memo at all")


async def lived(folder: Path, script: str = SCRIPT, **asked: object) -> tuple[MemoryLog, str]:
    """A run that has ended."""
    log = MemoryLog(clock=Ticking())
    return log, (await start_run(await setting(log, make_base(folder, script)), spec(**asked))).run


def differing(made: Sequence[Redecided]) -> list[tuple[str, Ref, tuple[str, ...]]]:
    """List what does not come out as recorded."""
    return [(each.point, each.at, each.differences) for each in made if not each.agrees]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("script", "asked"),
    [
        pytest.param(SCRIPT, {"method": SHADOWED}, id="shadows"),
        pytest.param(TWICE_WRONG, {"method": {"hint": True}}, id="a hint that cannot be given"),
        pytest.param(REFUSING, {}, id="no model"),
        pytest.param(BABBLING, {"method": {"attempts": 2}}, id="no memo"),
        pytest.param(SCRIPT.replace("name: word", "name: other"), {}, id="no skill"),
        pytest.param(SCRIPT, {"agent": {"max_turns": 1}, "method": {"attempts": 2}}, id="a limit"),
        pytest.param(SCRIPT, {"models": {}, "agent": {"name": "oracle"}}, id="oracle"),
    ],
)
async def test_every_decision_of_a_run_comes_out_again(tmp_path: Path, script: str, asked: dict[str, object]) -> None:
    """However the run went."""
    log, run = await lived(tmp_path, script, **asked)
    made = await decisions(log, run)
    assert differing(made) == []
    assert not any(each.revised for each in made)
    assert not any(each.entry.unrecorded for each in made)  # today every field of a ruling is on record
    assert [each.position for each in made] == sorted(each.position for each in made)


async def test_monitors_that_look_on_stand_in_the_order_of_their_names(tmp_path: Path) -> None:
    """A recorded spec is sorted, so a run would part from its own record where it went by the order of the file."""
    unsorted = {"pdi": {"shadows": {"zeta": {"method": "calibrated"}, "alpha": {"method": "js_divergence"}}}}
    log, run = await lived(tmp_path, TWICE_WRONG, method=unsorted)
    assert (await rerun(log, run)).complete


async def test_every_kind_of_decision_is_made_again_and_says_what_it_saw(tmp_path: Path) -> None:
    """One for each event that records one, shadows too."""
    log, run = await lived(tmp_path, TWICE_WRONG, method=SHADOWED)
    made = await decisions(log, run)
    counts = Counter(each.point for each in made)
    assert {name: counts[name] for name in ("judging", "stopping", "hint", "retry", "pdi", "intervention")} == {
        "judging": 3,
        "stopping": 4,
        "hint": 1,
        "retry": 3,
        "pdi": 6,
        "intervention": 2,
    }
    last = [each.entry for each in made if each.point == "pdi" and each.entry.shadow is None][-1]
    assert (last.rule.threshold, last.era, last.revision) == (-0.5, 0, 1)
    assert isinstance(last.saw, PdiSaw)
    assert (await log.get(last.saw.memo.text)).decode().strip() == MEMO.strip()
    assert last.saw.commands is not None
    assert await log.get(last.saw.commands.text) == b"echo no > answer.txt"
    verdict = next(each for each in made if each.point == "judging")
    assert verdict.at.stream == "attempt/word/1"
    rewarded = (await load_histories(log, run)).by_stream["attempt/word/1"][verdict.entry.saw.rewarded.seen.version - 1]
    assert isinstance(rewarded.event, VerifierRewarded)


@pytest.mark.slow
async def test_budgets_and_lost_sandboxes_are_decided_again_too(tmp_path: Path) -> None:
    """Neither is a failure, and both are reasons that a policy was given."""
    teacher = {"model": "teacher", "base_url": "script:script.toml", "parameters": {"max_tokens": 1000}}
    prices = {"teacher": {"input": "1", "output": "1"}}
    models, budget = {"teacher": teacher}, {"trial_usd": "0.001"}
    log, run = await lived(tmp_path / "poor", models=models, prices=prices, budget=budget)
    poor = await decisions(log, run)
    assert [each.decided["decision"] for each in poor if each.point == "stopping"][-1] == "budget_reached"
    whole = MemoryLog(clock=Ticking())
    base = make_base(tmp_path / "cut")
    run = (await start_run(await setting(whole, base), spec())).run
    rest = await cut(whole, await place_of(whole, ModelAnswered))
    await resume_run(await setting(rest, base), run)
    assert differing([*poor, *await decisions(rest, run)]) == []


@pytest.mark.slow
async def test_a_run_that_was_cut_off_is_decided_again_as_far_as_it_came(tmp_path: Path) -> None:
    """Wherever it ended."""
    log, run = await lived(tmp_path)
    for position in range(4, (await log.head()).position):
        assert differing(await decisions(await cut(log, position), run)) == [], position
    with pytest.raises(NothingDecided):
        await decisions(await cut(log, 1), run)


async def test_a_policy_that_changed_is_named_where_it_decides_otherwise(tmp_path: Path) -> None:
    """By the event, its field and both values; decisions that other policies make stay as they were."""

    def hasty(saw: points.StoppingSaw, rule: points.StoppingRule, desk: PolicyContext) -> points.Next:
        if not saw.outcomes:
            return rulings.decide_whether_to_go_on(saw, rule, desk)
        return points.Next("exhausted", None, "one try is enough", None)

    log, run = await lived(tmp_path)
    made = await decisions(log, run, method=SPARK.but("hasty", stopping=hasty))
    assert differing(made)[0] == ("stopping", Ref("trial/word", 8), ("decision", "counted", "reason", "then"))
    first = next(each for each in made if not each.agrees)
    assert (first.recorded["decision"], first.decided["decision"]) == ("continue", "exhausted")
    assert {point for point, _, _ in differing(made)} == {"stopping"}


async def test_an_event_edited_by_hand_is_not_what_its_inputs_say(tmp_path: Path) -> None:
    """The value that was decided can still be told, since everything it rested on is kept."""
    path = tmp_path / "log.db"
    async with await SqliteLog.open(path, clock=Ticking()) as log:
        run = (await start_run(await setting(log, make_base(tmp_path)), spec())).run
    edit_events(path, "pdi.read", '"triggered":false', '"triggered":true')
    async with await SqliteLog.open(path, clock=Ticking()) as log:
        made = await decisions(log, run)
    wrong = [each for each in made if not each.agrees and each.point == "pdi"]
    assert [each.differences for each in wrong] == [("triggered",)]
    assert (wrong[0].recorded["triggered"], wrong[0].decided["triggered"]) == (True, False)


async def test_an_erased_text_leaves_the_decisions_unanswered_that_rest_on_it(tmp_path: Path) -> None:
    """By name; nothing is decided from a gap, and all other decisions are made again."""
    log, run = await lived(tmp_path, TWICE_WRONG)
    memos = [each.event.memo async for each in log.read() if isinstance(each.event, PdiRead)]
    whole = len(await decisions(log, run))
    await log.erase(memos[0], "somebody asked for it")
    made = await decisions(log, run)
    assert len(made) == whole
    gone = [each for each in made if not each.agrees]
    assert {each.point for each in gone} >= {"pdi", "retry"}
    assert all(each.erased and memos[0][:16] in each.missing for each in gone)
    assert [each.agrees for each in made if each.point in {"judging", "stopping", "intervention"}] == [True] * 9


async def test_what_a_source_does_not_hold_is_named_and_never_skipped() -> None:
    """An imported reading without its memo cannot be made again."""
    log = MemoryLog(clock=Ticking())
    nothing = log.put(b"")
    await tell(log, "run", RunImported("spark", "lost", (), None, None, 3, ()))
    reading = PdiImported(0, 1, 0.5, 0.5, 0.5, -0.5, 0.5, -0.25, triggered=False, level=None)
    concluded = AttemptConcluded(0, Outcome("failed", 0.0, ""), "FAIL", 0, 1, Digest(nothing), Digest(nothing))
    closed = TrialClosed("unsolved", 1, 0.0)
    await tell(log, "trial/lost", TrialOpened("lost", "imported", 3), concluded, reading, closed)
    (made,) = await decisions(log, "r1")
    assert (made.point, made.at, made.agrees) == ("pdi", Ref("trial/lost", 3), False)
    assert made.missing == "what it rested on is not in the source"


async def test_what_an_earlier_version_imported_of_files_that_tell_otherwise_is_not_guessed_at() -> None:
    """Its decisions do not say what they rest on, and the files do not either."""
    log = MemoryLog(clock=Ticking())
    nothing = log.put(b"")
    await tell(log, "run", RunImported("spark", "lost", (), None, None, 3, ()))
    await tell(log, "attempt/lost/1", AttemptJudged(Outcome("failed", 0.0, ""), 0, 1, Digest(nothing)))
    with pytest.raises(InputsUnrecorded, match="import"):
        await decisions(log, "r1")


async def tell(log: EventLog, stream: str, *events: Event) -> None:
    """Record events."""
    await log.append(StreamId("r1", stream), [Draft(event, None) for event in events], expected_version=0)
