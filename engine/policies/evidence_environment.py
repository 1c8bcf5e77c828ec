"""What the environment offers, read from its Dockerfile; source: SPARK, 4.1 block 5."""

import re

from engine.policies.evidence_block import BlockName, Entry, EvidenceBlock, assemble
from engine.policies.evidence_facts import EvidenceCaps

_ENVIRONMENT = BlockName("environment", "Environment Affordances")
_FROM = re.compile(r"^\s*FROM\s+(?:--\S+\s+)*(\S+)", re.IGNORECASE | re.MULTILINE)
_PINNED = re.compile(r"(?<![\w.-])[A-Za-z0-9][\w.-]*(?:\[[\w,-]+\])?==[\w.!+*-]+")
_APT = re.compile(r"\bapt(?:-get)?\b[^&;|\n]*?\binstall\b([^&;|\n#]*)")
_SDK = re.compile(r"\bsdk install\s+(\w+(?:\s+[\w.-]+)?)")
_PACKAGE = re.compile(r"[a-z0-9][a-z0-9.+-]*(?::[a-z0-9]+)?(?:=\S+)?")


def environment(dockerfile: str | None, caps: EvidenceCaps) -> EvidenceBlock:
    """Gather base image, pinned Python packages, system packages and SDKs; the file itself if none is found."""
    if dockerfile is None or not dockerfile.strip():
        return assemble(_ENVIRONMENT, [Entry("The task brings no Dockerfile.")], cap=caps.environment)
    joined = re.sub(r"\\\s*\n(?:\s*#.*\n)*", " ", dockerfile)
    joined = re.sub(r"^\s*#.*$", "", joined, flags=re.MULTILINE)
    apt = [word for group in _APT.findall(joined) for word in group.split() if _PACKAGE.fullmatch(word)]
    images = _FROM.findall(joined)
    found = [
        _listed("Base image", images[-1:], caps),
        _listed("Python packages", _PINNED.findall(joined), caps),
        _listed("System packages", apt, caps),
        _listed("SDKs", _SDK.findall(joined), caps),
    ]
    entries = [entry for entry in found if entry is not None]
    return assemble(_ENVIRONMENT, entries or [Entry(dockerfile.strip())], cap=caps.environment)


def _listed(what: str, names: list[str], caps: EvidenceCaps) -> Entry | None:
    distinct = list(dict.fromkeys(names))
    if not distinct:
        return None
    more = f" and {len(distinct) - caps.packages} more" if len(distinct) > caps.packages else ""
    return Entry(f"- {what}: {', '.join(distinct[: caps.packages])}{more}")
