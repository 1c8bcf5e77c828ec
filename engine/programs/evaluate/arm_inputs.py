"""What an arm is given: its skills or a placebo of them, for all items or for each its own; others beside; its note."""

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Final, Literal

from engine.agents.installed.skill_set import FILE, skill_refs
from engine.config.program import ArmInputs
from engine.config.skill_source import SkillSource, read_source
from engine.config.spec import RunSpec
from engine.policies.skill.placebo import placebo_of
from engine.policies.skill.sections import without_section
from engine.programs.evaluate.errors import ArmSkillsUnusable
from engine.programs.evaluate.folder_skills import folder_skills, folder_skills_by_task
from engine.programs.evaluate.library_skills import SkillContent, library_skills, library_skills_by_task
from engine.programs.evaluate.spec import ArmSpec, WithoutSkill
from events.digest import digest_of
from events.store.base import EventLog
from events.types.session import GivenSkill

_BESIDE: Final = "name other skills beside, or rename a copy of one: an agent finds a skill by its name"


class ArmSkills:
    """Finds what one arm is given."""

    def __init__(self, log: EventLog, base: Path, arm: str, given: ArmSpec) -> None:
        """Say whose.

        Args:
            log: Where libraries are.
            base: Against which relative paths are read.
            arm: Its name.
            given: Its settings; of an arm that repeats another, those of that one.
        """
        self._log = log
        self._base = base
        self._arm = arm
        self._given = given
        self._part: Literal["own", "placebo"] = "placebo" if given.placebo else "own"

    async def find(self, spec: RunSpec, tasks: Sequence[str], without: WithoutSkill) -> ArmInputs:
        """Read it.

        Args:
            spec: The arm's.
            tasks: Names of those that the run is to be of.
            without: What becomes of a task for which there is no skill, where each is given its own.

        Raises:
            ArmSkillsUnusable: It cannot be given as it is; says everything that is wrong with it.
        """
        named = spec.agent.skills
        note = self._given.note.encode() if self._given.note else None
        if named is None and not self._given.beside:
            return ArmInputs(None, note)
        beside = await self._beside()
        source = read_source(named) if named else None
        if source is None or not source.per_item:
            own = {} if source is None else self._own(source, await self._read(source))
            files, sources = self._joined(own, beside, None)
            return ArmInputs(files, note, sources=sources)
        return (await self._by_item(source, beside, tasks, without))._replace(note=note)

    async def _by_item(
        self, source: SkillSource, beside: "_Origins", tasks: Sequence[str], without: WithoutSkill
    ) -> ArmInputs:
        found = await self._read_by_task(source, tasks)
        lacking = tuple(task for task in tasks if task not in found)
        if lacking and without == "refuse":
            remedy = (
                'write evaluate.without_skill = "leave_out" to leave such tasks out, or "none" to give them no skill'
            )
            raise ArmSkillsUnusable(
                source.text, [f"there is no skill for the task {each}" for each in lacking], remedy=remedy
            )
        shared, sources = self._joined({}, beside, None)
        items: dict[str, Mapping[str, bytes]] = {}
        for task in tasks:
            if task in found:
                items[task], more = self._joined(self._own(source, found[task]), beside, task)
                sources += more
        return ArmInputs(shared, items=items, sources=sources, lacking=lacking if without == "leave_out" else ())

    def _own(self, source: SkillSource, found: Iterable[SkillContent]) -> "_Origins":
        return {each.name: (each, source.text) for each in found}

    async def _beside(self) -> "_Origins":
        found: _Origins = {}
        for text in self._given.beside:
            for each in await self._read(read_source(text)):
                if each.name in found:
                    self._clash(each.name, found[each.name][1], text)
                found[each.name] = each, text
        return found

    def _clash(self, name: str, one: str, other: str) -> None:
        problem = f"arm {self._arm} is given two skills called {name!r}, from {one} and from {other}"
        raise ArmSkillsUnusable(other, [problem], remedy=_BESIDE)

    def _joined(
        self, own: "_Origins", beside: "_Origins", item: str | None
    ) -> tuple[dict[str, bytes], tuple[GivenSkill, ...]]:
        """Put an item's skills beside the others, and say where each came from."""
        for name in sorted(own.keys() & beside.keys()):
            self._clash(name, own[name][1], beside[name][1])
        files = _files_of(own)
        files = placebo_of(files) if self._given.placebo else self._shortened(files)
        sources = [
            *self._sources(files, own, self._part, item),
            *self._sources(_files_of(beside), beside, "beside", item),
        ]
        return {**files, **_files_of(beside)}, tuple(sources)

    def _shortened(self, files: dict[str, bytes]) -> dict[str, bytes]:
        """Leave out the section that the arm is to be without.

        Raises:
            ArmSkillsUnusable: It has more than one skill, or no such section.
        """
        number, heads = self._given.without, [path for path in files if path.endswith(f"/{FILE}")]
        if number is None or not files:
            return files
        remedy = "leave `without` out, or name one skill and the number of one of its sections"
        if len(heads) != 1:
            problem = f"arm {self._arm} is to be without a section, and has {len(heads)} skills"
            raise ArmSkillsUnusable(self._given.skills or "", [problem], remedy=remedy)
        try:
            text = without_section(files[heads[0]].decode(), number)
        except (IndexError, UnicodeDecodeError) as error:
            raise ArmSkillsUnusable(self._given.skills or "", [f"{heads[0]}: {error}"], remedy=remedy) from error
        return {**files, heads[0]: text.encode()}

    def _sources(
        self,
        files: Mapping[str, bytes],
        origins: "_Origins",
        part: Literal["own", "placebo", "beside"],
        item: str | None,
    ) -> Iterable[GivenSkill]:
        for ref in skill_refs(files, digest_of):
            skill, source = origins[ref.name]
            yield GivenSkill(self._arm, ref.name, ref.digest, source, part, item, skill.run, skill.revision)

    async def _read(self, source: SkillSource) -> tuple[SkillContent, ...]:
        if source.kind == "folder":
            return await folder_skills(self._base, source)
        return await library_skills(self._log, source)

    async def _read_by_task(self, source: SkillSource, tasks: Sequence[str]) -> Mapping[str, tuple[SkillContent, ...]]:
        if source.kind == "folder":
            return await folder_skills_by_task(self._base, source, tasks)
        return await library_skills_by_task(self._log, source)


_Origins = dict[str, tuple[SkillContent, str]]
"""By name, a skill and the source that it was found in, as the spec names it."""


def _files_of(origins: _Origins) -> dict[str, bytes]:
    return {f"{name}/{path}": data for name, (skill, _) in origins.items() for path, data in skill.files.items()}
