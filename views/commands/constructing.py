"""The command that constructs tasks."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from cyclopts import Parameter

from engine.config.files import SUFFIXES
from engine.config.program_registry import CONSTRUCT
from engine.config.resolve import Flag, model_settings
from engine.programs.construct.spec import refuse_wrong
from events.errors import ExitCode
from views.commands.rows import Rows
from views.commands.run import carry
from views.construction import dry_run as plans
from views.construction.rows import ConstructionRow
from views.runs import live, rows
from views.terminal.host import Host
from views.terminal.options import ASIS, NOWISH, Given, Options, RunOverrides, StartOptions

ROWS: Final[Rows] = {
    "construct, demo construct": (rows.RunRow, rows.TrialRow, ConstructionRow),
    "construct --dry-run": (plans.PlannedConstructionRow,),
}


@Parameter(name="*")
@dataclass(frozen=True)
class ConstructOptions:
    """What is constructed, and by whom, on the command line; these override the spec."""

    author: str | None = None
    """Model that writes tasks, as -m has it; the critic's defaults to it."""
    critic: str | None = None
    """Model that looks through them."""
    variant_of: Path | None = None
    """Task folder, or folder of them, to vary: the same procedure with new data; in place of a prompt spec."""
    count: int | None = None
    """Number of variants of each of these tasks. Default: 1."""
    output: Path | None = None
    """Folder in which published tasks stand. Default: constructed, beside the prompt specs, or the task."""
    rounds: int | None = None
    """Maximum number of blueprints per task."""
    no_critique: bool = False
    """Have rules alone look through blueprints, and no model."""
    name: str | None = None
    """Name of the run, which commands take in place of its id."""

    def flags(self, machine: Host, base_url: str | None = None) -> Iterator[Flag]:
        """List the settings that they stand for.

        Args:
            machine: The host.
            base_url: Where the author is reached, and the critic if the command line names one. None: as they say.
        """
        yield Flag("construct", ("program",), CONSTRUCT)
        yield Flag("construct", ("agent", "name"), "nop")
        yield from self._models(base_url)
        if self.variant_of is not None:
            yield Flag("--variant-of", ("construct", "variant_of"), str(machine.folder / self.variant_of))
        if self.count is not None:
            yield Flag("--count", ("construct", "count"), self.count)
        if self.output is not None:
            yield Flag("--output", ("construct", "output"), str(machine.folder / self.output))
        if self.rounds is not None:
            yield Flag("--rounds", ("construct", "rounds"), self.rounds)
        if self.no_critique:
            yield Flag("--no-critique", ("construct", "critique"), value=False)

    def _models(self, base_url: str | None) -> Iterator[Flag]:
        for role, text in (("author", self.author), ("critic", self.critic)):
            if text is not None:
                yield from (Flag(f"--{role}", each.path, each.value) for each in model_settings(text, role=role))
            if base_url is not None and (role == "author" or text is not None):
                yield Flag("--base-url", ("models", role, "base_url"), base_url)


AS_SPECIFIED: Final = ConstructOptions()


async def construct(
    spec: Path | None = None,
    /,
    *,
    constructing: ConstructOptions = AS_SPECIFIED,
    wishes: RunOverrides = NOWISH,
    dry_run: bool = False,
    options: Options = ASIS,
    machine: Given,
) -> ExitCode:
    """Construct tasks, or variants of tasks: proposed, put right, looked through, proved in a sandbox, published.

    Args:
        spec: A prompt spec (JSON), a folder of them, or a TOML or YAML file with a table [construct]; none with
            --variant-of.
        dry_run: Print what it would take at least and at most, and start nothing.
    """
    path = None if spec is None else machine.folder / spec
    is_brief = path is not None and (path.suffix not in SUFFIXES or path.is_dir())
    named = [Flag("SPEC", ("construct", "specs"), str(path))] if is_brief else []
    flags = [*constructing.flags(machine, wishes.base_url), *named]
    wishes = replace(wishes, base_url=None)
    resolved = wishes.resolve(machine, None if is_brief else spec, flags).spec
    machine = machine._replace(environment=wishes.environment(machine))
    if dry_run:
        refuse_wrong(resolved)
        options.screen(machine).show(await plans.planned(resolved), plans.render)
        return ExitCode.DONE
    report = await carry(machine, options, resolved, StartOptions(name=constructing.name))
    if "unsolved" in report.outcomes.values() and live.code_of(report) is ExitCode.DONE:
        return ExitCode.NEGATIVE
    return live.code_of(report)
