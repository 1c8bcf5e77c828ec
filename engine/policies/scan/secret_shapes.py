"""Shapes of secrets, found and masked. Their values go nowhere: a finding shows how one begins and no more."""

import re
from collections import Counter
from collections.abc import Iterator
from math import log2
from typing import Final, NamedTuple

from engine.policies.scan.finding import Severity
from events.redaction.redactor import MARK


class FoundSecret(NamedTuple):
    """Where a line holds what looks like a secret."""

    start: int
    end: int
    severity: Severity
    why: str


_SHAPES: Final[tuple[tuple[str, str], ...]] = (
    ("a key of AWS", r"\b(?:AKIA|ASIA)[0-9A-Z]{16}\b"),
    ("a token of GitHub", r"\b(?:gh[pousr]_[A-Za-z0-9]{36,}|github_pat_[A-Za-z0-9_]{40,})\b"),
    ("a token of GitLab", r"\bglpat-[A-Za-z0-9_-]{20,}"),
    ("a key of a model provider", r"\bsk-(?:ant-|proj-|or-)?[A-Za-z0-9_-]{24,}"),
    ("a token of Slack", r"\bxox[abeprs]-[A-Za-z0-9-]{10,}"),
    ("a key of Google", r"\bAIza[0-9A-Za-z_-]{35}"),
    ("a key of Stripe", r"\b[rs]k_live_[0-9A-Za-z]{20,}"),
    ("a token of Hugging Face", r"\bhf_[A-Za-z0-9]{30,}\b"),
    ("a token of npm", r"\bnpm_[A-Za-z0-9]{36}\b"),
    ("a token of PyPI", r"\bpypi-[A-Za-z0-9_-]{50,}"),
    ("a signed token", r"\beyJ[A-Za-z0-9_-]{10,}\.eyJ[A-Za-z0-9_-]{10,}\.[A-Za-z0-9_-]{10,}"),
    ("a private key", r"-----BEGIN (?:[A-Z]+ )*PRIVATE KEY(?: BLOCK)?-----"),
)
_KNOWN: Final = tuple((f"it holds {what}", re.compile(shape)) for what, shape in _SHAPES)
_NAMED: Final = re.compile(
    r"(?i)(?:api[_-]?key|secret|token|passwo?r?d|passphrase|credential|auth)\w*[\"']?\s*[:=]\s*[\"']?"
    r"(?P<value>[A-Za-z0-9+/_=.!@#%^&-]{16,})"
)
_ADDRESS: Final = re.compile(r"\b[a-z][a-z0-9+.-]*://[^\s:/@]+:(?P<value>[^\s:/@]{6,})@[\w.-]+", re.IGNORECASE)
_PLACEHOLDER: Final = re.compile(
    r"(?i)your|example|placeholder|change|dummy|sample|fake|xxx|\.\.\.|<|\$|\{|\*\*\*|here|redacted|os\.|env|process\."
    r"|secret|token|password|passwd|^user|^test|get_|config"
)
_REDACTED: Final = re.compile(MARK)
_SHOWN: Final = 4
"""Characters of a secret that a finding shows."""
_RANDOM_BITS: Final = 3.4
"""Bits per character (Shannon) from which a value is random rather than a word."""


def secrets_in(line: str) -> Iterator[FoundSecret]:
    """Find what looks like a secret in a line, and the marks of known ones that were replaced."""
    for why, shape in _KNOWN:
        known = (found for found in shape.finditer(line) if not _is_placeholder(found[0]))
        yield from (FoundSecret(found.start(), found.end(), "high", why) for found in known)
    yield from _by_name(line)


def _by_name(line: str) -> Iterator[FoundSecret]:
    """Find marks of known secrets, and values whose name or place says that they are secret."""
    for found in _REDACTED.finditer(line):
        yield FoundSecret(found.start(), found.start(), "medium", "a secret of its run stood here")
    for found in _NAMED.finditer(line):
        value = found["value"]
        if not _PLACEHOLDER.search(value) and _is_random(value):
            yield FoundSecret(
                *found.span("value"), "medium", "a value that looks like a secret is given a secret's name"
            )
    for found in _ADDRESS.finditer(line):
        if not _PLACEHOLDER.search(found["value"]) and found["value"] not in {"password", "postgres", "localhost"}:
            yield FoundSecret(*found.span("value"), "medium", "an address holds a password")


def masked(line: str) -> str:
    """Give a line with what looks like a secret cut after its first characters."""
    for found in sorted(secrets_in(line), reverse=True):
        if found.end > found.start:
            line = f"{line[: found.start + _SHOWN]}…{line[found.end :]}"
    return line


def _is_placeholder(value: str) -> bool:
    """Say whether a value of a known shape is an example: one character over and over, or a word for it."""
    tail = value[-16:]
    return bool(len(set(tail)) <= 3 or re.search(r"(?i)example|your|xxxx|placeholder|1234567890|abcdef", value))


def _is_random(value: str) -> bool:
    counts = Counter(value)
    bits = -sum(count / len(value) * log2(count / len(value)) for count in counts.values())
    return bits >= _RANDOM_BITS and any(each.isdigit() for each in value) and any(each.isalpha() for each in value)
