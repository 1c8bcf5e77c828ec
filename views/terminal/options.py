"""What people may type behind a command: the options all commands take, and what may be said about a run."""

from collections.abc import Iterator
from contextlib import AbstractAsyncContextManager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Annotated, Final, TypeAlias

from cyclopts import Parameter
from msgspec import structs

from engine.config import resolve
from engine.config.files import read_dotenv
from engine.config.resolve import Flag, Inputs, Resolved, model_settings
from engine.config.tree import Setting
from engine.runtime.environment import Means
from projections.pdi.index import Method, PdiSettings
from views.terminal.errors import UsageWrong
from views.terminal.host import Machine
from views.terminal.log_access import Desk, reading
from views.terminal.screen import Screen
from views.terminal.versions import package_version

Given: TypeAlias = Annotated[Machine, Parameter(parse=False)]
"""Handed to a command by whoever calls it, never typed."""


@Parameter(name="*")
@dataclass(frozen=True)
class Options:
    """What every command takes."""

    log: Path | None = None
    """The log's file. Default: STILLROOM_LOG, else .stillroom/log.db."""
    json: bool = False
    """One JSON object a line on stdout, each with its "schema", and nothing else there."""
    plain: bool = False
    """Lines instead of colours and live progress, as without a terminal, with CI or with NO_COLOR."""

    def screen(self, machine: Machine) -> Screen:
        """Open the outputs."""
        return Screen(machine, json=self.json, plain=self.plain)

    def path(self, machine: Machine) -> Path:
        """Say which log is meant."""
        return machine.log_path(self.log)

    def means(self, machine: Machine) -> Means:
        """Say what a run would have at its disposal."""
        sandboxes, package = machine.workspace / "sandboxes", package_version()
        return Means(machine.environment, machine.folder, self.path(machine), sandboxes, machine.clock, package)

    def desk(self, machine: Machine) -> AbstractAsyncContextManager[Desk]:
        """Open the log to look at it."""
        return reading(machine, self.screen(machine), self.path(machine))


@Parameter(name="*")
@dataclass(frozen=True)
class Wishes:
    """What may be said about a run on the command line, stronger than any file."""

    tasks: Annotated[str | None, Parameter(name=("--tasks", "-p"))] = None
    """A Harbor task folder, a folder of them, or registry.json#NAME@VERSION."""
    model: Annotated[str | None, Parameter(name=("--model", "-m"))] = None
    """Of the teacher: openai/NAME, anthropic/NAME, gemini/NAME, ... (see docs/models.md), script:FILE, or a name that
    --base-url knows."""
    base_url: str | None = None
    """Of the API, in place of the provider's own."""
    agent: Annotated[str | None, Parameter(name=("--agent", "-a"))] = None
    """shell, oracle, nop, or an installed one: see `stillroom agents list`."""
    sandbox: str | None = None
    """local, none, docker, podman, or one that an installed package registers."""
    concurrency: Annotated[int | None, Parameter(name=("--concurrency", "-n"))] = None
    """Trials at a time."""
    attempts: int | None = None
    """Judged attempts per trial."""
    budget: str | None = None
    """Hard cap of the run in US dollars, such as 5; "none" for none."""
    set_: Annotated[tuple[str, ...], Parameter(name="--set")] = ()
    """Any other key, as KEY=VALUE with the value as TOML writes it; may be given often."""
    env_file: Path | None = None
    """A file of NAME=value lines, weaker than the environment. No other is read."""

    def environment(self, machine: Machine) -> dict[str, str]:
        """Give the environment, with what a named file adds to it.

        Raises:
            ConfigUnreadable: The file cannot be read.
        """
        added = read_dotenv(machine.folder / self.env_file) if self.env_file else {}
        return {**added, **machine.environment}

    def resolve(self, machine: Machine, spec: Path | None) -> Resolved:
        """Put the specification together.

        Raises:
            ConfigError: It cannot be.
        """
        return resolve.resolve(self._inputs(machine, spec))

    def gather(self, machine: Machine, spec: Path | None) -> tuple[Setting, ...]:
        """List every key, whether or not it is enough for a run.

        Raises:
            ConfigError: Something is said that cannot be.
        """
        return resolve.gather(self._inputs(machine, spec))

    def _inputs(self, machine: Machine, spec: Path | None) -> Inputs:
        environment = self.environment(machine)
        return Inputs(
            folder=machine.folder,
            user_file=resolve.user_file(environment),
            project_file=resolve.project_file(machine.folder),
            run_file=machine.folder / spec if spec else None,
            environment=environment,
            flags=list(self._flags()),
        )

    def _flags(self) -> Iterator[Flag]:
        if self.model is not None:
            yield from (Flag(each.origin, each.path, each.value) for each in model_settings(self.model))
        for name, key, value in (
            ("--tasks", ("tasks",), self.tasks),
            ("--base-url", ("models", "teacher", "base_url"), self.base_url),
            ("--agent", ("agent", "name"), self.agent),
            ("--sandbox", ("sandbox",), self.sandbox),
            ("--concurrency", ("concurrency",), self.concurrency),
            ("--attempts", ("method", "attempts"), self.attempts),
            ("--budget", ("budget", "run_usd"), self.budget),
        ):
            if value is not None:
                yield Flag(name, key, value)
        yield from map(_set, self.set_)


@Parameter(name="*")
@dataclass(frozen=True)
class Asked:
    """Under which settings PDI is asked for. None, all of them: as it was recorded."""

    method: Method | None = None
    """Compute it again by this method; calibrated goes by the reference that is shipped."""
    threshold: float | None = None
    """Compute it again, triggering strictly below this."""
    warmup: int | None = None
    """Compute it again, with so many steps until the weight is 1."""

    @property
    def settings(self) -> PdiSettings | None:
        """Give full settings; SPARK's defaults stand where nothing was said. None: nothing was said at all."""
        given = {name: value for name, value in asdict(self).items() if value is not None}
        settings = PdiSettings(**given) if given else None
        if settings is None or self.method != "calibrated" or self.threshold is None:
            return settings
        changed = f"threshold changed by hand, after: {settings.stated.source}"
        reference = structs.replace(settings.stated, threshold=self.threshold, source=changed)
        return structs.replace(settings, reference=reference)


@Parameter(name="*")
@dataclass(frozen=True)
class Tail:
    """Which events are shown."""

    events: Annotated[int, Parameter(name=("--events", "-n"))] = 20
    """How many; 20 if nothing is said."""
    follow: Annotated[bool, Parameter(name=("--follow", "-f"))] = False
    """Go on with events as they come, until interrupted."""


@Parameter(name="*")
@dataclass(frozen=True)
class Going:
    """How a run is gone on with."""

    accept_changes: bool = False
    """Go on although tasks, prompts or the package are not what the run started with."""
    env_file: Path | None = None
    """A file of NAME=value lines that hold keys, weaker than the environment. No other is read."""

    def on(self, machine: Machine) -> Machine:
        """Give the machine, with what a named file adds to its environment.

        Raises:
            ConfigUnreadable: The file cannot be read.
        """
        return machine._replace(environment=Wishes(env_file=self.env_file).environment(machine))


@Parameter(name="*")
@dataclass(frozen=True)
class ForkPlace:
    """Where a fork is cut, and what is changed there."""

    at: int | None = None
    """Last position of the log that is shared, as `stillroom log tail` shows it."""
    attempt: str | None = None
    """Before this attempt was planned, as TRIAL/N; the other trials are cut at the same moment."""
    set_: Annotated[tuple[str, ...], Parameter(name="--set")] = ()
    """A key that is changed from there on, as KEY=VALUE; may be given often."""

    @property
    def flags(self) -> list[Flag]:
        """Give the changes as flags.

        Raises:
            UsageWrong: One is not KEY=VALUE.
        """
        return [_set(each) for each in self.set_]


@Parameter(name="*")
@dataclass(frozen=True)
class Changes:
    """What is changed."""

    set_: Annotated[tuple[str, ...], Parameter(name="--set")] = ()
    """A key that is changed, as KEY=VALUE; may be given often."""

    @property
    def flags(self) -> list[Flag]:
        """Give the changes as flags.

        Raises:
            UsageWrong: One is not KEY=VALUE.
        """
        return [_set(each) for each in self.set_]


ASIS: Final = Options()
NOWISH: Final = Wishes()
ASKED: Final = Asked()
TAIL: Final = Tail()
ANYWHERE: Final = ForkPlace()
GO_ON: Final = Going()
UNCHANGED: Final = Changes()
"""What a command is given when nothing was typed."""


def _set(text: str) -> Flag:
    key, sign, value = text.partition("=")
    if not sign or not key.strip():
        raise UsageWrong(f"--set {text} is not KEY=VALUE", remedy="write for example --set agent.max_turns=20")
    return Flag(f"--set {key.strip()}", tuple(part.strip() for part in key.split(".")), value.strip())
