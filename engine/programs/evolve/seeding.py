"""What a family begins with: nothing, the skill of the suite, or a first draft of the author."""

from collections.abc import Sequence
from typing import Final

import msgspec

from engine.programs.evolve.course import LibraryCourse
from engine.programs.evolve.learning import draft, put, take
from events.types.skill import SkillRevised
from events.types.suite import SuiteFamily

_encoder: Final = msgspec.json.Encoder(order="deterministic")


async def seed(course: LibraryCourse, families: Sequence[SuiteFamily]) -> None:
    """Put in force what families begin with. First drafts are asked for side by side: none knows of the others.

    Raises:
        LibraryEnds: There is no money left, or an operator ended it.
        Stopped: An operator ended it.
    """
    match course.terms.skill_init:
        case "empty":
            return
        case "curated":
            for family in families:
                await _curated(course, family)
        case "zero_shot":
            drafts = await course.scope.gather([draft(course, family) for family in families])
            for family, came in zip(families, drafts, strict=True):
                await take(course, family, family.id, came)


async def _curated(course: LibraryCourse, family: SuiteFamily) -> None:
    if not family.curated:
        return
    suite = course.suite.suite
    rests_on = {"suite": suite.name, "release": suite.release, "digest": suite.digest, "skill": family.skill}
    revised = SkillRevised(
        skill=family.slug,
        revision=1,
        files=family.curated,
        provenance=course.scope.put(_encoder.encode(rests_on)),
        warnings=(),
        library=course.name,
        origin="imported",
    )
    await put(course, family, revised)
