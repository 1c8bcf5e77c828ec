"""Stories of what a decision's calls came to, with tries that failed among them."""

from events.base import Event, Recorded, StreamId
from events.budget import BudgetRefused
from events.memory import MemoryLog
from replay.decisions.answers import Answers, read_answers
from tests.projections.histories import recorded
from tests.support.outcomes import answered, failed
from tests.support.worlds import memory_log

BROKEN = failed("server", 500, detail="it broke", retryable=True)
NO_MONEY = BudgetRefused("run", 100)


async def answers(*events: Event) -> Answers:
    """Read the outcomes of calls."""
    log: MemoryLog = memory_log()
    history: list[Recorded] = list(recorded((StreamId("r1", "trial/a"), each) for each in events))
    return await read_answers(log, history)


async def test_a_try_that_failed_before_an_answer_is_no_silence() -> None:
    """The call was answered; nothing is missing."""
    read = await answers(BROKEN, BROKEN, answered(1))
    assert (len(read.said), read.silence, read.out_of_money) == (1, None, False)


async def test_a_call_that_was_given_up_is_silent_in_the_words_of_its_last_failure() -> None:
    """Money was not what was missing."""
    read = await answers(answered(1), BROKEN, failed("timeout", detail="too late"))
    assert (len(read.said), read.silence, read.out_of_money) == (1, "timeout: too late", False)


async def test_a_cap_that_stopped_a_further_try_is_told_with_the_failure() -> None:
    """As the actor recorded it; the failure is the provider's, and no end of the budget."""
    read = await answers(BROKEN, NO_MONEY)
    told = "server: it broke (not asked again: the budget of the run is used up)"
    assert (read.said, read.silence, read.out_of_money) == ((), told, False)


async def test_a_call_that_was_never_made_for_want_of_money_ends_the_budget() -> None:
    """Also after answers, and after tries of the call before."""
    read = await answers(BROKEN, answered(1), NO_MONEY)
    assert (len(read.said), read.silence, read.out_of_money) == (1, "the budget of the run is used up", True)
