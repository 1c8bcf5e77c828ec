"""The command that audits a skill section by section."""

from dataclasses import dataclass
from pathlib import Path
from typing import Final

from anyio import Path as AsyncPath
from cyclopts import Parameter

from engine.agents.installed.skill_set import FILE
from engine.config.resolve import Flag
from engine.policies.skill.sections import skill_sections
from events.errors import ExitCode
from views.commands.evaluations import ONCE, ArmOptions
from views.commands.run import carry, open_for
from views.evaluations import audit
from views.evaluations import dry_run as plans
from views.runs import live, skills
from views.terminal.errors import UsageWrong
from views.terminal.host import Host
from views.terminal.options import ASIS, NOWISH, Given, NotNegative, Options, RunOverrides


@Parameter(name="*")
@dataclass(frozen=True)
class SkillAuditOptions(ArmOptions):
    """On what a skill is audited, and whether the audit is started."""

    dry_run: bool = False
    """Print what would be rolled out, and start nothing."""
    yes: bool = False
    """Start it."""
    max_cells: NotNegative | None = None
    """Start it if at most so many cells are to be rolled out."""


ASKED: Final = SkillAuditOptions()


async def audit_skill(
    skill: str,
    spec: Path | None = None,
    /,
    *,
    arms: SkillAuditOptions = ASKED,
    wishes: RunOverrides = NOWISH,
    options: Options = ASIS,
    machine: Given,
) -> ExitCode:
    """Measure each section of a skill by an evaluation without it; stored scores are reused.

    What it would roll out is printed first, and nothing is started without --yes or --max-cells.

    Args:
        skill: Folder of a skill; else NAME or RUN:NAME of a distilled skill in the log.
        spec: A TOML or YAML file that says on what: tasks or items, models, repeats. Arms of its own are
            evaluated beside.
    """
    source, text = await _found(machine, options, skill)
    sections = skill_sections(text)
    if not sections:
        raise UsageWrong(f"the skill {skill} has no section with text", remedy="name a skill that has some")
    if arms.skill is not None:
        raise UsageWrong("--skill was given to an audit", remedy="name the skill first: `stillroom skills audit SKILL`")
    flags = [Flag("skills audit", ("program",), "evaluate"), *(ONCE if spec is None else ()), *arms.flags()]
    resolved = wishes.resolve(machine, spec, [*flags, *audit.flags_of(source, sections)]).spec
    machine = machine._replace(environment=wishes.environment(machine))
    async with open_for(machine, options, resolved) as setting:
        planned = (await plans.plan(setting, resolved, skip_invalid=arms.skip_invalid)).arms
    cost = audit.AuditCostRow(
        sections=len(sections),
        cells=sum(row.cells for row in planned),
        stored=sum(row.stored for row in planned),
        missing=sum(row.missing for row in planned),
    )
    screen = options.screen(machine)
    screen.draw(cost, audit.render_cost)
    if arms.dry_run:
        return ExitCode.DONE
    _require_leave(cost, arms)
    report = await carry(machine, options, resolved, arms)
    async with options.desk(machine) as desk:
        desk.screen.show(await audit.audited(desk.log, report.run, sections), audit.SECTIONS)
    return live.code_of(report)


def _require_leave(cost: audit.AuditCostRow, leave: SkillAuditOptions) -> None:
    """See that somebody said that it may cost what it does.

    Raises:
        UsageWrong: Nobody did.
    """
    most = leave.max_cells
    if leave.yes or cost.missing == 0 or (most is not None and cost.missing <= most):
        return
    cap = "" if most is None else f", above --max-cells {most}"
    raise UsageWrong(
        f"{cost.missing:,} cells are to be rolled out{cap}; nothing was started",
        remedy="--yes starts it, --max-cells N starts it up to a number of cells, --budget limits what it may spend",
    )


async def _found(machine: Host, options: Options, skill: str) -> tuple[str, str]:
    """Find a skill: how an arm names it, and its text.

    Raises:
        IdUnknown, IdAmbiguous: The log has no such skill, or several.
        UsageWrong: It was imported, so that no library has it.
    """
    file = AsyncPath(machine.folder / skill / FILE)
    if await file.is_file():
        return str(machine.folder / skill), await file.read_text("utf-8", "replace")
    async with options.desk(machine) as desk:
        chosen = await skills.choose(desk, skill)
        if not chosen.revision.revision:
            raise UsageWrong(f"{chosen.skill} was imported", remedy="export it, and name the folder")
        first = chosen.revision.files[0]
        text = (await desk.log.get(first.digest)).decode("utf-8", "replace")
        return f"run:{chosen.run}/{chosen.skill}@{chosen.revision.revision}", text
