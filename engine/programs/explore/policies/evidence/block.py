"""One block of evidence: text for a distiller, and which events each of its lines rests on.

The references do not go into the prompt. They go into the provenance side file of the skill (SPARK, 13.7: "claims
linked to event ids").
"""

from collections.abc import Iterable, Sequence

from msgspec import Struct

from events.base import Ref


class ClaimDraft(Struct, frozen=True):
    """One claim on its way into a block."""

    text: str
    references: tuple[Ref, ...] = ()
    """Events it rests on; empty for headings and for what the task's own files say."""


class Claim(Struct, frozen=True):
    """Some lines of a block, and what they rest on."""

    first_line: int
    """From 1."""
    last_line: int
    references: tuple[Ref, ...]


class EvidenceBlock(Struct, frozen=True):
    """What a distiller reads under one heading."""

    name: str
    """Placeholder of the prompt ``distil_user`` that it fills."""
    title: str
    text: str
    claims: tuple[Claim, ...]
    """In order; only those with references."""
    kept_chars: int
    """Characters of evidence in ``text``."""
    total_chars: int
    """Characters of evidence there was. More than ``kept_chars`` when the block was cut."""

    @property
    def references(self) -> tuple[Ref, ...]:
        """All events the block rests on, in order, each once."""
        return tuple(dict.fromkeys(reference for claim in self.claims for reference in claim.references))


class BlockName(Struct, frozen=True):
    """How a block is called by the prompt, and by people."""

    name: str
    title: str


def assemble(
    called: BlockName, entries: Sequence[ClaimDraft], *, cap: int, total_chars: int | None = None
) -> EvidenceBlock:
    """Join whole entries until the cap is reached; only a first entry is ever cut inside.

    Args:
        called: Name and title.
        entries: The claims, the most useful first.
        cap: Characters of evidence to keep; 0 leaves the block out. A line that says what was cut comes on top.
        total_chars: How much there was, when entries were left out before; None when they were not.
    """
    total = sum(len(entry.text) for entry in entries) if total_chars is None else total_chars
    kept = _fitting(entries, cap)
    texts, claims, line = [entry.text for entry in kept], list[Claim](), 1
    for entry in kept:
        height = entry.text.count("\n") + 1
        if entry.references:
            claims.append(Claim(line, line + height - 1, entry.references))
        line += height
    kept_chars = sum(map(len, texts))
    if kept_chars < total:
        texts.append(f"(cut: {kept_chars} of {total} characters are shown)")
    return EvidenceBlock(called.name, called.title, "\n".join(texts), tuple(claims), kept_chars, total)


def shortened(text: str, limit: int) -> str:
    """The same text, its middle replaced by a count when it is longer than the limit."""
    if len(text) <= limit:
        return text
    head = limit * 2 // 3
    tail = limit - head
    return f"{text[:head]}\n[... {len(text) - limit} characters ...]\n{text[len(text) - tail :]}"


def one_line(text: str, limit: int) -> str:
    """The same text on one line, cut with an ellipsis."""
    flat = " ".join(text.split())
    return flat if len(flat) <= limit else flat[: limit - 1] + "…"


def distinct(texts: Iterable[tuple[str, tuple[Ref, ...]]]) -> list[tuple[str, tuple[Ref, ...]]]:
    """The same, each text once, compared without case; the first occurrence stays."""
    found: dict[str, tuple[str, tuple[Ref, ...]]] = {}
    for text, references in texts:
        found.setdefault(text.lower(), (text, references))
    return list(found.values())


def _fitting(entries: Sequence[ClaimDraft], cap: int) -> list[ClaimDraft]:
    kept: list[ClaimDraft] = []
    room = cap
    for entry in entries:
        if len(entry.text) > room:
            if not kept and cap:
                kept.append(ClaimDraft(entry.text[:cap], entry.references))
            break
        kept.append(entry)
        room -= len(entry.text)
    return kept
