"""The command that runs tasks to validate them."""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Final, Literal

import msgspec
from cyclopts import Parameter

from engine.config.spec import AgentSpec, RunSpec, VerifierNetwork
from engine.core.fold import fold
from engine.programs.explore.spec import SparkSpec
from engine.runtime.open_context import open_backend
from engine.runtime.run import start_run
from events.errors import ExitCode
from events.store.base import Selection
from projections.trials.state import Trial
from projections.trials.view import Trials
from views.commands.run import open_for
from views.commands.tasks import places
from views.runs import live
from views.setup import tasks
from views.terminal.host import Host
from views.terminal.options import ASIS, Given, Options
from views.terminal.screen import Screen


@Parameter(name="*")
@dataclass(frozen=True)
class Proving:
    """Options of proving tasks."""

    agent: Annotated[Literal["both", "oracle", "nop"], Parameter(name=("--agent", "-a"))] = "both"
    """Agent to run: oracle, nop, or both, one after the other. Only both show that a task is sound."""
    sandbox: str = "docker"
    """Sandbox backend."""
    concurrency: Annotated[int, Parameter(name=("--concurrency", "-n"))] = 4
    """Maximum number of concurrent tasks."""
    verifier_network: VerifierNetwork = "task"
    """Network access of the tests: as the task says, never, or always."""


USUAL: Final = Proving()


async def run_tasks(
    folder: Path,
    /,
    *,
    how: Proving = USUAL,
    options: Options = ASIS,
    machine: Given,
) -> ExitCode:
    """Validate tasks: the oracle must earn the full reward, and an agent that does nothing must not.

    Tasks that cannot run here are reported by name; the others run. `stillroom tasks prove` tries more: the same
    verdict twice, answers out of reach, agents that only want the reward.

    Args:
        folder: A Harbor task folder, a folder of them, or ``registry.json#NAME@VERSION``.
    """
    where = str((machine.folder / folder).resolve())
    async with open_backend(options.means(machine), how.sandbox) as backend:
        looked = await tasks.look(where, places(machine), backend)
    lacking = await tasks.without_solution(where, places(machine)) if how.agent != "nop" else frozenset()
    wanted = [row for row in looked if row.state in {"ok", "odd"} and row.task not in lacking]
    proofs = [tasks.unproved(row, how.agent) for row in looked if row not in wanted and row.state != "other"]
    screen = options.screen(machine)
    if wanted:
        spec = RunSpec(
            tasks=where,
            only=tuple(row.task for row in wanted),
            concurrency=how.concurrency,
            sandbox=how.sandbox,
            verifier_network=how.verifier_network,
            method=SparkSpec(attempts=1),
        )
        agents: tuple[tasks.ProvingAgent, ...] = ("oracle", "nop") if how.agent == "both" else (how.agent,)
        found = [
            await _tried(machine, options, screen, msgspec.structs.replace(spec, agent=AgentSpec(name=agent)))
            for agent in agents
        ]
        proofs += [
            tasks.proof(row.task, dict(zip(agents, (each[row.task] for each in found), strict=True))) for row in wanted
        ]
    screen.show(proofs, tasks.render_proofs)
    return _exit_code(proofs)


async def _tried(machine: Host, options: Options, screen: Screen, spec: RunSpec) -> dict[str, Trial]:
    """Run an agent at each task once; give the trials by task."""
    async with open_for(machine, options, spec) as setting:
        report = await live.watched(setting.log, screen, lambda *, told: start_run(setting, spec, told=told))
        state = await fold(setting.log, Trials(), Selection(run=report.run))
    return {trial.task: trial for trial in state.runs[report.run].trials.values()}


def _exit_code(proofs: list[tasks.ProofRow]) -> ExitCode:
    if any(row.verdict == "unsound" for row in proofs):
        return ExitCode.NEGATIVE
    return ExitCode.DONE if all(row.verdict in {"sound", "held"} for row in proofs) else ExitCode.NO_VERDICT
