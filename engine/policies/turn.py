"""Reading a model's answer as an action, and an observation as a text; pure."""

import re
from typing import NamedTuple

import msgspec

_FENCE = re.compile(r"^[ \t]*```[ \t]*(?:sh|bash|shell)[ \t]*\r?\n(.*?)^[ \t]*```[ \t]*$", re.MULTILINE | re.DOTALL)
_DONE = re.compile(r"^\W*DONE\W*$", re.MULTILINE)

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


class Done(NamedTuple):
    """The model says that the work is done."""


class Unclear(NamedTuple):
    """Neither a command nor the end."""

    problem: str
    """Said to the model."""
    call: str | None
    """Id of the tool call that was wrong. None: there was none."""


Turn = Command | Done | Unclear


def read_calls(calls: tuple[tuple[str, str, str], ...]) -> Turn:
    """Read the first tool call.

    Args:
        calls: Id, name and arguments of each; at least one.
    """
    call, name, arguments = calls[0]
    if name != "run":
        return Unclear(f"there is no tool {name!r}; the only tool is `run`", call)
    try:
        command = msgspec.json.decode(arguments, type=dict[str, str])["command"]
    except (msgspec.MsgspecError, KeyError):
        return Unclear('the arguments of `run` must be JSON like {"command": "ls"}', call)
    return Command(command, call) if command.strip() else Unclear("the command is empty", call)


def read_text(text: str) -> Turn:
    """Read an answer without tool calls: the first fenced block, else DONE on a line of its own."""
    block = _FENCE.search(text)
    if block is not None and block.group(1).strip():
        return Command(block.group(1).strip("\r\n"), None)
    if _DONE.search(text):
        return Done()
    return Unclear("give one command in a block fenced as ```sh, or answer DONE when the work is finished", None)


class Observation(NamedTuple):
    """How a command ended, as the model is told."""

    ended: str
    exit_code: int | None
    stdout: str
    stderr: str


def observation_text(seen: Observation, *, most: int) -> str:
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


def shortened(text: str, most: int) -> str:
    """Keep the beginning and the end of a text that is too long."""
    if len(text) <= most:
        return text
    half = most // 2
    return f"{text[:half]}\n[... {len(text) - 2 * half} characters not shown ...]\n{text[-half:]}"
