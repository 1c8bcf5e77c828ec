"""What `tasks run` says of a task that has no verdict."""

from events.store.base import EventLog, Selection
from events.types.trial import AttemptConcluded, AttemptPlanned
from events.values import Outcome
from projections.trials.state import Trial
from projections.trials.view import Trials
from tests.views.histories import PlacedEvent, opened, record, trial_closed, trial_opened
from views.setup.tasks import proof


async def _broken(log: EventLog, run: str, why: str) -> Trial:
    """Give the trial of a run whose one attempt the infrastructure ended."""
    text = log.put(b"text")
    ended = AttemptConcluded(1, Outcome("infrastructure", None, why), "ERROR", 0, 0, text, text)
    planned = AttemptPlanned(1, "none", None)
    story = [trial_opened("aye"), PlacedEvent("trial/aye", planned), PlacedEvent("trial/aye", ended)]
    await record(log, run, [*opened(log, "aye"), *story, trial_closed("aye", "infrastructure", 1, None)])
    view = Trials()
    state = view.initial()
    async for recorded in log.read(Selection(run=run)):
        state = view.apply(state, recorded, {})
    return state.runs[run].trials["aye"]


async def test_the_same_reason_of_both_agents_stands_once(log: EventLog) -> None:
    """A build that fails stood there for the oracle, and again for whoever does nothing: sandboxes have names."""
    first = await _broken(log, "r1", "sandbox r1-aye could not be opened: no such image")
    second = await _broken(log, "r2", "sandbox r2-aye could not be opened: no such image")
    row = proof("aye", {"oracle": first, "nop": second})
    assert (row.verdict, row.detail) == ("no verdict", "oracle, nop: the sandbox could not be opened: no such image")
    other = await _broken(log, "r3", "the disk is full")
    assert proof("aye", {"oracle": first, "nop": other}).detail == (
        "oracle: the sandbox could not be opened: no such image; nop: the disk is full"
    )
