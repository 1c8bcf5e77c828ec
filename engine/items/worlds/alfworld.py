"""The one door to ALFWorld, which is optional: the extra ``alfworld``. It is loaded when a game is played.

It was never tried with the package itself: the planner that it needs has no wheel for the versions of Python that run
here. A game is played anew from its beginning for each action, so that a state is a function of the actions alone.
"""

from collections.abc import Mapping, Sequence
from importlib import import_module
from typing import Any, ClassVar, Final

from engine.core.errors import EngineError
from engine.items.worlds.base import WorldStep
from events.errors import ExitCode

KEYS: Final = ("pddl_domain", "grammar", "pddl_problem")
"""Of a game file: what a game is played by. The others, a way through it among them, are left out."""


class AlfworldAbsent(EngineError):
    """Raised when a game of ALFWorld is read or played, and the package is not installed."""

    exit_code: ClassVar[ExitCode] = ExitCode.USAGE

    def __init__(self, missing: str) -> None:
        super().__init__(
            f"games of ALFWorld need the package {missing}, which is not installed",
            remedy="install this package with its extra `alfworld`, which was never tried here; or use the format"
            " `household`, which needs nothing",
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
look"""

    def begin(self, setup: Any) -> WorldStep:
        """Begin a game.

        Raises:
            AlfworldAbsent: The package is not installed.
        """
        return _played({key: setup["game"][key] for key in KEYS}, ())

    def step(self, state: Mapping[str, Any], action: str) -> WorldStep:
        """Play the game up to this action.

        Raises:
            AlfworldAbsent: The package is not installed.
        """
        return _played(state["game"], (*state["actions"], action))


def _played(game: Mapping[str, str], actions: Sequence[str]) -> WorldStep:
    infos, pddl, demangler = _parts()
    env = demangler(pddl(infos(feedback=True, won=True)))
    env.load(dict(game))
    try:
        seen = env.reset()
        for action in actions:
            seen, _, _ = env.step(action)
        won = bool(seen["won"])
        state = {"game": dict(game), "actions": [*actions], "won": won}
        return WorldStep(state, str(seen["feedback"]).strip(), done=won)
    finally:
        env.close()


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
