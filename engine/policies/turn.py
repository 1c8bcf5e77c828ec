"""Reading a model's answer as an action, and an observation as a text; pure.

What is run, of an answer without tool calls: the first block marked ``sh``, ``bash`` or ``shell`` that is not empty; a
block that names no language only where it is the whole answer.
Reasoning is not read at all. Nothing is run where it is unclear what the block holds: it is never closed, a
here-document or a quote in it never ends, another block begins inside it, or a block before it is like that. Further
blocks are not run, nor does ``DONE`` count beside a command; the model is told either. ``DONE`` ends the work where it
stands on a line of its own outside of blocks, and there is no command.

Of several tool calls the first is run. One that a length limit may have cut is not, even where a server has made JSON
of it again.
"""

import re
from typing import Final, NamedTuple

import msgspec

from engine.policies.fences import fence_at
from engine.policies.inline_reasoning import CALL_IN_TEXT, UNCLOSED, SplitText, split_reasoning
from engine.policies.shell_block import SHELLS, Block, block_at, line_at
from engine.policies.tool_arguments import BadArguments, read_arguments, shortened, wrong_text

_DONE: Final = re.compile(r"^\W*DONE\W*$")
_ONLY_DONE: Final = re.compile(r"\W*done\W*\Z", re.IGNORECASE)
_CUT: Final = frozenset({"length", "max_tokens", "max_output_tokens", "model_length"})
"""How providers say, in lower case, that a limit on the output ended an answer."""

_ONE_LINE: Final = 200
"""Characters of a line that may be meant as a command. Longer ones are prose as a rule."""
_PROGRAM: Final = re.compile(
    r"apt|apt-get|awk|bash|cargo|cat|cd|chmod|chown|cmake|cp|curl|df|diff|docker|du|echo|"
    r"env|export|find|git|go|grep|gunzip|gzip|head|java|jq|kill|ls|make|mkdir|mv|node|"
    r"npm|npx|perl|pip|pip3|ps|pwd|pytest|python|python3|rm|rmdir|rsync|ruby|sed|sh|sort|"
    r"ssh|sudo|systemctl|tail|tar|tee|touch|tr|uname|unzip|uv|wc|wget|whoami|xargs|zip"
)
_ENGLISH: Final = frozenset(
    {"cat", "diff", "echo", "export", "find", "go", "head", "kill", "make", "node", "sort", "tail", "touch"}
)
"""Programs whose names begin sentences too."""
_SHELL_WORD: Final = re.compile(r"-{1,2}\w|.*[/$=*|&><]|\w+\.\w|\d+\Z")
_OTHER_CALL: Final = re.compile(
    r"<tool_call>|<function[=_]|\[TOOL_CALLS\]|<\|tool_call|<\|python_tag\|>|<\uff5ctool|<invoke\b"
    r"|\A\s*\{\s*\"(?:command|cmd|name|tool|function|arguments)\"\s*:"
)
"""How models write a call where their server, or nobody, reads it."""
_ASK: Final = "give one command in a block fenced as ```sh, or answer DONE when the work is finished"

RUN_TOOL = msgspec.json.encode(
    [
        {
            "type": "function",
            "function": {
                "name": "run",
                "description": "Run one shell command in the sandbox and see what it prints.",
                "parameters": {
                    "type": "object",
                    "properties": {"command": {"type": "string", "description": "What to run with bash -c."}},
                    "required": ["command"],
                },
            },
        }
    ]
)
"""The one tool of the shell agent, as OpenAI-compatible providers take it."""


class Command(NamedTuple):
    """The model wants a command run."""

    text: str
    call: str | None
    """Id of the tool call that asked for it. None: it stood in a fenced block."""
    note: str = ""
    """What of the answer has no effect, said to the model with what came of the command; empty when nothing."""


class WorkDone(NamedTuple):
    """The model says that the work is done."""


class Unclear(NamedTuple):
    """Neither a command nor the end."""

    problem: str
    """Said to the model."""
    call: str | None
    """Id of the tool call that was wrong. None: there was none."""


Turn = Command | WorkDone | Unclear


def read_calls(calls: tuple[tuple[str, str, str], ...], finish: str | None = None) -> Turn:
    """Read the first tool call.

    Args:
        calls: Id, name and arguments of each; at least one.
        finish: Why the answer ended, in the provider's word. None: it did not say.
    """
    call, name, arguments = calls[0]
    if _cut(finish) and len(calls) == 1:
        return Unclear(
            "the answer reached its length limit inside the call, so nothing was run; "
            "give a shorter command, and write a long file in several steps",
            call,
        )
    if name != "run":
        return Unclear(f"there is no tool {name!r}; the only tool is `run`", call)
    read = read_arguments(arguments)
    if isinstance(read, BadArguments):
        return Unclear(read.problem, call)
    unused = ", ".join(f"`{each}`" for each in read.unused)
    return Command(read.text, call, f"`run` takes only `command`; without effect: {unused}" if unused else "")


def read_text(text: str, finish: str | None = None) -> Turn:
    """Read an answer without tool calls.

    Args:
        text: What the model answered; empty when it said nothing.
        finish: Why the answer ended, in the provider's word. None: it did not say.
    """
    parts = split_reasoning(text)
    if not parts.said.strip():
        return Unclear(_unsaid(parts.problem, cut=_cut(finish)), None)
    only_done = _ONLY_DONE.match(parts.said) and parts.problem != CALL_IN_TEXT
    return WorkDone() if only_done else _read_said(parts, cut=_cut(finish))


def _read_said(parts: SplitText, *, cut: bool) -> Turn:
    """Read what was said, which is something."""
    blocks, done = _read_blocks(_marked_as_shell(parts.said.replace("\r\n", "\n")))
    for number, block in enumerate(blocks):
        if block.problem and (block.language in SHELLS or any(_runs(each) for each in blocks[number:])):
            return Unclear(_unclear(block, cut=cut), None)
        if _runs(block):
            return _command(block, blocks[number + 1 :], done=done)
    if done and parts.problem != CALL_IN_TEXT:
        return WorkDone()
    if parts.problem:
        return Unclear(_unsaid(parts.problem, cut=cut), None)
    return Unclear(_no_command(parts.said, blocks, cut=cut), None)


def _cut(finish: str | None) -> bool:
    return (finish or "").lower() in _CUT


def _marked_as_shell(text: str) -> str:
    """Mark the one block that is a whole answer and names no language. Beside other words it may quote an output."""
    first, rest = line_at(text.strip(), 0)
    fence = fence_at(first)
    if fence is None or first.strip() != fence.marks:
        return text
    marked = f"{fence.marks}sh\n{text.strip()[rest:]}"
    block = block_at(marked, 0)
    return marked if block is not None and not block.problem and block.end == len(marked) else text


def _read_blocks(text: str) -> tuple[list[Block], bool]:
    """The blocks of a text, and whether a line outside of them says that the work is done."""
    blocks: list[Block] = []
    done, at = False, 0
    while at < len(text):
        block = block_at(text, at)
        if block is None:
            line, at = line_at(text, at)
            done = done or _DONE.match(line) is not None
        else:
            blocks.append(block)
            at = block.end
    return blocks, done


def _runs(block: Block) -> bool:
    return block.language in SHELLS and bool(block.code.strip())


def _command(block: Block, rest: list[Block], *, done: bool) -> Turn:
    if wrong := wrong_text(block.code):
        return Unclear(wrong, None)
    if _DONE.match(block.code):
        return Unclear(
            "DONE is no command, so nothing was run; when the work is finished answer DONE without a block", None
        )
    notes = ["only the first block was run: one command a turn"] if any(_runs(each) for each in rest) else []
    notes += ["DONE was not taken: answer it alone, once you have seen that the work is finished"] if done else []
    return Command(block.code, None, "; ".join(notes))


def _unsaid(problem: str, *, cut: bool) -> str:
    """Tell a model that it only thought."""
    if cut:
        return (
            f"the answer reached its length limit before it said anything, so nothing was run; think less, and {_ASK}"
        )
    if problem == CALL_IN_TEXT:
        return f"{problem}, so nothing was run; call the tool through the interface, or {_ASK}"
    why = problem or "it is all reasoning, or empty"
    if problem == UNCLOSED:
        why += "; a tag that is only mentioned has to stand in `backticks`"
    return f"the answer holds nothing that can be run ({why}); after your reasoning {_ASK}"


def _unclear(block: Block, *, cut: bool) -> str:
    if cut and not block.closed:
        return (
            "the answer reached its length limit inside the block, so nothing was run; "
            "give a shorter command, and write a long file in several steps"
        )
    return (
        f"the block {_marked(block)} is unclear: {block.problem}; nothing was run. Give one "
        "command in one block fenced as ```sh; around a command that holds ``` itself, use ````sh and ````"
    )


def _no_command(said: str, blocks: list[Block], *, cut: bool) -> str:
    """Tell a model that it gave no command. Where one line may be meant as one, it is shown as it has to be written."""
    if cut:
        return f"the answer reached its length limit before a command; {_ASK}"
    if not blocks and _OTHER_CALL.search(said):
        return _unsaid(CALL_IN_TEXT, cut=False)
    other = next((block for block in blocks if block.code.strip()), None)
    if other is not None and other.language:
        return f"a block {_marked(other)} is not run; {_ASK}"
    line = said.strip().strip("`").strip() if other is None else other.code.strip()
    if not _like_command(line):
        return _ASK if other is None else f"a block {_marked(other)} is not run; {_ASK}"
    return (
        "nothing was run: a command has to stand in a block that begins with ```sh. If this is the command, answer:\n"
        f"```sh\n{line}\n```"
    )


def _like_command(line: str) -> bool:
    """Whether a line is a command rather than words: a model does what it is shown."""
    if "\n" in line or not 0 < len(line) <= _ONE_LINE or "`" in line or line.endswith((".", "!", "?", ":")):
        return False
    first, *others = line.split()
    if _PROGRAM.fullmatch(first) is None:
        named = re.match(r"\.{0,2}/\w|[A-Z_]+=", first)
        return named is not None or any(re.match(r"-{1,2}[a-z]", word) for word in others)
    return first not in _ENGLISH or any(_SHELL_WORD.match(word) for word in others)


def _marked(block: Block) -> str:
    return f"marked {block.language}" if block.language else "that names no language"


class CommandObservation(NamedTuple):
    """How a command ended, as the model is told."""

    ended: str
    exit_code: int | None
    stdout: str
    stderr: str


def observation_text(seen: CommandObservation, *, most: int) -> str:
    """Word an observation; outputs that are too long lose their middle, and say so.

    Args:
        seen: What happened.
        most: Characters of each output that are shown; the log keeps all of them.
    """
    head = f"exit code: {seen.exit_code}" if seen.ended == "exited" else f"the command was ended: {seen.ended}"
    parts = [head]
    for name, text in (("stdout", seen.stdout), ("stderr", seen.stderr)):
        if text:
            parts.append(f"{name}:\n{shortened(text, most)}")
    return "\n".join(parts)
