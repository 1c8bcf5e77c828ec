"""What a skill rests on: its side file, and the events behind each block of evidence; pure."""

from collections.abc import Callable, Sequence

import msgspec

from engine.programs.explore.policies.evidence.block import EvidenceBlock
from events.base import Ref
from events.digest import Digest


class Provenance(msgspec.Struct, frozen=True):
    """The side file of a skill revision: what it rests on. Kept beside the skill, never in it."""

    skill: str
    revision: int
    task: str
    answered: Ref
    """The model's answer that became the skill."""
    skill_md: Digest
    evidence: tuple["BlockOrigin", ...]


class BlockOrigin(msgspec.Struct, frozen=True):
    """One block of evidence, and which events each claim of it rests on."""

    block: str
    digest: Digest
    kept_chars: int
    total_chars: int
    claims: tuple["ClaimOrigin", ...]


class ClaimOrigin(msgspec.Struct, frozen=True):
    """Some lines of a block, and the events they rest on."""

    first_line: int
    last_line: int
    events: tuple[Ref, ...]


def origins_of(blocks: Sequence[EvidenceBlock], put: Callable[[bytes], Digest]) -> tuple[BlockOrigin, ...]:
    """Say what blocks of evidence rest on.

    Args:
        blocks: The evidence.
        put: Takes the text of a block in, or only names it.
    """
    return tuple(
        BlockOrigin(
            block.name,
            put(block.text.encode()),
            block.kept_chars,
            block.total_chars,
            tuple(ClaimOrigin(claim.first_line, claim.last_line, claim.references) for claim in block.claims),
        )
        for block in blocks
    )
