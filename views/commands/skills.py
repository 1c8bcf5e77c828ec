"""Commands about skills."""

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Final

from cyclopts import App, Parameter

from engine.policies.scan.finding import NO_CONTEXT
from engine.runtime.open_context import cache_of
from events.errors import ExitCode
from sandbox.harbor.dataset import DatasetPaths
from views.commands.rows import Rows
from views.commands.skill_adoption import adopt_skills, bundle_skill, list_adopted, roll_back_skill
from views.commands.skill_following import index_skills, list_given, list_outputs
from views.evaluations import audit
from views.handover import adoption, skill_bundles, skill_index, skill_outputs
from views.libraries import blame as evolved_blame
from views.libraries import life
from views.libraries.failed_trial import find_trial
from views.runs import skill_marks, skill_scan, skills
from views.runs.refusals import RefusalRow, tell_refused
from views.terminal.errors import UsageWrong
from views.terminal.options import AS_TABLES, ASIS, Given, Options, TableOptions
from views.terminal.screen import OutputStyle, Screen
from views.training import skill_blame, skill_diff, skill_log

ROWS: Final[Rows] = {
    "skills list": (skills.SkillRow, RefusalRow),
    "skills show": (skills.SkillText, skill_marks.MarkRow),
    "skills export": (skills.ExportedSkill,),
    "skills log": (skill_log.SkillLogRow, life.SkillLifeRow),
    "skills diff": (skill_diff.FileDiffRow,),
    "skills blame": (skill_blame.BlamedLineRow, evolved_blame.EvolvedLineRow),
    "skills scan": (skill_scan.ScanRow, skill_scan.ScannedRow, skill_marks.MarkRow),
    "skills audit": (audit.AuditCostRow, audit.AuditedSectionRow),
    "skills adopt": (skill_diff.FileDiffRow, adoption.AdoptionRow),
    "skills rollback": (skill_diff.FileDiffRow, adoption.AdoptionRow),
    "skills adopted": (adoption.AdoptedRow,),
    "skills bundle": (skill_bundles.SkillBundleRow,),
    "skills given": (skill_outputs.InPlayRow,),
    "skills outputs": (skill_outputs.InPlayRow,),
    "skills index": (skill_index.IndexedRow,),
}


async def list_skills(*, options: TableOptions = AS_TABLES, machine: Given) -> None:
    """List every revision of every skill, oldest run first, and skills that were refused."""
    async with options.desk(machine) as desk:
        desk.screen.show(await skills.load(desk), skills.SKILLS)
        await tell_refused(desk, "skill")


async def show_skill(skill: str, /, *, marks: bool = False, options: Options = ASIS, machine: Given) -> None:
    """Print a skill, and say which of its lines have text from tool output or files, word for word.

    Args:
        skill: NAME for the latest skill of that name, or RUN:NAME; both may be shortened. @2 behind it means its second
            revision.
        marks: Print it line by line, each with the texts of its trial that have its text.
    """
    async with options.desk(machine) as desk:
        await skills.tell(desk, skill, marks=marks)


async def log_skill(skill: str, /, *, options: TableOptions = AS_TABLES, machine: Given) -> None:
    """List the accepted revisions of a skill, each with the step and the scores by which it came into force.

    Of a skill of a library that a run evolves, every step of its life is listed, each with what `why` takes.

    Args:
        skill: NAME for the latest skill of that name, RUN:NAME or LIBRARY/NAME; all may be shortened. The library of a
            run that evolves is COURSE/SCOPE, such as curated_static/E1.
    """
    async with options.desk(machine) as desk:
        await skill_log.tell(desk, skill)


async def diff_skills(before: str, after: str | None = None, /, *, options: Options = ASIS, machine: Given) -> None:
    """Show what two revisions of a skill differ in, or what one revision changed of the one before it.

    Args:
        before: NAME@2, RUN:NAME@2 or LIBRARY/NAME@2; without a number, the latest. 0 is what training began with.
        after: The same. Default: BEFORE is compared with the revision before it.
    """
    async with options.desk(machine) as desk:
        await skill_diff.tell(desk, before, after)


async def blame_skill(
    skill: str | None = None, /, *, trial: str | None = None, options: Options = ASIS, machine: Given
) -> None:
    """Show of each line of a trained or evolved skill the edit that wrote it, and what that was written from.

    Args:
        skill: NAME@2, RUN:NAME@2 or LIBRARY/NAME@2; without a number, the latest revision. The library of a run that
            evolves is COURSE/SCOPE, such as curated_static/E1.
        trial: TRIAL or RUN:TRIAL of such a library, in place of a skill: the skills that it read, with the lines marked
            that have words in common with the checks that failed.
    """
    if (skill is None) == (trial is None):
        raise UsageWrong("a skill or a trial is to be named", remedy="give SKILL, or --trial TRIAL")
    async with options.desk(machine) as desk:
        if trial is not None:
            await evolved_blame.tell_trial(desk, await find_trial(desk, trial))
        elif skill is not None:
            await skill_blame.tell(desk, skill)


async def export_skill(
    skill: str,
    folder: Path = Path(),
    /,
    *,
    allow_findings: bool = False,
    options: Options = ASIS,
    machine: Given,
) -> None:
    """Export a skill as a folder, with its provenance. Never overwrites existing files.

    A skill in which a scan finds something of severity high is refused; lesser findings are told.

    Args:
        skill: NAME for the latest skill of that name, or RUN:NAME; @2 behind it means its second revision.
        folder: Parent folder. Default: the current folder.
        allow_findings: Export it whatever a scan finds.
    """
    async with options.desk(machine) as desk:
        chosen = await skills.choose(desk, skill)
        scanned = await skill_scan.scan_chosen(desk, chosen)
        if not allow_findings:
            skill_scan.require_below(
                scanned, "high", f"see `stillroom skills scan {skill}`; --allow-findings exports it all the same"
            )
        for row in skill_scan.rows_of(scanned):
            desk.screen.warn(f"{row.severity} {row.kind} in {row.file} line {row.line}: {row.why}")
        desk.screen.draw(await skills.export(desk, chosen, machine.folder / folder), skills.EXPORTED)


async def scan_skill(
    skill: str,
    /,
    *,
    tasks: str | None = None,
    scanner: Annotated[tuple[str, ...], Parameter(name="--scanner")] = (),
    options: Options = ASIS,
    machine: Given,
) -> ExitCode:
    """Scan a skill for injected instructions, exfiltration, secrets, destructive commands, answers and talk of graders.

    Exits with 3 if a finding has severity high.

    Args:
        skill: Folder of a skill, folder of skills, or file; else NAME or RUN:NAME of a skill in the log.
        tasks: Tasks whose expected answers are looked for: a Harbor task folder or a folder of them. Default: of a
            distilled skill, the task that it was distilled from.
        scanner: Further scanner that an installed package registers; repeatable.
    """
    screen = options.screen(machine)
    places = DatasetPaths(machine.folder, cache_of(machine.environment))
    context = None if tasks is None else await skill_scan.answers_in_tasks(tasks, places)
    folder = machine.folder / skill
    if folder.exists():
        return _told(screen, await skill_scan.scan_folder(folder, scanner, context or NO_CONTEXT))
    async with options.desk(machine) as desk:
        chosen = await skills.choose(desk, skill)
        scanned = await skill_scan.scan_chosen(desk, chosen, scanner, context)
        return _told(screen, [scanned._replace(marked=await skills.marked(desk, chosen))])


def _told(screen: Screen, scanned: Sequence[skill_scan.ScannedSkill]) -> ExitCode:
    for each in scanned:
        if each.findings or screen.manner is OutputStyle.JSON:
            screen.show(skill_scan.rows_of(each), skill_scan.render)
        screen.draw(skill_scan.summary_of(each), skill_scan.render_summary)
    grave = any(finding.severity == "high" for each in scanned for finding in each.findings)
    return ExitCode.NEGATIVE if grave else ExitCode.DONE


app: Final = App(name="skills", help="List, show, compare, scan, audit, export and adopt skills.")
app.command(list_skills, name="list")
app.command(show_skill, name="show")
app.command(log_skill, name="log")
app.command(diff_skills, name="diff")
app.command(blame_skill, name="blame")
app.command(scan_skill, name="scan")
app.command(export_skill, name="export")
app.command(adopt_skills, name="adopt")
app.command(roll_back_skill, name="rollback")
app.command(list_adopted, name="adopted")
app.command(bundle_skill, name="bundle")
app.command(list_given, name="given")
app.command(list_outputs, name="outputs")
app.command(index_skills, name="index")
# Imported when it is typed: it starts a run, which needs an HTTP client.
app.command("views.commands.skill_audit:audit_skill", name="audit")
