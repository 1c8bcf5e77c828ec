"""Stories of asking what if: decided again under other settings, and never a call."""

from collections.abc import Sequence
from pathlib import Path

import pytest

from engine.config.changes import read_changes
from engine.config.errors import ConfigRefused
from engine.core.decision import PolicyContext
from engine.programs.explore import points as spark
from engine.programs.explore.method import SPARK
from engine.runtime.run import start_run
from events.base import Ref
from events.integrity.verify import verify
from events.store.base import Selection
from events.store.memory import MemoryLog
from events.store.sqlite.store import SqliteLog
from events.types.whatif import DecisionFlipped, PathLeft, WhatIfAnswered
from events.values import Outcome
from replay.impact import NOTHING
from replay.rerun import rerun
from replay.what_if.ask import Prepared, WhatIf, ask, prepare
from replay.what_if.record import record
from tests.replay.test_redecide import TWICE_WRONG
from tests.support.edits import edit_events
from tests.support.runs import make_base, setting, spec
from tests.support.worlds import Ticking

PRICED = {"prices": {"teacher": {"input": "1000", "output": "1000"}}}


async def lived(folder: Path, **asked: object) -> tuple[MemoryLog, str]:
    """A run that failed twice with the same memo, was spoken to softly, and solved its task then."""
    log = MemoryLog(clock=Ticking())
    return log, (await start_run(await setting(log, make_base(folder, TWICE_WRONG)), spec(**PRICED, **asked))).run


async def asked(runs: list[Prepared], **changes: str) -> WhatIf:
    """Ask about settings of the method, with ``__`` for a dot."""
    return await ask(runs, read_changes([(key.replace("__", "."), value) for key, value in changes.items()]))


def points(found: WhatIf) -> list[str]:
    """Name the kinds of decisions that flip."""
    return [flip.point for flip in found.flips]


async def test_the_same_settings_change_nothing(tmp_path: Path) -> None:
    """Said out loud, a default is still the default."""
    log, run = await lived(tmp_path)
    prepared = await prepare(log, run)
    found = await asked([prepared], pdi__threshold="-0.5", attempts="5")
    assert (found.flips, found.left, found.impact) == ((), (), NOTHING)
    (trial,) = found.trials
    assert (trial.decisions, trial.unanswerable, trial.missing) == (len(prepared.ledger.entries), 0, 0)
    assert found.readings.rate == 1.0


@pytest.mark.parametrize(("key", "values"), [("pdi__threshold", ("-10", "-0.5", "-9", "-10")), ("attempts", "1321")])
async def test_a_sweep_answers_each_setting_as_if_it_were_asked_alone(
    tmp_path: Path, key: str, values: Sequence[str]
) -> None:
    """What is remembered from one setting to the next changes no answer, not even what a ruling names."""
    log, run = await lived(tmp_path)
    swept = await prepare(log, run)
    found = [await asked([swept], **{key: value}) for value in values]
    alone = [await asked([await prepare(log, run)], **{key: value}) for value in values]
    assert found == alone
    assert len({each.flips for each in found}) > 1


async def test_a_threshold_that_no_longer_triggers_sends_the_trial_off_its_path(tmp_path: Path) -> None:
    """The reading flips, so the intervention, so what the third attempt is told; what came of that, nobody knows."""
    log, run = await lived(tmp_path)
    prepared = await prepare(log, run)
    found = await asked([prepared], pdi__threshold="-10")
    assert points(found) == ["pdi", "intervention", "retry"]
    (left,) = found.left
    assert (left.flip.point, left.flip.recorded, left.flip.decided) == ("retry", "soft", "none")
    assert (left.impact.attempts, left.impact.interventions, left.impact.calls) == (1, 1, 3)
    assert left.impact.cost > 0
    assert left.impact.unknown_calls == 0
    (trial,) = found.trials
    behind = [each for each in prepared.ledger.entries if each.position > left.flip.position]
    assert trial.unanswerable == len(behind) >= 2
    assert trial.decisions + trial.unanswerable == len(prepared.ledger.entries)
    assert (found.readings.triggered, found.readings.soft, found.readings.none) == (0, 0, 2)


async def test_observing_reads_the_same_and_says_nothing(tmp_path: Path) -> None:
    """PDI does not flip; what is done about it does."""
    log, run = await lived(tmp_path)
    found = await asked([await prepare(log, run)], pdi__mode="observe")
    assert points(found) == ["intervention", "retry"]
    assert found.readings.rate == 1.0


async def test_fewer_attempts_end_a_trial_where_there_would_be_no_further_one(tmp_path: Path) -> None:
    """An attempt is told how many are left, so it is told otherwise from the second on, before the end comes nearer."""
    log, run = await lived(tmp_path)
    runs = [await prepare(log, run)]
    one = await asked(runs, attempts="1")
    assert [(flip.point, flip.at, flip.decided) for flip in one.flips] == [
        ("stopping", Ref("trial/word", 8), "exhausted")
    ]
    assert one.impact.attempts == 2
    two = await asked(runs, attempts="2")
    assert [left.flip.point for left in two.left] == ["retry"]
    assert two.impact.attempts == 2


async def test_what_a_later_revision_alone_rules_otherwise_is_no_flip(tmp_path: Path) -> None:
    """It would have been ruled so under the recorded settings, too; what the setting changes still is one."""
    path = tmp_path / "log.db"
    async with await SqliteLog.open(path, clock=Ticking()) as log:
        run = (await start_run(await setting(log, make_base(tmp_path, TWICE_WRONG)), spec())).run
    edit_events(path, "trial.next_chosen", '"counted":2', '"counted":7')
    edit_events(path, "trial.next_chosen", '"point_revision":1', '"point_revision":9')
    async with await SqliteLog.open(path, clock=Ticking()) as log:
        prepared = await prepare(log, run)
        stops = [each.ruling.counted for each in prepared.ledger.entries if each.name == "stopping"]
        assert stops == [1, 7, 3, None]
        assert (await asked([prepared], infrastructure_retries="9")).flips == ()
        assert points(await asked([prepared], attempts="1")) == ["stopping"]


async def test_a_flip_that_only_a_shadow_sees_changes_nothing_that_was_done(tmp_path: Path) -> None:
    """Shadows look on: their readings flip, and every trial goes on."""
    log, run = await lived(tmp_path, method={"pdi": {"shadows": {"deep": {"threshold": -9.0}}}})
    found = await asked([await prepare(log, run)], method__pdi__shadows__deep__threshold="9")
    assert points(found) == ["pdi"]
    assert found.left == ()


async def test_another_policy_can_be_asked_instead_of_another_setting(tmp_path: Path) -> None:
    """A method is a value, and each field of it one policy: here one that no verdict satisfies."""
    log, run = await lived(tmp_path)

    def severe(saw: spark.JudgingSaw, rule: spark.JudgingRule, desk: PolicyContext) -> spark.Judged:
        del saw, rule, desk
        return spark.Judged(Outcome("failed", 0.0, ""))

    found = await ask([await prepare(log, run, method=SPARK.but("severe", judging=severe))], ())
    assert [(flip.point, flip.field, flip.decided) for flip in found.flips] == [
        ("judging", "outcome", {"kind": "failed", "reward": 0.0, "reason": ""}),
        ("stopping", "decision", "continue"),
    ]
    (left,) = found.left
    assert (left.flip.point, left.flip.at) == ("stopping", Ref("trial/word", 24))


async def test_keys_that_nobody_knows_and_keys_that_need_live_calls_are_refused() -> None:
    """With the nearest one, or with the reason."""
    for key, value, said in (
        ("pdi.treshold", "1", "did you mean pdi.threshold?"),
        ("pdi.method", "js_diverg", 'did you mean "js_divergence"?'),
        ("pdi.threshold", "high", "write a number, without quotes"),
        ("agent.max_turns", "3", "start a new run to see its effect"),
    ):
        with pytest.raises(ConfigRefused) as refused:
            read_changes([(key, value)])
        assert said in refused.value.remedy


async def test_the_threshold_of_a_calibrated_monitor_is_that_of_its_reference(tmp_path: Path) -> None:
    """Otherwise a sweep of it would be a flat line."""
    log, run = await lived(tmp_path)
    runs = [await prepare(log, run)]
    low, high = [await asked(runs, pdi__method="calibrated", pdi__threshold=each) for each in ("-100", "100")]
    assert (low.readings.triggered, high.readings.triggered) == (0, 1)


async def test_an_answer_is_kept_beside_the_run_and_changes_nothing_of_it(tmp_path: Path) -> None:
    """Derived events in a stream of their own: the run still reruns, and asking the same again appends nothing."""
    log, run = await lived(tmp_path)
    before = await rerun(log, run)
    found = await asked([await prepare(log, run)], pdi__threshold="-10")
    assert await record(log, found, "test") == []
    kept = [each async for each in log.read(Selection(run=run)) if each.stream.name.startswith("whatif/")]
    assert [type(each.event) for each in kept] == [*[DecisionFlipped] * 3, PathLeft, WhatIfAnswered]
    left = kept[3].event
    assert isinstance(left, PathLeft)
    assert (left.trial, left.at, kept[3].cause, left.attempts) == ("word", left.at, left.at, 1)
    assert b'"method.pdi.active.threshold":-10.0' in await log.get(left.settings)
    assert await rerun(log, run) == before
    assert not (await verify(log)).findings
    head = await log.head()
    assert await record(log, found, "test") == [run]
    assert await log.head() == head
