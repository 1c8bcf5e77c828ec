"""What a patch may do, as the settings of an arm say."""

from engine.config.spec import RunSpec
from engine.policies.library.patch import PatchRule
from engine.programs.evolve.spec import arm_of_spec


def patch_rule(spec: RunSpec, family: str) -> PatchRule:
    """Read the rule for patches of a family.

    Args:
        spec: Of an arm.
        family: Whose author proposes them.
    """
    arm = arm_of_spec(spec)
    return PatchRule(family=family, may_retire=arm.maintenance.retire, tier3=arm.author_files)
