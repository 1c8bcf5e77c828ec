"""What readings lead to."""

from engine.programs.explore.policies.intervention import (
    Intervention,
    InterventionRule,
    Invalid,
    Level,
    PdiMode,
    Reading,
    Stale,
    intervene,
)

QUIET = Reading(triggered=False, level=None, valid=True)
SOFT = Reading(triggered=True, level="soft", valid=True)
STRONG = Reading(triggered=True, level="strong", valid=True)
WRECK = Reading(triggered=True, level="strong", valid=False)


def test_the_last_reading_decides() -> None:
    """No memory beyond it: the reading itself knows whether it is the second in a row."""
    rule = InterventionRule()
    assert intervene([], rule).level is Level.NONE
    assert intervene([QUIET, SOFT], rule).level is Level.SOFT
    assert intervene([SOFT, STRONG], rule).level is Level.STRONG
    assert intervene([STRONG, QUIET], rule).level is Level.NONE


def test_a_stale_snapshot_is_not_used_again() -> None:
    """SPARK injects the old intervention again after an attempt that gave none (1.7); a flag restores it."""
    assert intervene([SOFT, None], InterventionRule()).level is Level.NONE
    assert intervene([SOFT, None], InterventionRule(stale=Stale.REPEAT)).level is Level.SOFT


def test_w3_a_reading_from_a_wreck_triggers_nothing() -> None:
    """SPARK computes PDI from failed calls (W3); a flag restores it."""
    assert intervene([WRECK], InterventionRule()).level is Level.NONE
    assert intervene([WRECK], InterventionRule(invalid=Invalid.TRUST)).level is Level.STRONG


def test_observing_records_what_would_be_done() -> None:
    """And tells the agent nothing."""
    seen = intervene([SOFT], InterventionRule(mode=PdiMode.OBSERVE))
    assert (seen.level, seen.would_be) == (Level.NONE, Level.SOFT)


def test_off_is_off() -> None:
    """Nothing is even considered."""
    assert intervene([STRONG], InterventionRule(mode=PdiMode.OFF)) == Intervention(
        Level.NONE, Level.NONE, "readings are not used"
    )
