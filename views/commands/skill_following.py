"""Commands that follow skills to what they touched, and publish a folder of them."""

from dataclasses import dataclass
from pathlib import Path
from typing import Final

from cyclopts import Parameter

from events.errors import ExitCode
from views.handover import skill_index, skill_outputs
from views.terminal.options import ASIS, Given, Options


async def list_given(output: str, /, *, options: Options = ASIS, machine: Given) -> None:
    """List the skill bytes that were in play for an output, and whether the agent read them.

    Args:
        output: TRIAL/N for an attempt, a trial, a cell or an item of an evaluation, or a run; RUN: before it names the
            run. Or a stream as `skills outputs` prints it.
    """
    async with options.desk(machine) as desk:
        desk.screen.show(await skill_outputs.given_to(desk, output), skill_outputs.IN_PLAY)


async def list_outputs(skill: str, /, *, options: Options = ASIS, machine: Given) -> None:
    """List the outputs that a skill's bytes were in play for: attempts, items and cells of all runs of the log.

    Args:
        skill: NAME, RUN:NAME or LIBRARY/NAME; @2 behind it means its second revision. Or the digest of a folder or of
            a file, as `skills given` prints it, of which eight characters suffice.
    """
    async with options.desk(machine) as desk:
        desk.screen.show(await skill_outputs.outputs_of(desk, skill), skill_outputs.IN_PLAY)


@Parameter(name="*")
@dataclass(frozen=True)
class IndexOptions:
    """How an index is written."""

    base_url: str = ""
    """Written before the paths of artifacts, such as https://example.com. Default: paths from the root of the site."""
    replace: bool = False
    """Write over what is there and differs."""
    check: bool = False
    """Write nothing; exit with 3 if what is there is not what would be written."""


WISHED: Final = IndexOptions()


async def index_skills(
    folder: Path, /, *, to: Path, wish: IndexOptions = WISHED, options: Options = ASIS, machine: Given
) -> ExitCode:
    """Publish a folder of skills as .well-known/agent-skills below the root of a web site: an index with digests.

    The index follows draft 0.2.0 of the Agent Skills Discovery RFC. Needs no log.

    Args:
        folder: Folder of skills, such as one that skills were adopted into.
        to: Root of the site.
    """
    wanted = skill_index.IndexWish(wish.base_url, wish.replace, wish.check)
    rows, code = await skill_index.publish(machine.folder / folder, machine.folder / to, wanted)
    options.screen(machine).show(rows, skill_index.INDEXED)
    return code
