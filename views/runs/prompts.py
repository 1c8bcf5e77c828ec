"""What models were sent, call by call: each message once, at the first call that has it."""

from collections.abc import AsyncIterator, Iterable, Sequence
from typing import Any, Final

import msgspec
from rich.console import Group, RenderableType
from rich.text import Text

from engine.core.lineage import pages_of
from engine.effects.conversation import ConversationReader
from events.base import Recorded, StreamId
from events.errors import BlobMissing
from events.store.base import EventLog, Selection
from events.streams import attempt_stream, item_stream, trial_stream
from events.types.agent import CallAsked
from events.types.model import ModelAsked
from views.runs.show import text_of
from views.terminal.errors import UsageWrong
from views.terminal.format import plural
from views.terminal.ids import AttemptTarget, ItemTarget, TrialTarget, find_target
from views.terminal.log_access import OpenedLog

_CALL: Final = "call"
"""Family of the streams of calls that an installed agent makes."""


class PromptMessage(msgspec.Struct, frozen=True):
    """A message as it was sent."""

    role: str
    """``system``, ``user``, ``assistant`` or ``tool``; ``request`` for the whole body that an installed agent sent."""
    text: str
    """Its text; what else it holds, such as calls of tools, as JSON."""


class SentRow(msgspec.Struct, frozen=True, tag_field="kind", tag="prompt"):
    """What one call of a model was sent."""

    position: int
    stream: str
    call: int
    """Which of its stream, from 1."""
    role: str
    """Such as ``teacher`` or ``reflector``."""
    model: str
    parameters: dict[str, str | int | float | bool]
    tools: str | None
    """JSON: the tools on offer. None: none."""
    before: int
    """Messages that earlier calls of the stream were sent, too; they are not repeated."""
    messages: tuple[PromptMessage, ...]
    """Those that follow."""


async def tell(desk: OpenedLog, text: str) -> None:
    """Show what models were sent in an attempt, at an item, or in a trial outside its attempts (memos, skills).

    Raises:
        IdUnknown, IdAmbiguous: The id means nothing, or several things.
        UsageWrong: It means something without prompts.
    """
    target = await find_target(desk.log, text)
    match target:
        case AttemptTarget(run, trial, attempt):
            below = f"{_CALL}/{trial}/{attempt}/"
            calls = [name for name in await desk.log.streams(run) if name.startswith(below)]
            names = [attempt_stream(trial, attempt), *calls]
        case TrialTarget(run, trial):
            names = [trial_stream(trial)]
        case ItemTarget(run, cell):
            names = [item_stream(cell)]
        case _:
            raise UsageWrong(
                f"{text} is no trial, attempt or item", remedy="name one, such as `stillroom show TRIAL/1 --prompts`"
            )
    rows = [row for name in names async for row in prompts(desk.log, StreamId(run, name))]
    desk.screen.show(rows, render)


async def prompts(log: EventLog, stream: StreamId) -> AsyncIterator[SentRow]:
    """Read what each call of a stream was sent."""
    reader, before, number = ConversationReader(log), tuple[bytes, ...](), 0
    async for page in pages_of(log, Selection(stream=stream)):
        for recorded in page:
            match recorded.event:
                case ModelAsked() as asked:
                    number += 1
                    try:
                        sent = await reader.messages(asked.conversation)
                    except BlobMissing as error:
                        gone = PromptMessage("request", f"[{error.problem}]")
                        yield _row(recorded, number, asked, (gone,), tools=None)
                        continue
                    same = len(before) if sent[: len(before)] == before else 0
                    tools = None if asked.tools is None else await text_of(log, asked.tools)
                    yield _row(recorded, number, asked, _read(sent[same:]), before=same, tools=tools)
                    before = sent
                case CallAsked() as asked:
                    number += 1
                    body = PromptMessage("request", await text_of(log, asked.request))
                    yield _row(recorded, number, asked, (body,), tools=None)
                case _:
                    pass


def _row(
    recorded: Recorded,
    number: int,
    asked: ModelAsked | CallAsked,
    messages: tuple[PromptMessage, ...],
    *,
    tools: str | None,
    before: int = 0,
) -> SentRow:
    parameters = dict(asked.parameters) if isinstance(asked, ModelAsked) else {}
    place = recorded.position, recorded.stream.name, number
    return SentRow(*place, asked.role, asked.model, parameters, tools, before, messages)


def _read(messages: Iterable[bytes]) -> tuple[PromptMessage, ...]:
    return tuple(_message(msgspec.json.decode(each)) for each in messages)


def _message(said: dict[str, Any]) -> PromptMessage:
    content = said.get("content")
    texts = [content] if isinstance(content, str) else [_part(each) for each in content or ()]
    rest = {key: value for key, value in said.items() if key not in {"role", "content", "tool_call_id"} and value}
    texts += [msgspec.json.format(msgspec.json.encode(rest), indent=2).decode()] if rest else []
    return PromptMessage(str(said.get("role", "")), "\n".join(filter(None, texts)))


def _part(part: Any) -> str:
    if isinstance(part, dict) and isinstance(part.get("text"), str):
        return str(part["text"])
    return msgspec.json.encode(part).decode()


def render(rows: Sequence[SentRow]) -> RenderableType:
    """Draw them in full: a prompt that is cut tells nothing."""
    if not rows:
        return Text("no model was asked anything here", style="dim")
    parts: list[RenderableType] = []
    for row in rows:
        again = f", after the {plural(row.before, 'message')} above" if row.before else ""
        head = f"call {row.call} of {row.stream}"
        parts.append(Text.assemble((head, "bold"), (f"  {row.role}, {row.model}{again}, event {row.position}", "dim")))
        for message in row.messages:
            parts += [Text(f"--- {message.role}", style="cyan"), Text(message.text.rstrip("\n"))]
        parts.append("")
    return Group(*parts)
