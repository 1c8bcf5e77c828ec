"""Answers which are no answers: error texts and pages which came in place of a model's words.

Source: SPARK, 2.6, 3 and 4.3. Fixes W3, W18 and W22: the released recordings hold 26 memos and one skill
which are error texts, each stored as if a model had said it.
"""

import re

_SMELLS = (
    (re.compile(r"\[LLM ERROR\]", re.IGNORECASE), "it starts with an error mark"),
    (re.compile(r"<(!doctype|html|head|body)\b", re.IGNORECASE), "it is an HTML page"),
    (re.compile(r"<\?xml\b", re.IGNORECASE), "it is an XML document"),
    (re.compile(r'\{\s*"(error|detail|message|errors)"\s*:', re.IGNORECASE), "it is an error in JSON"),
    (re.compile(r'(event|data):\s*[\[{a-z"]', re.IGNORECASE), "it is a raw event stream"),
    (re.compile(r"Traceback \(most recent call last\)"), "it is a Python traceback"),
    (
        re.compile(r"(HTTP/\d(\.\d)?\s+)?[45]\d\d\s+(Bad|Internal|Service|Gateway|Too Many|Unauthor|Forbid)"),
        "it is an HTTP error",
    ),
)


def error_dump(answer: str) -> str | None:
    """Say why this text cannot be a model's answer, or None when nothing speaks against it.

    Only the start is looked at: a memo may well quote an error further down.
    """
    start = answer.lstrip("\ufeff \t\r\n`*")[:400]
    if not start:
        return "it is blank"
    return next((why for smell, why in _SMELLS if smell.match(start)), None)
