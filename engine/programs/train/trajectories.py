"""Trajectories as effects: what happened in a cell, put together from what the run itself recorded.

Nothing is shortened here, and no text is copied: a trajectory names the blobs of the events that it is made of. What is
expected is no part of it, unless it is asked for; messages of checks are passed on as far as the settings say.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, ClassVar, Final

import msgspec

from engine.core.lineage import Lineage, lineage_of, pages_along
from engine.core.ports import EffectAddress
from engine.items.item_set import decode_item
from engine.policies.feedback import hide_expected, hide_values, values_in
from engine.policies.inline_reasoning import split_reasoning
from engine.policies.python_source import PythonFault
from engine.policies.skill.literals import verifier_literals
from events.base import Event, Recorded
from events.digest import Digest
from events.store.base import EventLog, Selection
from events.streams import attempt_stream, item_stream, trial_stream
from events.types.agent import AgentActed, AgentSaid
from events.types.attempt import AgentEnded, AttemptAbandoned, AttemptJudged, AttemptOpened
from events.types.evaluation import CellUnscored, EvaluationFound, EvaluationScored
from events.types.item import ItemAnswered, ItemOpened, ItemScored, ItemUnanswered
from events.types.model import ConversationNode, ModelAnswered, ModelAsked
from events.types.optimizing import PartKind, TrajectoryAsked, TrajectoryMissing, TrajectoryPart, TrajectoryRead
from events.types.sandbox import ActionAsked, ActionObserved, FilesTaken, SolutionAsked
from events.types.steps import StepJudged
from events.types.trial import TaskRead, TaskReadInSteps

_ACTS: Final = "teacher"
"""Role of the model that acts in a cell. A judge is asked in the same stream, and told what is expected."""
FAILED_ROW: Final = "✗ "
"""What the rows of failed checks begin with."""
_CONVERSES: Final = frozenset({"call", "tools", "steps"})
"""Ways in which all that a model is told and says stands in one conversation."""
HOW_ENDED: Final = "how the agent ended"
"""Label of the one part of the kind ``checks`` that is not the verifier's."""
_DONE: Final[frozenset[PartKind]] = frozenset({"said", "call", "output", "answer"})
"""Parts that show what was done."""


class TrajectoryPort:
    """Answers `TrajectoryAsked` from the run's own streams; a fork's go back into those of its ancestors."""

    def __init__(self, log: EventLog) -> None:
        self._log = log
        self._lineages: dict[str, Lineage] = {}

    async def __call__(self, asked: Event, place: EffectAddress) -> Event:
        """Put a trajectory together."""
        assert isinstance(asked, TrajectoryAsked)
        found = await self.events_of(place.run, asked.cell)
        return found if isinstance(found, TrajectoryMissing) else await TrajectoryBuilder(self._log, asked).build(found)

    async def events_of(self, run: str, cell: str) -> Sequence[Event] | TrajectoryMissing:
        """Read what a cell recorded, its item or trial, and the attempts that count, in the order of the log."""
        found = await self.recorded_of(run, cell)
        return found if isinstance(found, TrajectoryMissing) else [each.event for each in found]

    async def recorded_of(self, run: str, cell: str) -> Sequence[Recorded] | TrajectoryMissing:
        """Read the same, each event with its place."""
        name = cell.partition("/")[2]
        # One look where there is one attempt at most: what is rolled out in a cell has the cell's name.
        first = await self._events(run, [cell, item_stream(name), trial_stream(name), attempt_stream(name, 1)])
        found = _of_stream(first, cell)
        rolled = next((each.event.rolled.stream for each in found if isinstance(each.event, EvaluationScored)), None)
        if rolled is None:
            return TrajectoryMissing(_why_none([each.event for each in found]))
        found += _of_stream(first, rolled) or await self._events(run, [rolled])
        name = rolled.partition("/")[2]
        attempts: list[list[Recorded]] = []
        attempt = _of_stream(first, attempt_stream(name, 1))
        while attempt:
            attempts.append(attempt)
            attempt = await self._events(run, [attempt_stream(name, len(attempts) + 1)])
        for each in _that_count(attempts):
            found += each
        return sorted(found, key=_position)

    async def _events(self, run: str, streams: Sequence[str]) -> list[Recorded]:
        if run not in self._lineages:
            self._lineages[run] = await lineage_of(self._log, run)
        pages = pages_along(self._log, self._lineages[run], Selection(run=run, streams=streams))
        return [each async for page in pages for each in page]


def _of_stream(found: Sequence[Recorded], stream: str) -> list[Recorded]:
    return [each for each in found if each.stream.name == stream]


def _position(recorded: Recorded) -> int:
    return recorded.position


def _that_count(attempts: Sequence[Sequence[Recorded]]) -> Sequence[Sequence[Recorded]]:
    """Leave out attempts that were lost: they say nothing of the skill."""
    return [each for each in attempts if not any(isinstance(one.event, AttemptAbandoned) for one in each)]


class TrajectoryBuilder:
    """One trajectory on its way: parts in the order of the events."""

    def __init__(self, log: EventLog, asked: TrajectoryAsked) -> None:
        self._log = log
        self._asked = asked
        self._parts: list[TrajectoryPart] = []
        self._told: list[str] = []
        """What the task says itself; it may be repeated."""
        self._expected: set[str] = set()
        """What is known to be expected."""
        self._turns = 0

    async def build(self, events: Sequence[Event]) -> Event:
        """Make a trajectory of the events of a cell, its item or trial, and its attempts."""
        (scored,) = [each for each in events if isinstance(each, EvaluationScored)]
        for event in _one_conversation(events):
            await self._take(event)
        if not any(each.kind in _DONE for each in self._parts):
            return TrajectoryMissing("nothing is on record of what was said or done")
        return TrajectoryRead(scored.solved, scored.reward, self._turns, tuple(self._parts))

    async def _take(self, event: Event) -> None:
        handler = self._HANDLERS.get(type(event))
        if handler is not None:
            await handler(self, event)

    # -- what was asked ------------------------------------------------------------------------------------------------

    async def _item(self, event: ItemOpened) -> None:
        item = decode_item(await self._log.get(event.digest))
        self._told += [item.question, item.context or ""]
        self._expected |= set(values_in(item.expected))
        if self._asked.reference:
            self._say("reference", "what is expected", msgspec.json.encode(item.expected).decode())

    async def _task(self, event: TaskRead) -> None:
        self._told.append(await self._text(event.instruction))
        self._name("question", "", event.instruction)
        tests = "" if event.test_source is None else await self._text(event.test_source)
        literals = verifier_literals(tests)
        if not isinstance(literals, PythonFault):
            self._expected |= {*literals.numbers, *literals.texts}
        if self._asked.reference and event.test_source is not None:
            self._name("reference", "the verifier's tests", event.test_source)

    async def _attempt(self, event: AttemptOpened) -> None:
        """Take in what an attempt at an item was told; a trial has said what its task is."""
        if not any(each.kind == "question" for each in self._parts):
            self._name("question", "", event.instruction)

    # -- what was said and done ----------------------------------------------------------------------------------------

    async def _answered(self, event: ModelAnswered) -> None:
        self._say("said", "", split_reasoning(await self._text(event.text)).said)

    async def _tool(self, event: AgentActed) -> None:
        self._name("call", event.tool, event.command)
        self._name("output", _exit(event.exit_code), event.output)

    async def _message_of_agent(self, event: AgentSaid) -> None:
        self._name("said", "", event.text)

    async def _solution(self, event: SolutionAsked) -> None:
        self._say("call", "the solution of the task", event.task)

    async def _taken(self, event: FilesTaken) -> None:
        for each in event.files:
            self._name("answer", each.name, each.digest)
        for name, why in event.missing.items():
            self._say("answer", name, f"({why})")

    async def _asked_model(self, event: ModelAsked) -> None:
        await self._conversation(event.conversation)

    async def _conversation(self, node: Digest) -> None:
        """Take in all that was said before an answer; the system's message holds the skill, which is known."""
        for digest in await self._messages(node):
            await self._message(msgspec.json.decode(await self._log.get(digest)))

    async def _message(self, said: dict[str, Any]) -> None:
        text = _content(said.get("content"))
        match said.get("role"):
            case "user":
                first = not any(each.kind == "question" for each in self._parts)
                self._say("question" if first else "told", "", text)
            case "tool":
                self._say("output", "", text)
            case "assistant":
                self._say("said", "", split_reasoning(text).said)
                for call in said.get("tool_calls") or ():
                    function = call.get("function") or {}
                    self._say("call", str(function.get("name", "")), str(function.get("arguments", "")))
            case _:
                pass

    async def _messages(self, node: Digest | None) -> Sequence[Digest]:
        parts: list[ConversationNode] = []
        while node is not None:
            parts.append(msgspec.json.decode(await self._log.get(node), type=ConversationNode))
            node = parts[-1].before
        return [each for part in reversed(parts) for each in part.messages]

    async def _command(self, event: ActionAsked) -> None:
        """Take in a command, unless what the model has just written holds it."""
        text = await self._text(event.command)
        last = self._parts[-1] if self._parts else None
        if last is None or last.kind != "said" or text.strip() not in await self._text(last.text):
            self._name("call", "command", event.command)

    async def _observed(self, event: ActionObserved) -> None:
        how = _exit(event.exit_code) if event.ended == "exited" else event.ended.replace("_", " ")
        self._name("output", how, event.stdout)
        if await self._log.get(event.stderr):
            self._name("output", "stderr", event.stderr)

    # -- what was found ------------------------------------------------------------------------------------------------

    async def _ended(self, event: ItemAnswered | ItemUnanswered) -> None:
        self._turns = event.turns
        if isinstance(event, ItemUnanswered):
            self._say("checks", event.ending.replace("_", " "), event.detail)

    async def _agent_ended(self, event: AgentEnded) -> None:
        self._turns += event.turns
        self._say("checks", HOW_ENDED, " ".join(filter(None, (event.reason, event.detail))))

    async def _step(self, event: StepJudged) -> None:
        self._say("checks", "a step of the task", "the next one follows" if event.goes_on else "no step follows")

    async def _scored(self, event: ItemScored) -> None:
        if event.answer is not None:
            self._say("answer", "as it was read", event.answer)
        if self._asked.feedback != "binary":
            self._say("checks", "", "\n".join(self.passed_on(each, item=True) for each in event.reasons))

    async def _judged(self, event: AttemptJudged) -> None:
        if self._asked.feedback == "binary":
            return
        rows = (await self._text(event.test_summary)).split("\n")
        failed = [row.strip().removeprefix(FAILED_ROW) for row in rows if row.strip().startswith(FAILED_ROW)]
        counts = f"{event.passed} of {event.total} checks passed" if event.total else event.outcome.reason
        self._say("checks", counts, "\n".join(map(self._failed, failed)))

    def _failed(self, row: str) -> str:
        name, dash, message = row.partition(" - ")
        return f"{name}{dash}{self.passed_on(message, item=False)}"

    def passed_on(self, message: str, *, item: bool) -> str:
        """Give what may be passed on of a message, once the task has been read.

        Args:
            message: Of a check.
            item: Whether it is a scorer's, and no verifier's.
        """
        if self._asked.feedback == "rich":
            return message
        told = "\n".join(self._told)
        hidden = hide_expected(message, told, self._expected)
        return hidden if item else hide_values(hidden, told)

    # -- parts ---------------------------------------------------------------------------------------------------------

    def _name(self, kind: PartKind, label: str, text: Digest) -> None:
        self._parts.append(TrajectoryPart(kind, label, text))

    def _say(self, kind: PartKind, label: str, text: str) -> None:
        if text.strip() or label:
            self._name(kind, label, self._log.put(text.encode()))

    async def _text(self, digest: Digest | None) -> str:
        return "" if digest is None else (await self._log.get(digest)).decode("utf-8", "replace")

    _HANDLERS: ClassVar[Mapping[type[Event], Any]] = {
        ItemOpened: _item,
        TaskRead: _task,
        TaskReadInSteps: _task,
        AttemptOpened: _attempt,
        ModelAsked: _asked_model,
        ModelAnswered: _answered,
        ActionAsked: _command,
        SolutionAsked: _solution,
        ActionObserved: _observed,
        AgentActed: _tool,
        AgentSaid: _message_of_agent,
        FilesTaken: _taken,
        StepJudged: _step,
        AgentEnded: _agent_ended,
        AttemptJudged: _judged,
        ItemAnswered: _ended,
        ItemUnanswered: _ended,
        ItemScored: _scored,
    }
    """What is taken in, by class of event; the decisions between them say nothing that these do not."""


def _one_conversation(events: Sequence[Event]) -> Iterator[Event]:
    """Leave out what was said to models, except in the last conversation of an item that is one; a judge's is not."""
    way = next((each.way for each in events if isinstance(each, ItemOpened)), None)
    asked = [index for index, each in enumerate(events) if isinstance(each, ModelAsked) and each.role == _ACTS]
    last = asked[-1] if asked and way in _CONVERSES else len(events)
    acting = False
    for index, event in enumerate(events):
        if isinstance(event, ModelAsked):
            acting = event.role == _ACTS
            if index == last:
                yield event
        elif not isinstance(event, ModelAnswered) or (acting and (way not in _CONVERSES or index > last)):
            yield event


def _why_none(events: Sequence[Event]) -> str:
    for event in events:
        match event:
            case EvaluationFound():
                return f"its score is that of {event.stream} of run {event.run}: nothing was rolled out here"
            case CellUnscored():
                return f"it has no score: {event.reason}"
            case _:
                pass
    return "no cell of this run has this name, or it has not ended"


def _content(content: Any) -> str:
    """Give the text of a message; of an image its place."""
    if isinstance(content, list):
        return "\n".join(str(each.get("text", "(an image)")) for each in content if isinstance(each, dict))
    return content if isinstance(content, str) else ""


def _exit(code: int | None) -> str:
    return "" if code is None else f"exit code {code}"
