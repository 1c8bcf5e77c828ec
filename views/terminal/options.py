"""Command-line options: those that all commands take, and the settings of a run."""

from collections.abc import Iterator, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Annotated, Final, TypeAlias

from cyclopts import Parameter
from cyclopts.validators import Number
from msgspec import structs
from typing_extensions import override

from engine.config import resolve
from engine.config.files import read_dotenv
from engine.config.resolve import Flag, Inputs, Resolved, model_settings
from engine.config.schema import Path as KeyPath
from engine.config.schema import split_key
from engine.config.spec import PriceTable
from engine.config.tree import ConfigValue
from engine.runtime.environment import ProcessEnvironment
from projections.pdi.index import Method, PdiSettings
from views.terminal.errors import UsageWrong
from views.terminal.host import Host
from views.terminal.log_access import OpenedLog, reading
from views.terminal.screen import Screen
from views.terminal.table_formats import TableFormat, TableScreen
from views.terminal.versions import package_version

Given: TypeAlias = Annotated[Host, Parameter(parse=False)]
"""Injected by the dispatcher, not a command-line argument."""

Seed: TypeAlias = Annotated[int, Parameter(validator=Number(gte=-(2**63), lt=2**63))]
"""A whole number as the log holds one."""
Repeats: TypeAlias = Annotated[int, Parameter(validator=Number(gte=1, lte=10_000))]
"""How often something is done again: more than this is a slip of the finger, and would only fill the memory."""
Count: TypeAlias = Annotated[int, Parameter(validator=Number(gte=1, lte=1_000_000_000))]
"""How many of something, at least one."""
NotNegative: TypeAlias = Annotated[int, Parameter(validator=Number(gte=0, lte=1_000_000_000))]
"""How many of something, or none."""


@Parameter(name="*")
@dataclass(frozen=True)
class Options:
    """Options of every command."""

    log: Path | None = None
    """Path of the log. Default: STILLROOM_LOG, else .stillroom/log.db."""
    json: bool = False
    """Print one JSON object per line on stdout, each with its "schema", and nothing else."""
    plain: bool = False
    """Print plain lines, without colours or live progress. Default without a terminal, with CI or with NO_COLOR."""

    def screen(self, machine: Host) -> Screen:
        """Open the outputs."""
        return Screen(machine, json=self.json, plain=self.plain)

    def path(self, machine: Host) -> Path:
        """Return the path of the log."""
        return machine.log_path(self.log)

    def means(self, machine: Host) -> ProcessEnvironment:
        """Return the dependencies of a run."""
        sandboxes, package = machine.workspace / "sandboxes", package_version()
        return ProcessEnvironment(
            machine.environment, machine.folder, self.path(machine), sandboxes, machine.clock, package
        )

    def desk(self, machine: Host) -> AbstractAsyncContextManager[OpenedLog]:
        """Open the log for reading."""
        return reading(machine, self.screen(machine), self.path(machine))


@Parameter(name="*")
@dataclass(frozen=True)
class TableOptions(Options):
    """Options of commands that print tables, which other programs and papers take, too."""

    csv: bool = False
    """Print CSV: all fields, with figures as they are; amounts in units of 10^-9 US dollars, times in microseconds."""
    markdown: bool = False
    """Print tables of Markdown."""
    latex: bool = False
    """Print tables of LaTeX (they need the package booktabs)."""

    @override
    def screen(self, machine: Host) -> Screen:
        """Open the outputs.

        Raises:
            UsageWrong: More than one format was asked for.
        """
        forms = (TableFormat.CSV, self.csv), (TableFormat.MARKDOWN, self.markdown), (TableFormat.LATEX, self.latex)
        asked = [form for form, wanted in forms if wanted]
        if len(asked) + self.json > 1:
            raise UsageWrong("several formats were asked for", remedy="choose --json, --csv, --markdown or --latex")
        return TableScreen(machine, asked[0]) if asked else super().screen(machine)


@Parameter(name="*")
@dataclass(frozen=True)
class RunOverrides:
    """Settings of a run on the command line; they override every file."""

    tasks: Annotated[str | None, Parameter(name=("--tasks", "-p", "-d"))] = None
    """Harbor task folder, folder of task folders, or registry.json#NAME@VERSION."""
    model: Annotated[str | None, Parameter(name=("--model", "-m"))] = None
    """Teacher model: openai/NAME, anthropic/NAME, gemini/NAME, ... (see docs/models.md), script:FILE, or the name of a
    model at --base-url."""
    base_url: str | None = None
    """Base URL of the API, instead of the provider's own."""
    agent: Annotated[str | None, Parameter(name=("--agent", "-a"))] = None
    """Agent: shell, oracle, nop, or an installed agent; see `stillroom agents list`."""
    sandbox: str | None = None
    """Sandbox backend: local, none, docker, podman, or one registered by an installed package."""
    concurrency: Annotated[int | None, Parameter(name=("--concurrency", "-n"))] = None
    """Maximum number of concurrent trials."""
    attempts: int | None = None
    """Maximum number of judged attempts per trial."""
    budget: str | None = None
    """Hard spending limit of the run in US dollars, such as 5; "none" for no limit."""
    prices: PriceTable | None = None
    """Prices that the spec does not have: "shipped" accepts those that ship with stillroom, each with its source and
    date (docs/models.md)."""
    set_: Annotated[tuple[str, ...], Parameter(name="--set")] = ()
    """Set any other key, as KEY=VALUE with a TOML value; repeatable."""
    env_file: Path | None = None
    """Load variables from this .env file (the environment takes precedence). No .env is read implicitly."""

    def environment(self, machine: Host) -> dict[str, str]:
        """Return the environment, merged with the .env file.

        Raises:
            ConfigUnreadable: The file cannot be read.
        """
        added = read_dotenv(machine.folder / self.env_file) if self.env_file else {}
        return {**added, **machine.environment}

    def resolve(self, machine: Host, spec: Path | None, more: Sequence[Flag] = ()) -> Resolved:
        """Resolve the spec.

        Args:
            machine: The host.
            spec: A file. None: flags, environment and config files alone.
            more: Flags of the command; these options override them.

        Raises:
            ConfigError: The settings are invalid.
        """
        inputs = self._inputs(machine, spec)
        return resolve.resolve(inputs._replace(flags=[*more, *inputs.flags]))

    def gather(self, machine: Host, spec: Path | None) -> tuple[ConfigValue, ...]:
        """List every key, whether or not the settings suffice for a run.

        Raises:
            ConfigError: A setting is invalid.
        """
        return resolve.gather(self._inputs(machine, spec))

    def _inputs(self, machine: Host, spec: Path | None) -> Inputs:
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
            ("--prices", ("price_table",), self.prices),
        ):
            if value is not None:
                yield Flag(name, key, value)
        yield from map(_set, self.set_)


@Parameter(name="*")
@dataclass(frozen=True)
class StartOptions:
    """Options of commands that start a run: its name, and which of its tasks or items are taken."""

    name: str | None = None
    """Name of the run, which commands take in place of its id. Letters, digits, points, underscores, hyphens."""
    shuffle: int | None = None
    """Put tasks or items into the order that this seed gives; the order is recorded."""
    exclude: tuple[str, ...] = ()
    """Leave out this task or item; repeatable."""
    exclude_from: Path | None = None
    """Leave out the tasks or items that this file names, one per line; empty lines and lines with # are skipped."""
    limit: int | None = None
    """Take only so many tasks or items, after the order and what is left out."""
    skip_invalid: bool = False
    """Skip tasks that cannot be read, built or run in the sandbox. Each is reported, and the exit code is that of the
    others. Without this option such tasks are a usage error, and nothing is started."""

    def selection(self, machine: Host, *tables: KeyPath) -> Iterator[Flag]:
        """List the settings that choose tasks or items, for each table that holds such settings.

        Raises:
            UsageWrong: The file of names cannot be read.
        """
        exclude = (*self.exclude, *self._listed(machine))
        for table in tables:
            if self.shuffle is not None:
                yield Flag("--shuffle", (*table, "shuffle"), self.shuffle)
            if self.limit is not None:
                yield Flag("--limit", (*table, "limit"), self.limit)
            if exclude:
                yield Flag("--exclude", (*table, "exclude"), exclude)

    def _listed(self, machine: Host) -> Iterator[str]:
        if self.exclude_from is None:
            return
        try:
            lines = (machine.folder / self.exclude_from).read_text().splitlines()
        except (OSError, UnicodeDecodeError) as error:
            remedy = "name a text file with one name per line"
            raise UsageWrong(f"--exclude-from {self.exclude_from} cannot be read: {error}", remedy=remedy) from error
        names = (line.strip() for line in lines)
        yield from (name for name in names if name and not name.startswith("#"))


@Parameter(name="*")
@dataclass(frozen=True)
class ExploreOptions:
    """Options of an exploration alone."""

    repeats: Annotated[int | None, Parameter(name=("--repeats", "-k"))] = None
    """Trials per task, each of its own."""

    @property
    def flags(self) -> list[Flag]:
        """Return the settings that they stand for."""
        return [] if self.repeats is None else [Flag("--repeats", ("repeats",), self.repeats)]


@Parameter(name="*")
@dataclass(frozen=True)
class PdiOptions:
    """Settings to compute PDI with. As recorded if all are None."""

    method: Method | None = None
    """Recompute PDI with this method; calibrated uses the shipped reference."""
    threshold: float | None = None
    """Recompute PDI with this threshold; it triggers strictly below it."""
    warmup: Seed | None = None
    """Recompute PDI with this number of steps until the weight reaches 1."""

    @property
    def settings(self) -> PdiSettings | None:
        """Return full settings, with SPARK's defaults for missing ones. None if no option was given."""
        given = {name: value for name, value in asdict(self).items() if value is not None}
        settings = PdiSettings(**given) if given else None
        if settings is None or self.method != "calibrated" or self.threshold is None:
            return settings
        changed = f"threshold changed by hand, after: {settings.stated.source}"
        reference = structs.replace(settings.stated, threshold=self.threshold, source=changed)
        return structs.replace(settings, reference=reference)


@Parameter(name="*")
@dataclass(frozen=True)
class TailOptions:
    """Selection of events."""

    events: Annotated[NotNegative, Parameter(name=("--events", "-n"))] = 20
    """Number of events, 0 or more. Default: 20."""
    follow: Annotated[bool, Parameter(name=("--follow", "-f"))] = False
    """Follow new events until interrupted."""


@Parameter(name="*")
@dataclass(frozen=True)
class ResumeOptions:
    """Options of resuming a run."""

    accept_changes: bool = False
    """Continue although tasks, skills, scripts or isolation have changed since the run started."""
    env_file: Path | None = None
    """Load API keys from this .env file (the environment takes precedence). No .env is read implicitly."""

    def on(self, machine: Host) -> Host:
        """Return the machine, its environment merged with the .env file.

        Raises:
            ConfigUnreadable: The file cannot be read.
        """
        return machine._replace(environment=RunOverrides(env_file=self.env_file).environment(machine))


@Parameter(name="*")
@dataclass(frozen=True)
class ForkPlace:
    """Position of a fork, and its changed settings."""

    at: str | None = None
    """Last shared event: a position of the log, as shown by `stillroom log tail`; STREAM@VERSION; or of a training run
    an edit or a candidate, such as s2 or e2.slow, for the event that accepted or rejected it."""
    attempt: str | None = None
    """Fork before this attempt was planned, as TRIAL/N; other trials are cut at the same position."""
    set_: Annotated[tuple[str, ...], Parameter(name="--set")] = ()
    """Change a key after the fork position, as KEY=VALUE; repeatable."""
    name: str = ""
    """Name of the fork, which commands take in place of its id."""

    @property
    def flags(self) -> list[Flag]:
        """Return the changes as flags.

        Raises:
            UsageWrong: One is not KEY=VALUE.
        """
        return [_set(each) for each in self.set_]


@Parameter(name="*")
@dataclass(frozen=True)
class SettingOverrides:
    """Changed settings."""

    set_: Annotated[tuple[str, ...], Parameter(name="--set")] = ()
    """Change a key, as KEY=VALUE; repeatable."""

    @property
    def flags(self) -> list[Flag]:
        """Return the changes as flags.

        Raises:
            UsageWrong: One is not KEY=VALUE.
        """
        return [_set(each) for each in self.set_]


ASIS: Final = Options()
AS_TABLES: Final = TableOptions()
NOWISH: Final = RunOverrides()
START: Final = StartOptions()
ONCE: Final = ExploreOptions()
ASKED: Final = PdiOptions()
TAIL: Final = TailOptions()
ANYWHERE: Final = ForkPlace()
GO_ON: Final = ResumeOptions()
UNCHANGED: Final = SettingOverrides()
"""Default values of command parameters."""


def _set(text: str) -> Flag:
    key, sign, value = text.partition("=")
    if not sign or not key.strip():
        raise UsageWrong(f"--set {text} is not KEY=VALUE", remedy="write for example --set agent.max_turns=20")
    return Flag(f"--set {key.strip()}", split_key(key), value.strip())
