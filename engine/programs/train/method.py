"""The method `compatible`: training with SkillOpt's policies and defaults, its defects included.

Its items are worked on as under the method `spark`; what differs is how a skill is trained. Rules read the name of the
method, so that one changed setting asks of a recorded run what it would have done as SkillOpt does.
"""

from types import MappingProxyType
from typing import Final

from engine.core.decision import Method
from engine.programs.explore.method import SPARK
from engine.programs.explore.spec import SparkSpec
from engine.programs.train.optimizer.rulings import COMPATIBLE as READERS
from engine.programs.train.spec import COMPATIBLE


class CompatibleSpec(SparkSpec, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Settings of trials, as of the method `spark`."""

    name: str = COMPATIBLE


COMPATIBLE_METHOD: Final = Method(COMPATIBLE, MappingProxyType({**SPARK.policies, **READERS}), CompatibleSpec)
"""SkillOpt's training (SkillOpt, 1 to 5)."""
