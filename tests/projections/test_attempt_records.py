"""What attempts were given and ran: by name of each text, whoever recorded them."""

from pathlib import Path

from engine.core.fold import fold
from engine.importers.spark.importer import import_spark
from events.bundle.copy import copy
from events.bundle.source import BundleSource
from events.bundle.verify import require_sound
from events.store.base import Selection
from projections.attempt_records import AttemptRecords
from tests.support.reflected import commands, memo, write_spark
from tests.support.worlds import memory_log

GOLDEN = Path(__file__).parents[1] / "golden"


async def test_the_memo_of_an_attempt_is_the_one_written_before_it() -> None:
    """The first attempt has none; the one after it has what the first led to, never its own."""
    log = memory_log()
    async with await BundleSource.open(GOLDEN / "demo.bundle") as source:
        await copy(source, log, (await require_sound(source)).runs)
    state = await fold(log, AttemptRecords(), Selection())
    (run,) = state.runs.values()
    trial = run["errors-per-hour"]
    assert trial.memo_at(1) is None
    assert [trial.memo_at(number) for number in (2, 3, 4)] == [trial.memos[name] for name in ("1", "2", "3")]
    assert len({*trial.memos.values()}) == 3
    solved = trial.attempts["4"]
    assert solved.told is not None
    told = await log.get(solved.told)
    assert b"## Start over" in told  # the intervention
    assert b"### Next Strategy" not in told  # the memo's plan, which a strong intervention withholds
    assert trial.attempts["1"].told != solved.told
    texts = [(await log.get(each.command)).decode() for each in solved.ran]
    assert len(texts) == 3
    assert texts[0].startswith("cut ")
    assert [each.exit_code for each in solved.ran] == [0, 0, 0]
    assert (solved.outcome, solved.passed, solved.total, solved.intervention) == ("solved", 3, 3, "strong")


async def test_an_imported_attempt_has_its_commands_as_one_text(tmp_path: Path) -> None:
    """SPARK records no actions one by one."""
    log = memory_log()
    await import_spark(log, write_spark(tmp_path, 1, steps=2))
    state = await fold(log, AttemptRecords(), Selection())
    ((trial,),) = [list(run.values()) for run in state.runs.values()]
    second = trial.attempts["1"]
    assert not second.ran
    assert second.commands is not None
    assert (await log.get(second.commands)).decode() == commands("task0", 1)
    given = trial.memo_at(1)
    assert given is not None
    assert (await log.get(given)).decode() == memo("task0", 0)
