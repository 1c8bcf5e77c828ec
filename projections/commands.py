"""Which commands an agent ran, read from what it printed (SPARK, 5.3), and joined as PDI reads them (SPARK, 5.2)."""

import json
import re
from collections.abc import Iterable

WINDOW = 8_000
"""Characters of joined commands that are kept, from the end."""

_WRAPPED = re.compile(r"^(?:/bin/)?(?:ba|z)?sh\s+-\w*c\s+(.+)$")
_LONE_SURROGATE = re.compile("[\ud800-\udfff]")
"""An escape of one decodes, and could not be written as UTF-8 again."""
_PROMPT = re.compile(r"^root@[^:]*:[^#]*#\s(.*)$")


def joined_commands(commands: Iterable[str], *, window: int = WINDOW) -> str:
    """Join distinct commands by LF, in the order in which they first ran, and keep the end of the text.

    A line that the cut leaves incomplete is dropped, unless nothing stands before its end.
    """
    text = "\n".join(dict.fromkeys(commands))
    if len(text) <= window:
        return text
    text = text[-window:]
    end = text.find("\n")
    return text[end + 1 :] if end > 0 else text


def printed_commands(stdout: str) -> str:
    """Read the commands from what an agent printed, joined as SPARK records them in ``agent_commands``.

    Codex and OpenCode events first, then lines that look like a prompt; if there are none, the whole text marked
    ``[Agent Output]``. Nothing at all gives nothing.
    """
    found = [command for line in stdout.split("\n") for command in _of_line(line.strip())]
    if found:
        return joined_commands(found)
    return f"[Agent Output]\n{stdout.strip()}"[-WINDOW:] if stdout.strip() else ""


def _of_line(line: str) -> list[str]:
    if line.startswith("{"):
        value = _object(line)
        command = None if value is None else _of_event(value)
        return [] if command is None else [_LONE_SURROGATE.sub("\ufffd", command)]
    if line.startswith(("$ ", "> ")):
        return [line[2:]]
    prompt = _PROMPT.match(line)
    return [prompt.group(1)] if prompt else []


def _object(line: str) -> dict[str, object] | None:
    """Read a line as a JSON object; None if it is none, whatever an agent printed.

    The standard decoder, and not msgspec: SPARK's takes NaN, numbers too large for a float and escapes of lone
    surrogates, and a command beside one of them is a command all the same.
    """
    try:
        value = json.loads(line)
    except (ValueError, RecursionError):
        return None
    return value if isinstance(value, dict) else None


def _of_event(value: dict[str, object]) -> str | None:
    """Give the command that an event of Codex or OpenCode tells of."""
    item = value.get("item")
    if isinstance(item, dict):
        command = item.get("command")
        ran = item.get("type") == "command_execution" and isinstance(command, str) and command
        return unwrapped(str(command)) if ran else None
    part = value.get("part")
    if value.get("type") == "tool_use" and isinstance(part, dict) and part.get("tool") == "bash":
        state = part.get("state")
        given = state.get("input") if isinstance(state, dict) else None
        command = given.get("command") if isinstance(given, dict) else None
        return command if isinstance(command, str) and command else None
    return None


def unwrapped(command: str) -> str:
    """Take a one-line command out of its ``bash -lc '…'``; one of several lines keeps its wrapping, as SPARK has it."""
    found = _WRAPPED.match(command)
    if found is None:
        return command
    inner = found.group(1).strip()
    if len(inner) >= 2 and inner[0] == inner[-1] and inner[0] in "\"'":
        return inner[1:-1]
    return inner
