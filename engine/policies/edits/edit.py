"""An edit of a skill as an optimizer asks for it, and what became of it."""

from collections.abc import Mapping
from typing import Any, Final, NamedTuple

from msgspec import Struct

DOCUMENT: Final = "SKILL.md"
"""The file that an edit means when it names none. What is edited of it is its body, without front matter."""
APPEND: Final = "append"
INSERT_AFTER: Final = "insert_after"
REPLACE: Final = "replace"
DELETE: Final = "delete"
OPERATIONS: Final = (APPEND, INSERT_AFTER, REPLACE, DELETE)


class Edit(Struct, frozen=True, omit_defaults=True):
    """One change, as it was asked for."""

    op: str
    """One of `OPERATIONS`; another one is refused when it is applied, so that the optimizer hears of it."""
    content: str = ""
    """Text to write; not used by a deletion."""
    target: str = ""
    """Anchor: text of the file that is replaced, deleted or inserted after; not used by an append."""
    file: str = DOCUMENT
    """Path below the skill's folder."""
    support_count: int | None = None
    """Trajectories that speak for it, as the optimizer says. None: it did not say."""
    source_type: str | None = None
    """``failure`` or ``success``: what kind of trajectories it was drawn from. None: it was not said."""
    merge_level: int | None = None
    """Level of the merge that it came out of, from 1. None: it was never merged."""
    sources: tuple[str, ...] = ()
    """Reflections that it came from, such as ``fail.0``."""


class EditOutcome(Struct, frozen=True, omit_defaults=True):
    """What became of an edit."""

    index: int
    """Place among the edits that were applied together, from 1."""
    edit: Edit
    status: str
    """``applied_…`` or ``refused_…``; in the compatible value also ``skipped_…``, as SkillOpt names them."""
    applied: bool
    """Whether the text was changed by it."""
    hint: str = ""
    """Why it was refused and what to do instead, or what is special about how it was applied; empty: nothing is."""


class EditRule(Struct, frozen=True):
    """How edits are applied."""

    compatible: bool = False
    """Whether as SkillOpt does: first occurrence, appending where an anchor is missing, no budget (W15, W18, W19)."""
    max_chars: int | None = 20_000
    """Characters that an edited file may come to, protected blocks included; a file that is longer already may only
    become shorter. None: no limit."""
    max_files: int | None = 16
    """Files of a skill up to which an edit may add one. None: no limit."""


class EditRefusal(NamedTuple):
    """Why an edit is not applied."""

    status: str
    """``refused_…``."""
    hint: str
    """What is wrong and what to do instead, for the optimizer."""


class AppliedEdits(NamedTuple):
    """A skill after edits."""

    files: Mapping[str, str]
    """Text by path; what no edit changed is as it was."""
    report: tuple[EditOutcome, ...]
    """In the order of the edits."""


class EditFault(ValueError):
    """Raised when a part of an answer is no edit."""


def read_edit(item: Any) -> Edit:
    """Read an edit as an optimizer's answer has it.

    Args:
        item: A value of JSON.

    Raises:
        EditFault: It is no object, or a field of it has another type than text.
    """
    if not isinstance(item, dict):
        raise EditFault(f"an edit is an object, and {_kind(item)} was given")
    return Edit(
        op=_text(item, "op"),
        content=_text(item, "content"),
        target=_text(item, "target"),
        file=_text(item, "file") or DOCUMENT,
        support_count=count_of(item.get("support_count")),
        source_type=_named(item.get("source_type")),
        merge_level=count_of(item.get("merge_level")),
    )


def count_of(value: Any) -> int | None:
    """Read a count. None: it is no whole number, so that a model's word for one ends nothing (W17)."""
    return value if isinstance(value, int) and not isinstance(value, bool) else None


def _text(item: Mapping[str, Any], key: str) -> str:
    value = item.get(key, "")
    if not isinstance(value, str):
        raise EditFault(f"{key!r} of an edit is a text, and {_kind(value)} was given")
    return value


def _named(value: Any) -> str | None:
    return value if isinstance(value, str) and value else None


def _kind(value: Any) -> str:
    return "null" if value is None else f"a value of type {type(value).__name__}"
