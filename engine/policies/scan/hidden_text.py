"""What people do not see and models do: invisible characters, comments, marks of roles; source: Unicode TR 36."""

import re
import unicodedata
from collections.abc import Iterator
from typing import Final, NamedTuple

from engine.policies.fences import fenced_lines
from engine.policies.scan.finding import Severity
from engine.policies.scan.folded import INVISIBLE, prose

_BIDI: Final = re.compile("[\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]")
_TAGS: Final = re.compile("[\U000e0000-\U000e007f]+")
_FLAG: Final = "\U0001f3f4"
"""After which tag characters spell a flag."""
_SELECTORS: Final = re.compile("[\U000e0100-\U000e01ef]+")
_SPACELESS: Final = re.compile("[\u00ad\u034f\u115f\u1160\u180e\u200b\u2060-\u2064\u3164\ufeff\uffa0\ufff9-\ufffb]")
_JOINERS: Final = re.compile("[\u200c\u200d]")
_CONTROLS: Final = re.compile("[\x00-\x08\x0b\x0e-\x1f\x7f\x9b]")
"""Those that begin a sequence in a terminal, or act by themselves."""
_MISREAD: Final = re.compile("[\x80-\x84\x86-\x9a\x9c-\x9f]")
"""What is left of a text that was read in another encoding."""
_TOKENS: Final = re.compile(
    r"<\|(?:im_start|im_end|im_sep|system|user|assistant|endoftext|begin_of_text|end_of_text|eot_id|start_header_id|"
    r"end_header_id)\|>|\[/?INST\]|<</?SYS>>|<(?:start|end)_of_turn>|<\uff5c(?:User|Assistant|System)\uff5c>",
    re.IGNORECASE,
)
_TAGGED: Final = re.compile(
    r"^\s*\[(?:system|admin)\]|</?(?:system|system[-_](?:prompt|reminder|message)|developer|admin)>", re.IGNORECASE
)
_ROLE: Final = re.compile(r"^\s*(?:\*\*|#+\s*)?(?:system|assistant|human|developer)(?:\*\*)?\s*:\s*\S", re.IGNORECASE)
_UNSEEN: Final = re.compile(
    r"<\w+[^>]*\bstyle\s*=\s*[^>]*(?:display\s*:\s*none|visibility\s*:\s*hidden|font-size\s*:\s*0|opacity\s*:\s*0(?![.\d]))"
    r"|<(?:div|span|p|section)\s+hidden\b",
    re.IGNORECASE,
)
_COMMENT: Final = re.compile(r"<!--(?P<text>.*?)(?:-->|\Z)", re.DOTALL)
_NOTE: Final = re.compile(r"^\s*\[(?://|comment|_)\]\s*:\s*[#<]", re.IGNORECASE | re.MULTILINE)
_ADDRESSED: Final = re.compile(
    r"\b(?:agents?|assistants?|ai|llms?|models?|claude|gpt|you|your|must|always|never|ignore|execute|run|send)\b"
)
_DIRECTIVE: Final = re.compile(
    r"^\s*(?:markdownlint|prettier|eslint|vale|cspell|spell|toc|begin|end|auto-?generated|generated|tocstop|/toc|license|"
    r"copyright|spdx|omit|snippet|sync|todo|include|doctoc|textlint|lint|region|endregion|mdformat|rumdl|noqa)\b",
    re.IGNORECASE,
)


class HiddenText(NamedTuple):
    """Something that is not seen, or that poses as something else."""

    line: int
    """From 1."""
    kind: str
    severity: Severity
    why: str


def hidden_text(text: str) -> Iterator[HiddenText]:
    """Find it, in a text whose lines end in LF."""
    for number, line in enumerate(text.split("\n"), start=1):
        yield from (HiddenText(number, "hidden", *found) for found in _characters(line))
    yield from _roles(text)
    yield from _comments(text)


def written_out(text: str) -> str:
    """Give a text in which every character that is not seen is written as its number."""
    return "".join(_shown(char) if _is_unseen(char) else char for char in text)


def _is_unseen(char: str) -> bool:
    return (
        not char.isprintable() if char.isascii() else bool(INVISIBLE.match(char)) or unicodedata.category(char) == "Cc"
    )


def _shown(char: str) -> str:
    return f"\\u{ord(char):04x}" if ord(char) < 0x10000 else f"\\U{ord(char):08x}"


def _characters(line: str) -> Iterator[tuple[Severity, str]]:
    if line.isascii():
        if _CONTROLS.search(line):
            yield "medium", "it holds control characters, which a terminal acts on"
        return
    if _BIDI.search(line):
        yield "high", "it holds characters that turn the direction of text, so that it reads otherwise than it is"
    if _spells(line):
        yield "high", "it holds characters that are not seen and spell text"
    if _SPACELESS.search(line) or any(_is_odd_joiner(line, found.start()) for found in _JOINERS.finditer(line)):
        yield "medium", "it holds characters that take no room"
    if _CONTROLS.search(line):
        yield "medium", "it holds control characters, which a terminal acts on"
    elif _MISREAD.search(line):
        yield "low", "it was read in another encoding than it was written in"


def _spells(line: str) -> bool:
    """Say whether tags or selectors spell a text: behind a black flag, tags name a region."""
    tags = any(not line[: found.start()].endswith(_FLAG) for found in _TAGS.finditer(line))
    return tags or _SELECTORS.search(line) is not None


def _is_odd_joiner(line: str, place: int) -> bool:
    """Say whether a joiner stands where no script and no picture needs one: beside a letter of ASCII, or at an end."""
    before, after = line[place - 1 : place], line[place + 1 : place + 2]
    return (
        not before or not after or any(each.isascii() or unicodedata.category(each) == "Zs" for each in (before, after))
    )


def _roles(text: str) -> Iterator[HiddenText]:
    for line in fenced_lines(text):
        if _TOKENS.search(line.text):
            yield HiddenText(line.number, "injection", "high", "it holds marks by which a model tells who speaks")
        elif _TAGGED.search(line.text):
            severity: Severity = "medium" if line.fenced or "`" in line.text else "high"
            yield HiddenText(line.number, "injection", severity, "it poses as a message of higher rank")
        elif not line.fenced and _ROLE.match(line.text):
            yield HiddenText(line.number, "injection", "low", "it reads as if somebody else spoke")
        if not line.fenced and "<" in line.text and _UNSEEN.search(line.text):
            yield HiddenText(line.number, "hidden", "medium", "it is not shown where the page is rendered")


def _comments(text: str) -> Iterator[HiddenText]:
    fenced = {line.number for line in fenced_lines(text) if line.fenced}
    for found in _COMMENT.finditer(text) if "<!--" in text else ():
        number = text.count("\n", 0, found.start()) + 1
        if number in fenced or _DIRECTIVE.match(found["text"]) or "`" in text[: found.start()].rpartition("\n")[2]:
            continue
        addressed = _ADDRESSED.search(prose(found["text"]).text)
        severity: Severity = "medium" if addressed else "low"
        yield HiddenText(number, "hidden", severity, "it is a comment, which is not shown where the page is rendered")
    for found in _NOTE.finditer(text) if "]" in text else ():
        number = text.count("\n", 0, found.start()) + 1
        if number not in fenced:
            yield HiddenText(number, "hidden", "low", "it is a comment, which is not shown where the page is rendered")
