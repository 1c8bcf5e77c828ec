"""Each arm that stillroom brings differs from the one it rests on in what its name says, and in nothing else."""

from collections.abc import Mapping
from typing import Any, Final

import msgspec
import pytest

from engine.config.errors import ConfigRefused
from engine.programs.evolve.arm_specs import read_arms, shipped_arms
from engine.programs.evolve.checks import refuse_wrong
from engine.programs.evolve.spec import EvolveArmSpec, EvolveSpec
from tests.support.evolving import evolution

LIBRARY: Final = {"memory": "library"}
LEARNS: Final = {"learn": "fail_only", "max_revisions": 3, "feedback": "process", "replay": True}
"""What SkillEvolBench sets where skills are written from failures."""
DIFFERENCES: Final[Mapping[str, tuple[str, Mapping[str, Any]]]] = {
    "no_skill": ("", {}),
    "raw_trajectory_rag": (
        "no_skill",
        {"memory": "trajectories", "scope": "family", "feedback": "process", "replay": True},
    ),
    "history_context": ("no_skill", {"memory": "history", "feedback": "process", "replay": True}),
    "selfgen_zero_shot": ("no_skill", {**LIBRARY, "skill_init": "zero_shot"}),
    "selfgen_experience": ("no_skill", {**LIBRARY, **LEARNS}),
    "selfgen_experience_always": ("selfgen_experience", {"learn": "always", "max_revisions": 5}),
    "selfgen_experience_always_with_tier3": ("selfgen_experience_always", {"author_files": "required"}),
    "selfgen_experience_always_feedback_none": ("selfgen_experience_always", {"feedback": "none"}),
    "selfgen_experience_always_dual_t6": ("selfgen_experience_always", {"oracle_t6": True}),
    "selfgen_in_session_always": (
        "selfgen_experience_always",
        {"author": "session", "retrieval.method": "embedding", "replay": False},
    ),
    "curated_static": ("no_skill", {**LIBRARY, "skill_init": "curated"}),
    "curated_with_revision": ("curated_static", LEARNS),
    "curated_with_revision_always": ("curated_with_revision", {"learn": "always", "max_revisions": 8}),
    "curated_with_revision_always_with_tier3": ("curated_with_revision_always", {"author_files": "required"}),
    "curated_with_revision_always_feedback_none": ("curated_with_revision_always", {"feedback": "none"}),
    "curated_with_revision_always_dual_t6": ("curated_with_revision_always", {"oracle_t6": True}),
    "curated_with_revision_always_global_scope": ("curated_with_revision_always", {"scope": "global"}),
}
"""By arm, the one that it is compared with, and the fields that differ. In-session reflection is SkillEvolBench's: its
retrieval and its replays differ, too."""


def fields(arm: EvolveArmSpec) -> dict[str, Any]:
    """Give the fields of an arm, tables by dotted names; what it is called is none of them."""
    found: dict[str, Any] = {}
    for name, value in msgspec.to_builtins(arm).items():
        if isinstance(value, dict):
            found |= {f"{name}.{key}": each for key, each in value.items()}
        elif name != "title":
            found[name] = value
    return found


def all_arms() -> Mapping[str, EvolveArmSpec]:
    """Read every arm that stillroom brings."""
    return read_arms(msgspec.convert({"arms": tuple(shipped_arms())}, EvolveSpec))


def test_every_arm_that_is_shipped_is_compared() -> None:
    """One that is added gets a line above."""
    assert set(DIFFERENCES) == set(shipped_arms())


@pytest.mark.parametrize("name", sorted(DIFFERENCES))
def test_an_arm_differs_from_its_base_in_what_its_name_says(name: str) -> None:
    """Field by field; no_skill has the default of every field."""
    base, expected = DIFFERENCES[name]
    arms = all_arms()
    before = fields(arms[base] if base else EvolveArmSpec())
    after = fields(arms[name])
    assert {field: after[field] for field in after if after[field] != before[field]} == expected


def test_arms_have_titles_of_their_own() -> None:
    """By which reports tell them apart."""
    titles = [each.title for each in all_arms().values()]
    assert all(titles)
    named = {name: arm.get("title") for name, arm in shipped_arms().items()}
    assert all(named.values())


@pytest.mark.parametrize("name", sorted(DIFFERENCES))
def test_every_arm_can_be_run(name: str) -> None:
    """Given models of every role."""
    spec = evolution(name)
    spec.models["embedder"] = msgspec.structs.replace(spec.models["author"], protocol="embeddings")
    refuse_wrong(spec)


@pytest.mark.parametrize("agent", ["codex", "claude-code"])
def test_a_session_that_ends_with_its_sandbox_writes_no_skills(agent: str) -> None:
    """It is refused by name, before anything is paid."""
    spec = evolution("selfgen_in_session_always")
    spec.models["embedder"] = msgspec.structs.replace(spec.models["author"], protocol="embeddings")
    other = msgspec.structs.replace(spec, agent=msgspec.structs.replace(spec.agent, name=agent))
    with pytest.raises(ConfigRefused, match=agent):
        refuse_wrong(other)
