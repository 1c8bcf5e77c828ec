"""The command that proves tasks."""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Final, Literal

from cyclopts import Parameter

from engine.config.program_registry import PROVE
from engine.config.spec import AgentSpec, RunSpec, VerifierNetwork
from engine.core.fold import fold
from engine.runtime.open_context import open_backend
from engine.runtime.run import start_run
from events.errors import ExitCode
from events.store.base import Selection
from projections.proofs import Proofs
from views.commands.run import open_for
from views.commands.tasks import places
from views.runs import live
from views.setup import proofs, tasks
from views.terminal.options import ASIS, Given, Options


@Parameter(name="*")
@dataclass(frozen=True)
class ProofOptions:
    """Options of a proof."""

    steps: Annotated[tuple[Literal["oracle", "nop", "cheat"], ...], Parameter(name="--steps")] = (
        "oracle",
        "nop",
        "cheat",
    )
    """Who acts: the task's solution (oracle), nobody (nop), three agents that only want the reward (cheat)."""
    sandbox: str = "docker"
    """Sandbox backend."""
    concurrency: Annotated[int, Parameter(name=("--concurrency", "-n"))] = 4
    """Maximum number of concurrent trials."""
    verifier_network: VerifierNetwork = "task"
    """Network access of the tests: as the task says, never, or always."""


USUAL: Final = ProofOptions()


async def prove_tasks(
    folder: Path, /, *, how: ProofOptions = USUAL, options: Options = ASIS, machine: Given
) -> ExitCode:
    """Prove tasks: whether each judges as it should, and what every step of the proof found.

    The solution earns the full reward twice, and doing nothing does not; the verifier says the same twice of the same
    final state; tests and solution are out of the agent's reach; agents that write the reward, edit the tests or look
    for the solution gain nothing. Exits with 3 if a task is unsound, with 7 if one is not proved.

    Args:
        folder: A Harbor task folder, a folder of them, or ``registry.json#NAME@VERSION``.
    """
    where = str((machine.folder / folder).resolve())
    async with open_backend(options.means(machine), how.sandbox) as backend:
        looked = await tasks.look(where, places(machine), backend)
    wanted = [row.task for row in looked if row.state in {"ok", "odd"}]
    rows = [
        proofs.refused_row(row.task, tasks.unproved(row, "").detail)
        for row in looked
        if row.task not in wanted and row.state != "other"
    ]
    screen = options.screen(machine)
    if wanted:
        spec = RunSpec(
            tasks=where,
            only=tuple(wanted),
            concurrency=how.concurrency,
            sandbox=how.sandbox,
            verifier_network=how.verifier_network,
            program=PROVE,
            agent=AgentSpec(name="nop"),
            own={"steps": list(how.steps)},
        )
        async with open_for(machine, options, spec) as setting:
            report = await live.watched(setting.log, screen, lambda *, told: start_run(setting, spec, told=told))
            state = await fold(setting.log, Proofs(), Selection(run=report.run))
        rows += [proofs.proof_row(report.run, each) for each in state.runs.get(report.run, {}).values()]
    screen.show(rows, proofs.render)
    return _exit_code(rows)


def _exit_code(rows: list[proofs.TaskProofRow]) -> ExitCode:
    if any(row.verdict == "unsound" for row in rows):
        return ExitCode.NEGATIVE
    return ExitCode.DONE if all(row.verdict == "sound" for row in rows) else ExitCode.NO_VERDICT
