"""A training that an earlier version wrote: what it came to, and what another gate would have ruled.

Its settings name folders of the machine that recorded it, so nothing goes on with it here.
"""

from pathlib import Path
from typing import Final

from engine.config.changes import read_changes
from engine.core.fold import fold_run
from events.bundle.copy import copy
from events.bundle.source import BundleSource
from events.bundle.verify import require_sound
from events.store.memory import MemoryLog
from projections.library import Library
from projections.training.state import TrainedRun
from projections.training.view import Training
from replay.what_if.ask import ask, prepare
from tests.support.worlds import Ticking

GOLDEN: Final = Path(__file__).parents[1] / "golden" / "training-7f6e974.bundle"
ANSWERED: Final = frozenset({"model.call_answered"})


async def lived() -> tuple[MemoryLog, str]:
    """Bring the training into a log."""
    log = MemoryLog(clock=Ticking())
    async with await BundleSource.open(GOLDEN) as bundle:
        (run,) = (await require_sound(bundle)).runs
        await copy(bundle, log, (run,))
    return log, run


async def known(log: MemoryLog, run: str) -> TrainedRun:
    """Fold the training."""
    (state,) = await fold_run(log, [Training()], run)
    found: TrainedRun = state.runs[run]
    return found


async def test_what_it_came_to_is_read_as_it_was() -> None:
    """An edit was accepted, one rejected, guidance too; a placebo that the gate took came into force nowhere."""
    log, run = await lived()
    found = await known(log, run)
    assert [(each.name, each.standing, each.revision) for each in found.candidates] == [
        ("s1", "accepted", 1),
        ("s2", "rejected", None),
        ("e2.slow", "rejected", None),
    ]
    (placebo,) = found.placebos
    assert (placebo.name, placebo.standing, placebo.revision) == ("s2.placebo", "accepted", None)
    assert {name: each[-1].outcome for name, each in placebo.shadows.items()} == {"strict": "reject"}
    assert [each.revision for each in found.revisions] == [0, 1]
    assert found.do_nothing == ("items.idle-val",)
    assert found.closed is not None
    assert [(each.which, each.revision) for each in found.closed.skills] == [("initial", 0), ("best", 1), ("final", 1)]
    last = found.candidates[-1].gates[-1].believed
    assert [each.believed for each in found.closed.skills[1:]] == [last, last]
    (library,) = await fold_run(log, [Library()], run)
    assert len(library.runs[run].candidates) == 3


async def test_another_gate_is_asked_of_it_without_a_call() -> None:
    """`strict` rules otherwise on the placebo alone, and nothing follows from that."""
    log, run = await lived()
    found = await ask([await prepare(log, run)], read_changes([("train.gate.name", "strict")]))
    assert [(each.point, each.recorded, each.decided) for each in found.flips] == [("gate", "accept", "reject")]
    assert found.left == ()
    placebo = (await known(log, run)).placebos[0]
    assert found.flips[0].at == placebo.gates[-1].at
