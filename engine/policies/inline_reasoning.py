"""Reasoning that a model writes into its text, told apart from what it says; pure.

A model that reasons marks its thoughts, and not every server takes them out of the answer. What stands between such
marks is never a command, an end, a memo or a skill. Known marks:

* tags: ``<think>``, ``<thinking>``, ``<thought>``, ``<reasoning>``, ``<reflection>`` and others, with a prefix (Seed's
  ``<seed:think>``) and attributes or without; ``[THINK]`` (Magistral); ``◁think▷`` (Kimi); ``<|begin_of_thought|>``
  (OpenThinker, Sky-T1); ``<|START_THINKING|>`` (Command A); ``<|inner_prefix|>`` (Apertus);
* channels: harmony's ``<|channel|>analysis<|message|>`` (gpt-oss), Gemma's ``<|channel>thought``.

Where marks do not pair up the reading is the careful one: after a mark that is never closed all is reasoning; before
a closing mark that was never opened, since the chat template wrote the opening one into the prompt, all was. A mark
in a fenced block or in a code span is code. A mark that opens inside reasoning has to be closed too.
"""

import re
from typing import Final, NamedTuple

from engine.policies.shell_block import Block, block_at, line_at

_NAMES: Final = (
    r"(?:[\w-]+:)?(?:think|thinking|thoughts?|thought_process|reasoning|reflection|scratchpad|inner_monologue|"
    r"chain_of_thought|longcat_think)"
)
_WORDS: Final = r"(?:analysis|reason|reflect|rationale)"
"""Names that a text may use otherwise: a tag only where it begins a line, or is closed further down."""
_ATTRIBUTES: Final = r"""(?:\s+[\w:.-]+(?:\s*=\s*(?:"[^"\n]*"|'[^'\n]*'|[^\s"'>]+))?)*\s*"""
_CHANNEL: Final = (
    r"(?:<\|start\|>\w*(?:\s*to=[^\s<]+)?\s*)?<\|channel\|>\s*(?P<channel>\w+)[^<\n]*"
    r"(?:<\|constrain\|>[^<\n]*)?<\|message\|>"
)
_MARK_AHEAD: Final = (
    rf"</(?:{_NAMES})>|<\|(?:end|return|call|start|channel)\|>|<channel\|>|\[/THINK\]|◁/think▷|<\|end_of_"
)
_MARK: Final = re.compile(
    rf"(?P<header>{_CHANNEL})"
    r"|(?P<start><\|start\|>\w*(?:<\|message\|>)?)"
    r"|(?P<stop><\|(?:end|return|call)\|>)"
    rf"|<[ ]?(?P<close>/)?[ ]?(?P<name>{_NAMES}|{_WORDS})(?P<attributes>{_ATTRIBUTES})(?P<empty>/)?>"
    r"|(?-i:\[(?P<close_b>/)?(?P<name_b>THINK)\])"
    r"|◁(?P<close_k>/)?(?P<name_k>think)▷"
    r"|<\|(?:(?P<open_t>begin_of_thought|START_THINKING|inner_prefix)"
    r"|(?P<close_t>end_of_thought|END_THINKING|inner_suffix))\|>"
    r"|(?P<open_g><\|channel>(?!(?:final|answer|response)\b)\w*)|(?P<close_g><channel\|>)"
    r"|(?P<said><\|channel>\w+|<\|/?(?:START|END)_(?:RESPONSE|TEXT)\|>|<\|(?:begin|end)_of_solution\|>)",
    re.IGNORECASE,
)
_HINT: Final = re.compile(
    r"[<\[◁|]/?[\w:|/ ]{0,24}(?:think|thought|reason|reflect|monologue|scratchpad|analysis|rationale|inner_|channel"
    r"|start|end|return|call|solution|response)|\A\s*analysis\S",
    re.IGNORECASE,
)
"""What no text with a mark in it lacks; most texts have none, and stay as they are to the last byte."""
_GLUED: Final = re.compile(rf"^([ \t]*(?:`{{3,}}|~{{3,}}))[ \t]*(?={_MARK_AHEAD})", re.MULTILINE | re.IGNORECASE)
"""A closing fence and a mark on one line, as tokens that stand for no line end leave them."""
_TAGLESS: Final = re.compile(r"\s*analysis(?=[A-Z\"'])(?P<thought>.*?)(?:assistant\s*final(?P<said>.*))?\Z", re.DOTALL)
"""Harmony whose marks a server took out, as some do, leaving the names of the channels."""
_SPAN: Final = re.compile(r"(?<!`)(`+)(?!`).+?(?<!`)\1(?!`)")
_UNCLOSED: Final = "its reasoning is never closed"
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
        return SplitText((said or "").lstrip("\n"), bare["thought"], "" if said else _UNCLOSED)
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
        name = mark["name"]
        if name is None or re.fullmatch(_NAMES, name, re.IGNORECASE):
            return True
        first = not self._text[self._at : mark.start()].strip()
        if mark["close"]:
            return bool(self._said) and first and not self._text[mark.end() : end].strip()
        return first or re.compile(rf"</\s?{name}\s?>", re.IGNORECASE).search(self._text, mark.end()) is not None

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
        said = header["channel"].lower() in _SPOKEN and "to=" not in header[0]
        return self._break() if said else self._unsaid()

    def _unsaid(self) -> str:
        """Pass over a message that is not said, to its end or to the header of the next."""
        end = re.compile(r"<\|(?:end|return|call)\|>|(?=<\|start\|>|<\|channel\|>)").search(self._text, self._at)
        self._thought.append(self._text[self._at : end.start() if end else len(self._text)])
        self._at = end.end() if end else len(self._text)
        return "" if end else _UNCLOSED

    def _stopped(self) -> str:
        """Take the end of a message. At the end of a text it is a mark that the server left there."""
        if not self._channels and self._text[self._at :].strip():
            self._thought += self._said
            self._said = []
        return self._break()

    def _think(self, opening: re.Pattern[str], closing: re.Pattern[str]) -> str:
        """Pass over a thought, and those within it. A mark that is only repeated opens one, not two."""
        start, depth, opened = self._at, 1, self._at
        for mark in re.compile(f"(?P<in>{opening.pattern})|{closing.pattern}", re.IGNORECASE).finditer(
            self._text, start
        ):
            if not mark["in"]:
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
        return _UNCLOSED

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
    return any(mark[name] for name in ("close", "close_b", "close_k", "close_t", "close_g"))


def _pair(mark: re.Match[str]) -> tuple[re.Pattern[str], re.Pattern[str]]:
    """How a thought that this mark opens may open again, and how it ends."""
    if mark["name"]:
        name = re.escape(mark["name"])
        return re.compile(rf"<\s*{name}{_ATTRIBUTES}>"), re.compile(rf"<\s*/\s*{name}\s*>")
    for group, opening, closing in (
        ("name_b", r"\[THINK\]", r"\[/THINK\]"),
        ("name_k", "◁think▷", "◁/think▷"),
        ("open_g", r"<\|channel>\w*", r"<channel\|>"),
    ):
        if mark[group]:
            return re.compile(opening), re.compile(closing)
    return re.compile(re.escape(mark[0])), re.compile(r"<\|(?:end_of_thought|END_THINKING|inner_suffix)\|>")
