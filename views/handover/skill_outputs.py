"""Which skill bytes were in play for an output, and which outputs a skill touched."""

import re
from collections.abc import Iterable, Mapping
from typing import Final, assert_never

import msgspec
from rich.text import Text

from engine.core.fold import fold
from events.base import StreamId
from events.store.base import Selection
from events.streams import ATTEMPT, CELL, ITEM, attempt_stream, cell_stream, family_of, item_stream
from events.types.agent import AgentRunFinished
from events.types.sandbox import ActionObserved
from projections.exposure import Exposure, exposure_in, read_of
from projections.library import Library, LibraryState
from projections.skill_outputs import OutputKind, SkillBytes, SkillOutput, SkillOutputs, touched_by
from views.handover.adoptable import find
from views.terminal.errors import IdUnknown, UsageWrong
from views.terminal.format import plural
from views.terminal.ids import (
    AttemptTarget,
    BlobTarget,
    EventTarget,
    ItemTarget,
    PlaceTarget,
    RunTarget,
    TrialTarget,
    find_run,
    find_target,
)
from views.terminal.log_access import OpenedLog
from views.terminal.tables import TableView

_HEX: Final = re.compile(r"(?:sha256:)?([0-9a-f]{8,64})")


class InPlayRow(msgspec.Struct, frozen=True, tag_field="row", tag="in_play"):
    """Bytes of a skill that were in play for an output."""

    run: str
    output: str
    """Stream of the output, as ``attempt/TRIAL/N``, ``item/…`` or ``cell/…``."""
    kind: OutputKind
    skill: str
    digest: str
    """Of its folder, as `skills list` prints it."""
    revision: str | None
    """As `skills show` takes it. None: no library of the log has these bytes; they were read from a folder."""
    read: Exposure | None
    """Whether the agent read it: ``yes``, ``no``, ``unknown``. ``yes``, too, where its text stood in what the model was
    sent. None: a cell, which is a score; its attempt or item says."""
    condition: str | None
    """Digest of the condition. None: the end of an installed agent says what was mounted, and no condition does."""
    position: int
    """Of the event that says so."""
    at: int
    """Microseconds since 1970, UTC."""


async def given_to(desk: OpenedLog, text: str) -> list[InPlayRow]:
    """List the skills that were in play for an output: an attempt, a trial, a cell, an item, or a run.

    Raises:
        IdUnknown, IdAmbiguous: There is no such output, or there are several.
        UsageWrong: It is none.
    """
    named = await _named(desk, text)
    found = named or await _addressed(desk, text)
    return await _rows(desk, ((each, skill) for each in found for skill in each.skills or ()))


async def _named(desk: OpenedLog, text: str) -> list[SkillOutput]:
    """Find an output by its stream, of the latest run that has it. Empty: the text is the name of none."""
    run, colon, stream = text.rpartition(":")
    if family_of(stream) not in (ATTEMPT, CELL, ITEM) or stream == family_of(stream):
        return []
    outputs = await _outputs(desk, await find_run(desk.log, run) if colon else None)
    return [each for each in outputs if each.stream == stream][-1:]


async def _addressed(desk: OpenedLog, text: str) -> list[SkillOutput]:
    """Find outputs by what else commands take."""
    target = await find_target(desk.log, text)
    match target:
        case AttemptTarget(run, trial, attempt):
            wanted = [attempt_stream(trial, attempt)]
        case TrialTarget(run, cell) | ItemTarget(run, cell):
            wanted = [item_stream(cell), cell_stream(cell), attempt_stream(cell, 0).removesuffix("0")]
        case RunTarget(run):
            wanted = [""]
        case EventTarget() | BlobTarget() | PlaceTarget():
            raise UsageWrong(f"{text} is no output", remedy="name an attempt, a trial, a cell, or a run")
        case _:
            assert_never(target)
    outputs = await _outputs(desk, run)
    found = [each for each in outputs if any(_is(each.stream, name) for name in wanted)]
    if not found:
        raise IdUnknown(text, "output that was told of skills", sorted({each.stream for each in outputs}))
    return found


def _is(stream: str, name: str) -> bool:
    """Say whether a stream has a name; one that ends in a slash, or is empty, stands for all that begin so."""
    return stream.startswith(name) if name.endswith("/") or not name else stream == name


async def outputs_of(desk: OpenedLog, text: str) -> list[InPlayRow]:
    """List the outputs that a skill's bytes were in play for, across the runs of a log.

    Args:
        desk: The log.
        text: A revision, as `skills show` takes it; or the digest of a folder or a file, eight characters or more.

    Raises:
        IdUnknown, IdAmbiguous: There is no such skill, or there are several.
    """
    digest = _HEX.fullmatch(text)
    beginning = digest[1] if digest is not None else str((await find(desk, text)).adoptable.pinned)
    outputs = await _outputs(desk, None)
    touched = ((each, skill) for each in outputs for skill in each.skills or () if touched_by(skill, beginning))
    return await _rows(desk, touched)


async def _outputs(desk: OpenedLog, run: str | None) -> list[SkillOutput]:
    state = await fold(desk.log, SkillOutputs(), Selection(run=run))
    return [each for some in state.runs.values() for each in some.values()]


async def _rows(desk: OpenedLog, found: Iterable[tuple[SkillOutput, SkillBytes]]) -> list[InPlayRow]:
    pairs = list(found)
    names = _names(await fold(desk.log, Library()))
    outputs = {(output.run, output.stream): output for output, _ in pairs}
    reads = {place: await _reads(desk, output) for place, output in outputs.items()}
    return [
        InPlayRow(
            run=output.run,
            output=output.stream,
            kind=output.kind,
            skill=skill.name,
            digest=skill.digest,
            revision=names.get((skill.name, skill.digest)),
            read=reads[output.run, output.stream].get(skill.name),
            condition=output.condition,
            position=output.position,
            at=output.at,
        )
        for output, skill in pairs
    ]


async def _reads(desk: OpenedLog, output: SkillOutput) -> Mapping[str, Exposure]:
    """Say of each skill of an output whether it was read. Empty: a cell, of which nothing can be said."""
    names = [each.name for each in output.skills or ()]
    if output.kind == "cell" or not names:
        return {}
    if output.whole:
        return dict.fromkeys(names, "yes")
    told = []
    heads = False
    selection = Selection(stream=StreamId(output.run, output.stream), tags={"action.observed", "agent.run_finished"})
    async for each in desk.log.read(selection):
        if isinstance(each.event, ActionObserved | AgentRunFinished):
            told.append(each.event.reads)
            heads = heads or isinstance(each.event, AgentRunFinished)
    return exposure_in(names, told, heads=heads) if told else dict.fromkeys(names, "unknown")


def _names(state: LibraryState) -> dict[tuple[str, str], str]:
    """Name revisions by skill and digest; of equal ones, the first."""
    found: dict[tuple[str, str], str] = {}
    for library in (*state.runs.values(), *state.named.values()):
        for skill in library.skills.values():
            for each in skill.revisions:
                place = f"{skill.library}/{skill.name}" if skill.library else skill.name
                found.setdefault((skill.name, each.digest), f"{each.run}:{place}@{each.revision}")
    return found


IN_PLAY: Final = TableView(
    InPlayRow,
    "run",
    "output…",
    "skill…",
    ("digest", lambda row: row.digest[:12]),
    ("revision…", lambda row: row.revision or "from a folder"),
    ("read", lambda row: row.read or ""),
    empty=Text("no skill was in play", style="dim"),
    notes=lambda rows: [Text(_summary(rows), style="dim")],
)


def _summary(rows: Iterable[InPlayRow]) -> str:
    listed = list(rows)
    outputs = {(each.run, each.output) for each in listed}
    runs, skills = {each.run for each in listed}, {each.digest for each in listed}
    read = read_of(each.read for each in listed if each.read is not None)
    seen = {"yes": "read by some", "no": "read by none", "unknown": "nobody knows whether any was read", None: ""}[read]
    told = f"{plural(len(outputs), 'output')} of {plural(len(runs), 'run')}, {plural(len(skills), 'skill')} by bytes"
    return f"{told}; {seen}" if seen else told
