"""Agents: built-in ones, and third-party ones with the packages that are mounted into a sandbox."""

from collections.abc import Mapping, Sequence
from itertools import takewhile
from subprocess import CalledProcessError
from typing import Final, Literal

import anyio
import msgspec

from engine.agents.installed.adapter import KIT, AgentAdapter, LaunchRequest
from engine.agents.installed.agent import InstalledAgent
from engine.agents.installed.errors import KitUnavailable
from engine.agents.installed.packages import AgentPackage, AgentPackages
from engine.agents.registry import GROUP, agent_named, agent_names
from engine.core.plugins import PluginBroken, package_of
from engine.runtime.open_context import cache_of
from events.streams import ATTEMPT
from replay.agents.replay import AgentReplay
from views.terminal.format import plural
from views.terminal.tables import RecordView, TableView

_ORIGINS: Final = {"built-in": "built-in", "installed": "third-party", "package": "another package"}
_ASK_S: Final = 60.0


class AgentRow(msgspec.Struct, frozen=True):
    """An agent that a spec may name."""

    agent: str
    make: Literal["built-in", "installed", "package"]
    """Whether it is built in, third-party and installed in the sandbox, or code of another package."""
    package: str
    """With its exact version; empty for a built-in agent."""
    state: Literal["ready", "absent", "broken"]
    """``absent``: its kit is not here yet; a run or ``agents check`` fetches it."""
    found: str
    """Where its kit is, or what is wrong with it."""
    lock: str
    """Digest of what is installed, as runs record it; empty where nothing is."""


def rows(environment: Mapping[str, str]) -> list[AgentRow]:
    """List all agents as they are, and change nothing."""
    cache = cache_of(environment)
    kits = None if cache is None else AgentPackages(cache)
    return [_row(name, kits) for name in agent_names()]


async def checked(names: Sequence[str], environment: Mapping[str, str]) -> list[AgentRow]:
    """Have kits installed, and each agent say its version; all installed agents where none is named.

    Raises:
        NameUnknown: There is no such agent.
    """
    cache = cache_of(environment)
    kits = None if cache is None else AgentPackages(cache)
    wanted = names or [row.agent for row in rows(environment) if row.make == "installed"]
    agents = [(name, agent_named(name)) for name in wanted]
    return [
        await _checked(agent.recipe, kits) if isinstance(agent, InstalledAgent) else _row(name, kits)
        for name, agent in agents
    ]


def _row(name: str, kits: AgentPackages | None) -> AgentRow:
    try:
        agent = agent_named(name)
    except PluginBroken as error:
        return AgentRow(name, "package", package_of(GROUP, "agent", name), "broken", error.problem, "")
    if not isinstance(agent, InstalledAgent):
        package = package_of(GROUP, "agent", name)
        ours = package.startswith("stillroom@")
        return AgentRow(name, "built-in" if ours else "package", "" if ours else package, "ready", "", "")
    kit = None if kits is None else kits.here(agent.recipe)
    return _told(agent.recipe, "absent" if kit is None else "ready", "" if kit is None else str(kit.folder), kit)


async def _checked(recipe: AgentAdapter, kits: AgentPackages | None) -> AgentRow:
    if kits is None:
        return _told(recipe, "absent", "no cache folder: set XDG_CACHE_HOME or HOME", None)
    try:
        kit = await kits.ready(recipe)
    except KitUnavailable as error:
        return _told(recipe, "absent", f"{error.problem}: {error.remedy}", None)
    try:
        said = await _version(recipe, kit)
    except (CalledProcessError, OSError, TimeoutError) as error:
        return _told(recipe, "broken", f"it does not report its version: {error}", kit)
    return _told(recipe, "ready" if recipe.version in said else "broken", said, kit)


async def _version(recipe: AgentAdapter, kit: AgentPackage) -> str:
    """Have it say its version, here on the host."""
    argv = recipe.launch(LaunchRequest("none", "none", "/")).argv
    programme = [word.replace(KIT, str(kit.folder)) for word in takewhile(lambda word: word.startswith(KIT), argv)]
    with anyio.fail_after(_ASK_S):
        done = await anyio.run_process(
            [*programme, "--version"], env={"HOME": str(kit.folder), "PATH": "/usr/bin:/bin"}
        )
    return done.stdout.decode(errors="replace").strip().splitlines()[-1]


def _told(
    recipe: AgentAdapter, state: Literal["ready", "absent", "broken"], found: str, kit: AgentPackage | None
) -> AgentRow:
    package = f"{recipe.package}@{recipe.version}"
    return AgentRow(recipe.name, "installed", package, state, found, "" if kit is None else kit.lock)


AGENTS: Final = TableView(
    AgentRow, "agent", ("origin", lambda row: _ORIGINS[row.make]), "package state", ("version", lambda row: row.found)
)


class ReplayRow(msgspec.Struct, frozen=True):
    """What running an installed agent again showed, its model's answers taken from the log."""

    run: str
    attempt: str
    recorded: int
    """Requests that its model was asked then."""
    equal: int
    """Requests made now that are the same, byte for byte."""
    alike: int
    """Requests that are the same except ids and times of the agent's own."""
    unasked: int
    """Recorded requests that the rerun did not repeat."""
    first_unasked: int | None
    """The first of them. None: there is none."""
    after_status: int | None
    """HTTP status of the recorded answer before that one. None: there is none."""
    headerless: int
    """Answers whose headers are not on record, since an earlier version recorded them."""
    differs_in: int | None
    """Recorded request with which the first one that repeats none was compared. None: there is no such one."""
    at: str
    """Where in that request; empty if nothing differs."""
    then: str
    now: str


def replay_row(found: AgentReplay) -> ReplayRow:
    """Tell it."""
    number, at, then, now = found.difference or (None, "", "", "")
    left = (found.unasked, found.first_unasked, found.after, found.headerless)
    counts = (found.recorded, found.equal, found.alike, *left)
    return ReplayRow(found.run, found.attempt.removeprefix(ATTEMPT + "/"), *counts, number, at, then, now)


def _unasked(row: ReplayRow) -> str:
    """Say how many requests did not come again, and behind which answer the agent went no further."""
    if row.first_unasked is None:
        return str(row.unasked)
    after = "" if row.after_status is None else f", after an answer of status {row.after_status}"
    return f"{row.unasked}, the first of them request {row.first_unasked}{after}"


def _headerless(row: ReplayRow) -> str | None:
    if not row.headerless:
        return None
    return f"of {plural(row.headerless, 'answer')} not on record (an earlier version ran it): it got others then"


REPLAY: Final = RecordView(
    ReplayRow,
    ("recorded requests", lambda row: row.recorded),
    ("the same", lambda row: f"{row.equal} byte for byte, {row.alike} except ids and times"),
    ("not repeated", _unasked),
    ("headers", _headerless),
    ("first difference", lambda row: None if row.differs_in is None else f"request {row.differs_in}, {row.at}"),
    "then now",
)
