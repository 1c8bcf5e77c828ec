"""Settings of proving. The texts below the fields are the reference."""

from typing import Literal, TypeAlias

import msgspec

ProofKind: TypeAlias = Literal["oracle", "nop", "cheat"]


class ProveSpec(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What a proof is made of."""

    steps: tuple[ProofKind, ...] = ("oracle", "nop", "cheat")
    """Who acts: the solution (``oracle``), nobody (``nop``), and three agents that only want the reward (``cheat``).
    Of those that are left out, nothing is said."""
    times: int = 2
    """Trials of the solution, and of nobody; 1 or more."""
    verifier_repeats: int = 2
    """How often the verifier judges each of their final states; 1 or more."""
