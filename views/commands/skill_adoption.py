"""Commands that write accepted skills into a person's own folder of skills, and take them back."""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Final

from cyclopts import Parameter

from events.errors import ExitCode
from views.commands.seal_options import NOW, SealOptions
from views.handover import adoptable, adoption, skill_bundles
from views.runs import skill_scan
from views.terminal.errors import UsageWrong
from views.terminal.log_access import OpenedLog
from views.terminal.options import ASIS, Given, Options


@Parameter(name="*")
@dataclass(frozen=True)
class AdoptionOptions:
    """Which skills are adopted, and what is refused otherwise."""

    skill: Annotated[tuple[str, ...], Parameter(name="--skill")] = ()
    """Adopt this skill; the same as SKILL as an argument; repeatable."""
    all_: Annotated[bool, Parameter(name="--all")] = False
    """Adopt every skill in force."""
    yes: bool = False
    """Write without asking. Needed where there is no terminal to ask at."""
    replace: bool = False
    """Replace a folder that no adoption wrote, or that was changed since. Its bytes are kept, for `skills rollback`."""
    allow: Annotated[tuple[str, ...], Parameter(name="--allow")] = ()
    """Adopt a revision of this standing, too: quarantined, retired, rolled-back, imported, candidate or rejected;
    repeatable."""
    allow_findings: bool = False
    """Adopt it whatever a scan finds."""


ASKED: Final = AdoptionOptions()


@Parameter(name="*")
@dataclass(frozen=True)
class RollbackOptions:
    """How an adoption is taken back."""

    yes: bool = False
    """Write without asking. Needed where there is no terminal to ask at."""
    replace: bool = False
    """Do so although the folder was changed since it was adopted. Its bytes are kept under their digests, which the
    receipt names."""
    together: bool = False
    """Take back, as one, all that was adopted as one with it, as by `skills adopt --all`."""


LAST: Final = RollbackOptions()


async def adopt_skills(
    *skills: str, to: Path, asked: AdoptionOptions = ASKED, options: Options = ASIS, machine: Given
) -> None:
    """Adopt accepted skills into a folder of skills, such as ~/.claude/skills, pinned by their digests: all, or none.

    What would change is shown first. A folder that no adoption wrote, or that was changed since, is refused. Receipts
    and the bytes that stood there before are kept in .stillroom-adopted below the folder, for `skills rollback`.

    Args:
        skills: NAME for the latest skill of that name, RUN:NAME or LIBRARY/NAME; @2 behind it means its second
            revision, @sha256:DIGEST the revision or candidate whose folder has that digest.
        to: Folder of skills; it has to be there.
    """
    named = (*skills, *asked.skill)
    if asked.all_ == bool(named):
        raise UsageWrong("skills are to be named, or --all", remedy="give SKILL, --skill SKILL, or --all")
    allowed = adoptable.allowed_standings(asked.allow)
    folder = machine.folder / to
    async with options.desk(machine) as desk:
        await adoption.recover(desk.screen, folder, machine)
        found = [await adoptable.find(desk, each) for each in named] or await _all(desk, allowed)
        twice = {each.skill for each in found if sum(other.skill == each.skill for other in found) > 1}
        if twice:
            raise UsageWrong(f"{', '.join(sorted(twice))} is named twice", remedy="one folder holds one revision")
        plans = []
        for each in found:
            adoptable.require_accepted(each, allowed)
            await _scan(desk, each, allow=asked.allow_findings)
            if each.excluded:
                desk.screen.warn(f"{each.name} is not given in {', '.join(each.excluded)}, where it did harm")
            contents = await adoptable.contents_of(desk, each)
            plans.append(await adoption.plan_adoption(folder, machine, each, contents, replace=asked.replace))
        await adoption.carry_out(desk.screen, folder, machine, plans, yes=asked.yes)


async def _all(desk: OpenedLog, allowed: frozenset[str]) -> list[adoptable.FoundRevision]:
    """Find all that are adopted, and say of each other why it is not."""
    found = []
    for each in await adoptable.find_all(desk):
        if each.standing in adoptable.REFUSED and each.standing not in allowed:
            desk.screen.warn(f"{each.name} is left out: it is {adoptable.REFUSED[each.standing]}")
        else:
            found.append(each)
    if not found:
        raise UsageWrong("the log has no skill in force", remedy="`stillroom skills list` lists what it has")
    return found


async def _scan(desk: OpenedLog, found: adoptable.FoundRevision, *, allow: bool) -> None:
    scanned = await adoptable.scan_found(desk, found)
    if not allow:
        skill_scan.require_below(
            scanned, "high", f"see `stillroom skills scan {found.skill}`; --allow-findings adopts it all the same"
        )
    for row in skill_scan.rows_of(scanned):
        desk.screen.warn(f"{row.severity} {row.kind} in {row.file} line {row.line}: {row.why}")


async def bundle_skill(
    skill: str,
    /,
    *,
    output: Annotated[Path | None, Parameter(name=("--output", "-o"))] = None,
    against: SealOptions = NOW,
    allow: tuple[str, ...] = (),
    options: Options = ASIS,
    machine: Given,
) -> None:
    """Write a skill to one file, with the decisions that put it in force, digests of its evidence, and a seal.

    `stillroom bundle verify FILE` checks it, without a log. `unzip` opens it.

    Args:
        skill: NAME, RUN:NAME or LIBRARY/NAME; @2 behind it means its second revision.
        output: Output file; never overwrites. Default: NAME.skill.bundle in the current folder.
        allow: Bundle a revision of this standing, too: quarantined, retired, rolled-back, imported, candidate or
            rejected; repeatable.
    """
    async with options.desk(machine) as desk:
        found = await adoptable.find(desk, skill)
        adoptable.require_accepted(found, adoptable.allowed_standings(allow))
        seal = await against.sealed(desk)
        desk.screen.draw(await skill_bundles.write(desk, found, output, seal), skill_bundles.WRITTEN)


async def roll_back_skill(
    skill: str,
    /,
    *,
    to: Path,
    asked: RollbackOptions = LAST,
    options: Options = ASIS,
    machine: Given,
) -> None:
    """Take the last adoption of a skill back: its folder is as it was before, to the byte, or gone if there was none.

    Needs no log. Repeated, it takes the adoption before that one back.

    Args:
        skill: Name of the skill's folder.
        to: Folder of skills that it was adopted into.
    """
    folder, screen = machine.folder / to, options.screen(machine)
    await adoption.recover(screen, folder, machine)
    plans = await adoption.plan_rollback(folder, machine, skill, replace=asked.replace, together=asked.together)
    await adoption.carry_out(screen, folder, machine, plans, yes=asked.yes)


async def list_adopted(to: Path, /, *, options: Options = ASIS, machine: Given) -> ExitCode:
    """List the skills that were adopted into a folder, and whether they were changed since.

    Exits with 3 if one was. Needs no log, and writes nothing but what an interrupted adoption left to finish or undo.

    Args:
        to: Folder of skills.
    """
    folder, screen = machine.folder / to, options.screen(machine)
    await adoption.recover(screen, folder, machine)
    rows = await adoption.within(folder, machine, lambda skills: adoption.adopted_rows(folder, skills))
    screen.show(rows, adoption.ADOPTED)
    return ExitCode.NEGATIVE if any(row.standing != "adopted" for row in rows) else ExitCode.DONE
