"""Why of a skill by its name, where a run trained it, or learnt it in a library of a suite."""

import pytest

from events.base import Ref
from events.digest import Digest
from events.store.memory import MemoryLog
from events.types.construction import ConstructionClosed, ConstructionOpened
from tests.support.evolved import record_evolved, slug
from tests.support.orders import CountingClock
from tests.support.trained import record_trained
from tests.views.histories import PlacedEvent, opened, record, trial_opened
from views.terminal.errors import IdAmbiguous, IdUnknown
from views.why.target import find_place


@pytest.fixture
async def log() -> MemoryLog:
    """Record a training, and then a run over a suite."""
    log = MemoryLog(clock=CountingClock())
    await record_trained(log, "t1")
    await record_evolved(log, "e1")
    return log


async def led_to(log: MemoryLog, text: str) -> tuple[str, str, int]:
    """Say where a name leads: the run, the stream and the revision."""
    found = await find_place(log, text)
    async for recorded in log.read():
        if (recorded.stream.run, recorded.ref) == (found.run, found.at):
            return found.run, found.at.stream, getattr(recorded.event, "revision", -1)
    raise AssertionError(found)


async def test_a_trained_skill_is_what_put_it_in_force(log: MemoryLog) -> None:
    """Its name leads to the latest acceptance, and a revision to its own."""
    assert await led_to(log, "answers") == ("t1", "train", 2)
    assert await led_to(log, "answers@1") == ("t1", "train", 1)
    assert await led_to(log, "t1:answers") == ("t1", "train", 2)


async def test_a_skill_of_a_library_is_found_by_its_name_or_its_library(log: MemoryLog) -> None:
    """Its library may be named, too; another library has none of that name."""
    first = slug("E1-LS1")
    assert await led_to(log, first) == ("e1", "library/learner/E1", 1)
    assert await led_to(log, f"learner/E1/{first}") == ("e1", "library/learner/E1", 1)
    with pytest.raises(IdUnknown):
        await find_place(log, f"learner/E2/{first}")


async def test_a_misspelt_skill_of_a_run_without_trials_leads_to_the_lists() -> None:
    """A training has no trials that could be listed; what was typed may have been meant for a run or for a skill."""
    log = MemoryLog(clock=CountingClock())
    await record_trained(log, "t1")
    with pytest.raises(IdUnknown) as refused:
        await find_place(log, "answer-s")
    for listing in ("`stillroom runs`", "`stillroom skills list`"):
        assert listing in refused.value.remedy


async def test_a_name_that_several_libraries_have_is_ambiguous(log: MemoryLog) -> None:
    """Each of them is named."""
    first = slug("E1-LS1")
    story = await record_evolved(MemoryLog(clock=CountingClock()))
    story.log, story.told = log, []
    story.seed("library/other/E1", first)
    await record(log, "e1", story.told)
    with pytest.raises(IdAmbiguous) as refused:
        await find_place(log, first)
    assert refused.value.matches == (f"learner/E1/{first}", f"other/E1/{first}")
    assert await led_to(log, f"other/E1/{first}") == ("e1", "library/other/E1", 1)


async def test_a_task_that_a_run_made_is_found_by_its_name(log: MemoryLog) -> None:
    """What became of it; once it is tried by that name, its trial is meant."""
    made = "construct/count-words"
    events = (ConstructionOpened("count-words", Digest("0" * 64)), ConstructionClosed("unreadable", 1, ("no JSON",)))
    await record(log, "m1", [PlacedEvent(made, each) for each in events])
    assert (await find_place(log, "count-words")).at == Ref(made, 2)
    assert (await find_place(log, "m1:count-words")).at == Ref(made, 2)
    await record(log, "x1", [*opened(log, "count-words"), trial_opened("count-words")])
    assert (await find_place(log, "count-words")).at == Ref("trial/count-words", 1)
    assert (await find_place(log, "m1:count-words")).at == Ref(made, 2)
