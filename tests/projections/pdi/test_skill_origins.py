"""Where skills come from, and what was known of them before anybody tried one."""

import json
from math import log as ln
from pathlib import Path

import pytest

from engine.core.fold import fold
from engine.importers.spark.importer import import_spark
from events.bundle.copy import copy
from events.bundle.source import BundleSource
from events.bundle.verify import require_sound
from events.digest import Digest
from events.store.base import Selection
from events.types.pdi import PdiImported, PdiRead
from events.types.skill import SkillImported
from events.types.trial import AttemptConcluded, TrialOpened
from events.values import NamedDigest, Outcome
from projections.library import Library
from projections.pdi.skill_origins import SkillOrigins
from tests.support.reflected import write_spark
from tests.support.worlds import memory_log
from tests.views.histories import SOLVED, PlacedEvent, record

GOLDEN = Path(__file__).parents[2] / "golden"


@pytest.mark.parametrize("bundle", ["demo.bundle", "demo-323f770.bundle"])
async def test_a_skill_of_ours_has_its_trial_its_digest_and_its_evidence(bundle: str) -> None:
    """The share of evidence is what the log says of the blocks; the digest is that of the library."""
    log = memory_log()
    async with await BundleSource.open(GOLDEN / bundle) as source:
        await copy(source, log, (await require_sound(source)).runs)
    state = await fold(log, SkillOrigins(), Selection())
    found = {each.task: each for each in state.origins}
    assert set(found) == {"errors-per-hour", "sales-by-region"}
    assert state.trials > 2
    ((library),) = (await fold(log, Library(), Selection())).runs.values()
    for each in found.values():
        assert each.digest == library.skills[each.skill].latest.digest
        gathered = [
            recorded.event
            async for recorded in log.read(Selection(run=each.run, tags={"skill.evidence_gathered"}))
            if recorded.stream.name == f"trial/{each.trial}"
        ]
        blocks = json.loads(await log.get(gathered[0].references))  # type: ignore[attr-defined]
        kept, total = (sum(block[name] for block in blocks) for name in ("kept_chars", "total_chars"))
        assert each.evidence == kept / total
    assert (found["sales-by-region"].online, found["sales-by-region"].divergence) == (None, None)
    late = found["errors-per-hour"]
    assert late.online is not None
    assert late.online < -0.5
    assert late.divergence is not None
    assert 0 < late.divergence <= ln(2)


async def test_the_first_reflection_has_no_weight_and_is_no_online_figure(tmp_path: Path) -> None:
    """Its weighted PDI is 0 for every skill, and says nothing. Of an imported skill nobody knows the evidence."""
    log = memory_log()
    for steps in (1, 3):
        folder = write_spark(tmp_path / str(steps), 1, steps=steps)
        (folder / "task0" / "SKILL.md").write_text("# Skill\n", encoding="utf-8")
        await import_spark(log, folder)
    once, thrice = (await fold(log, SkillOrigins(), Selection())).origins
    assert (once.online, once.evidence, once.revision) == (None, None, 0)
    assert once.divergence is not None  # two attempts: the one that failed, and the one that passed
    assert once.digest == thrice.digest


async def test_only_the_active_monitor_after_the_first_reflection_is_the_online_figure() -> None:
    """A shadow decides nothing, and a reading without weight is the same for all. What broke diverges from nothing."""
    log = memory_log()
    commands = [log.put(text) for text in (b"ls one", b"rm two", b"ls one")]
    kinds: list[Outcome] = [Outcome("failed", 0.0, ""), Outcome("infrastructure", None, "gone"), SOLVED]
    tried = [
        AttemptConcluded(number, outcome, "FAIL", 0, 0, commands[number - 1], commands[0])
        for number, outcome in enumerate(kinds, start=1)
    ]
    story = [
        TrialOpened("t", "default", 3),
        tried[0],
        _imported(0.5, -0.25),
        _imported(0.0, 0.0),
        *(_read(monitor, weight, commands[0]) for monitor, weight in (("active", 0.0), ("shadow", 1.0))),
        *tried[1:],
        SkillImported("t", (NamedDigest("SKILL.md", commands[0]),), ()),
    ]
    await record(log, "r1", [PlacedEvent("trial/t", event) for event in story])
    (origin,) = (await fold(log, SkillOrigins(), Selection())).origins
    assert origin.online == -0.25
    assert origin.divergence == 0.0


def _imported(weight: float, pdi: float) -> PdiImported:
    return PdiImported(
        attempt=1, step=1, proxy_exec=0.0, proxy_plan=0.0, proxy_oss=0.0, raw_pdi=-1.0, weight=weight, weighted_pdi=pdi,
        triggered=False, level=None,
    )  # fmt: skip


def _read(monitor: str, weight: float, text: Digest) -> PdiRead:
    return PdiRead(
        attempt=1, step=1, monitor=monitor, settings=text, method="token_overlap", proxy_exec=0.0, proxy_plan=0.0,
        proxy_oss=0.0, raw_pdi=-9.0, weight=weight, weighted_pdi=-9.0, triggered=False, level=None, valid=True,
        reasons=(), memo=text, previous_memo=None, commands=text, test_summary=text,
    )  # fmt: skip
