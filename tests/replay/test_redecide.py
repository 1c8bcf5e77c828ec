"""Stories of decisions made again: each from what it saw, whatever has become of the world since."""

from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import msgspec
import pytest

from engine.methods.base import SPARK
from engine.policies.judging import Outcome
from engine.policies.stopping import Decision as Choice
from engine.policies.stopping import Exhausted, StoppingRule
from engine.runtime import resume_run, start_run
from engine.spec import RunSpec
from events.base import Draft, Event, Ref, StreamId
from events.digest import Digest
from events.log import EventLog
from events.log_errors import BlobErased
from events.memory import MemoryLog
from events.model import ModelAnswered
from events.pdi import PdiImported, PdiRead
from events.run import RunImported
from events.sqlite import SqliteLog
from events.trial import AttemptConcluded, TrialClosed, TrialOpened
from events.values import Outcome as Ended
from replay.decisions.base import Decision
from replay.errors import NothingDecided
from replay.redecide import decisions, read_decisions
from tests.engine.test_resume import cut, place_of
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


def differing(made: Sequence[Decision]) -> list[tuple[str, Ref, tuple[str, ...]]]:
    """List what does not come out as recorded."""
    return [(each.point, each.at, each.differences) for each in made if not each.agrees]


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
    assert [each.position for each in made] == sorted(each.position for each in made)


async def test_every_kind_of_decision_is_made_again_and_says_what_it_saw(tmp_path: Path) -> None:
    """One for each event that records one: shadows too; a verdict twice, as it fell and as it was noted."""
    log, run = await lived(tmp_path, TWICE_WRONG, method=SHADOWED)
    made = await decisions(log, run)
    assert Counter(each.point for each in made) == {
        "judging": 6,
        "stopping": 4,
        "retry": 3,
        "reflection": 2,
        "pdi": 6,
        "intervention": 2,
        "evidence": 1,
        "skill": 1,
    }
    last = [each for each in made if each.point == "pdi" and each.recorded["monitor"] == "active"][-1]
    assert last.rule["method.pdi.active.threshold"] == -0.5
    seen = {each.name: each for each in last.inputs}
    assert seen["memo"].value.strip() == MEMO.strip()
    assert seen["memo"].digest == last.recorded["memo"]
    assert seen["commands"].value == "echo no > answer.txt"
    verdict = made[next(i for i, each in enumerate(made) if each.point == "judging")]
    assert verdict.at.stream == "attempt/word/1"
    assert verdict.inputs[1].value["tag"] == "verify.rewarded"


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


async def test_a_run_that_was_cut_off_is_decided_again_as_far_as_it_came(tmp_path: Path) -> None:
    """Wherever it ended."""
    log, run = await lived(tmp_path)
    for position in range(4, (await log.head()).position):
        assert differing(await decisions(await cut(log, position), run)) == [], position
    with pytest.raises(NothingDecided):
        await decisions(await cut(log, 1), run)


async def test_a_policy_that_changed_is_named_where_it_decides_otherwise(tmp_path: Path) -> None:
    """By the event, its field and both values; decisions that other policies make stay as they were."""

    def hasty(outcomes: Sequence[Outcome], rule: StoppingRule, budget: str | None) -> Choice:
        return Exhausted("one try is enough") if outcomes else SPARK.go_on(outcomes, rule, budget)

    log, run = await lived(tmp_path)
    made = await decisions(log, run, method=SPARK._replace(go_on=hasty))
    assert differing(made)[0] == ("stopping", Ref("trial/word", 7), ("decision", "counted", "reason"))
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


async def test_bytes_that_are_gone_are_named(tmp_path: Path) -> None:
    """Nothing is decided from a gap."""
    log, run = await lived(tmp_path)
    (memo,) = [each.event.memo async for each in log.read() if isinstance(each.event, PdiRead)]
    await log.erase(memo, "somebody asked for it")
    with pytest.raises(BlobErased, match=memo[:16]):
        await decisions(log, run)


async def test_other_settings_reach_from_a_reading_to_what_the_agent_is_told(tmp_path: Path) -> None:
    """Below every value, nothing triggers: the reading, the intervention and the next attempt's text all flip."""
    log, run = await lived(tmp_path, TWICE_WRONG)
    changed = with_threshold(await recorded(log, run), -10.0)
    made = await decisions(log, run, changed=changed)
    flipped = [(each.point, each.recorded.get("level"), each.decided.get("level")) for each in made if not each.agrees]
    assert ("pdi", "soft", None) in flipped
    assert ("intervention", "soft", "none") in flipped
    told = next(each for each in made if each.point == "retry" and each.recorded["attempt"] == 3)
    assert {"intervention", "injection"} <= set(told.differences)


async def test_a_hint_can_be_asked_for_afterwards(tmp_path: Path) -> None:
    """The run asked for none, so nothing was recorded; what it would have been is known all the same."""
    log, run = await lived(tmp_path)
    asked = await recorded(log, run)
    changed = msgspec.structs.replace(asked, method=msgspec.structs.replace(asked.method, hint=True))
    made = [each for each in await decisions(log, run, changed=changed) if each.point == "hint"]
    assert [(each.recorded, each.decided["reason"]) for each in made] == [({}, "the task has no Python verifier")]


async def test_what_a_source_does_not_hold_is_named_and_never_skipped() -> None:
    """An imported reading without its memo and a verdict without its files cannot be made again."""
    log = MemoryLog(clock=Ticking())
    nothing = log.put(b"")
    await tell(log, "run", RunImported("spark", "lost", (), None, None, 3, ()))
    reading = PdiImported(0, 1, 0.5, 0.5, 0.5, -0.5, 0.5, -0.25, triggered=False, level=None)
    concluded = AttemptConcluded(0, Ended("failed", 0.0, ""), "FAIL", 0, 1, Digest(nothing), Digest(nothing))
    closed = TrialClosed("unsolved", 1, 0.0)
    await tell(log, "trial/lost", TrialOpened("lost", "imported", 3), concluded, reading, closed)
    made = await decisions(log, "r1")
    assert [(each.point, each.missing, each.agrees) for each in made] == [
        ("judging", "the source's files tell nothing of attempt 0", False),
        ("pdi", "the memo that was read is not in the source", False),
    ]


async def tell(log: EventLog, stream: str, *events: Event) -> None:
    """Record events."""
    await log.append(StreamId("r1", stream), [Draft(event, None) for event in events], expected_version=0)


async def recorded(log: EventLog, run: str) -> RunSpec:
    """Read a run's spec."""
    return (await read_decisions(log, run)).spec


def with_threshold(asked: RunSpec, threshold: float) -> RunSpec:
    """Give a spec with another threshold."""
    active = msgspec.structs.replace(asked.method.pdi.active, threshold=threshold)
    method = msgspec.structs.replace(asked.method, pdi=msgspec.structs.replace(asked.method.pdi, active=active))
    return msgspec.structs.replace(asked, method=method)
