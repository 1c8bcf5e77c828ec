"""Small values that several families of events share."""

from fractions import Fraction
from typing import Annotated, Literal

import msgspec

from events.digest import Digest

Role = Annotated[str, msgspec.Meta(pattern="^[a-z_]+$")]
"""Who a model call speaks for, by a name that the program gives. In exploring, the teacher acts, the reflector rewrites
the memo, the distiller writes skills."""
Loss = Literal["in_flight", "not_kept", "unfit", "gone", "ended", "changed", "held", "silent"]
"""Why a sandbox of an earlier process is not gone on with.

in_flight: something was asked of it and not answered, and nobody knows how much of that was done. not_kept: sandboxes
of this backend end with their process. unfit: what this attempt's stood on, besides itself, ended with the process.
gone: there is none. ended: it, or what stands beside it, does not run. changed: it was started again, or is another.
held: the process that holds it may live. silent: it takes no orders.
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
    """Part of the output that was not shown."""


class NamedDigest(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Some bytes and what they are called: a file of a skill, a prompt, a pinned input."""

    name: str
    """A relative POSIX path, or the name of a prompt."""
    digest: Digest


class Outcome(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How a judged attempt ended.

    ``no_verdict`` means that the verifier ran and left no usable reward; ``infrastructure`` that something
    of ours broke. Neither is a score, and neither is ever averaged with one.
    """

    kind: Literal["solved", "failed", "no_verdict", "infrastructure"]
    reward: float | None
    """In the verifier's own unit, usually [0, 1]. None unless kind is solved or failed."""
    reason: str
    """Why there is no verdict or what broke; empty when there is a reward."""


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
