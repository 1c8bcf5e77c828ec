"""What a ranking looks through: pure."""

from collections.abc import Mapping, Sequence
from math import fsum, sqrt
from typing import Final

import msgspec

from engine.policies.retrieval.ranking import ScoredSkill, rounded
from engine.policies.skill.split import SplitFault, normal_lines, split_skill

HEAD: Final = "SKILL.md"
_DESCRIBED: Final = "description:"


class SearchedSkill(msgspec.Struct, frozen=True):
    """A skill as it is searched."""

    skill: str
    family: str
    environment: str
    description: str
    """As its front matter has it. Empty: it has none."""
    body: str
    """Of its SKILL.md; files beside it are not searched."""

    @property
    def text(self) -> str:
        """What is embedded: what a reader sees before the skill is opened."""
        return f"{self.skill}\n{self.description}" if self.description else self.skill


def searched_skill(skill: str, family: str, environment: str, files: Mapping[str, str]) -> SearchedSkill:
    """Take from a skill what is searched; one without front matter has no description."""
    text = normal_lines(files.get(HEAD, ""))
    parts = split_skill(text)
    if isinstance(parts, SplitFault):
        return SearchedSkill(skill, family, environment, "", text)
    return SearchedSkill(skill, family, environment, description_in(parts.front), parts.body)


def description_in(front: str) -> str:
    """Give the description of some front matter, in one line. Empty: it has none that can be read."""
    lines = front.split("\n")
    start = next((place for place, line in enumerate(lines) if line.startswith(_DESCRIBED)), None)
    if start is None:
        return ""
    held = [lines[start].removeprefix(_DESCRIBED)]
    for line in lines[start + 1 :]:
        if line and not line.startswith(" "):
            break
        held.append(line)
    said = " ".join(" ".join(held).split())
    for mark in (">-", "|-", ">", "|"):
        said = said.removeprefix(f"{mark} ")
    return said[1:-1] if len(said) > 1 and said[0] == said[-1] and said[0] in "'\"" else said


def unscored(skills: Sequence[SearchedSkill]) -> tuple[ScoredSkill, ...]:
    """Give skills with a score of 0, as ``all`` has them."""
    return tuple(ScoredSkill(each.skill, each.family, each.environment, 0.0) for each in skills)


def by_cosine(
    skills: Sequence[SearchedSkill], query: Sequence[float], vectors: Sequence[Sequence[float]]
) -> tuple[ScoredSkill, ...]:
    """Score skills by the cosine of their vectors with that of a query.

    Args:
        skills: In the order of `vectors`.
        query: Of the same length as each vector.
        vectors: One for each skill.
    """
    return tuple(
        ScoredSkill(skill.skill, skill.family, skill.environment, rounded(cosine(query, vector)))
        for skill, vector in zip(skills, vectors, strict=True)
    )


def cosine(one: Sequence[float], other: Sequence[float]) -> float:
    """Give the cosine of two vectors, summed exactly; 0 where one has no length."""
    length = sqrt(fsum(each * each for each in one)) * sqrt(fsum(each * each for each in other))
    if not length:
        return 0.0
    return fsum(a * b for a, b in zip(one, other, strict=True)) / length


def by_order(skills: Sequence[SearchedSkill], chosen: Sequence[str]) -> tuple[ScoredSkill, ...]:
    """Score skills by the place that a model gave them: 1 for the first, less for those after it, 0 for all others."""
    places = {name: place for place, name in enumerate(dict.fromkeys(chosen))}
    return tuple(
        ScoredSkill(
            each.skill,
            each.family,
            each.environment,
            rounded(1 / (1 + places[each.skill])) if each.skill in places else 0.0,
        )
        for each in skills
    )
