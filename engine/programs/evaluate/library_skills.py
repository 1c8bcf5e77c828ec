"""Skills of libraries: of any run in the log, or under a name of its own; only what was accepted, byte for byte."""

from collections.abc import Iterator, Mapping, Sequence
from difflib import get_close_matches
from typing import Final, NamedTuple

from engine.agents.installed.skill_set import FILE, head_of
from engine.config.skill_source import LATEST, SkillSource
from engine.core.fold import fold_kept, fold_run
from engine.core.lineage import pages_of
from engine.core.run_names import named_runs
from engine.policies.skill.front_matter import is_skill_name
from engine.policies.skill.split import SplitFault
from engine.programs.evaluate.errors import ArmSkillsUnusable
from events.errors import BlobMissing
from events.store.base import BlobStore, EventLog, Selection
from events.types.trial import TrialOpened
from projections.library import Library, Revision, SkillLibrary

_ACCEPTED: Final = frozenset({"skill.revised", "skill.imported", "skill.accepted"})
_LISTED: Final = "`stillroom skills list` names every skill, with its run"


class SkillContent(NamedTuple):
    """A skill, with its bytes."""

    name: str
    """Of its folder, as its front matter has it."""
    files: Mapping[str, bytes]
    """By path below its folder."""
    run: str | None = None
    """Run that accepted it. None: it was read from a folder."""
    revision: int | None = None
    """None: it was read from a folder."""


class _Accepted(NamedTuple):
    """A revision, with the skill that it is of."""

    skill: str
    revision: Revision
    retired: str | None
    """Why the skill is in force no more. None: it is."""


async def run_named(log: EventLog, text: str) -> str:
    """Find the run that a source names.

    Raises:
        ArmSkillsUnusable: No run begins so, or several do; or none accepted a skill.
    """
    if text == LATEST:
        found = ""
        async for each in log.read(Selection(tags=_ACCEPTED)):
            found = each.stream.run
        if found:
            return found
        raise ArmSkillsUnusable(f"run:{text}", ["no run accepted a skill so far"], remedy="name a folder of skills")
    runs = await log.runs()
    named = [] if text in runs else (await named_runs(log)).get(text, ())
    matches = [text] if text in runs else [run for run in runs if run.startswith(text) or run in named]
    if len(matches) != 1:
        why = f"several runs begin so: {', '.join(matches[:5])}" if matches else "no run begins or is named so"
        raise ArmSkillsUnusable(f"run:{text}", [why], remedy="`stillroom runs` lists them")
    return matches[0]


async def library_skills(log: EventLog, source: SkillSource) -> tuple[SkillContent, ...]:
    """Read what a source names: every skill in force, or one revision of one.

    Raises:
        ArmSkillsUnusable: It was never accepted, is in force no more, was erased, or cannot be read by an agent.
    """
    libraries = await _libraries(log, source)
    if not source.skill:
        accepted = _by_skill(libraries)
        chosen = [each[-1] for each in accepted.values() if each[-1].retired is None]
        if not chosen:
            why = "none of its skills is in force any more" if accepted else "no skill was accepted into it"
            raise ArmSkillsUnusable(source.text, [why], remedy=_LISTED)
    else:
        chosen = [_one(libraries, source, await _tasks(log, source))]
    return tuple([await _read(log, source, each) for each in chosen])


async def library_skills_by_task(log: EventLog, source: SkillSource) -> Mapping[str, tuple[SkillContent, ...]]:
    """Read the skills that were distilled from each task, by task: the latest under each name.

    Raises:
        ArmSkillsUnusable: One of them was erased, or cannot be read by an agent.
    """
    tasks = await _tasks(log, source)
    latest: dict[str, dict[str, _Accepted]] = {}
    for skill, accepted in _by_skill(await _libraries(log, source)).items():
        for each in accepted:
            task = tasks.get(each.revision.trial)
            if task is not None and each.retired is None:
                latest.setdefault(task, {})[skill] = each
    return {
        task: tuple([await _read(log, source, each) for each in found.values()])
        for task, found in sorted(latest.items())
    }


async def _libraries(log: EventLog, source: SkillSource) -> list[SkillLibrary]:
    if source.kind == "run":
        (state,) = await fold_run(log, [Library()], source.place)
        return [*state.runs.values(), *state.named.values()]
    kept = await fold_kept(log, Library(), await log.head())
    if source.place not in kept.named:
        known = ", ".join(sorted(kept.named)) or "none so far"
        raise ArmSkillsUnusable(source.text, ["there is no such library"], remedy=f"name one of: {known}")
    return [kept.named[source.place]]


def _by_skill(libraries: Sequence[SkillLibrary]) -> dict[str, list[_Accepted]]:
    """List every accepted revision by skill, in the order in which they came."""
    found: dict[str, list[_Accepted]] = {}
    for library in libraries:
        for name, skill in library.skills.items():
            found.setdefault(name, []).extend(_Accepted(name, each, skill.retired) for each in skill.revisions)
    return {name: sorted(each, key=lambda one: one.revision.at) for name, each in sorted(found.items())}


def _one(libraries: Sequence[SkillLibrary], source: SkillSource, tasks: Mapping[str, str]) -> _Accepted:
    by_skill = _by_skill(libraries)
    every = [each for accepted in by_skill.values() for each in accepted]
    trials = [each for each in every if source.skill in {each.revision.trial, tasks.get(each.revision.trial)}]
    found = by_skill.get(source.skill) or trials
    if not found:
        raise ArmSkillsUnusable(source.text, list(_never(libraries, source)), remedy=_near(source.skill, by_skill))
    if source.revision is None:
        if found[-1].retired is not None:
            why = f"it is in force no more: {found[-1].retired}"
            raise ArmSkillsUnusable(source.text, [why], remedy=f"name a revision: {source.text}@1")
        return found[-1]
    numbered = [each for each in found if each.revision.revision == source.revision]
    if not numbered:
        known = ", ".join(sorted({str(each.revision.revision) for each in found}))
        why = f"there is no revision {source.revision} of it"
        raise ArmSkillsUnusable(source.text, [why], remedy=f"name one of: {known}")
    if len({each.revision.digest for each in numbered}) > 1:
        trials_of = ", ".join(each.revision.trial for each in numbered)
        why = f"several trials accepted a revision {source.revision} of it: {trials_of}"
        raise ArmSkillsUnusable(source.text, [why], remedy="name the trial in the place of the skill")
    return numbered[-1]


def _never(libraries: Sequence[SkillLibrary], source: SkillSource) -> Iterator[str]:
    """Say why a skill that is none of a library's is none of them."""
    candidates = [each for library in libraries for each in library.candidates if each.skill == source.skill]
    refused = [each for library in libraries for each in library.refused if each.skill == source.skill]
    if not candidates and not refused:
        yield "there is no such skill"
    for proposed in candidates:
        said = "; ".join(proposed.rejected) if proposed.rejected else "nothing was decided"
        yield f"it was proposed and never accepted: {said}"
    for refusal in refused:
        yield f"its distillation was refused: {'; '.join(refusal.problems)}"


def _near(name: str, known: Mapping[str, object]) -> str:
    near = get_close_matches(name, list(known), n=1)
    return f"did you mean {near[0]}?" if near else f"only accepted skills can be given: {_LISTED}"


async def _tasks(log: EventLog, source: SkillSource) -> Mapping[str, str]:
    """Name the task of each trial of a run."""
    if source.kind != "run":
        return {}
    found: dict[str, str] = {}
    async for page in pages_of(log, Selection(run=source.place, tags={"trial.opened"})):
        for each in page:
            if isinstance(each.event, TrialOpened):
                found[each.stream.name.partition("/")[2]] = each.event.task
    return found


async def _read(blobs: BlobStore, source: SkillSource, accepted: _Accepted) -> SkillContent:
    revision = accepted.revision
    try:
        files = {each.name: await blobs.get(each.digest) for each in revision.files}
    except BlobMissing as error:  # or erased on purpose, which says so itself
        why = f"the bytes of {accepted.skill} (revision {revision.revision}) are gone: {error.problem}"
        raise ArmSkillsUnusable(source.text, [why], remedy="name another revision, or another run") from error
    return checked(source.text, accepted.skill, files)._replace(run=revision.run, revision=revision.revision)


def checked(source: str, place: str, files: Mapping[str, bytes]) -> SkillContent:
    """Name a skill as its front matter does, by which agents find it.

    Args:
        source: As the spec names it.
        place: Where it is, for people.
        files: By path below its folder.

    Raises:
        ArmSkillsUnusable: An agent would pass over it.
    """
    head = head_of(files.get(FILE, b""))
    if isinstance(head, SplitFault):
        fault = f"{place}/{FILE}: {head.problem} An agent would pass over it"
    elif not is_skill_name(head.name):
        fault = f"{place}/{FILE}: the name {head.name[:80]!r} is not a valid Agent Skills name"
    else:
        return SkillContent(head.name, files)
    raise ArmSkillsUnusable(source, [fault], remedy="name another skill, or mend a copy of it and name its folder")
