"""Update modes by SkillOpt's names, and the items of a proposal in each."""

from collections.abc import Mapping
from typing import Any

from engine.policies.edits.modes import PATCH, REWRITE, UnknownMode, UpdateMode, mode_named


def read_mode(name: Any) -> UpdateMode:
    """Find a mode; SkillOpt takes every word that is none for patch, in silence."""
    try:
        return mode_named(str(name or ""))
    except UnknownMode:
        return PATCH


def items_of(proposal: Any, mode: UpdateMode) -> list[Any]:
    """Give the items of a proposal; it has none where they are no list."""
    items = proposal.get(mode.key) if isinstance(proposal, dict) else None
    return items if isinstance(items, list) else []


def summary_of(item: Mapping[str, Any], mode: UpdateMode) -> dict[str, Any]:
    """Give what of an item that was tried in vain is remembered."""
    if mode == PATCH:
        return {"op": item.get("op", "?"), "content": str(item.get("content", "")), "target": item.get("target", "")}
    if mode == REWRITE:
        texts = {key: str(item.get(key, "")) for key in ("title", "instruction")}
        return {"type": item.get("type", "?"), **texts}
    changes = item.get("change_summary")
    return {
        "title": str(item.get("title", "")),
        "change_summary": [str(each) for each in changes] if isinstance(changes, list) else [],
        "source_type": item.get("source_type", ""),
    }
