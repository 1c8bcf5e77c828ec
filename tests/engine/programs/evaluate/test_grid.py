"""Grids: a few axes stand for many arms, each with a readable name and compared where all else is equal."""

from collections.abc import Mapping
from typing import Any

import pytest

from engine.config.errors import ConfigRefused
from engine.config.spec import RunSpec
from engine.programs.evaluate.arms import arm_specs, baseline_of, own, series_of, written
from engine.programs.evaluate.grid import MOST_ARMS, GridPlace, grid_places
from engine.programs.evaluate.points import COMPARISON, ComparisonSaw, OwnBaseline
from tests.support.runs import spec

STUDENTS: dict[str, Any] = {"model": ["openai/gpt-4.1", "anthropic/haiku"]}
SKILLS: dict[str, Any] = {"skills": ["", "skills/greet", "skills/sort"]}


def gridded(grid: Mapping[str, Any], **own_settings: Any) -> RunSpec:
    """Say what to evaluate."""
    teacher = {"model": "teacher", "base_url": "script:script.toml", "parameters": {"max_tokens": 100}}
    return spec(program="evaluate", models={"teacher": teacher}, own={"grid": grid, **own_settings})


def against(what: RunSpec) -> dict[str, str | None]:
    """Name what each arm is compared with."""
    settings = own(what)
    return {name: baseline_of(settings, name) for name in settings.arms}


def test_a_grid_stands_for_an_arm_for_each_combination() -> None:
    """Skills by students, each skill beside the same student without one: one plan, and no test of the students."""
    what = gridded({**SKILLS, **STUDENTS, "method.pdi.mode": ["observe"]})
    assert against(what) == {
        "none_mode-observe_gpt-4.1": None,
        "none_mode-observe_haiku": None,
        "greet_mode-observe_gpt-4.1": "none_mode-observe_gpt-4.1",
        "greet_mode-observe_haiku": "none_mode-observe_haiku",
        "sort_mode-observe_gpt-4.1": "none_mode-observe_gpt-4.1",
        "sort_mode-observe_haiku": "none_mode-observe_haiku",
    }
    specs = arm_specs(what)
    chosen = specs["sort_mode-observe_haiku"]
    assert (chosen.agent.skills, chosen.models["teacher"].model) == ("skills/sort", "haiku")
    assert chosen.models["teacher"].provider == "anthropic"
    assert chosen.method.pdi.mode == "observe"
    assert specs["none_mode-observe_gpt-4.1"].agent.skills == ""


def test_arms_that_are_written_out_are_an_axis_of_their_own() -> None:
    """Placebo and A/A are given to every student, too; an arm may name a baseline, which is then the same student's."""
    arms = {
        "none": {"skills": ""},
        "skill": {"skills": "skills"},
        "placebo": {"skills": "skills", "placebo": True, "baseline": "skill"},
        "again": {"again": "none"},
    }
    what = gridded(STUDENTS, arms=arms)
    assert against(what) == {
        "none_gpt-4.1": None,
        "none_haiku": None,
        "skill_gpt-4.1": "none_gpt-4.1",
        "skill_haiku": "none_haiku",
        "placebo_gpt-4.1": "skill_gpt-4.1",
        "placebo_haiku": "skill_haiku",
        "again_gpt-4.1": "none_gpt-4.1",
        "again_haiku": "none_haiku",
    }
    settings = own(what)
    assert settings.arms["again_haiku"].again == "none_haiku"
    assert (series_of(settings, "again_haiku"), settings.baseline) == (1, "none_gpt-4.1")
    assert arm_specs(what)["again_haiku"] == arm_specs(what)["none_haiku"]
    places = grid_places(written(what))
    assert places["again_haiku"] == GridPlace("again", "haiku")


def test_students_can_be_compared_too() -> None:
    """Along another axis than skills: its first value is the baseline, or the one that is named."""
    first = against(gridded({**SKILLS, **STUDENTS}, contrast="model"))
    assert first["haiku_greet"] == "gpt-4.1_greet"
    named = against(gridded(STUDENTS, baseline="haiku"))
    assert named == {"gpt-4.1": "haiku", "haiku": None}
    numbers = against(gridded({"method.attempts": [1, 2]}))
    assert numbers == {"attempts-1": None, "attempts-2": "attempts-1"}


def test_values_that_end_alike_are_named_in_full() -> None:
    """Two folders of one name are told apart by what stands before it."""
    assert sorted(against(gridded({"skills": ["", "a/greet", "b/greet"]}))) == ["a-greet", "b-greet", "none"]


def test_without_a_grid_the_columns_of_a_matrix_are_the_baselines() -> None:
    """Arms that are written out one by one may have baselines of their own; with just one, there is one column."""
    arms = {"none": {"skills": ""}, "skill": {"skills": "skills"}}
    more = {"bare": {"model": "b", "skills": "", "baseline": "bare"}, "told": {"model": "b", "baseline": "bare"}}
    settings = written(spec(program="evaluate", own={"arms": {**arms, **more}}))
    assert grid_places(settings) == {
        "none": GridPlace("none", "none"),
        "skill": GridPlace("skill", "none"),
        "bare": GridPlace("bare", "bare"),
        "told": GridPlace("told", "bare"),
    }
    assert set(grid_places(written(spec(program="evaluate", own={"arms": arms}))).values()) == {
        GridPlace("none", ""),
        GridPlace("skill", ""),
    }


def test_the_rule_of_a_comparison_names_baselines_only_where_they_are_own() -> None:
    """So what was recorded before there were any is the same rule, byte for byte."""
    arms = {"none": {"skills": ""}, "skill": {"skills": "skills"}}
    saw = ComparisonSaw((), 1)
    plain = COMPARISON.rule(spec(program="evaluate", own={"arms": arms}), saw)
    assert plain is not None
    assert plain.own == ()
    grid = COMPARISON.rule(gridded({"skills": ["", "greet"], **STUDENTS}), saw)
    assert grid is not None
    assert grid.baseline == "none_gpt-4.1"
    assert grid.own == (OwnBaseline("greet_haiku", "none_haiku"), OwnBaseline("none_haiku", ""))


@pytest.mark.parametrize(
    ("grid", "more", "said"),
    [
        ({"skills": []}, {}, "the axis skills has no values"),
        ({"skills": ["", "greet", "greet"]}, {}, "the values 'greet', 'greet' of the axis skills would have one name"),
        ({"model": ["a", "/"]}, {}, "gives no name"),
        ({"tasks": ["a", "b"]}, {}, "tasks cannot be an axis"),
        ({"again": ["a", "b"]}, {}, "again cannot be an axis"),
        ({"method": ["a", "b"]}, {}, "method cannot be an axis"),
        ({"method.pdi.mood": ["a", "b"]}, {}, "did you mean method.pdi.mode?"),
        ({"method.pdi.mode": ["observe", "of"]}, {}, 'did you mean "off"?'),
        ({"agent": [1, 2]}, {}, "a value does not fit"),
        ({"agent": ["shell", "nop"], "model": ["a", "b"]}, {}, "nothing says along which axis is compared"),
        ({"agent": ["shell", "nop"]}, {"contrast": "agnet"}, "did you mean agent?"),
        (SKILLS, {"baseline": "gret"}, "did you mean greet?"),
        (STUDENTS, {"arms": {"skill": {"skills": "skills"}}}, "the baseline 'none' is no value of the axis arms"),
        (STUDENTS, {"arms": {"none": {"model": "c"}}}, "arm none sets model, and so does the grid"),
        (STUDENTS, {"arms": {"none": {"baseline": "nine"}}}, "the baseline 'nine' is none of the arms"),
        (STUDENTS, {"arms": {"none": {"baseline": "none"}}, "contrast": "model"}, "the grid compares along model"),
        ({"method.attempts": [1, 2]}, {"arms": {"none": {"set": {"method.attempts": 3}}}}, "and so does the grid"),
        ({"method.attempts": list(range(1, MOST_ARMS + 2))}, {}, f"has {MOST_ARMS + 1} arms; {MOST_ARMS} at most"),
    ],
)
def test_what_cannot_be_a_grid_is_refused_with_a_remedy(grid: dict[str, Any], more: dict[str, Any], said: str) -> None:
    """Before anything is paid, by the name of the key."""
    with pytest.raises(ConfigRefused) as refused:
        arm_specs(gridded(grid, **more))
    assert said in f"{refused.value.problem} {refused.value.remedy}"


def test_a_grid_may_have_as_many_arms_as_are_allowed() -> None:
    """And no more."""
    assert len(own(gridded({"method.attempts": list(range(1, MOST_ARMS + 1))})).arms) == MOST_ARMS
