"""SkillOpt's names of update modes, and what the items of a proposal are called in each."""

from collections.abc import Mapping
from typing import Any, Final

PATCH: Final = "patch"
REWRITE: Final = "rewrite_from_suggestions"
FULL_REWRITE: Final = "full_rewrite_minibatch"
_ALIASES: Final[Mapping[str, str]] = {
    REWRITE: REWRITE,
    **dict.fromkeys(("rewrite", "suggestions", "rewrite_suggestions"), REWRITE),
    FULL_REWRITE: FULL_REWRITE,
    **dict.fromkeys(("full_rewrite", "minibatch_full_rewrite", "skill_rewrite_minibatch"), FULL_REWRITE),
}
PAYLOADS: Final[Mapping[str, str]] = {PATCH: "edits", REWRITE: "revise_suggestions", FULL_REWRITE: "skill_candidates"}


def read_mode(name: Any) -> str:
    """Read the name of a mode; one that is not known is ``patch``, in silence."""
    return _ALIASES.get(str(name or "").strip().lower(), PATCH)


def items_of(proposal: Any, mode: str) -> list[Any]:
    """Give the items of a proposal; it has none where they are no list."""
    items = proposal.get(PAYLOADS[mode]) if isinstance(proposal, dict) else None
    return items if isinstance(items, list) else []


def summary_of(item: Mapping[str, Any], mode: str) -> dict[str, Any]:
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
