"""PDI against SPARK's published formulas, on trials made up here: numbers worked out by hand, and a second computation.

What SPARK itself recorded is compared in ``test_pdi_recorded.py``, where the recordings are.
"""

from collections.abc import Sequence
from itertools import count
from math import log, sqrt
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.core.fold import fold
from engine.importers.spark.importer import import_spark
from events.store.memory import MemoryLog
from projections.pdi.compare import read_all
from projections.pdi.index import AT_THRESHOLD, Method, PdiInput, PdiSettings, Reading
from projections.pdi.scores import numpy_sum
from projections.pdi.similarity import js_similarity
from projections.pdi.steps import PdiStepRow, PdiSteps
from tests.engine.importers.spark.made import as_lines, reflection, result
from tests.support.published_pdi import PublishedReading, PublishedStep, likeness, snapshots

METHODS: tuple[Method, ...] = ("token_overlap", "js_divergence")


def memo(facts: str | None, plan: str | None) -> str:
    """A memo with these sections; None leaves one out."""
    sections = [("Verified Facts", facts), ("Current Error Pattern", "it fails"), ("Next Strategy", plan)]
    return "## Memo\n" + "".join(f"\n### {title}\n{body}\n" for title, body in sections if body is not None)


TRIAL = (
    PublishedStep(memo("numpy reads csv", "parse header row"), "cat csv", "FAILED:\n  ✗ a - x\n  ✗ b - y"),
    PublishedStep(memo("numpy reads csv rows", "parse row"), "ls", "FAILED:\n  ✗ a - x"),
    PublishedStep(memo("numpy reads csv rows", "use pandas"), "numpy reads csv rows", "FAILED:\n  ✗ c - z"),
    PublishedStep(memo(None, "use pandas"), "numpy", "FAILED:\n  ✗ c - z"),
    PublishedStep(memo(None, "use pandas"), "numpy", "FAILED:\n  ✗ c - z"),
)
"""Facts that are run, then not, then all, then gone; a plan that is kept, changed, and kept twice."""

BY_HAND = (
    # exec: of {numpy, reads, csv} the commands have csv.
    PublishedReading(1 / 3, 0, 0, 1 / 3, 0, 0, triggered=False, level=None),
    # exec 0 of 4; plan {parse, row} of {parse, header, row}; oss half of 3 of 4 facts and half of 1 of 2 rows.
    # Of two values the later is 1 spread from their mean: down, up, up.
    PublishedReading(0, 2 / 3, 5 / 8, -3, 0.5, -1.5, triggered=True, level="soft"),
    # exec 4 of 4; plan 0 of 4; oss half of 4 of 4 facts and half of 0 of 2 rows.
    # exec 1/3, 0, 1: mean 4/9, spread sqrt(14)/9. plan 0, 2/3, 0: 2/9, sqrt(8)/9. oss 0, 5/8, 1/2: 3/8, sqrt(14/192).
    PublishedReading(1, 0, 1 / 2, 5 / sqrt(14) + 1 / sqrt(2) - sqrt(3 / 14), 1, 1.580503, triggered=False, level=None),
    # No facts: exec 0, and of facts nothing is common; plan 2 of 2; oss half of the one row.
    # exec ..., 0: mean 1/3, spread sqrt(1/6). plan ..., 1: 5/12, sqrt(3)/4. oss ..., 1/2: 13/32, sqrt(59)/32.
    PublishedReading(
        0, 1, 1 / 2, -sqrt(6) / 3 - 7 / sqrt(27) - 3 / sqrt(59), 1, -2.554214, triggered=True, level="soft"
    ),
    # exec ..., 0: mean 4/15, spread sqrt(34)/15. plan ..., 1: 8/15, sqrt(46)/15. oss ..., 1/2: 17/40, sqrt(19)/20.
    PublishedReading(
        0, 1, 1 / 2, -4 / sqrt(34) - 7 / sqrt(46) - 1.5 / sqrt(19), 1, -2.062212, triggered=True, level="strong"
    ),
)


def inputs(trial: Sequence[PublishedStep]) -> list[PdiInput]:
    """Give the steps of a trial as ours are given."""
    before = (PublishedStep("", "", ""), *trial)
    return [
        PdiInput(
            memo=now.memo, previous_memo=old.memo, commands=now.commands, summary=now.tests,
            previous_summary=old.tests, step=step,
        )
        for step, (old, now) in enumerate(zip(before, trial, strict=False))
    ]  # fmt: skip


def values(found: Reading | PdiStepRow | PublishedReading) -> tuple[float | None, ...]:
    """Give what is compared as numbers."""
    first = (found.proxy_exec, found.proxy_plan, found.proxy_oss)
    return (*first, found.raw_pdi, found.weight, found.weighted_pdi)


def test_a_trial_worked_out_by_hand_reads_as_the_formula_says() -> None:
    """Each number stands above with its working; the second computation is held to the same ones."""
    ours = read_all(inputs(TRIAL), PdiSettings())
    for found, second, hand in zip(ours, snapshots(TRIAL, "token_overlap"), BY_HAND, strict=True):
        assert values(found) == pytest.approx(values(hand), abs=1e-6)
        assert values(second) == pytest.approx(values(hand), abs=1e-6)
        assert (found.triggered, found.level) == (second.triggered, second.level) == (hand.triggered, hand.level)


@pytest.mark.parametrize("alpha", [0.002, 0.5])
def test_two_words_that_share_nothing_are_as_alike_as_smoothing_makes_them(alpha: float) -> None:
    """P is (p, 1 - p) with p = (1 + a) / (1 + 2a), Q the other way round, M a half each: JS = ln 2 - H(p)."""
    p = (1 + alpha) / (1 + 2 * alpha)
    entropy = -p * log(p) - (1 - p) * log(1 - p)
    assert js_similarity({"x": 1}, {"y": 1}, alpha=alpha) == pytest.approx(1 - log(2) + entropy, abs=1e-12)
    assert likeness("x", "y", alpha) == pytest.approx(1 - log(2) + entropy, abs=1e-12)
    assert js_similarity({"x": 1}, {"y": 1}, alpha=0.5) == pytest.approx(0.869188, abs=1e-6)


def test_words_said_more_often_weigh_more() -> None:
    """Twice x and once y against once x and twice y: p = (2 + a) / (3 + 2a), and again JS = ln 2 - H(p)."""
    p = 2.002 / 3.004
    expected = 1 - log(2) - p * log(p) - (1 - p) * log(1 - p)
    assert js_similarity({"x": 2, "y": 1}, {"x": 1, "y": 2}) == pytest.approx(expected, abs=1e-12)
    assert likeness("x y X", "y x Y") == pytest.approx(expected, abs=1e-12)


WORDS = st.lists(st.sampled_from(["cat", "csv", "Numpy", "é", "a_b", "7", "-", "—"]), max_size=6).map(" ".join)
BODIES = st.one_of(st.none(), WORDS, st.just(""))
ROWS = st.lists(st.sampled_from(["  ✗ a - x", "✗ a - y", "  ✓ b", "  ✗  b", "FAILED:"]), max_size=4).map("\n".join)
MEMOS = st.builds(memo, BODIES, BODIES)
TRIALS = st.lists(st.builds(PublishedStep, MEMOS, WORDS, ROWS), min_size=1, max_size=12)


@pytest.mark.parametrize("method", METHODS)
@given(trial=TRIALS)
def test_any_trial_reads_as_a_second_computation_says(method: Method, trial: list[PublishedStep]) -> None:
    """Sections that are missing, empty or run together, rows said twice, one step or twelve; and what is done."""
    ours = read_all(inputs(trial), PdiSettings(method=method))
    strong = False
    for found, expected in zip(ours, snapshots(trial, method), strict=True):
        if _by_rounding(found, expected):
            return  # what follows hangs on which way it fell
        assert values(found) == pytest.approx(values(expected), abs=1e-9)
        assert (found.triggered, found.level) == (expected.triggered, expected.level)
        assert found.level == (("strong" if strong else "soft") if found.triggered else None)
        strong = found.triggered


def _by_rounding(found: Reading, expected: PublishedReading) -> bool:
    """Whether the last bit decides: at the threshold, or about a spread that is one of rounding alone."""
    spreads = (found.exec_score.std, found.plan_score.std, found.oss_score.std)
    return abs(expected.weighted_pdi + 0.5) < AT_THRESHOLD or any(0.0 < each < 1e-9 for each in spreads)


@given(st.lists(st.floats(-1e6, 1e6), min_size=1, max_size=128))
def test_sums_are_numpys_to_the_last_bit(numbers: list[float]) -> None:
    """At the threshold the last bit decides (W2), and SPARK's is numpy's."""
    assert numpy_sum(numbers) == float(np.sum(np.array(numbers)))


@pytest.mark.parametrize("method", METHODS)
async def test_a_recording_made_here_is_imported_and_computed_alike(method: Method, tmp_path: Path) -> None:
    """Events of a whole trial, folded: what the recording says to four decimals is what is computed from its texts."""
    made = snapshots(TRIAL, method)
    lines: list[object] = []
    for attempt, (now, known) in enumerate(zip(TRIAL, made, strict=True)):
        before = TRIAL[attempt - 1].memo if attempt else ""
        lines += [
            result(attempt, agent_commands=now.commands, test_summary=now.tests),
            known.logged(attempt, attempt),
            reflection(attempt, memo_before=before, memo_after=now.memo, response=now.memo),
        ]
    (tmp_path / "greet").mkdir()
    (tmp_path / "greet/trajectory.jsonl").write_text(as_lines(*lines), encoding="utf-8")
    ticks = count(1)
    async with MemoryLog(clock=lambda: next(ticks)) as log:
        (imported,) = (await import_spark(log, tmp_path)).found
        state = await fold(log, PdiSteps({method: PdiSettings(method=method)}))
    assert imported.task == "greet"
    assert len(state.rows) == len(state.recorded) == len(TRIAL)
    for computed, recorded, known in zip(state.rows, state.recorded, made, strict=True):
        assert values(recorded) == tuple(round(each, 4) for each in known[:6])
        assert values(computed) == pytest.approx(values(recorded), abs=0.5001e-4)
        assert (computed.triggered, computed.level) == (recorded.triggered, recorded.level)
        assert (computed.triggered, computed.level) == (known.triggered, known.level)
        assert computed.step == recorded.step
