"""The command that checks what a spec needs before anything is paid."""

from pathlib import Path
from typing import Final

from engine.config.errors import ConfigRefused
from engine.config.program_registry import specs_by_arm
from events.errors import ExitCode, StillroomError
from events.store.memory import MemoryLog
from views.commands.rows import Rows
from views.commands.run import open_for
from views.setup import check, doctor
from views.terminal.format import plural
from views.terminal.host import Host
from views.terminal.options import ASIS, NOWISH, Given, Options, RunOverrides

ROWS: Final[Rows] = {"check": (check.SpecCheck,)}


async def check_spec(
    spec: Path | None = None,
    /,
    *,
    offline: bool = False,
    wishes: RunOverrides = NOWISH,
    options: Options = ASIS,
    machine: Given,
) -> ExitCode:
    """Check what a spec needs before anything is paid: keys, models, sandbox, agents, items, skills, prices, disk.

    Each model is asked for one token, which costs a little and is not recorded. All checks are made, whatever fails.
    The exit code is 0 if nothing failed (warnings are not failures), else 3.

    Args:
        spec: A TOML or YAML file. Without one, flags, the environment and the config files count alone.
        offline: Make no calls of models.
    """
    rows = await _checks(machine, options, (spec, wishes), offline=offline)
    options.screen(machine).show(rows, check.SPEC_CHECKS)
    return ExitCode.NEGATIVE if any(row.state == "failed" for row in rows) else ExitCode.DONE


async def _checks(
    machine: Host, options: Options, asked: tuple[Path | None, RunOverrides], *, offline: bool
) -> list[check.SpecCheck]:
    file, wishes = asked
    try:
        spec = wishes.resolve(machine, file).spec
        arms = specs_by_arm(spec)
    except ConfigRefused as error:
        return [
            check.SpecCheck(what=f"key {each.key}", state="failed", found=each.problem, remedy=each.remedy)
            for each in error.complaints
        ]
    except StillroomError as error:
        return [check.refused("spec", error)]
    found = f"{spec.program}, {plural(len(arms) - 1, 'arm')}" if len(arms) > 1 else spec.program
    rows = [check.SpecCheck(what="spec", state="ok", found=found), _disk(machine, options)]
    machine = machine._replace(environment=wishes.environment(machine))
    try:
        async with open_for(machine, options, spec) as setting:
            rows += check.sandbox(setting, spec)
            quiet = MemoryLog(clock=machine.clock, redactor=setting.log.redactor)
            rows += await check.checks(setting._replace(log=quiet, library=setting.log), spec, offline=offline)
    except StillroomError as error:
        rows.append(check.refused(f"sandbox {spec.sandbox} and log", error))
    return rows


def _disk(machine: Host, options: Options) -> check.SpecCheck:
    """Look at the disk as `doctor` does; a run begins on one that is nearly full."""
    found = doctor.look_at_disk(options.path(machine))
    return check.SpecCheck(
        what=found.what, state="ok" if found.state == "ok" else "warn", found=found.found, remedy=found.remedy
    )
