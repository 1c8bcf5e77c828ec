"""Small values that several families of events share."""

from fractions import Fraction
from typing import Annotated, Literal

import msgspec

from events.digest import Digest

Role = Annotated[str, msgspec.Meta(pattern="^[a-z_]+$")]
"""Role of a model call, named by the program. In ``explore`` the teacher acts, the reflector rewrites the memo, and the
distiller writes skills."""
Loss = Literal["in_flight", "not_kept", "unfit", "gone", "ended", "changed", "held", "silent"]
"""Why a sandbox of an earlier process cannot be reattached.

in_flight: a request was not answered, and how far it was executed is unknown. not_kept: sandboxes of this backend end
with their process. unfit: something else that the attempt needs ended with the process. gone: the sandbox does not
exist. ended: the sandbox, or a service beside it, is not running. changed: it was restarted or replaced. held: the
process that owns it may be alive. silent: it does not respond.
"""

NanoUsd = int
"""Money in units of 10^-9 US dollars: whole numbers, so that sums do not depend on their order."""


class Usage(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Tokens of one model call, as the provider counted them. None: the provider did not say."""

    input_tokens: int | None
    output_tokens: int | None
    cached_input_tokens: int | None
    """Part of the input that was read from the provider's cache."""
    reasoning_tokens: int | None
    """Part of the output that was spent on reasoning."""


class NamedDigest(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Bytes with a name: a file of a skill, a prompt, a pinned input."""

    name: str
    """A relative POSIX path, or the name of a prompt."""
    digest: Digest


class Outcome(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How a judged attempt ended.

    ``no_verdict`` means that the verifier ran and left no usable reward; ``infrastructure`` that the infrastructure
    failed. Neither is a score, and neither is ever averaged with one.
    """

    kind: Literal["solved", "failed", "no_verdict", "infrastructure"]
    reward: float | None
    """In the verifier's own unit, usually [0, 1]. None unless `kind` is ``solved`` or ``failed``."""
    reason: str
    """Why there is no verdict, or what failed; empty if there is a reward."""


class Ratio(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """An exact fraction in lowest terms, such as a score: sums and means of it do not depend on their order."""

    numerator: int
    denominator: int
    """1 or more."""

    @staticmethod
    def of(value: Fraction | int) -> "Ratio":
        """Write a fraction as it is kept."""
        exact = Fraction(value)
        return Ratio(exact.numerator, exact.denominator)

    @property
    def exact(self) -> Fraction:
        """The same, to reckon with."""
        return Fraction(self.numerator, self.denominator)
