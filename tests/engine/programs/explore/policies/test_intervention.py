"""What readings lead to."""

from engine.programs.explore.policies.intervention import (
    InterventionChoice,
    InterventionSettings,
    Invalid,
    Level,
    PdiMode,
    ReadingFacts,
    Stale,
    intervene,
)

QUIET = ReadingFacts(triggered=False, level=None, valid=True)
SOFT = ReadingFacts(triggered=True, level="soft", valid=True)
STRONG = ReadingFacts(triggered=True, level="strong", valid=True)
WRECK = ReadingFacts(triggered=True, level="strong", valid=False)


def test_the_last_reading_decides() -> None:
    """No memory beyond it: the reading itself knows whether it is the second in a row."""
    rule = InterventionSettings()
    assert intervene([], rule).level is Level.NONE
    assert intervene([QUIET, SOFT], rule).level is Level.SOFT
    assert intervene([SOFT, STRONG], rule).level is Level.STRONG
    assert intervene([STRONG, QUIET], rule).level is Level.NONE


def test_a_stale_snapshot_is_not_used_again() -> None:
    """SPARK injects the old intervention again after an attempt that gave none (1.7); a flag restores it."""
    assert intervene([SOFT, None], InterventionSettings()).level is Level.NONE
    assert intervene([SOFT, None], InterventionSettings(stale=Stale.REPEAT)).level is Level.SOFT


def test_w3_a_reading_from_a_wreck_triggers_nothing() -> None:
    """SPARK computes PDI from failed calls (W3); a flag restores it."""
    assert intervene([WRECK], InterventionSettings()).level is Level.NONE
    assert intervene([WRECK], InterventionSettings(invalid=Invalid.TRUST)).level is Level.STRONG


def test_observing_records_what_would_be_done() -> None:
    """And tells the agent nothing."""
    seen = intervene([SOFT], InterventionSettings(mode=PdiMode.OBSERVE))
    assert (seen.level, seen.would_be) == (Level.NONE, Level.SOFT)


def test_off_is_off() -> None:
    """Nothing is even considered."""
    assert intervene([STRONG], InterventionSettings(mode=PdiMode.OFF)) == InterventionChoice(
        Level.NONE, Level.NONE, "readings are not used"
    )
