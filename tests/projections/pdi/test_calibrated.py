"""The method ``calibrated``: what is absent is missing and not 0, and its threshold stands for a false-alarm rate."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from projections.pdi.calibrate import (
    CalibrationImpossible,
    CalibrationOptions,
    Sample,
    Values,
    calibrated,
    halves,
    noise,
    rate,
    samples,
)
from projections.pdi.compare import read_all
from projections.pdi.index import PdiInput, PdiSettings, PdiState, Reading
from projections.pdi.online import OnlinePdi
from projections.pdi.reference import PdiReference
from projections.pdi.trials import ReadStep, ReadTrial

REFERENCE = PdiReference(
    likeness="token_overlap",
    exec_mean=0.5,
    exec_sd=0.1,
    plan_mean=0.3,
    plan_sd=0.1,
    oss_mean=0.5,
    oss_sd=0.2,
    threshold=-2.0,
    false_alarm=0.1,
    source="made up for these stories",
)
CALIBRATED = PdiSettings(method="calibrated", reference=REFERENCE)
ROWS = "  ✗ t1 - boom"


def memo(facts: str, plan: str) -> str:
    """A memo with the two sections that PDI reads."""
    return f"## Memo\n\n### Verified Facts\n{facts}\n\n### Next Strategy\n{plan}\n"


STALE = PdiInput(
    memo=memo("a b c d", "try x"),
    previous_memo=memo("a b c d", "try x"),
    commands="a b",
    summary=ROWS,
    previous_summary=ROWS,
    step=1,
)
"""Half of its facts were run; plan, facts and failures are those of the step before."""


def reading_of(given: PdiInput, settings: PdiSettings = CALIBRATED) -> Reading:
    """Read one step."""
    return read_all([given], settings)[0]


def test_a_step_is_scored_against_the_stated_figures() -> None:
    """By hand: exec (0.5 - 0.5) / 0.1, plan (1 - 0.3) / 0.1, oss (1 - 0.5) / 0.2; one step is enough."""
    reading = reading_of(STALE)
    assert (reading.proxy_exec, reading.proxy_plan, reading.proxy_oss) == (0.5, 1.0, 1.0)
    assert reading.raw_pdi == pytest.approx(0.0 - 7.0 - 2.5)
    assert (reading.weight, reading.triggered, reading.level) == (1.0, True, "soft")
    assert (reading.valid, reading.reasons) == (True, ())


def test_it_triggers_below_the_threshold_of_its_reference_and_no_other() -> None:
    """SPARK's threshold and warm-up belong to scores of another kind."""
    calm = replace(CALIBRATED, reference=replace(REFERENCE, threshold=-9.6))
    assert not reading_of(STALE, calm).triggered
    assert not reading_of(STALE, replace(calm, threshold=100.0, warmup=0)).triggered


@pytest.mark.parametrize(
    ("gap", "missing", "reason"),
    [
        ({"previous_memo": ""}, ("proxy_plan", "proxy_oss"), "there is no memo before"),
        ({"previous_memo": "[LLM ERROR] 502"}, ("proxy_plan", "proxy_oss"), "the memo before is no memo"),
        ({"memo": memo("", "try x")}, ("proxy_exec", "proxy_oss"), "the memo has no section 'Verified Facts'"),
        ({"previous_memo": memo("a", "")}, ("proxy_plan",), "the memo before has no section 'Next Strategy'"),
        ({"commands": " \n"}, ("proxy_exec",), "nothing was run"),
        (
            {"memo": "[LLM ERROR] 502", "healthy": False},
            ("proxy_exec", "proxy_plan", "proxy_oss"),
            "the memo is no memo",
        ),
    ],
)
def test_what_there_was_nothing_to_measure_is_missing_and_triggers_nothing(
    gap: dict[str, str], missing: tuple[str, ...], reason: str
) -> None:
    """SPARK reads each of these as 0, and an outage as progress (W3)."""
    step = replace(STALE, **gap)
    reading = reading_of(step)
    assert (
        tuple(name for name in ("proxy_exec", "proxy_plan", "proxy_oss") if getattr(reading, name) is None) == missing
    )
    assert (reading.raw_pdi, reading.weighted_pdi, reading.triggered, reading.valid) == (None, None, False, False)
    assert reason in reading.reasons
    assert reading_of(step, PdiSettings()).raw_pdi is not None


def test_ossification_is_read_off_the_facts_where_no_test_failed_on_both_sides() -> None:
    """A verifier that never got to its tests says nothing about them; a likeness of 0 would look like movement."""
    assert reading_of(replace(STALE, summary="")).proxy_oss == 1.0
    assert reading_of(replace(STALE, summary="  ✗ t2 - bang")).proxy_oss == 0.5
    assert reading_of(replace(STALE, summary=""), PdiSettings()).proxy_oss == 0.5


def test_a_step_without_a_reading_ends_an_escalation() -> None:
    """As with SPARK's, strong follows upon a trigger at the step before."""
    outage = replace(STALE, memo="", healthy=False)
    levels = [reading.level for reading in read_all([STALE, STALE, outage, STALE], CALIBRATED)]
    assert levels == ["soft", "strong", None, "soft"]


def test_while_an_attempt_runs_the_same_is_read_from_turn_to_turn() -> None:
    """Before the first command there is nothing to measure; after the last one it is what the step reads."""
    (first,) = read_all([STALE], CALIBRATED)
    online = OnlinePdi(PdiState(), STALE, CALIBRATED)
    assert online.reading().proxy_exec is None
    for command in ("a", "b"):
        online.add(command)
    assert online.reading() == first


def sampled(task: str, *values: Values) -> Sample:
    """What a task gives to a fit, its drawn order left out."""
    return Sample(task, values, ())


def spread(shift: float) -> list[Values]:
    """Nine steps of a task, some way from those of others."""
    return [(0.4 + shift + 0.02 * k, 0.3 + 0.03 * ((k * 4) % 9), 0.5 + 0.04 * ((k * 7) % 9)) for k in range(9)]


TASKS = [
    sampled(name, *spread(shift)) for name, shift in (("one", 0.0), ("two", 0.05), ("three", -0.05), ("four", 0.1))
]


@pytest.mark.slow
@given(st.sampled_from([0.05, 0.1, 0.2, 0.5]), st.integers(0, 50))
def test_noise_of_the_fitted_tasks_stays_within_the_wished_rate(false_alarm: float, seed: int) -> None:
    """Whatever the rate and the draws."""
    wish = CalibrationOptions(false_alarm=false_alarm, seed=seed, rounds=5)
    reference = calibrated(TASKS, wish, "here")
    assert rate(noise(TASKS, wish), reference) <= false_alarm
    assert (reference.false_alarm, reference.source) == (false_alarm, "here")


def test_a_task_unlike_the_others_lowers_the_threshold() -> None:
    """A task yet to come may be as far off as that one."""
    wish = CalibrationOptions(rounds=5)
    far = sampled("far", *[(e, p + 0.5, o) for e, p, o in spread(0.0)])
    assert calibrated([*TASKS, far], wish, "").threshold < calibrated(TASKS, wish, "").threshold


def test_the_same_seed_fits_the_same_and_another_one_does_not() -> None:
    """Nothing random but what the seed says."""
    fits = [calibrated(TASKS, CalibrationOptions(seed=seed, rounds=5), "") for seed in (1, 1, 2)]
    assert fits[0] == fits[1]
    assert fits[0].threshold != fits[2].threshold


def test_too_little_is_refused_and_not_made_up() -> None:
    """Two tasks leave one to be scored against; a component that never moves has no spread."""
    with pytest.raises(CalibrationImpossible, match="2 tasks"):
        calibrated(TASKS[:2], CalibrationOptions(), "")
    assert calibrated(TASKS[:3], CalibrationOptions(rounds=1), "").source == ""
    still = [sampled(name, *[(e, 0.5, o) for e, _, o in spread(0.0)]) for name in "abcd"]
    with pytest.raises(CalibrationImpossible, match="plan is the same at all 36 steps"):
        calibrated(still, CalibrationOptions(), "")


def test_a_task_is_scored_with_the_figures_of_the_others_alone() -> None:
    """Where a component moves in one task only, the others have no spread to score that one with."""
    still = [sampled(name, *[(e, 0.5, o) for e, _, o in spread(0.0)]) for name in "abc"]
    with pytest.raises(CalibrationImpossible, match="plan is the same at all 27 steps"):
        calibrated([*still, TASKS[0]], CalibrationOptions(rounds=1), "")
    assert calibrated([*still, *TASKS[:2]], CalibrationOptions(rounds=1), "").plan_sd > 0


def test_only_steps_at_which_everything_was_measured_are_fitted_on() -> None:
    """Neither a first step nor an outage enters a mean."""
    steps = [replace(STALE, previous_memo="", step=0), STALE, replace(STALE, memo="", healthy=False, step=2)]
    trial = ReadTrial("run", "word", "word", [ReadStep(number + 1, each) for number, each in enumerate(steps)])
    (sample,) = samples([trial], CalibrationOptions(rounds=2))
    assert sample.real == ((0.5, 1.0, 1.0),)
    assert len(sample.order) <= 2 * 2


@given(st.lists(st.text(min_size=1, max_size=4), unique=True, max_size=12), st.integers())
def test_halves_part_the_tasks(tasks: list[str], seed: int) -> None:
    """No task is on both sides, none is lost, and the sides differ by one at most."""
    first, second = halves(tasks, seed)
    assert sorted([*first, *second]) == sorted(tasks)
    assert 0 <= len(first) - len(second) <= 1
