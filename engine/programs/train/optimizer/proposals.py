"""What an optimizer proposes, as it is kept and as it stands in an answer; pure."""

from collections.abc import Mapping, Sequence
from typing import Any, Final, Literal, NamedTuple, TypeAlias

import msgspec

from engine.policies.edits.edit import Edit
from engine.policies.edits.modes import RevisionSuggestion, SkillCandidate, UpdateItem, mode_named, read_items

Mode: TypeAlias = Literal["patch", "rewrite", "full_rewrite"]
"""Edits are applied to the document; a rewrite follows suggestions; or each proposal is the whole document anew."""
KEYS: Final[Mapping[Mode, str]] = {"patch": "edits", "rewrite": "suggestions", "full_rewrite": "drafts"}
"""Under which name proposals are asked for. SkillOpt's names are read, too."""
EXAMPLES: Final = frozenset(
    {"- Read the question to its end, then answer.", "- Name the unit of each number.", "- If nothing fits, say so."}
)
"""Contents of the example that the model is given; small models repeat them as if they were findings of theirs."""
_DECODERS: Final[Mapping[Mode, msgspec.json.Decoder[Any]]] = {
    "patch": msgspec.json.Decoder(tuple[Edit, ...]),
    "rewrite": msgspec.json.Decoder(tuple[RevisionSuggestion, ...]),
    "full_rewrite": msgspec.json.Decoder(tuple[SkillCandidate, ...]),
}


class ReadProposal(NamedTuple):
    """A proposal, and the part of the answer that it was read from."""

    item: UpdateItem
    said: Mapping[str, Any]


class ReadProposals(NamedTuple):
    """The proposals of an answer."""

    found: tuple[ReadProposal, ...]
    faults: tuple[str, ...]
    """Why others could not be read, each as it is told to the model."""


def decode_proposals(data: bytes, mode: Mode) -> tuple[UpdateItem, ...]:
    """Read proposals back."""
    found: tuple[UpdateItem, ...] = _DECODERS[mode].decode(data)
    return found


def encode_proposals(proposals: Sequence[UpdateItem]) -> bytes:
    """Write proposals as they are kept."""
    return msgspec.json.encode(proposals)


def proposals_in(answer: Mapping[str, Any], mode: Mode) -> ReadProposals | None:
    """Read the proposals of an answer: at its top, or below ``patch``, as in SkillOpt's answers.

    None: it has no list of them.
    """
    inner = answer.get("patch")
    known = mode_named(mode)
    parts = (answer, inner if isinstance(inner, dict) else {})
    listed = next((part[key] for part in parts for key in (KEYS[mode], known.key) if key in part), None)
    if not isinstance(listed, list):
        return None
    found: list[ReadProposal] = []
    faults: list[str] = []
    for number, said in enumerate(listed, start=1):
        read = read_items(known, {known.key: [said]})
        assert read is not None, "a list of one is a list"
        if isinstance(said, dict) and said.get("content") in EXAMPLES:
            faults.append(f"number {number} of `{KEYS[mode]}` repeats the example: say what these trajectories show")
            continue
        found += [ReadProposal(item, said) for item in read.items]
        faults += [f"number {number} of `{KEYS[mode]}`: {each.partition(': ')[2]}" for each in read.refused]
    return ReadProposals(tuple(found), tuple(faults))
