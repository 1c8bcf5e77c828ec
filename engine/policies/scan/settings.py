"""How scans of skills count: what is refused, what is let pass, who looks besides the built-in scanner."""

from collections.abc import Sequence
from typing import Literal

import msgspec

from engine.policies.scan.finding import ScanFinding, at_least


class ScanSpec(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """How scans of the skills that arms are given count."""

    refuse: Literal["low", "medium", "high", "never"] = "high"
    """Least severity of a finding for which nothing is started: ``low``, ``medium``, ``high``, or ``never``."""
    allow: tuple[str, ...] = ()
    """Kinds of findings that are let pass whatever their severity, such as ``grader``; they are recorded all the
    same."""
    scanners: tuple[str, ...] = ()
    """Further scanners, by the names under which installed packages register them."""


def refused_by(findings: Sequence[ScanFinding], settings: ScanSpec) -> tuple[ScanFinding, ...]:
    """Give the findings for which a skill is refused."""
    if settings.refuse == "never":
        return ()
    return tuple(each for each in at_least(findings, settings.refuse) if each.kind not in settings.allow)
