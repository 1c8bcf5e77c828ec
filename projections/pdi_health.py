"""Whether a text is a memo at all; pure."""

_ERROR_TEXT = "[LLM ERROR]"
_SECTIONS = ("Attempts Log", "Commands From Last Attempt", "Verified Facts", "Current Error Pattern", "Next Strategy")


def healthy(memo: str) -> bool:
    """Say whether a text is a memo at all: not blank, no error text, and with one of the five sections (SPARK, W3)."""
    if not memo.strip() or memo.startswith(_ERROR_TEXT):
        return False
    return any(f"### {title}" in memo for title in _SECTIONS)
