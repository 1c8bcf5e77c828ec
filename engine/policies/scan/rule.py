"""One rule of a scan: a pattern, what it means, and how bad that is."""

import re
from typing import NamedTuple

from engine.policies.scan.finding import Severity


class ScanRule(NamedTuple):
    """A pattern that stands for one thing wrong."""

    kind: str
    severity: Severity
    why: str
    pattern: re.Pattern[str]
    hints: tuple[str, ...] = ()
    """Texts in lower case, one of which stands in whatever the pattern matches: a cheap look before a dear one. Empty:
    there is none."""


def ruled(kind: str, severity: Severity, why: str, pattern: str, *hints: str) -> ScanRule:
    """Make a rule; its pattern takes no notice of case."""
    return ScanRule(kind, severity, why, re.compile(pattern, re.IGNORECASE), hints)
