"""Commands about agents."""

from typing import Final

from cyclopts import App

from events.errors import ExitCode
from events.streams import attempt_stream
from replay.agents.replay import replay_agent
from views.commands.rows import Rows
from views.commands.run import open_for
from views.replay import agents
from views.setup import settings
from views.terminal.errors import UsageWrong
from views.terminal.ids import AttemptTarget, find_target
from views.terminal.options import ASIS, Given, Options

ROWS: Final[Rows] = {
    "agents list": (agents.AgentRow,),
    "agents check": (agents.AgentRow,),
    "agents replay": (agents.ReplayRow,),
}


def list_agents(*, options: Options = ASIS, machine: Given) -> None:
    """List the available agents, and whether each is installed."""
    options.screen(machine).show(agents.rows(machine.environment), agents.AGENTS)


async def check_agents(*names: str, options: Options = ASIS, machine: Given) -> ExitCode:
    """Install third-party agents at pinned versions, and print the version of each.

    Args:
        names: Names of agents. Default: all.
    """
    rows = await agents.checked(names, machine.environment)
    options.screen(machine).show(rows, agents.AGENTS)
    return ExitCode.DONE if all(row.state == "ready" for row in rows) else ExitCode.NEGATIVE


async def replay_attempt(attempt: str, /, *, options: Options = ASIS, machine: Given) -> ExitCode:
    """Rerun an installed agent in a fresh sandbox, answering its model calls from the log.

    Calls no model and writes nothing. If a request of the agent differs from the recorded one, the first difference is
    shown, and the exit code is 4.

    Args:
        attempt: RUN:TRIAL/N, or TRIAL/N of the latest run; item/CELL is the latest attempt at an item.
    """
    async with options.desk(machine) as desk:
        target = await find_target(desk.log, attempt)
        if not isinstance(target, AttemptTarget):
            raise UsageWrong(f"{attempt!r} is not an attempt", remedy="write TRIAL/N or RUN:TRIAL/N")
        spec = await settings.spec_of(desk.log, target.run)
    async with open_for(machine, options, spec) as setting:
        found = await replay_agent(setting, target.run, attempt_stream(target.trial, target.attempt))
    options.screen(machine).draw(agents.replay_row(found), agents.REPLAY)
    return ExitCode.DONE if found.same else ExitCode.DIVERGED


app: Final = App(name="agents", help="List, install and replay agents.")
app.command(list_agents, name="list")
app.command(check_agents, name="check")
app.command(replay_attempt, name="replay")
