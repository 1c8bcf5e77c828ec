"""What a reading saw, and what projections make of the events around it: the same."""

from collections.abc import Callable, Mapping
from pathlib import Path

import msgspec

from engine.core.fold import fold
from engine.runtime.run import start_run
from events.digest import Digest
from events.store.base import Selection
from events.types.decision import Earlier, Text, parts_of
from events.types.pdi import PdiRead
from projections.pdi.inputs import PdiSaw, given_to_read
from projections.pdi.trials import PdiTrials, trials_of
from tests.replay.test_redecide import TWICE_WRONG
from tests.support.runs import make_base, setting, spec
from tests.support.worlds import memory_log


def reader(texts: Mapping[Digest, bytes]) -> Callable[[Text | None], str]:
    """Read texts that are there; none at all reads as an empty one."""
    return lambda part: "" if part is None else texts[part.text].decode()


async def test_a_monitor_of_ours_saw_what_projections_give_to_read(tmp_path: Path) -> None:
    """The recorded inputs of every reading, text for text; each names the inputs of the one before."""
    log, base = memory_log(), make_base(tmp_path, TWICE_WRONG)
    run = (await start_run(await setting(log, base), spec())).run
    found = trials_of(await fold(log, PdiTrials(), Selection(run=run)))
    given = {trial.trial: [step.given for step in trial.steps] for trial in found}
    seen = dict.fromkeys(given, 0)
    last: dict[str, Earlier] = {}
    async for recorded in log.read(Selection(run=run, tags=("pdi.read",))):
        trial, event = recorded.stream.name.removeprefix("trial/"), recorded.event
        assert isinstance(event, PdiRead)
        assert event.inputs is not None
        saw = msgspec.json.decode(await log.get(event.inputs), type=PdiSaw)
        texts = {part.text: await log.get(part.text) for part in parts_of(saw) if isinstance(part, Text)}
        assert given_to_read(saw, reader(texts)) == given[trial][seen[trial]]
        assert saw.earlier == last.get(trial)
        last[trial] = Earlier(event.inputs, recorded.ref)
        seen[trial] += 1
    assert seen == {trial: len(steps) for trial, steps in given.items()}
    assert max(seen.values()) > 1
