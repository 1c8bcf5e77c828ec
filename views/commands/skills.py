"""Commands about skills."""

from pathlib import Path
from typing import Final

from cyclopts import App

from views.commands.rows import Rows
from views.runs import skills
from views.terminal.options import ASIS, Given, Options

ROWS: Final[Rows] = {
    "skills list": (skills.SkillRow,),
    "skills show": (skills.SkillText,),
    "skills export": (skills.ExportedSkill,),
}


async def list_skills(*, options: Options = ASIS, machine: Given) -> None:
    """List every revision of every skill, oldest run first."""
    async with options.desk(machine) as desk:
        desk.screen.show(await skills.load(desk), skills.SKILLS)


async def show_skill(skill: str, /, *, options: Options = ASIS, machine: Given) -> None:
    """Print a skill.

    Args:
        skill: NAME for the latest skill of that name, or RUN:NAME; both may be shortened.
    """
    async with options.desk(machine) as desk:
        await skills.tell(desk, skill)


async def export_skill(skill: str, folder: Path = Path(), /, *, options: Options = ASIS, machine: Given) -> None:
    """Export a skill as a folder, with its provenance. Never overwrites existing files.

    Args:
        skill: NAME for the latest skill of that name, or RUN:NAME.
        folder: Parent folder. Default: the current folder.
    """
    async with options.desk(machine) as desk:
        chosen = await skills.choose(desk, skill)
        desk.screen.draw(await skills.export(desk, chosen, machine.folder / folder), skills.EXPORTED)


app: Final = App(name="skills", help="List, show and export distilled skills.")
app.command(list_skills, name="list")
app.command(show_skill, name="show")
app.command(export_skill, name="export")
