"""What becomes of a skill by what was measured with it."""

from fractions import Fraction

import pytest
from msgspec.structs import replace

from engine.policies.library.maintenance import MaintenanceRule, MaintenanceRuling, SkillUse, maintain

ALL = MaintenanceRule(retire=True, rollback=True, quarantine=True, narrow=True)


def uses(failed: int, solved: int, environment: str = "E1") -> list[SkillUse]:
    """Make trials that read a skill."""
    outcomes = [False] * failed + [True] * solved
    return [SkillUse(f"{environment}-{place}", environment, each) for place, each in enumerate(outcomes)]


def ruled(found: list[SkillUse], rule: MaintenanceRule = ALL, revision: int = 1) -> MaintenanceRuling | None:
    """Rule on one skill."""
    rulings = maintain({"rows": found}, {"rows": revision}, rule)
    return rulings[0] if rulings else None


@pytest.mark.parametrize(
    ("failed", "solved", "action"),
    [
        (7, 3, "retire"),
        (69, 31, "quarantine"),
        (2, 3, "quarantine"),
        (39, 61, None),
        (3, 0, "retire"),
        (2, 0, None),
        (0, 3, None),
        (0, 0, None),
    ],
)
def test_the_harm_decides_to_the_last_trial(failed: int, solved: int, action: str | None) -> None:
    """At 0.7 exactly it is retired, at 0.4 exactly quarantined, and fewer than three uses say nothing."""
    found = ruled(uses(failed, solved))
    assert (found and found.action) == action
    if found is not None:
        assert found.harm.exact == Fraction(failed, failed + solved)
        assert found.uses == failed + solved
        assert found.reason == f"{failed} of {failed + solved} trials that read it failed"


def test_only_what_the_rule_allows_is_done() -> None:
    """Nothing at all by default; the graver measure falls back to a milder one that is allowed."""
    assert ruled(uses(3, 0), MaintenanceRule()) is None
    milder = ruled(uses(3, 0), replace(ALL, retire=False))
    assert milder is not None
    assert milder.action == "quarantine"


def test_a_revised_skill_goes_back_before_it_is_quarantined() -> None:
    """The revision before may have been better; a first revision has none before it."""
    found = ruled(uses(2, 3), revision=2)
    assert found is not None
    assert found.action == "rollback"
    retired = ruled(uses(3, 0), revision=2)
    assert retired is not None
    assert retired.action == "retire"
    first = ruled(uses(2, 3), revision=1)
    assert first is not None
    assert first.action == "quarantine"


def test_a_skill_is_narrowed_where_alone_it_fails() -> None:
    """Twice or more, and only if it helps elsewhere: else it would be taken from everybody."""
    rule = replace(ALL, quarantine=False, rollback=False, retire=False)
    found = ruled([*uses(2, 1, "E2"), *uses(0, 4, "E1")], rule)
    assert found is not None
    assert (found.action, found.exclude) == ("narrow", ("E2",))
    assert found.reason == "2 of 7 trials that read it failed, all of them in E2"
    assert ruled([*uses(1, 2, "E2"), *uses(0, 4, "E1")], rule) is None
    assert ruled([*uses(1, 2, "E2"), *uses(1, 4, "E1")], rule) is None
    assert ruled(uses(2, 4), rule) is None
    assert ruled([*uses(2, 1, "E2"), *uses(0, 4, "E1")], replace(rule, narrow=False)) is None


def test_skills_are_ruled_on_by_name() -> None:
    """Each for itself."""
    found = maintain({"b": uses(3, 0), "a": uses(2, 3), "c": uses(0, 9)}, {}, ALL)
    assert [(each.skill, each.action) for each in found] == [("a", "quarantine"), ("b", "retire")]
