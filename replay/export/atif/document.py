"""An attempt as an ATIF document, and what has no place in one."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

import msgspec

from engine.effects.conversation import ConversationReader
from engine.importers.atif.assumptions import nano_usd
from engine.importers.atif.schema import VERSION, AtifAgent, AtifStep, AtifTrajectory, FinalMetrics
from events.base import Event, Recorded
from events.codec import tag_of
from events.store.base import BlobStore
from events.types.agent import AgentActed, AgentRunAsked, AgentSaid
from events.types.attempt import AgentEnded, AttemptAbandoned, AttemptJudged, AttemptOpened, ImportedAttempt
from events.types.model import ModelAnswered, ModelAsked, ModelFailed
from events.types.sandbox import ActionAsked, ActionObserved, SolutionAsked
from projections.charges import is_unknown
from replay.export.atif.imported import AttemptTrajectories
from replay.export.atif.steps import Gathering, of_acted, of_answer, of_said, step, timestamp, with_action


class ExportedTrajectory(NamedTuple):
    """A document, and what of the attempt it does not hold."""

    trajectory: AtifTrajectory
    losses: Mapping[str, int]
    """What was left out, and how many of it."""


class ExportSource(NamedTuple):
    """The attempt that is exported."""

    run: str
    trial: str
    attempt: int
    package: str
    """Version of stillroom that recorded it."""
    agent: str | None = None
    """Who acted in a run that was imported. None: its attempts say, or its source does not."""
    model: str | None = None
    """The same of the model."""


async def document(blobs: BlobStore, source: ExportSource, history: Sequence[Recorded]) -> ExportedTrajectory | None:
    """Tell an attempt in ATIF. None: there is no step in it, as in one that was imported without what its agent did.

    Raises:
        BlobMissing, BlobErased: Bytes of it are gone: half a document would pass for a whole one.
    """
    writing = _Writing(blobs, source)
    told = AttemptTrajectories(blobs)
    for recorded in history:
        if not await told.add(recorded):
            await writing.add(recorded)
    if told.found:
        return ExportedTrajectory(await told.document(writing.losses), dict(sorted(writing.losses.items())))
    steps = writing.steps()
    if not steps:
        return None
    metrics = [each.metrics for each in steps if each.metrics is not None]
    trajectory = AtifTrajectory(
        schema_version=VERSION,
        session_id=source.run,
        trajectory_id=f"{source.run}:{source.trial}/{source.attempt}",
        agent=AtifAgent(
            name=writing.agent,
            version=writing.version or source.package,
            model_name=writing.model,
            tool_definitions=writing.tools,
        ),
        steps=steps,
        final_metrics=FinalMetrics(
            total_prompt_tokens=_sum(each.prompt_tokens for each in metrics),
            total_completion_tokens=_sum(each.completion_tokens for each in metrics),
            total_cached_tokens=_sum(each.cached_tokens for each in metrics),
            total_cost_usd=_dollars(each.cost_usd for each in metrics),
            total_steps=len(steps),
        ),
        extra={"recorded_by": f"stillroom {source.package}", "trial": source.trial, **writing.ends, **writing.failed()},
    )
    return ExportedTrajectory(trajectory, dict(sorted(writing.losses.items())))


def _sum(values: Any) -> Any:
    """Add up what is known. None: nothing is."""
    known = [each for each in values if each is not None]
    return sum(known) if known else None


def _dollars(values: Iterable[float | None]) -> float | None:
    """Add money up in the log's whole units, so that the sum is what its parts say."""
    total = _sum(None if each is None else nano_usd(each) for each in values)
    return None if total is None else total / 1e9


class _Writing:
    """Gathers the steps of one attempt."""

    def __init__(self, blobs: BlobStore, source: ExportSource) -> None:
        self.agent = source.agent or "unknown"
        self.version = ""
        self.model = source.model
        self.tools: list[dict[str, Any]] | None = None
        self.ends: dict[str, Any] = {}
        self.losses: dict[str, int] = {}
        self._failed: list[ModelFailed] = []
        self._blobs = blobs
        self._reader = ConversationReader(blobs)
        self._steps: list[AtifStep] = []
        self._open: Gathering | None = None
        self._told = 0
        """Messages of the conversation that stand in steps already."""
        self._asked: Recorded | None = None
        self._imported = False
        """Whether another system recorded it: nothing says when things were done, nor how often a model was asked."""

    def failed(self) -> dict[str, Any]:
        """Tell what failed calls took: they are no steps, and totals are sums of steps. Empty: none failed."""
        if not self._failed:
            return {}
        usages = [each.usage for each in self._failed]
        told = {
            "calls": len(self._failed),
            "prompt_tokens": _sum(each.input_tokens for each in usages),
            "completion_tokens": _sum(each.output_tokens for each in usages),
            "cost_usd": _dollars(None if each.cost is None else each.cost / 1e9 for each in self._failed),
            "of_unknown_cost": sum(is_unknown(each) for each in self._failed),
        }
        return {"failed_calls": told}

    def steps(self) -> tuple[AtifStep, ...]:
        """Give what was gathered."""
        self._close()
        return tuple(self._steps)

    async def add(self, recorded: Recorded) -> None:
        """Take an event in."""
        match recorded.event:
            case ModelAsked() as event:
                await self._question(recorded, event)
            case ModelAnswered() as event:
                self._begin(await of_answer(self._blobs, recorded, event))
                self._told += 1
            case ActionAsked() | SolutionAsked():
                self._asked = recorded
            case ActionObserved() as event if self._asked is not None:
                so_far = self._open or Gathering(recorded.at, "", None, (), (), None, 0, {})
                if self._imported:
                    self._close()
                    so_far = Gathering(None, "", None, (), (), None, None, {})
                self._open = await with_action(self._blobs, so_far, self._asked, event)
                self._told += 1
            case AgentRunAsked() | AgentActed() | AgentSaid():
                await self._foreign(recorded)
            case event:
                self._about(event)

    async def _foreign(self, recorded: Recorded) -> None:
        """Take in what an agent of another make was told, did and said."""
        match recorded.event:
            case AgentRunAsked(package=package, model=model, instruction=instruction):
                self.version, self.model = package.rpartition("@")[2], model
                self._say(recorded, "user", (await self._blobs.get(instruction)).decode(errors="replace"))
            case AgentActed() as event:
                self._begin(await of_acted(self._blobs, recorded, event))
            case AgentSaid() as event:
                self._begin(await of_said(self._blobs, recorded, event))
            case _:
                raise AssertionError(recorded.event)

    def _about(self, event: Event) -> None:
        """Take in what is said of the attempt as a whole; what is not has no place in the format."""
        match event:
            case AttemptOpened(agent=agent):
                self.agent = agent
            case ImportedAttempt():
                self._imported = True
                self.version = self.version or "unknown"
            case AgentEnded(reason=reason, detail=detail):
                self.ends["agent_ended"] = {"reason": reason, "detail": detail}
            case AttemptJudged(outcome=outcome):
                self.ends["verdict"] = msgspec.to_builtins(outcome)
            case AttemptAbandoned(reason=reason, detail=detail):
                self.ends["abandoned"] = {"reason": reason, "detail": detail}
            case ModelFailed(kind=kind):
                self._failed.append(event)
                self._lose(f"a failed call of the model: {kind}")
            case _:
                self._lose(tag_of(event))

    def _begin(self, given: Gathering) -> None:
        self._close()
        self._open = given

    async def _question(self, recorded: Recorded, event: ModelAsked) -> None:
        """Tell what was said to the model, as far as it is not told: the answer and its results are."""
        self.model = event.model
        if event.tools is not None:
            self.tools = msgspec.json.decode(await self._blobs.get(event.tools))
        messages = await self._reader.messages(event.conversation)
        for each in messages[self._told :]:
            said = msgspec.json.decode(each)
            if said["role"] in {"system", "user"}:
                self._say(recorded, said["role"], str(said["content"]))
        self._told = len(messages)

    def _say(self, recorded: Recorded, source: Any, text: str) -> None:
        self._close()
        number = len(self._steps) + 1
        self._steps.append(AtifStep(number, source, text, timestamp=timestamp(recorded.at)))

    def _close(self) -> None:
        if self._open is not None:
            self._steps.append(step(len(self._steps) + 1, self._open))
            self._open = None

    def _lose(self, what: str) -> None:
        self.losses[what] = self.losses.get(what, 0) + 1
