"""The one door to ALFWorld, which is optional: the extra ``alfworld``. It is loaded when a game is played.

A state holds the game and the actions so far, and is a function of these alone. A game that is held where its last
action left it goes on from there; any other is played anew from its beginning, which takes a second and more.
"""

import sys
from collections import OrderedDict
from collections.abc import Mapping
from importlib import import_module
from threading import Lock
from typing import Any, ClassVar, Final

import msgspec

from engine.core.errors import EngineError
from engine.items.worlds.base import WorldStep
from events.digest import digest_of
from events.errors import ExitCode

KEYS: Final = ("pddl_domain", "grammar", "pddl_problem")
"""Of a game file: what a game is played by. The others, a way through it among them, are left out."""
_SHOWN: Final = 60
"""Characters of a game's problem that an error shows."""
_MOST_HELD: Final = 64
"""Games, of some MiB each."""


class AlfworldAbsent(EngineError):
    """Raised when a game of ALFWorld is read or played, and the package is not installed."""

    exit_code: ClassVar[ExitCode] = ExitCode.USAGE

    def __init__(self, missing: str) -> None:
        super().__init__(
            f"games of ALFWorld need the package {missing}, which is not installed",
            remedy="install this package with its extra `alfworld`, which builds a planner and needs cmake and a C++"
            " compiler; or use the format `household`, which needs nothing",
        )


class GameUnplayable(EngineError):
    """Raised when ALFWorld cannot play a game: the file holds something that is none."""

    exit_code: ClassVar[ExitCode] = ExitCode.USAGE

    def __init__(self, game: str, problem: str) -> None:
        super().__init__(
            f"ALFWorld cannot play the game whose problem begins with {game!r}: {problem}",
            remedy="make the game file anew with `alfworld-generate`, or leave the item out by name",
        )


def require_alfworld() -> None:
    """See that games can be played here.

    Raises:
        AlfworldAbsent: They cannot.
    """
    _parts()


class Alfworld:
    """See ``SimulatedWorld``. A state holds the game and the actions so far."""

    name = "alfworld"
    actions = """\
go to RECEPTACLE
open RECEPTACLE
close RECEPTACLE
take OBJECT from RECEPTACLE
move OBJECT to RECEPTACLE
clean OBJECT with RECEPTACLE
heat OBJECT with RECEPTACLE
cool OBJECT with RECEPTACLE
slice OBJECT with OBJECT
use OBJECT
examine OBJECT or RECEPTACLE
inventory
look
help"""

    def __init__(self) -> None:
        self._games = _Games()

    def begin(self, setup: Any) -> WorldStep:
        """Begin a game.

        Raises:
            AlfworldAbsent: The package is not installed.
            GameUnplayable: It cannot play this game.
        """
        return self._games.played({key: setup["game"][key] for key in KEYS}, ())

    def step(self, state: Mapping[str, Any], action: str) -> WorldStep:
        """Carry out an action; case, and white space around words, count for nothing.

        Raises:
            AlfworldAbsent: The package is not installed.
            GameUnplayable: It cannot play this game.
        """
        return self._games.played(state["game"], (*state["actions"], " ".join(action.lower().split())))


class _Games:
    """Games that are held where their last action left them. What is held changes how long an action takes, only."""

    def __init__(self) -> None:
        self._held: OrderedDict[tuple[str, tuple[str, ...]], Any] = OrderedDict()
        self._lock = Lock()  # what translates a game is not made for several threads

    def played(self, game: Mapping[str, str], actions: tuple[str, ...]) -> WorldStep:
        """Play a game up to the last of some actions; without any, begin it."""
        named = digest_of(msgspec.json.encode(dict(game), order="sorted"))
        with self._lock:
            held = self._held.pop((named, actions[:-1]), None) if actions else None
            try:
                env, seen = _played(game, actions) if held is None else (held, held.step(actions[-1])[0])
                won, told = bool(seen["won"]), str(seen["feedback"]).strip()
            except AlfworldAbsent:
                raise
            except (Exception, SystemExit) as error:  # SystemExit is how its parser refuses a domain
                raise GameUnplayable(game["pddl_problem"][:_SHOWN], f"{type(error).__name__}: {error}") from error
            self._held[named, actions] = env
            if len(self._held) > _MOST_HELD:
                self._held.popitem(last=False)[1].close()
        return WorldStep({"game": dict(game), "actions": [*actions], "won": won}, told, done=won)


def _played(game: Mapping[str, str], actions: tuple[str, ...]) -> tuple[Any, Mapping[str, Any]]:
    infos, pddl, demangler = _parts()
    arguments = [*sys.argv]
    try:
        env = demangler(pddl(infos(feedback=True, won=True)))
        env.load(dict(game))
        seen: Mapping[str, Any] = env.reset()
    finally:
        sys.argv[:] = arguments  # the planner puts its own in their place, for the whole process
    for action in actions:
        seen, _, _ = env.step(action)
    return env, seen


def _parts() -> tuple[Any, Any, Any]:
    """Load what plays a game.

    Raises:
        AlfworldAbsent: It is not there.
    """
    try:
        textworld = import_module("textworld")
        pddl = import_module("textworld.envs.pddl")
        environment = import_module("alfworld.agents.environment.alfred_tw_env")
    except ModuleNotFoundError as error:
        raise AlfworldAbsent(error.name or "alfworld") from error
    return textworld.EnvInfos, pddl.PddlEnv, environment.AlfredDemangler


ALFWORLD: Final = Alfworld()
