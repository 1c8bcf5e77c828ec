"""A text that is too long to be shown whole; pure."""


def shortened(text: str, most: int) -> str:
    """Keep the beginning and the end of a text that is too long.

    Args:
        text: The text.
        most: Characters of it that are kept, at least 2.
    """
    if len(text) <= most:
        return text
    half = most // 2
    return f"{text[:half]}\n[... {len(text) - 2 * half} characters not shown ...]\n{text[-half:]}"
