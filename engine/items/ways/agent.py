"""An agent works on an item in a sandbox that holds its files and the skills; what it leaves there is the answer.

It acts as in a trial, and its attempt has a stream of the same kind; but no verifier comes into its sandbox: the
scorer of the item judges what was taken out of it, and what is expected never gets in.
"""

from functools import partial
from typing import Final, NamedTuple

import msgspec

from engine.agents.base import Acted, Brief, TakesSkills
from engine.agents.points import AttemptEnding, ReadsSeen
from engine.agents.sandboxed import agent_ended, in_sandbox, turns_of
from engine.core.scope import Child, Scope, Stopped
from engine.effects.model_calls import text_of
from engine.items.base import ANSWER, Folder, HasFiles, Item, ItemFiles, OpenEnded, Rolled, SkillReads
from engine.items.registry import item_format
from engine.items.work import ItemWork, SandboxTerms, without_answer
from engine.items.world_doors import DOOR
from engine.items.worlds.base import ACTIONS, HasWorld, WorldSetup, world_named
from events.base import Event
from events.digest import Digest
from events.streams import attempt_stream
from events.types.attempt import AttemptOpened
from events.types.decision import Seen
from events.types.sandbox import FilesAsked, FilesTaken, SandboxAsked, SandboxFailed, Workspace
from events.values import NamedDigest

_SUFFIXES: Final = {"image/png": "png", "image/jpeg": "jpg", "image/gif": "gif", "image/webp": "webp"}
_ACTIONS: Final = 50
"""Actions that an agent may take in a world, as ALFWorld's published runs have it."""
_LABEL: Final = "1 of 1"
"""What an agent is told of which attempt it is. One that was lost is none."""


class _Attempt(NamedTuple):
    """An attempt at an item."""

    number: int
    files: ItemFiles
    briefs: tuple[Brief, ...]
    """One for each run of the line, oldest first."""


class _Left(NamedTuple):
    """What comes of an attempt."""

    rolled: Rolled
    counts: bool
    """False if a process of ours died under it, or somebody stopped it."""


async def work_in_sandbox(scope: Scope, work: ItemWork) -> Rolled:
    """Have the agent of the condition work on an item. Where its sandbox is lost with a process, it begins anew."""
    files = await item_files(scope, work.item)
    note = await text_of(scope, work.condition.note)
    briefs = tuple(_brief(work, era, files, note) for era in range(len(work.terms.sandboxes)))
    number = 0
    try:
        while True:
            number += 1
            given = _Attempt(number, files, briefs)
            child = Child(attempt_stream(work.cell, number), partial(_attempt, work=work, given=given))
            left = (await scope.gather([child]))[0]
            await scope.checkpoint()
            if left.counts:
                return left.rolled
    except Stopped as stop:
        return without_answer("stopped", stop.event.detail)


async def _attempt(scope: Scope, work: ItemWork, given: _Attempt) -> _Left:
    """Let the agent act in a fresh sandbox, and take what it leaves."""
    begun, told = work.terms.sandboxes[scope.era], given.briefs[scope.era]
    instruction = scope.put(told.instruction.encode())
    await scope.record(AttemptOpened(work.cell, given.number, begun.agent.name, instruction))

    async def act() -> _Left:
        acted = await begun.agent.act(scope, lambda: given.briefs[scope.era])
        ended = (await agent_ended(scope, acted)).value
        taken = await scope.effect(FilesAsked(given.files.wanted or (ANSWER,))) if ended.verified else None
        left = _answer(ended, given.files, taken)
        counted = left._replace(turns=turns_of(acted), tool_calls=len(acted.actions), reads=_reads(acted))
        return _Left(counted, counts=True)

    return await in_sandbox(scope, sandbox_asked(scope, work, begun, given.files), act, _abandoned)


def sandbox_asked(scope: Scope, work: ItemWork, terms: SandboxTerms, files: ItemFiles) -> SandboxAsked:
    """Ask for a sandbox that holds the files of an item, and shows the skills of its condition."""
    workspace = Workspace(scope.put(terms.dockerfile.encode()), files.given)
    mounted = work.condition.skills is not None and isinstance(terms.agent, TakesSkills)
    named = scope.put(work.condition.canonical) if mounted else None
    return SandboxAsked(terms.backend, work.name, named, workspace, _world(scope, work))


def _world(scope: Scope, work: ItemWork) -> Digest | None:
    """Put down the world of an item for its host. It never gets into the sandbox."""
    form = item_format(work.item.format)
    if not isinstance(form, HasWorld):
        return None
    return scope.put(msgspec.json.encode(WorldSetup(form.world, work.item.expected, _ACTIONS)))


def _reads(acted: Acted) -> SkillReads:
    """Give what it touched of its skills; what an installed agent did is told for all of its work at once."""
    if acted.run_reads is not None:
        return SkillReads((), acted.run_reads)
    return SkillReads(tuple(Seen(each.observed, ReadsSeen(each.seen.reads)) for each in acted.actions), None)


def _abandoned(detail: str, *, counts: bool) -> _Left:
    return _Left(without_answer("infrastructure", detail), counts)


def _answer(ended: AttemptEnding, files: ItemFiles, taken: Event | None) -> Rolled:
    """Say what came of an agent's work. Where nothing of it is to be judged, that was no doing of the agent's."""
    match taken:
        case FilesTaken() if files.wanted:
            return Rolled("answered", "", None, 0, 0, taken.files)
        case FilesTaken():
            return Rolled("answered", "", next((each.digest for each in taken.files), None), 0, 0)
        case SandboxFailed():
            return without_answer("infrastructure", taken.detail)
        case _:
            return without_answer("budget" if ended.reason == "budget" else "infrastructure", ended.detail)


async def item_files(scope: Scope, item: Item) -> ItemFiles:
    """Say which files of an item a sandbox holds, and which of those that are left there are the answer."""
    form = item_format(item.format)
    if isinstance(form, HasFiles):
        return form.files(item)
    if isinstance(form, HasWorld):
        return ItemFiles((), (ACTIONS,))
    texts = await _texts(scope, item.folder)
    images = [
        NamedDigest(f"image-{number}.{_SUFFIXES.get(each.media_type, 'bin')}", each.digest)
        for number, each in enumerate(item.images, start=1)
    ]
    return ItemFiles((*texts, *images))


async def _texts(scope: Scope, folder: Digest | None) -> list[NamedDigest]:
    if folder is None:
        return []
    files = msgspec.json.decode(await scope.get(folder), type=Folder).files
    return [NamedDigest(name, scope.put(text.encode())) for name, text in files.items()]


def _told(work: ItemWork, files: ItemFiles) -> str:
    form, item, prompts = item_format(work.item.format), work.item, work.terms.prompts
    if isinstance(form, HasWorld):
        world = world_named(form.world)
        seen = world.begin(item.expected).observation
        return prompts.fill(
            "item_agent_world", question=item.question, context=seen, actions=world.actions, command=f"{DOOR}/act"
        )
    return prompts.fill(
        "item_agent_open" if isinstance(form, OpenEnded) else "item_agent",
        question=item.question,
        context=item.context or "",
        files="\n".join(each.name for each in files.given),
        answers=", ".join(files.wanted or (ANSWER,)),
    )


def _brief(work: ItemWork, era: int, files: ItemFiles, note: str) -> Brief:
    """Tell an agent of its item: the same to all arms, but for the note."""
    terms = work.terms.sandboxes[era]
    limit = terms.settings.timeout_s
    told = _told(work, files).rstrip("\n")
    return Brief(
        trial=work.cell,
        task=work.name,
        label=_LABEL,
        instruction="\n\n".join(filter(None, (told, note))),
        settings=terms.settings,
        injection=note,
        steps=(),
        timeout_s=terms.timeout_s if limit is None else limit,
        teacher=work.terms.callers[era],
        tools=terms.tools,
        prompts=work.terms.prompts,
        skills=work.condition.skills,
        allowed_s=terms.timeout_s,
    )
