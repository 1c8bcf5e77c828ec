"""Calling a command: words in, an exit code out, and trouble told in words."""

import os
from collections.abc import Coroutine, Sequence
from functools import partial
from inspect import iscoroutine

import anyio
from cyclopts import App, CycloptsError

from events.errors import ExitCode, StillroomError
from views import problems
from views.machine import Machine
from views.screen import Screen, prose


def call(app: App, words: Sequence[str], machine: Machine) -> int:
    """Do what a command line says, and give the exit code. Nothing is raised, whatever happens."""
    screen = Screen(machine, json="--json" in words, plain="--plain" in words)
    app.console = prose(machine)
    try:
        return int(_dispatch(app, words, machine) or ExitCode.DONE)
    except CycloptsError as error:
        chain = " ".join(["stillroom", *(error.command_chain or ())])
        return problems.tell(screen, problems.usage(str(error), f"`{chain} --help` says what it takes"))
    except StillroomError as error:
        return problems.tell(screen, problems.problem_of(error))
    except BrokenPipeError:
        return ExitCode.DONE
    except KeyboardInterrupt:
        return problems.tell(screen, problems.interrupted())
    except Exception as error:  # noqa: BLE001 - the last place that can turn a mistake of ours into words
        return problems.tell(screen, problems.internal(error, problems.write_report(machine, error)))


def finish(machine: Machine, code: int) -> int:
    """Flush what was printed, so that a reader that went away (`| head`) is not complained about at the very end."""
    try:
        machine.stdout.flush()
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), machine.stdout.fileno())
    return code


def _dispatch(app: App, words: Sequence[str], machine: Machine) -> ExitCode | None:
    command, bound, ours = app.parse_args(words, exit_on_error=False, print_error=False)
    for name in ours:
        bound.arguments[name] = machine
    outcome = command(*bound.args, **bound.kwargs)
    if iscoroutine(outcome):
        outcome = anyio.run(partial(_finish, outcome))
    return outcome if isinstance(outcome, ExitCode) else None


async def _finish(outcome: Coroutine[None, None, object]) -> object:
    return await outcome
