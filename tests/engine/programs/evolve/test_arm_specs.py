"""Arms: files and tables that rest on each other, and what is refused of them by name."""

from collections.abc import Mapping
from typing import Any

import msgspec
import pytest

from engine.config.errors import ConfigRefused
from engine.programs.evolve.arm_specs import arm_specs, read_arms, settled_arms, shipped_arms
from engine.programs.evolve.checks import refuse_other_libraries, refuse_other_suite, refuse_wrong
from engine.programs.evolve.spec import EvolveArmSpec, EvolveSpec, arm_of_spec, evolve_spec
from tests.support.evolving import evolution, grid


def read(**own: Any) -> Mapping[str, EvolveArmSpec]:
    """Read the arms of settings."""
    return read_arms(msgspec.convert(own, EvolveSpec))


def complaints(*arms: str, **own: Any) -> list[str]:
    """Say what is wrong with settings."""
    with pytest.raises(ConfigRefused) as refused:
        refuse_wrong(evolution(*arms, **own))
    return [each.problem for each in refused.value.complaints]


def test_an_arm_has_the_fields_of_its_base_and_its_own() -> None:
    """Table by table: a retrieval that is changed in one key keeps the others."""
    custom = {
        "mine": {"base": "curated_with_revision_always", "set": {"retrieval.method": "bm25", "max_revisions": 2}},
        "yours": {"base": "mine", "set": {"retrieval.k": 1, "replay": False, "max_revisions": "none"}},
    }
    arms = read(arms=("mine", "yours", "curated_static"), custom=custom)
    assert list(arms) == ["mine", "yours", "curated_static"]
    mine, yours = arms["mine"], arms["yours"]
    assert (mine.retrieval.method, mine.retrieval.k, mine.max_revisions, mine.learn) == ("bm25", 8, 2, "always")
    assert (yours.retrieval.method, yours.retrieval.k, yours.replay, mine.replay) == ("bm25", 1, False, True)
    assert yours.max_revisions is None


def test_a_change_reaches_every_arm() -> None:
    """So that a what-if can ask for one over a whole ladder."""
    change = {"retrieval.k": 3, "freeze_after": 2}
    arms = read(arms=tuple(shipped_arms()), change=change)
    assert {(each.retrieval.k, each.freeze_after) for each in arms.values()} == {(3, 2)}
    assert arms["selfgen_in_session_always"].retrieval.method == "embedding"


def test_arms_are_written_out_when_a_run_begins() -> None:
    """Whatever files of arms say later, the run goes by what they said then; a change is part of it."""
    spec = settled_arms(evolution("mine", custom={"mine": {"base": "curated_static"}}, change={"retrieval.k": 2}))
    settings = evolve_spec(spec)
    assert (settings.custom, settings.change) == ({}, {})
    assert settings.resolved["mine"].retrieval.k == 2
    assert arm_of_spec(arm_specs(spec)["mine"]) == settings.resolved["mine"]
    assert settled_arms(spec) == spec


def test_the_solver_speaks_as_the_teacher_and_writes_skills_only_where_the_spec_says_so() -> None:
    """No model stands in for another unasked."""
    arm = arm_specs(evolution("selfgen_zero_shot"))["selfgen_zero_shot"]
    assert {role: model.model for role, model in arm.models.items()} == {"author": "author", "teacher": "solver"}
    assert (arm.method.attempts, evolve_spec(arm).arms) == (1, ("selfgen_zero_shot",))
    spec = evolution("curated_with_revision", "no_skill")
    del spec.models["author"]
    with pytest.raises(ConfigRefused, match="curated_with_revision needs a model for the role author"):
        refuse_wrong(spec)
    spec.own["author"] = "solver"
    refuse_wrong(spec)
    assert arm_specs(spec)["curated_with_revision"].models["author"].model == "solver"


@pytest.mark.parametrize(
    ("fields", "problem"),
    [
        ({"skill_init": "curated"}, "begins with skills that no trial is given"),
        ({"learn": "always"}, "writes skills that no trial is given"),
        ({"memory": "library"}, "has a library that stays empty"),
        ({"memory": "trajectories"}, "tells of trials of a family, and its scope is another one"),
        ({"replay_evaluation": True}, "replays held-out tasks and no learning tasks"),
        ({"oracle_t6": True}, "has no skills that a composition could be given"),
        ({"author_files": "required"}, "asks for files of revisions, and there are none"),
        ({"author": "session"}, "has a session write skills, and nothing is learnt"),
        ({"gate.name": "items"}, "has a gate on revisions, and there are none"),
        ({"maintenance.retire": True}, "maintains skills, and has none"),
        ({"feedback": "hint"}, "tells nobody a hint"),
        ({"success": 0.0}, "counts each trial as solved, or none"),
        ({"success": float("inf")}, "counts each trial as solved, or none"),
        ({"success": float("nan")}, "counts each trial as solved, or none"),
        ({"traces": 0}, "traces of the arm mine is 0"),
        ({"budget_chars": 0}, "budget_chars of the arm mine is 0"),
        ({"freeze_after": -1}, "freeze_after of the arm mine is -1"),
        ({"retrieval.k": 0}, "retrieval.k of the arm mine is 0"),
        ({"retrieval.family_boost": 1.5}, "retrieval.family_boost of the arm mine is 1.5"),
        ({"maintenance.retire_at": 2}, "maintenance.retire_at of the arm mine is 2"),
        ({"colour": "red"}, "the arm mine has the unknown key colour"),
        ({"learn": "often"}, "the arm mine cannot be read: Invalid enum value 'often'"),
    ],
)
def test_an_arm_that_cannot_be_is_refused_by_name(fields: dict[str, Any], problem: str) -> None:
    """Before anything is recorded or paid."""
    assert any(problem in each for each in complaints("mine", custom={"mine": {"base": "no_skill", "set": fields}}))


def test_a_name_means_one_arm() -> None:
    """No other arm is called as a shipped one, and none is changed that there is not."""
    with pytest.raises(ConfigRefused, match="no_skill is an arm that stillroom brings"):
        read(arms=("no_skill",), custom={"no_skill": {"base": "curated_static"}})
    with pytest.raises(ConfigRefused, match="the run has no arm other"):
        read(arms=("no_skill",), resolved={"no_skill": {}, "other": {}})


def test_the_edges_of_ranges_are_within_them() -> None:
    """1 trace, a boost of 1, a freeze before the first trial."""
    fields = {"traces": 1, "budget_chars": 1, "freeze_after": 0, "retrieval.k": 1, "retrieval.family_boost": 1.0}
    refuse_wrong(evolution("mine", custom={"mine": {"base": "no_skill", "set": fields}}, repeats=1, tries=1))


def test_what_is_wrong_with_a_run_is_told_with_a_remedy() -> None:
    """Names that are like a known one, arms that rest on themselves, and arms that are named twice."""
    with pytest.raises(ConfigRefused, match="there is no arm 'no_skil'") as unknown:
        read(arms=("no_skil",))
    assert [each.remedy for each in unknown.value.complaints] == ["did you mean no_skill?"]
    with pytest.raises(ConfigRefused, match="rests on itself: a → b → a"):
        read(arms=("a",), custom={"a": {"base": "b"}, "b": {"base": "a"}})
    with pytest.raises(ConfigRefused, match="named twice: no_skill"):
        read(arms=("no_skill", "no_skill"))
    with pytest.raises(ConfigRefused, match="no arm is named"):
        read()
    with pytest.raises(ConfigRefused, match=r"'No\.Skill' cannot be the name of an arm"):
        read(arms=("No.Skill",))
    assert complaints("no_skill", repeats=0, order="D", suite="") == [
        "no suite is named (evolve.suite)",
        "evolve.repeats is 0",
        "'D' is no order",
    ]


@pytest.mark.parametrize(
    ("change", "key"),
    [
        ({"repeats": 2}, "evolve.repeats"),
        ({"order": "B"}, "evolve.order"),
        ({"environments": ["E1"]}, "evolve.environments"),
        ({"families": ["E1-LS1"]}, "evolve.families"),
        ({"change": {"scope": "family"}}, "evolve.resolved.curated_static.scope"),
        ({"arms": ["curated_static", "no_skill"]}, "evolve.arms"),
    ],
)
def test_a_fork_has_the_libraries_of_its_run(change: dict[str, Any], key: str) -> None:
    """They were scheduled there: a setting that would change them is refused, since it would have no effect."""
    first, fork = evolution("curated_static"), evolution("curated_static", change={"freeze_after": 1})
    refuse_other_libraries([first, fork])
    fork.own.update(change)
    with pytest.raises(ConfigRefused) as told:
        refuse_other_libraries([first, fork])
    assert key in [each.key for each in told.value.complaints]


def test_settings_have_to_be_about_the_suite() -> None:
    """Its environments, its families, all of its tasks."""
    suite = grid(2, 1)
    names = [each.task for each in suite.tasks]

    def refused(tasks: list[str], **own: Any) -> str:
        with pytest.raises(ConfigRefused) as told:
            refuse_other_suite(evolution("no_skill", **own), suite, tasks)
        return "; ".join(each.problem for each in told.value.complaints)

    refuse_other_suite(evolution("no_skill"), suite, names)
    assert refused(names, environments=["E9"]) == "the suite has no E9"
    assert refused(names, families=["E1-LS9"]) == "the suite has no E1-LS9"
    assert refused(names, order=["E1"]) == "the order does not name every environment once"
    assert refused(names, environments=["E1"], families=["E2-LS1"]) == "no family is left"
    assert refused(names[1:]) == "1 tasks of the suite are not among the tasks of the run: E1-LS1-T1"
    refuse_other_suite(evolution("no_skill", environments=["E2"]), suite, names[6:])
