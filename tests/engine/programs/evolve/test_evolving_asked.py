"""A run over a suite, asked what else it would have decided: another retrieval, another freeze, another gate."""

from pathlib import Path
from typing import Any, Final

import pytest

from engine.config.changes import read_changes
from events.store.memory import MemoryLog
from replay.redecide import decisions
from replay.what_if.ask import WhatIf, ask, prepare
from tests.support.evolving import evolution, evolved, sums
from tests.support.mutation import mutate
from tests.support.orders import CountingClock
from tests.support.suites import SuiteShape

TWO: Final = SuiteShape(environments=1, families=2)
OURS: Final = (
    *("library_terms", "trials_ended", "traces", "learning", "patch", "revision", "freeze", "maintenance"),
    *("retrieval", "cell_score"),
)
"""Points of a library's course."""


async def asked(base: Path, other: str, *arms: str, **own: Any) -> WhatIf:
    """Evolve to the end, and ask for another setting."""
    log = MemoryLog(clock=CountingClock())
    run = (await evolved(log, base, evolution(*arms, **own))).run
    changes = read_changes([(other.partition("=")[0], other.partition("=")[2])])
    return await ask([await prepare(log, run)], changes)


def flipped(found: WhatIf) -> dict[str, list[str]]:
    """Name the streams in which decisions come out otherwise, by point."""
    points: dict[str, list[str]] = {}
    for flip in found.flips:
        points.setdefault(flip.point, []).append(flip.at.stream)
    return points


async def test_another_k_is_asked_of_every_retrieval(tmp_path: Path) -> None:
    """With one skill at most, each held-out task loses one; learning tasks had no more than one."""
    base = sums(tmp_path, TWO)
    found = await asked(base, 'evolve.change."retrieval.k"=1', "curated_static", change={"retrieval.method": "bm25"})
    flips = flipped(found)
    assert set(flips) == {"retrieval"}
    assert sorted(flips["retrieval"]) == [
        f"retrieve/curated_static/E1/sum-1-{family}-{role}"
        for family in (1, 2)
        for role in ("adversarial", "composition", "context-shift")
    ]


async def test_another_freeze_parts_the_line_where_it_would_have_come(tmp_path: Path) -> None:
    """The first decision on a freeze that comes out otherwise; what stands behind it there is not answerable."""
    found = await asked(sums(tmp_path), "evolve.change.freeze_after=2", "curated_with_revision_always", "no_skill")
    flips = flipped(found)
    assert flips == {"freeze": ["library/curated_with_revision_always/E1"]}
    (left,) = {trial.trial for trial in found.trials if trial.left}
    assert left == "library/curated_with_revision_always/E1"


async def test_another_gate_parts_the_line_at_the_first_patch(tmp_path: Path) -> None:
    """It would have tried tasks first; arms that write nothing are as they were."""
    found = await asked(sums(tmp_path), 'evolve.change."gate.name"="strict"', "selfgen_experience", "curated_static")
    assert flipped(found) == {"revision": ["library/selfgen_experience/E1"]}


@pytest.mark.slow
async def test_what_was_decided_is_decided_again_from_what_is_on_record(tmp_path: Path) -> None:
    """Every ruling, from its recorded inputs and rule."""
    log = MemoryLog(clock=CountingClock())
    run = (await evolved(log, sums(tmp_path, TWO), evolution("curated_with_revision_always", "raw_trajectory_rag"))).run
    again = await decisions(log, run)
    assert len(again) > 50
    assert [each.at for each in again if each.missing or each.decided != each.recorded] == []


@pytest.mark.slow
@pytest.mark.timeout(900)
async def test_no_ruling_of_a_library_is_passed_on_in_disguise(tmp_path: Path) -> None:
    """Each is answered otherwise once; what later decisions see is what substitution gives."""
    log = MemoryLog(clock=CountingClock())
    fields = {"gate.name": "items", "maintenance.retire": True, "maintenance.uses": 1}
    custom = {"mine": {"base": "curated_with_revision_always", "set": fields}}
    spec = evolution("mine", custom=custom)
    run = (await evolved(log, sums(tmp_path), spec)).run
    found = await mutate(log, run, OURS)
    assert found.found == ()
    assert found.mutations > 40
