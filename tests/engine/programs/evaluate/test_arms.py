"""Arms: each is its run's spec with some settings changed; what cannot be an arm is refused before anything runs."""

from pathlib import Path
from typing import Any

import msgspec
import pytest

from engine.config.amend import amend
from engine.config.errors import ConfigRefused
from engine.config.resolve import Flag
from engine.programs.evaluate.arms import arm_specs, family_of_item, own, series_of
from tests.support.runs import spec

TWO: dict[str, Any] = {"none": {"skills": ""}, "skill": {"skills": "skills"}}


def armed(arms: dict[str, Any], **own_settings: Any) -> Any:
    """Say what to evaluate."""
    return spec(program="evaluate", own={"arms": arms, **own_settings})


def test_an_arm_is_the_spec_with_its_settings_changed() -> None:
    """Given arms with skills, another model, another agent and another method, each gets a spec of its own."""
    more = {"model": {"model": "student"}, "agent": {"agent": "nop"}, "off": {"set": {"method.pdi.mode": "off"}}}
    found = arm_specs(armed({**TWO, **more}))
    assert list(found) == ["agent", "model", "none", "off", "skill"]
    assert found["skill"].agent.skills == "skills"
    assert found["model"].models["teacher"].model == "student"
    assert found["agent"].agent.name == "nop"
    assert found["off"].method.pdi.mode == "off"
    base = armed({**TWO, **more})
    assert msgspec.structs.replace(found["off"], method=base.method) == base


def test_an_arm_that_repeats_another_has_its_settings_and_a_series_of_its_own() -> None:
    """Fresh repeats of one condition are told apart, or the second would be found where the first was stored."""
    arms = {**TWO, "again": {"again": "skill"}, "more": {"again": "skill"}}
    found = arm_specs(armed(arms))
    assert found["again"].agent == found["skill"].agent
    settings = own(armed(arms))
    assert [series_of(settings, name) for name in ("none", "skill", "again", "more")] == [0, 0, 1, 2]


@pytest.mark.parametrize(
    ("arms", "more", "said"),
    [
        ({}, {}, "the baseline 'none' is none of the arms"),
        ({"none": {}}, {}, "nothing to compare"),
        ({"nine": {}, "skill": {}}, {}, "did you mean nine?"),
        ({**TWO, "a/b": {}}, {}, "cannot be the name of an arm"),
        ({**TWO, "again": {"again": "skil"}}, {}, "did you mean skill?"),
        ({**TWO, "again": {"again": "skill", "placebo": True}}, {}, "changes settings"),
        ({**TWO, "x": {"again": "skill"}, "y": {"again": "x"}}, {}, "not an arm with a condition of its own"),
        ({**TWO, "x": {"set": {"tasks": "elsewhere"}}}, {}, "tasks cannot differ between arms"),
        ({**TWO, "x": {"set": {"method.pdi.mood": "off"}}}, {}, "unknown key method.pdi.mood"),
        ({**TWO, "x": {"set": {"method.pdi.mode": "of"}}}, {}, 'did you mean "off"?'),
        ({**TWO, "same": {"skills": "skills"}}, {}, "the arms same and skill are the same"),
        ({**TWO, "x": {"placebo": True}}, {}, "a placebo of no skill"),
        ({**TWO, "x": {"agent": "nop", "baseline": "nine"}}, {}, "the baseline 'nine' is none of the arms"),
        ({"none": {"skills": "", "baseline": "skill"}, "skill": {}}, {}, "and is compared with none"),
        ({"none": {"skills": ""}, "alone": {"baseline": "alone"}}, {}, "nothing to compare"),
        ({**TWO, "same": {"skills": "skills", "baseline": "skill"}}, {}, "the arms same and skill are the same"),
        (TWO, {"alpha": 1.0}, "above 0 and below 1"),
        (TWO, {"alpha": 0.0}, "above 0 and below 1"),
        (TWO, {"floor": 1.1}, "from 0 to 1"),
        (TWO, {"floor": -0.1}, "from 0 to 1"),
        (TWO, {"effect": 0.0}, "above 0, at most 1"),
        (TWO, {"effect": 1.1}, "above 0, at most 1"),
        (TWO, {"family": "("}, "is no regular expression"),
        (TWO, {"family": "^[a-z]+"}, "has not exactly one group"),
    ],
)
def test_what_cannot_be_an_arm_is_refused_with_a_remedy(arms: dict[str, Any], more: dict[str, Any], said: str) -> None:
    """All that is wrong is said at once, and nothing was started."""
    with pytest.raises(ConfigRefused) as refused:
        arm_specs(armed(arms, **more))
    assert said in f"{refused.value.problem} {refused.value.remedy}"


def test_the_family_of_an_item_is_what_its_name_says() -> None:
    """An item in which the pattern finds nothing is independent of all others."""
    assert family_of_item("^([a-z]+)-", "sort-3") == "sort"
    assert family_of_item("^([a-z]+)-", "42") == "42"
    assert family_of_item("", "sort-3") == "sort-3"
    assert family_of_item("^(zzz)?", "sort-3") == "sort-3"


@pytest.mark.parametrize("edge", [{"alpha": 0.999}, {"floor": 0.0}, {"floor": 1.0}, {"effect": 1.0}])
def test_the_ends_of_a_range_are_in_it(edge: dict[str, float]) -> None:
    """Where the reference says so."""
    assert list(arm_specs(armed(TWO, **edge))) == ["none", "skill"]


def test_a_fork_changes_the_programs_own_settings_by_their_key(tmp_path: Path) -> None:
    """Given an evaluation, when a fork names another baseline, then it stands where the program reads it."""
    flags = [Flag("--set", ("evaluate", "baseline"), "skill"), Flag("--set", ("evaluate", "alpha"), "0.01")]
    changed = amend(armed(TWO), flags, tmp_path)
    assert (own(changed.spec).baseline, own(changed.spec).alpha) == ("skill", 0.01)
    assert [each.key for each in changed.changes] == ["evaluate.baseline", "evaluate.alpha"]
