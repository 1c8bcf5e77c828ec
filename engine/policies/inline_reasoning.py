"""Reasoning that a model writes into its text, told apart from what it says; pure.

A model that reasons marks its thoughts, and not every server takes them out of the answer. What stands between such
marks is never a command, an end, a memo or a skill. Known marks:

* tags: ``<think>``, ``<thinking>``, ``<thought>``, ``<reasoning>``, ``<reflection>`` and others, with a prefix (Seed's
  ``<seed:think>``) and attributes or without; ``[THINK]`` (Magistral); ``◁think▷`` (Kimi); ``<|begin_of_thought|>``
  (OpenThinker, Sky-T1); ``<|START_THINKING|>`` (Command A); ``<|inner_prefix|>`` (Apertus);
* ``<details type="reasoning">``, or with a summary that says so (Open WebUI); ``Thinking...`` and ``...done thinking.``
  on lines of their own (Ollama);
* channels: harmony's ``<|channel|>analysis<|message|>`` (gpt-oss), Gemma's ``<|channel>thought``.

Where marks do not pair up the reading is the careful one: after a mark that is never closed all is reasoning; before
a closing mark that was never opened, since the chat template wrote the opening one into the prompt, all was. A mark
in a fenced block or in a code span is code, and one amid the words of a sentence is only mentioned. A mark that opens
inside reasoning has to be closed too. ``<`` and ``>`` of a mark may be escaped, as in HTML or JSON.
"""

import re
from typing import Final, NamedTuple

from engine.policies.shell_block import Block, block_at, line_at

_NAMES: Final = (
    r"(?:(?!no)[\w-]+[:_-]|ant)?(?:think|thinking|thoughts?|thought_process|thinking_process|reasoning|reflection|"
    r"scratchpad|monologue|chain[_-]of[_-]thoughts?|cot|deliberation)"
)
_WORDS: Final = r"(?:analysis|reason|reflect|rationale|plan|planning|brainstorm|brainstorming|details)"
"""Names that a text may use otherwise: a tag only where it begins a line, or is closed further down."""
_L: Final = r"(?:<|\uff1c|&(?:amp;)*(?:lt|#0*60|#x0*3c);|\\u003c)"
_R: Final = r"(?:>|\uff1e|&(?:amp;)*(?:gt|#0*62|#x0*3e);|\\u003e)"
_ATTRIBUTES: Final = r"""(?:\s+[\w:.-]+(?:\s*=\s*(?:"[^"\n]*"|'[^'\n]*'|[^\s"'>]+))?)*\s*"""


def _escapable(pattern: str) -> str:
    """Let a pattern of marks such as ``<|end|>`` meet the escaped ones too."""
    return pattern.replace(r"<\|", rf"{_L}\|").replace(r"\|>", rf"\|{_R}")


_CHANNEL: Final = (
    r"(?:<\|start\|>\w*(?:\s*to=[^\s<]+)?\s*)?<\|channel\|>\s*(?P<channel>\w+)[^<\n]*?"
    r"(?:<\|constrain\|>[^<\n]*?)?<\|message\|>"
)
_MARK_AHEAD: Final = _escapable(
    rf"{_L}/(?:{_NAMES}){_R}|<\|(?:end|return|call|start|channel)\|>|<channel\|>|\[/THINK\]|◁/think▷|<\|end_of_"
)
_OLLAMA_OPENS: Final = r"(?m:^)[ \t]*Thinking(?:\.\.\.|…)[ \t]*(?m:$)"
_OLLAMA_CLOSES: Final = r"(?m:^)[ \t]*(?:\.\.\.|…)[ \t]*done thinking\.?[ \t]*(?m:$)"
_MARK: Final = re.compile(
    _escapable(
        rf"(?P<header>{_CHANNEL})"
        r"|(?P<start><\|start\|>\w*(?:<\|message\|>)?)"
        r"|(?P<stop><\|(?:end|return|call)\|>)"
        rf"|{_L}[ ]?(?P<close>/)?[ ]?(?P<name>{_NAMES}|{_WORDS})(?P<attributes>{_ATTRIBUTES})(?P<empty>/)?{_R}"
        r"|(?-i:\[(?P<close_b>/)?(?P<name_b>THINK)\])"
        r"|◁(?P<close_k>/)?(?P<name_k>think)▷"
        r"|<\|(?:(?P<open_t>begin_of_thought|START_THINKING|inner_prefix)"
        r"|(?P<close_t>end_of_thought|END_THINKING|inner_suffix))\|>"
        r"|(?P<open_g><\|channel>(?!(?:final|answer|response)\b)\w*)|(?P<close_g><channel\|>)"
        r"|(?P<said><\|channel>\w+|<\|/?(?:START|END)_(?:RESPONSE|TEXT)\|>|<\|(?:begin|end)_of_solution\|>)"
        rf"|(?P<open_o>{_OLLAMA_OPENS})|(?P<close_o>{_OLLAMA_CLOSES})"
    ),
    re.IGNORECASE,
)
_HINT: Final = re.compile(
    r"(?:[<\uff1c\[◁|;]|u003c)/?[\w:|/ -]{0,24}(?:think|thought|reason|reflect|monologue|scratchpad|analysis|rationale"
    r"|inner_|channel|start|end|return|call|solution|response|cot|deliberat|plan|brainstorm|details)|\A\s*analysis\S"
    r"|^[ \t]*Thinking(?:\.\.\.|…)|(?:\.\.\.|…)[ \t]*done thinking",
    re.IGNORECASE | re.MULTILINE,
)
"""What no text with a mark in it lacks; most texts have none, and stay as they are to the last byte."""
_GLUED: Final = re.compile(rf"^([ \t]*(?:`{{3,}}|~{{3,}}))[ \t]*(?={_MARK_AHEAD})", re.MULTILINE | re.IGNORECASE)
"""A closing fence and a mark on one line, as tokens that stand for no line end leave them."""
_TAGLESS: Final = re.compile(r"\s*analysis(?=[A-Z\"'])(?P<thought>.*?)(?:assistant\s*final(?P<said>.*))?\Z", re.DOTALL)
"""Harmony whose marks a server took out, as some do, leaving the names of the channels."""
_SPAN: Final = re.compile(r"(?<!`)(`+)(?!`).+?(?<!`)\1(?!`)")
UNCLOSED: Final = "its reasoning is never closed"
CALL_IN_TEXT: Final = "a tool call written in the text is not read as one"
_MESSAGE_ENDS: Final = re.compile(_escapable(r"<\|(?:end|return|call)\|>|(?=<\|start\|>|<\|channel\|>)"), re.IGNORECASE)
_ABOUT_REASONING: Final = re.compile(r"type\s*=\s*(?:[\"']|&quot;|\\\")?(?:reasoning|thinking|thought)", re.IGNORECASE)
_SUMMARY: Final = re.compile(rf"\s*{_L}summary{_R}[^\n]{{0,80}}?(?:thought|think|reasoning)", re.IGNORECASE)
_MENTIONED_AFTER: Final = re.compile(r"[\"'\u201d\u2019)]?(?:[,;.:?!)]|\s+[a-z(,;]|\s+\W*$)")
_WORD_BEFORE: Final = re.compile(r"[^\s.!?:\u2026>*\"'\u201c\u2018(][\s\"'\u201c\u2018(]+\Z")
_NEAR: Final = 200
"""Characters on each side that tell whether a mark is only mentioned."""
_SPOKEN: Final = frozenset({"final", "commentary"})
_WRAPPED: Final = re.compile(
    r"\s*<(answer|response|output|final_answer)>(?P<text>.*?)(?:</\1>\s*)?\Z", re.DOTALL | re.IGNORECASE
)
"""What some models put around all that follows their reasoning."""


class SplitText(NamedTuple):
    """A text of a model, taken apart."""

    said: str
    """The text unchanged where it holds no reasoning."""
    reasoning: str
    problem: str
    """Why nothing after some place counts as said; empty when all marks pair up."""


def split_reasoning(text: str) -> SplitText:
    """Tell a model's reasoning from what it said."""
    if _HINT.search(text) is None:
        return SplitText(text, "", "")
    bare = _TAGLESS.match(text)
    if bare is not None:
        said = bare["said"]
        return SplitText((said or "").lstrip("\n"), bare["thought"], "" if said else UNCLOSED)
    return _Splitter(_GLUED.sub(r"\1\n", text.replace("\r\n", "\n"))).split(text)


class _Splitter:
    """Goes through a text once."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._at = 0
        self._said: list[str] = []
        self._thought: list[str] = []
        self._marked = False
        """Whether any mark was met."""
        self._closings: dict[str, int] = {}
        """Where the next closing tag of a name was found."""
        self._called = False
        """Whether a message to a tool was met."""
        self._channels = False
        """Whether a header of harmony was met. Before it nothing counts as said."""
        self._spans: tuple[int, list[tuple[int, int]]] = (-1, [])
        """Code spans of the line that ends at this place, such as ``[(3, 9)]`` in the whole text."""

    def split(self, original: str) -> SplitText:
        """Take it apart."""
        problem = ""
        while self._at < len(self._text) and not problem:
            problem = self._step()
        if not self._marked:
            return SplitText(original, "", "")
        said = "".join(self._said).strip("\n")
        if self._called and not problem:
            problem = CALL_IN_TEXT
        wrapped = _WRAPPED.match(said)
        return SplitText(wrapped["text"].strip("\n") if wrapped else said, "".join(self._thought), problem)

    def _step(self) -> str:
        """Take a block, or what stands before a mark of this line and the mark; say what is wrong, or nothing."""
        block = block_at(self._text, self._at)
        if block is not None:
            return self._code(block)
        line, after = line_at(self._text, self._at)
        mark = self._mark_in(line)
        if mark is None:
            self._said.append(self._text[self._at : after])
            self._at = after
            return ""
        self._marked = True
        self._said.append(self._text[self._at : mark.start()])
        self._at = mark.end()
        return self._marked_by(mark)

    def _code(self, block: Block) -> str:
        """Take a block as it is, unless it is unclear where it ends and a closing mark stands in it."""
        code = self._text[self._at : block.end]
        self._at = block.end
        if block.problem and any(_closes(mark) for mark in _MARK.finditer(code)):
            self._marked = True
            self._thought += [*self._said, code]
            self._said = []
            return "a mark that ends reasoning stands in a block that is unclear"
        self._said.append(code)
        return ""

    def _mark_in(self, line: str) -> re.Match[str] | None:
        end = self._at + len(line)
        if self._spans[0] != end:
            self._spans = (end, [span.span() for span in _SPAN.finditer(self._text, self._at, end)])
        for mark in _MARK.finditer(self._text, self._at, end):
            if any(start <= mark.start() < stop for start, stop in self._spans[1]):
                continue
            if self._counts(mark, end):
                return mark
        return None

    def _counts(self, mark: re.Match[str], end: int) -> bool:
        """Whether it is a mark at all. Words with another use have to begin a line, or to be closed."""
        if mark["open_o"]:
            return not any(piece.strip() for piece in self._said)
        if self._mentioned(mark, end):
            return False
        name = mark["name"]
        if name is None or re.fullmatch(_NAMES, name, re.IGNORECASE):
            return True
        if name.lower() == "details":
            return not mark["close"] and self._hides_reasoning(mark)
        first = not self._text[self._at : mark.start()].strip()
        if mark["close"]:
            return bool(self._said) and first and not self._text[mark.end() : end].strip()
        return first or self._closed_at(mark) < len(self._text)

    def _closed_at(self, opening: re.Match[str]) -> int:
        """Where the next tag that closes this one begins; the length of the text where none does."""
        name = opening["name"].lower()
        known = self._closings.get(name, -1)
        if known < opening.end():
            found = _pair(opening)[1].search(self._text, opening.end())
            known = self._closings[name] = found.start() if found else len(self._text)
        return known

    def _hides_reasoning(self, details: re.Match[str]) -> bool:
        stated = _ABOUT_REASONING.search(details["attributes"])
        return stated is not None or _SUMMARY.match(self._text, details.end()) is not None

    def _mentioned(self, mark: re.Match[str], end: int) -> bool:
        """Whether a mark stands amid the words of a sentence; a pair on one line is passed over as a thought."""
        if mark["header"] or mark["start"] or mark["said"]:
            return False
        near = max(0, mark.start() - _NEAR)
        before = self._text[max(near, self._text.rfind("\n", near, mark.start()) + 1) : mark.start()]
        after = self._text[mark.end() : min(end, mark.end() + _NEAR)]
        if not before.strip() or not after.strip() or _WORD_BEFORE.search(before) is None:
            return False
        if _MENTIONED_AFTER.match(after) is None:
            return False
        opens = mark["name"] and not mark["close"] and not mark["empty"]
        return not (opens and self._closed_at(mark) < end)

    def _marked_by(self, mark: re.Match[str]) -> str:
        """Act on a mark that was passed."""
        if mark["said"] or mark["start"] or mark["empty"]:
            return self._break()
        if mark["header"]:
            return self._message(mark)
        if mark["stop"]:
            return self._stopped()
        if _closes(mark):
            self._thought += self._said
            self._said = []
            return ""
        return self._think(*_pair(mark))

    def _message(self, header: re.Match[str]) -> str:
        """Begin a message of harmony. Whatever stood before the first one was a thought whose header is gone."""
        if not self._channels:
            self._thought += self._said
            self._said = []
        self._channels = True
        to_tool = "to=" in header[0]
        self._called = self._called or to_tool
        said = header["channel"].lower() in _SPOKEN and not to_tool
        return self._break() if said else self._unsaid()

    def _unsaid(self) -> str:
        """Pass over a message that is not said, to its end or to the header of the next."""
        end = _MESSAGE_ENDS.search(self._text, self._at)
        self._thought.append(self._text[self._at : end.start() if end else len(self._text)])
        self._at = end.end() if end else len(self._text)
        return "" if end or self._called else UNCLOSED

    def _stopped(self) -> str:
        """Take the end of a message. At the end of a text it is a mark that the server left there."""
        if not self._channels and self._text[self._at :].strip():
            self._thought += self._said
            self._said = []
        return self._break()

    def _think(self, opening: re.Pattern[str], closing: re.Pattern[str]) -> str:
        """Pass over a thought, and those within it. A mark that is only repeated opens one, not two."""
        start, depth, opened = self._at, 1, self._at
        marks = re.compile(f"(?P<in>{opening.pattern})|(?:{closing.pattern})", re.IGNORECASE)
        for mark in marks.finditer(self._text, start):
            if not mark["in"]:
                if not self._quoted(mark):
                    depth, opened = depth - 1, -1
            elif opened >= 0 and not self._text[opened : mark.start()].strip():
                opened = mark.end()
            elif not self._in_span(mark.start()):
                depth, opened = depth + 1, mark.end()
            if not depth:
                self._thought.append(self._text[start : mark.start()])
                self._at = mark.end()
                return self._break()
        self._thought.append(self._text[start:])
        self._at = len(self._text)
        return UNCLOSED

    def _quoted(self, mark: re.Match[str]) -> bool:
        """Whether a code span holds it and nothing else."""
        around = self._text[mark.start() - 1 : mark.start()], self._text[mark.end() : mark.end() + 1]
        return around == ("`", "`")

    def _in_span(self, at: int) -> bool:
        start = self._text.rfind("\n", 0, at) + 1
        line, _ = line_at(self._text, start)
        return "`" in line and any(span.start() <= at - start < span.end() for span in _SPAN.finditer(line))

    def _break(self) -> str:
        """Keep what is said on two sides of a mark on lines of their own."""
        if self._said and not self._said[-1].endswith("\n"):
            self._said.append("\n")
        return ""


def _closes(mark: re.Match[str]) -> bool:
    if (mark["name"] or "").lower() == "details":
        return False
    return any(mark[name] for name in ("close", "close_b", "close_k", "close_t", "close_g", "close_o"))


def _pair(mark: re.Match[str]) -> tuple[re.Pattern[str], re.Pattern[str]]:
    """How a thought that this mark opens may open again, and how it ends."""
    if mark["name"]:
        name = re.escape(mark["name"])
        return (
            re.compile(rf"{_L}\s*{name}{_ATTRIBUTES}{_R}", re.IGNORECASE),
            re.compile(rf"{_L}\s*/\s*{name}\s*{_R}", re.IGNORECASE),
        )
    for group, opening, closing in (
        ("name_b", r"\[THINK\]", r"\[/THINK\]"),
        ("name_k", "◁think▷", "◁/think▷"),
        ("open_g", _escapable(r"<\|channel>\w*"), _escapable(r"<channel\|>")),
        ("open_o", _OLLAMA_OPENS, _OLLAMA_CLOSES),
    ):
        if mark[group]:
            return re.compile(opening), re.compile(closing)
    closing = _escapable(r"<\|(?:end_of_thought|END_THINKING|inner_suffix)\|>")
    return re.compile(re.escape(mark[0])), re.compile(closing)
