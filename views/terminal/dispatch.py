"""Calling a command: words in, an exit code out, and trouble told in words."""

import os
from collections.abc import Callable, Coroutine, Sequence
from functools import partial
from inspect import iscoroutine

import anyio
from cyclopts import App, CycloptsError

from engine.core.errors import PolicyFailed, first_of
from events.errors import ExitCode, StillroomError
from views.terminal import problems
from views.terminal.host import Host
from views.terminal.problems import Problem
from views.terminal.screen import Screen, prose
from views.terminal.shutdown import Interrupted, Name, Shutdown


def _nothing() -> None:
    """Do nothing."""


def call(app: App, words: Sequence[str], machine: Host, *, loaded: Callable[[], None] = _nothing) -> int:
    """Do what a command line says, and give the exit code. Nothing is raised, whatever happens.

    Args:
        app: The commands.
        words: What was typed.
        machine: What the command may use.
        loaded: Called when the command's modules are loaded, before it begins.
    """
    screen = Screen(machine, json="--json" in words, plain="--plain" in words)
    app.console = prose(machine)
    try:
        return int(_dispatch(app, words, machine, loaded) or ExitCode.DONE)
    except BrokenPipeError:
        return ExitCode.DONE
    except (Exception, KeyboardInterrupt) as error:  # noqa: BLE001 - the last place that can turn it into words
        problem = _problem_of(error, machine)
    try:
        return problems.tell(screen, problem)
    except OSError:  # the terminal is gone (SIGHUP)
        return problem.exit_code


def _problem_of(error: BaseException, machine: Host) -> Problem:
    """Describe what ended a command."""
    match error:
        case CycloptsError():
            chain = " ".join(["stillroom", *(error.command_chain or ())])
            return problems.usage(str(error), f"`{chain} --help` lists its arguments and options")
        case PolicyFailed():
            return problems.with_report(problems.problem_of(error), problems.write_report(machine, error))
        case StillroomError():
            return problems.problem_of(error)
        case Interrupted():
            return problems.interrupted(error.signal, recorded=_carried_a_run(machine))
        case KeyboardInterrupt():
            name: Name = error.args[0] if error.args else "SIGINT"
            return problems.interrupted(name, recorded=_carried_a_run(machine))
        case _:
            return _unexpected(error, machine)


def _unexpected(error: BaseException, machine: Host) -> Problem:
    """Describe what nothing of ours raises: a full disk, which is nobody's mistake, or a mistake of ours."""
    if isinstance(error, OSError) and error.errno in problems.FULL:
        return problems.full(error)
    return problems.internal(error, problems.write_report(machine, error))


def _carried_a_run(machine: Host) -> bool:
    return machine.shutdown is not None and machine.shutdown.session is not None


def finish(machine: Host, code: int) -> int:
    """Flush what was printed, so that a reader that went away (`| head`) is not complained about at the very end."""
    for stream in (machine.stdout, machine.stderr):
        try:
            stream.flush()
        except OSError:
            os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())
    return code


def _dispatch(app: App, words: Sequence[str], machine: Host, loaded: Callable[[], None]) -> ExitCode | None:
    command, bound, ours = app.parse_args(words, exit_on_error=False, print_error=False)
    loaded()
    for name in ours:
        bound.arguments[name] = machine
    outcome = command(*bound.args, **bound.kwargs)
    if iscoroutine(outcome):
        outcome = anyio.run(partial(_finish, outcome, machine.shutdown))
    return outcome if isinstance(outcome, ExitCode) else None


async def _finish(outcome: Coroutine[None, None, object], shutdown: Shutdown | None) -> object:
    """Carry a command to its end, or to a signal.

    Raises:
        Interrupted: A signal stopped it.
    """
    if shutdown is None:
        return await outcome
    found: list[object] = []
    try:
        async with anyio.create_task_group() as group:
            with anyio.CancelScope() as work:
                group.start_soon(shutdown.listen, work)
                found.append(await outcome)
            group.cancel_scope.cancel()
    except BaseExceptionGroup as errors:
        raise first_of(errors) from errors
    if work.cancelled_caught:
        raise Interrupted(shutdown.received[0])
    return found[0]
