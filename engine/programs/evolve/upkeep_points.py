"""Point of decision at the end of a library: what becomes of its skills, from what was measured with them."""

from typing import Final

import msgspec

from engine.config.spec import RunSpec
from engine.core.decision import Point
from engine.policies.library.maintenance import MaintenanceRule
from engine.programs.evaluate.points import CellScore
from engine.programs.evolve.points import SkillReadsSeen
from engine.programs.evolve.spec import arm_of_spec
from events.types.decision import Seen
from events.types.evolution import MaintainedSkill, MaintenanceChosen


class UseSaw(msgspec.Struct, frozen=True):
    """A held-out trial that has ended."""

    task: str
    environment: str
    score: Seen[CellScore]
    reads: Seen[SkillReadsSeen]
    """Skills that its agent opened."""


class RevisionInForce(msgspec.Struct, frozen=True):
    """A skill of the library."""

    skill: str
    revision: int
    """From 1."""


class MaintenanceSaw(msgspec.Struct, frozen=True):
    """A library, and what was measured with it."""

    uses: tuple[UseSaw, ...]
    skills: tuple[RevisionInForce, ...]


class Maintained(msgspec.Struct, frozen=True):
    """What becomes of its skills."""

    skills: tuple[MaintainedSkill, ...]


def _maintenance_rule(spec: RunSpec, saw: MaintenanceSaw) -> MaintenanceRule:
    del saw
    return MaintenanceRule(**msgspec.structs.asdict(arm_of_spec(spec).maintenance))


MAINTENANCE: Final = Point(
    name="maintenance",
    revision=1,
    saw=MaintenanceSaw,
    settings=MaintenanceRule,
    ruling=Maintained,
    decisive=("skills",),
    steers=True,
    rule=_maintenance_rule,
    events=(MaintenanceChosen,),
)
