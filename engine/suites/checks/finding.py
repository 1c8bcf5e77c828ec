"""What a check of a suite finds."""

from typing import Literal, TypeAlias

import msgspec

from sandbox.harbor.oddity import Weight

SuiteRule: TypeAlias = Literal[
    "task",
    "answers-in-image",
    "network",
    "out-of-reach",
    "rubric",
    "outside-rubric",
    "not-run",
    "base-image",
    "curated-skill",
    "curated-description",
    "told-rule",
]
"""task: what `tasks check` says. answers-in-image: hidden inputs or expected answers where the agent works. network:
tests that install or fetch. out-of-reach: a reward of 1.0 that nobody can earn. rubric: a dimension that matches no
test. outside-rubric: tests in no dimension. not-run: tests or rubrics that no runner reads. base-image: an image that
has to be at hand. curated-skill: a skill that tools refuse. curated-description: families that tell of their skill.
told-rule: an instruction that tells what the family's skill would."""


class SuiteFinding(msgspec.Struct, frozen=True):
    """One thing about a suite that its author, or who reports numbers of it, should know."""

    rule: SuiteRule
    weight: Weight
    place: str
    """File, relative to the suite's folder."""
    what: str
    remedy: str
