"""A program: what a run does. The engine carries it, and knows none by name."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import Any, Literal, NamedTuple, Protocol, runtime_checkable

import msgspec

from engine.config.spec import RunSpec
from engine.core.decision import Deciding, Era, Method, Observer, Point, Policy, Tolerates
from engine.core.ports import Port
from engine.core.prompts import Prompts
from engine.core.scope import Scope
from events.base import Event
from events.digest import Digest
from events.store.base import EventLog
from events.types.run import RunOpened
from events.types.session import FoundImageSkills, GivenSkill
from sandbox.harbor.task import Task


class RunPlan(NamedTuple):
    """What a run is made of; all of it can be read back from its first event."""

    program: "Program"
    opened: RunOpened
    eras: tuple[Era, ...]
    """Specs and policies; one for each run of the line, oldest first, just one where nothing was forked."""
    prompts: Prompts
    names: tuple[str, ...]
    """Of the parts whose outcomes a run reports, such as its trials."""
    own: Any
    """What the program planned for itself."""

    @property
    def spec(self) -> RunSpec:
        """The settings in force."""
        spec: RunSpec = self.eras[-1].spec
        return spec

    def under(self, method: Method) -> "RunPlan":
        """Give the same plan with another method, whatever the specs name."""
        eras = tuple(each.under({**each.policies, **method.policies}, method.name) for each in self.eras)
        return self._replace(eras=eras)

    def deciding(self, observer: Observer | None = None, tolerates: Tolerates | None = None) -> Deciding:
        """Give what the scopes of a life share about decisions.

        Args:
            observer: Is told of each decision over history. None: nobody is.
            tolerates: Says where actors may go on though they part from the record, since the observer has changed a
                ruling. None: nowhere.
        """
        return Deciding(self.eras, self.opened.shape or 1, observer, tolerates=tolerates)


class Program(Protocol):
    """What a run does, registered under the entry points ``stillroom.programs``."""

    @property
    def name(self) -> str:
        """Its command, and its table in a spec."""

    @property
    def spec(self) -> type[msgspec.Struct]:
        """The settings of its table, each with a default."""

    @property
    def roles(self) -> Mapping[str, str | None]:
        """For whom models speak: by role, the role whose model stands in where a spec names none. None: nobody's."""

    @property
    def families(self) -> Mapping[str, str]:
        """By family of streams, the pool in which its actors wait to begin: ``trials`` is the only one so far."""

    @property
    def points(self) -> Sequence[Point[Any, Any, Any]]:
        """Its points of decision."""

    @property
    def policies(self) -> Mapping[str, Policy]:
        """Policies of its own points, by point; a method may name others."""

    def doors(self, log: EventLog, ancestors: Sequence[str]) -> Mapping[type[Event], Port]:
        """Open ports of effects of its own, by what they answer.

        Args:
            log: The log of the run; what a port reads there goes into its answer.
            ancestors: Runs that the run was forked from, oldest first.
        """

    def plan(self, opened: RunOpened, specs: Sequence[RunSpec], prompts: Prompts) -> tuple[tuple[str, ...], Any]:
        """Plan a run; pure. Give the names of its parts, and what its actor needs.

        Raises:
            StillroomError: The spec cannot work.
        """

    async def run(self, scope: Scope, plan: RunPlan) -> Mapping[str, str]:
        """Carry the run on its stream, between its opening and its end; give the outcome of each part by its name.

        Actors that it gathers give their outcome, a word: where some were held back, the run reports those of the
        others.
        The outcomes ``solved`` and ``unsolved`` are counted as such when the run closes; whatever else is no verdict.
        """


@runtime_checkable
class HasArms(Protocol):
    """A program some of whose streams go by settings of their own."""

    def arms(self, spec: RunSpec) -> Mapping[str, RunSpec]:
        """Give the settings of each arm by its name; pure. An arm has the program, tasks, sandbox and pools of its run.

        Raises:
            ConfigRefused: An arm cannot be made from its settings.
        """

    def arm_of(self, stream: str) -> str | None:
        """Name the arm that a stream belongs to. None: the run's own settings count."""


@runtime_checkable
class RefusesConditions(Protocol):
    """A program whose arms have to differ in what reaches the model, however their settings are written."""

    def refuse_alike(self, spec: RunSpec, conditions: Mapping[str, Digest]) -> None:
        """Look at the conditions of all arms, once, before the run begins; pure.

        Args:
            spec: Settings of the run.
            conditions: Digests by arm; those of items with skills of their own under ``arm/item``.

        Raises:
            ConfigRefused: Two arms are one.
        """


@runtime_checkable
class HasParents(Protocol):
    """A program whose actors gather others below them, in families of streams of its own."""

    def parent_of(self, stream: str) -> str | None:
        """Name the stream whose actor gathers this one; pure.

        None: as in every run, an attempt's is its trial, a call's is its attempt, and any other's is the run. What
        stands behind a decision follows: a thread that leaves its recorded path takes along what was begun below it.
        """


class ArmInputs(NamedTuple):
    """What whoever acts is given besides its task, as it was found before a run began."""

    skills: Mapping[str, bytes] | None
    """Files by path, such as ``greet/SKILL.md``. Empty: it is told of skills, and there are none. None: nothing is said
    of skills."""
    note: bytes | None = None
    """Text in UTF-8 that is told after the instruction. None: nothing."""
    items: Mapping[str, Mapping[str, bytes]] = MappingProxyType({})
    """By item, the files of its own skills; any other item of the arm is given those above."""
    sources: tuple[GivenSkill, ...] = ()
    """Where each skill came from. Empty: nothing says."""
    lacking: tuple[str, ...] = ()
    """Tasks that the run leaves out, since the arm has no skill for them."""


@runtime_checkable
class HasItems(Protocol):
    """A program some of whose arms give an item skills of its own."""

    def item_of(self, stream: str) -> str | None:
        """Name the item that a stream is about; pure. None: it is about none that could have skills of its own."""


@runtime_checkable
class FitsTasks(Protocol):
    """A program that tries tasks otherwise than they stand, such as without what their images bring."""

    def fitted(self, spec: RunSpec, task: Task) -> Task:
        """Give a task as it is tried; reads its folder. A task that is tried otherwise has a digest of its own."""

    def image_skills(self, spec: RunSpec, task: Task) -> FoundImageSkills | None:
        """Say which skills a task's image brings, and what becomes of them; reads its folder. None: it brings none."""


@runtime_checkable
class KnowsActors(Protocol):
    """A program in some of whose attempts nobody acts who wants the reward: the task's own solution does, or nobody."""

    def author_acts(self, stream: str) -> bool:
        """Say so of the attempt of a stream; pure. There, servers that were started live on into the verification."""


@runtime_checkable
class OpensWorkspaces(Protocol):
    """A program that opens sandboxes for what is no task."""

    def workspaces(self, spec: RunSpec) -> Sequence[str]:
        """Give the Dockerfiles of their images; pure. Empty: it opens none."""


@runtime_checkable
class NeedsIsolation(Protocol):
    """A program that opens sandboxes for tasks that it makes or proves, and refuses one that isolates nothing."""

    needs_isolation: Literal[True]


@runtime_checkable
class SettlesSpec(Protocol):
    """A program whose settings may name what only the log knows, such as the latest run."""

    async def settled(self, log: EventLog, spec: RunSpec) -> RunSpec:
        """Give the spec with each such name replaced by one that holds for good, once, before a run begins.

        Raises:
            StillroomError: There is no such thing.
        """


@runtime_checkable
class GivesSkills(Protocol):
    """A program that finds skills and notes of its arms itself, such as in the libraries of other runs."""

    async def given(
        self, log: EventLog, base: Path, arm: str, spec: RunSpec, tasks: Sequence[Task]
    ) -> ArmInputs | None:
        """Find what an arm is given, once, before the run begins; all of it is kept.

        Args:
            log: Where libraries are.
            base: Against which relative paths of a spec are read.
            arm: Its name; empty for the run's own settings.
            spec: Its settings.
            tasks: Which the run is to be of.

        Returns:
            None: the folder that ``agent.skills`` names, if it names one.

        Raises:
            StillroomError: It cannot be found.
        """
