"""An attempt that was imported from ATIF, as a document again: what the log holds of it, and nothing else."""

from base64 import b64encode
from collections.abc import Iterable, Sequence
from typing import Any

import msgspec

from engine.importers.atif.schema import (
    VERSION,
    AtifAgent,
    AtifObservation,
    AtifPart,
    AtifResult,
    AtifSource,
    AtifStep,
    AtifToolCall,
    AtifTrajectory,
    FinalMetrics,
    Metrics,
    SubagentRef,
)
from events.base import Recorded
from events.digest import Digest
from events.store.base import BlobStore
from events.types.agent import AgentActed, AgentSaid
from events.types.trajectory import (
    CallTold,
    MediaTold,
    ObservationImported,
    PartTold,
    StepImported,
    TotalsTold,
    TrajectoryImported,
)
from events.values import NanoUsd, Usage
from replay.export.atif.steps import Gathering, of_acted, of_said, step


class AttemptTrajectories:
    """The trajectories of an attempt, in the order in which they were told."""

    def __init__(self, blobs: BlobStore) -> None:
        self.found: list[tuple[TrajectoryImported, list[AtifStep]]] = []
        self._blobs = blobs

    async def add(self, recorded: Recorded) -> bool:
        """Take an event in. False: it tells nothing of a trajectory."""
        match recorded.event:
            case TrajectoryImported() as event:
                self.found.append((event, []))
            case StepImported() as event:
                self.found[-1][1].append(await self._step(event))
            case ObservationImported() as event:
                await self._observe(event)
            case AgentActed() as event if self.found:
                self._did(await of_acted(self._blobs, recorded, event))
            case AgentSaid() as event if self.found:
                self._did(await of_said(self._blobs, recorded, event))
            case _:
                return False
        return True

    def _did(self, given: Gathering) -> None:
        """Take in what an event stream tells; which calls of a model stand behind it, it does not say."""
        steps = self.found[-1][1]
        steps.append(step(len(steps) + 1, given._replace(at=None, asked=None)))

    async def document(self, losses: dict[str, int]) -> AtifTrajectory:
        """Give the first one, with those that were embedded in it.

        Args:
            losses: Is added to: documents beside the first have files of their own, and are not put into this one.
        """
        file = self.found[0][0].file
        beside = len({event.file for event, _ in self.found} - {file})
        if beside:
            losses["a trajectory of another file"] = beside
        inside = [await self._trajectory(*each) for each in self.found if each[0].file == file]
        return _nested(inside, [event.below for event, _ in self.found if event.file == file])

    async def _trajectory(self, event: TrajectoryImported, steps: Sequence[AtifStep]) -> AtifTrajectory:
        return AtifTrajectory(
            schema_version=VERSION,
            session_id=event.session,
            trajectory_id=event.trajectory,
            agent=AtifAgent(
                name=event.agent,
                version=event.agent_version,
                model_name=event.model,
                tool_definitions=await self._json(event.tools),
            ),
            steps=tuple(steps),
            notes=await self._text(event.notes),
            final_metrics=None if event.totals is None else _totals(event.totals),
            continued_trajectory_ref=event.continued,
            extra=await self._json(event.extra),
        )

    async def _step(self, event: StepImported) -> AtifStep:
        return AtifStep(
            step_id=event.number,
            source=event.source,
            message=await self._said(event.text, event.parts),
            timestamp=event.said_at,
            model_name=event.model,
            reasoning_content=await self._text(event.reasoning),
            tool_calls=tuple([await self._call(each) for each in event.calls]) or None,
            metrics=_metrics(event.usage, event.cost),
            is_copied_context=event.copied,
            llm_call_count=event.asked,
            extra=await self._json(event.extra),
        )

    async def _observe(self, event: ObservationImported) -> None:
        steps = self.found[-1][1]
        refs = tuple(SubagentRef(each.trajectory, each.session, each.path) for each in event.subagents)
        content = None if event.text is None else await self._said(event.text, event.parts)
        result = AtifResult(event.call, content, refs or None, await self._json(event.extra))
        so_far = steps[-1].observation.results if steps[-1].observation else ()
        steps[-1] = msgspec.structs.replace(steps[-1], observation=AtifObservation((*so_far, result)))

    async def _call(self, call: CallTold) -> AtifToolCall:
        arguments = msgspec.json.decode(await self._blobs.get(call.arguments))
        return AtifToolCall(call.id, call.name, arguments, await self._json(call.extra))

    async def _said(self, text: Digest, parts: Iterable[PartTold]) -> str | tuple[AtifPart, ...]:
        told = tuple([await self._part(each) for each in parts])
        return told or (await self._blobs.get(text)).decode()

    async def _part(self, part: PartTold) -> AtifPart:
        if part.media is None:
            return AtifPart("text", await self._text(part.text))
        media = part.media
        return AtifPart(media.kind, None, AtifSource(media.media_type, await self._path(media), media.duration_s))

    async def _path(self, media: MediaTold) -> str:
        if media.path.startswith("data:") and media.content is not None:
            return media.path + b64encode(await self._blobs.get(media.content)).decode()
        return media.path

    async def _text(self, digest: Digest | None) -> str | None:
        return None if digest is None else (await self._blobs.get(digest)).decode()

    async def _json(self, digest: Digest | None) -> Any:
        return None if digest is None else msgspec.json.decode(await self._blobs.get(digest))


def _nested(told: Sequence[AtifTrajectory], below: Sequence[str | None]) -> AtifTrajectory:
    """Put each trajectory into the one it was told to be below; the last ones first, since they follow those above."""
    made = list(told)
    for at in range(len(made) - 1, 0, -1):
        above = max(place for place in range(at) if (made[place].trajectory_id or "") == below[at])
        inner = (made[at], *(made[above].subagent_trajectories or ()))
        made[above] = msgspec.structs.replace(made[above], subagent_trajectories=inner)
    return made[0]


def _metrics(usage: Usage | None, cost: NanoUsd | None) -> Metrics | None:
    if usage is None:
        return None
    extra = None if usage.reasoning_tokens is None else {"reasoning_tokens": usage.reasoning_tokens}
    spent = None if cost is None else cost / 1e9
    return Metrics(usage.input_tokens, usage.output_tokens, usage.cached_input_tokens, spent, extra)


def _totals(totals: TotalsTold) -> FinalMetrics:
    spent = None if totals.cost is None else totals.cost / 1e9
    counted = (totals.input_tokens, totals.output_tokens, totals.cached_input_tokens)
    return FinalMetrics(*counted, spent, totals.steps)
