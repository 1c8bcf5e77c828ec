"""What an optimizer is asked for: edits, suggestions from which the document is written anew, or whole documents.

Source: SkillOpt, 5. An answer is read item by item: one that cannot be read is left out and named, the others count.
"""

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any, Final, NamedTuple

from msgspec import Struct

from engine.policies.edits.edit import Edit, EditFault, count_of, read_edit


class UpdateMode(NamedTuple):
    """A way to update a skill."""

    name: str
    key: str
    """Of the list of items in an answer."""


PATCH: Final = UpdateMode("patch", "edits")
"""Edits are applied one by one."""
REWRITE: Final = UpdateMode("rewrite", "revise_suggestions")
"""Suggestions are selected, and one more call writes the document by them."""
FULL_REWRITE: Final = UpdateMode("full_rewrite", "skill_candidates")
"""Each reflection writes a whole document; they are merged, without rate and ranking."""
_ALIASES: Final = MappingProxyType(
    {
        PATCH: ("patch", "edits"),
        REWRITE: ("rewrite", "rewrite_from_suggestions", "suggestions", "rewrite_suggestions"),
        FULL_REWRITE: (
            "full_rewrite",
            "full_rewrite_minibatch",
            "minibatch_full_rewrite",
            "skill_rewrite_minibatch",
        ),
    }
)


class UnknownMode(ValueError):
    """Raised for a name that no update mode has."""

    def __init__(self, name: str) -> None:
        """Name it, and those there are."""
        super().__init__(f"there is no update mode {name!r}: use patch, rewrite or full_rewrite")


class RevisionSuggestion(Struct, frozen=True, omit_defaults=True):
    """What a document written anew should do otherwise."""

    title: str = ""
    instruction: str = ""
    motivation: str = ""
    type: str = ""
    """Such as ``add_rule`` or ``clarify``; the optimizer's own word."""
    priority_hint: str = ""
    support_count: int | None = None
    """As that of an edit."""
    source_type: str | None = None
    merge_level: int | None = None
    sources: tuple[str, ...] = ()


class SkillCandidate(Struct, frozen=True, omit_defaults=True):
    """A whole document."""

    new_skill: str = ""
    title: str = ""
    change_summary: tuple[str, ...] = ()
    support_count: int | None = None
    """As that of an edit."""
    source_type: str | None = None
    merge_level: int | None = None
    sources: tuple[str, ...] = ()


UpdateItem = Edit | RevisionSuggestion | SkillCandidate


class ReadItems(NamedTuple):
    """The items of an answer."""

    items: tuple[UpdateItem, ...]
    refused: tuple[str, ...]
    """Why others could not be read, each with its place, from 1."""


def mode_named(name: str) -> UpdateMode:
    """Find a mode by its name or one of those that SkillOpt gives it, whatever its case.

    Raises:
        UnknownMode: There is none.
    """
    wanted = name.strip().lower()
    for mode, names in _ALIASES.items():
        if wanted in names:
            return mode
    raise UnknownMode(name)


def read_items(mode: UpdateMode, payload: Mapping[str, Any]) -> ReadItems | None:
    """Read the items of an answer, or of the patch in it.

    Args:
        mode: Says by which key, and what an item is.
        payload: An object of JSON.

    Returns:
        None: the key is missing, or has no list.
    """
    listed = payload.get(mode.key)
    if not isinstance(listed, list):
        return None
    items: list[UpdateItem] = []
    refused: list[str] = []
    for place, each in enumerate(listed, start=1):
        try:
            items.append(_read(mode, each))
        except EditFault as fault:
            refused.append(f"item {place}: {fault}")
    return ReadItems(tuple(items), tuple(refused))


def truncated(items: Sequence[UpdateItem], most: int | None) -> tuple[UpdateItem, ...]:
    """Keep the first items. A negative number, or None, keeps all."""
    return tuple(items if most is None or most < 0 else items[:most])


def _read(mode: UpdateMode, item: Any) -> UpdateItem:
    if mode == PATCH:
        return read_edit(item)
    if not isinstance(item, dict):
        raise EditFault("an item is an object")
    return _suggestion(item) if mode == REWRITE else _candidate(item)


def _suggestion(item: Mapping[str, Any]) -> RevisionSuggestion:
    read = RevisionSuggestion(
        title=_text(item, "title"),
        instruction=_text(item, "instruction"),
        motivation=_text(item, "motivation"),
        type=_text(item, "type"),
        priority_hint=_text(item, "priority_hint"),
        support_count=count_of(item.get("support_count")),
        source_type=_text(item, "source_type") or None,
        merge_level=count_of(item.get("merge_level")),
    )
    if not (read.title.strip() or read.instruction.strip()):
        raise EditFault("a suggestion has an 'instruction' or a 'title'")
    return read


def _candidate(item: Mapping[str, Any]) -> SkillCandidate:
    read = SkillCandidate(
        new_skill=_text(item, "new_skill"),
        title=_text(item, "title"),
        change_summary=_lines(item.get("change_summary")),
        support_count=count_of(item.get("support_count")),
        source_type=_text(item, "source_type") or None,
        merge_level=count_of(item.get("merge_level")),
    )
    if not read.new_skill.strip():
        raise EditFault("a candidate has a 'new_skill'")
    return read


def _lines(value: Any) -> tuple[str, ...]:
    """Read a list of texts, or one text."""
    lines = [value] if isinstance(value, str) else value if isinstance(value, list) else []
    return tuple(line for line in lines if isinstance(line, str) and line.strip())


def _text(item: Mapping[str, Any], key: str) -> str:
    value = item.get(key)
    return value if isinstance(value, str) else ""
