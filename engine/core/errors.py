"""What can go wrong in the engine.

    StillroomError
    └── EngineError
        ├── ReplayDiverged      an actor's decision differs from the recorded one
        ├── HistoryEnded        an actor needs an event beyond the end of the log, and no ports are open
        ├── HistoryUnread       recorded events remain after the actors finish
        ├── InputsDiffer        a task, skill or script has changed since the run started
        ├── RunUnknown          no such run
        ├── SpecUnreadable      the recorded spec of a run cannot be decoded
        ├── NothingToResume     the run is complete, or was imported
        ├── RunNotAlive         a signal was sent to a run that no process owns
        ├── ModelMissing        a role has no model
        ├── KeyMissing          the variable that should hold a key is not set
        ├── CallsRefused        a provider refuses a run's calls for their key, model, URL or credit
        ├── ProviderUnreachable nobody answers at a model's URL
        ├── IsolationMissing    nothing isolates commands, and nobody asked for that by name
        ├── NotForkable         a run cannot be forked at this position, or with these changes
        ├── TaskUnknown         a spec names a task that does not exist
        ├── TasksUnusable       tasks that a spec names cannot be read or built
        ├── ImageUnusable       an image contains a secret
        ├── NameUnknown         no agent, method, provider or sandbox has this name
        └── PolicyFailed        a policy of another package raised an error, or ruled what its point does not take

None of them is ever an outcome: actors do not catch them.
"""

from collections.abc import Sequence
from difflib import get_close_matches
from typing import ClassVar

from events.errors import ExitCode, StillroomError
from events.types.session import InputChange


class EngineError(StillroomError):
    """Base class of errors in a run or in a request for one."""


class ReplayDiverged(EngineError):
    """Raised when an actor, given the recorded history, makes a decision that differs from the recorded one.

    Attributes:
        stream: Where, relative to the run.
        version: Which event of the stream.
        field: First field that differs; ``tag`` if it is another kind of event, ``cause`` if it answers another.
        recorded: The value in the log, as JSON.
        decided: The value now, as JSON.
        event: What would have been recorded now, as canonical JSON.
    """

    exit_code: ClassVar[ExitCode] = ExitCode.DIVERGED

    def __init__(self, stream: str, version: int, *, field: str, recorded: str, decided: str, event: bytes) -> None:
        super().__init__(
            f"{stream} version {version} differs in {field}: recorded {recorded[:200]}, decided {decided[:200]}",
            remedy="code or settings that decide have changed: compare package version, prompts, method and task; "
            "no model or sandbox was called",
        )
        self.stream = stream
        self.version = version
        self.field = field
        self.recorded = recorded
        self.decided = decided
        self.event = event


class HistoryEnded(EngineError):
    """Raised when an actor needs an event beyond the end of its recorded history, and no ports are open."""

    exit_code: ClassVar[ExitCode] = ExitCode.DIVERGED

    def __init__(self, stream: str, version: int, wanted: str) -> None:
        super().__init__(
            f"{stream} ends at version {version}, where {wanted} would follow",
            remedy="`stillroom resume` continues an interrupted run; a replay never makes live calls",
        )
        self.stream = stream
        self.version = version
        self.wanted = wanted


class HistoryUnread(EngineError):
    """Raised when recorded events remain after the actors finish."""

    exit_code: ClassVar[ExitCode] = ExitCode.DIVERGED

    def __init__(self, stream: str, *, read: int, recorded: int) -> None:
        super().__init__(
            f"{stream} has {recorded} events, of which the actors reached {read}",
            remedy="code or settings that decide have changed: compare package version, prompts, method and task",
        )
        self.stream = stream
        self.read = read
        self.recorded = recorded


class InputsDiffer(EngineError):
    """Raised before anything is spent when inputs have changed since the run started."""

    exit_code: ClassVar[ExitCode] = ExitCode.USAGE

    def __init__(self, run: str, changes: tuple[InputChange, ...]) -> None:
        listed = "; ".join(f"{each.what}: was {each.before[:16]}, is {each.now[:16]}" for each in changes)
        super().__init__(
            f"run {run} started with other inputs: {listed}",
            remedy="restore them, or run `stillroom resume --accept-changes` to continue with the current ones",
        )
        self.changes = changes


class RunUnknown(EngineError):
    """Raised when there is no such run."""

    exit_code: ClassVar[ExitCode] = ExitCode.USAGE

    def __init__(self, run: str) -> None:
        super().__init__(
            f"no run {run} in this log", remedy="`stillroom runs` lists them; --log FILE names another log"
        )
        self.run = run


class SpecUnreadable(EngineError):
    """Raised when the spec that a run recorded cannot be read back."""

    exit_code: ClassVar[ExitCode] = ExitCode.INTEGRITY

    def __init__(self, digest: str, why: str) -> None:
        super().__init__(
            f"the spec that the run recorded (blob {digest[:12]}) cannot be read: {why}",
            remedy=f"`stillroom show blob:{digest[:12]}` prints it. If it contains [secret:NAME], a word equal to the "
            "value of that variable was redacted: the run can be shown, but not replayed or resumed",
        )
        self.digest = digest


class NothingToResume(EngineError):
    """Raised when there is nothing left to do in a run."""

    exit_code: ClassVar[ExitCode] = ExitCode.USAGE

    def __init__(self, run: str, why: str) -> None:
        super().__init__(f"run {run} cannot be resumed: {why}", remedy=f"`stillroom show {run}` shows how it ended")
        self.run = run


class RunNotAlive(EngineError):
    """Raised when a signal is sent to a run that no process owns."""

    exit_code: ClassVar[ExitCode] = ExitCode.USAGE

    def __init__(self, run: str, why: str, *, over: bool = False) -> None:
        resuming = "" if over else f"; `stillroom resume {run}` resumes an interrupted one"
        super().__init__(f"run {run} is not running: {why}", remedy=f"`stillroom runs` lists running runs{resuming}")
        self.run = run
        self.why = why


class ModelMissing(EngineError):
    """Raised before anything starts when the agent or the method needs a model that the spec does not name."""

    exit_code: ClassVar[ExitCode] = ExitCode.USAGE

    def __init__(self, role: str) -> None:
        super().__init__(
            f"the spec names no model for the {role}",
            remedy=f"add [models.{role}] with model and base_url, or use an agent that needs none (oracle, nop)",
        )
        self.role = role


class IsolationMissing(EngineError):
    """Raised before anything starts when nothing isolates commands of agents and tasks, and nobody asked for that.

    Attributes:
        reason: Why nothing does.
    """

    exit_code: ClassVar[ExitCode] = ExitCode.USAGE

    def __init__(self, reason: str, install: str | None, *, begun: bool = False, by_name: bool = True) -> None:
        """Name the remedies.

        Args:
            reason: Why nothing isolates.
            install: What would make it. None: nobody knows.
            begun: It is a run that goes on.
            by_name: Whether such a run starts without isolation where that is asked for by name.
        """
        then = f"{install}; or use containers (--sandbox docker)" if install else "use containers (--sandbox docker)"
        asked, kept = "this command takes no sandbox that isolates nothing", "the sandbox of a run is that of its start"
        if by_name:
            asked = 'or ask for no isolation by name: --sandbox none, or sandbox = "none" in the spec'
            kept += "; another run may be started with --sandbox none"
        super().__init__(
            f"commands of agents and tasks would run on this machine without isolation: {reason}",
            remedy=f"{install or 'make isolation work'}; {kept}" if begun else f"{then}; {asked}",
        )
        self.reason = reason


class NotForkable(EngineError):
    """Raised when a run cannot be forked at a place, or with these changes."""

    exit_code: ClassVar[ExitCode] = ExitCode.USAGE

    def __init__(self, run: str, reason: str, *, remedy: str) -> None:
        super().__init__(f"run {run} cannot be forked: {reason}", remedy=remedy)
        self.run = run
        self.reason = reason


class TaskUnknown(EngineError):
    """Raised when a spec names a task that its folder does not hold."""

    exit_code: ClassVar[ExitCode] = ExitCode.USAGE

    def __init__(self, name: str, known: tuple[str, ...]) -> None:
        near = get_close_matches(name, known, 1)
        hint = f"did you mean {near[0]!r}?" if near else f"known tasks: {', '.join(known[:20])}"
        super().__init__(f"unknown task {name!r}", remedy=hint)
        self.name = name


class TasksUnusable(EngineError):
    """Raised before anything starts when tasks that a spec names cannot run, and they were not to be left out.

    Attributes:
        tasks: Each by name, with the reason.
    """

    exit_code: ClassVar[ExitCode] = ExitCode.USAGE

    def __init__(self, tasks: Sequence[tuple[str, str]], others: int) -> None:
        lines = [f"{name}: {why}" for name, why in tasks]
        super().__init__(
            "\n".join([f"{len(tasks)} of {len(tasks) + others} tasks cannot run", *lines]),
            remedy="fix them, select others with `only`, or pass --skip-invalid to skip them; nothing was started"
            if others
            else "fix them, or select others; nothing was started",
        )
        self.tasks = tuple(tasks)


class ImageUnusable(EngineError):
    """Raised when an image contains the value of a known secret; redacting it would change or break the image.

    Attributes:
        digest: Of its bytes.
    """

    exit_code: ClassVar[ExitCode] = ExitCode.USAGE

    def __init__(self, digest: str) -> None:
        super().__init__(
            f"image {digest[:12]} contains the value of a known secret and cannot be recorded unchanged",
            remedy="remove the secret from the image (for example from its comments), or use another image",
        )
        self.digest = digest


class NameUnknown(EngineError):
    """Raised when no installed package registers a part of this name."""

    exit_code: ClassVar[ExitCode] = ExitCode.USAGE

    def __init__(self, kind: str, name: str, known: tuple[str, ...], *, recorded: bool = False) -> None:
        """Describe the name.

        Args:
            kind: Of the part, such as ``method``.
            name: Which is asked for.
            known: Those that are registered.
            recorded: Whether a recorded run names it: then no other will do.
        """
        near = "".join(f"did you mean {each}? " for each in get_close_matches(name, known, n=1))
        one = f"{near}choose one of: {', '.join(known)}, or install the package that registers it"
        again = f"install the package that registered the {kind} {name!r}; all recorded events are safe"
        problem = f"no installed package registers the {kind} {name!r}" if recorded else f"unknown {kind} {name!r}"
        super().__init__(problem, remedy=again if recorded else one)
        self.kind = kind
        self.name = name

    def in_record(self) -> "NameUnknown":
        """Give the same error of a name that a recorded run holds."""
        return NameUnknown(self.kind, self.name, (), recorded=True)


class PolicyFailed(EngineError):
    """Raised when a policy of another package raises an error, or rules what its point does not take.

    Attributes:
        point: Name of the point of decision.
        policy: Name of the function, with its module.
        package: Which registers parts from that module. None: no installed one does.
    """

    def __init__(self, point: str, policy: str, package: str | None, why: str) -> None:
        whose = "of no installed package" if package is None else f"package {package}"
        super().__init__(
            f"the policy {policy} ({whose}) failed at the decision point {point!r}: {why}",
            remedy="fix the policy and resume the run that it stopped; all recorded events are safe",
        )
        self.point = point
        self.policy = policy
        self.package = package


class KeyMissing(EngineError):
    """Raised when a model's key is to be read from a variable that is not set."""

    exit_code: ClassVar[ExitCode] = ExitCode.USAGE

    def __init__(self, model: str, variable: str) -> None:
        super().__init__(
            f"{variable}, which should hold the API key of {model}, is not set",
            remedy=f"export {variable}, or remove api_key_env if the endpoint needs no key",
        )
        self.model = model
        self.variable = variable


class CallsRefused(EngineError):
    """Raised when a run stops because a provider refuses its calls for a reason that only a person can remove.

    Attributes:
        run: Its id. It stays open; a resume makes the refused calls again.
        who: The role, with its model and URL.
    """

    exit_code: ClassVar[ExitCode] = ExitCode.SETTINGS

    def __init__(self, run: str, who: str, said: str, mend: str, *, in_spec: bool = False) -> None:
        """Describe the refusal.

        Args:
            run: Its id.
            who: The role, with its model and URL.
            said: What the provider says.
            mend: What mends it, as an imperative.
            in_spec: Whether what is wrong is in the spec, which a resume does not read anew.
        """
        then = f"`stillroom resume {run}` makes the refused calls again"
        if in_spec:
            then = f"then start a new run, or fork this one with the setting changed; {then} as they are"
        super().__init__(
            f"the run stopped because the provider refuses the calls of the {who}: {said}",
            remedy=f"{mend}; {then}; no attempt was given up for it",
        )
        self.run = run
        self.who = who


class ProviderUnreachable(EngineError):
    """Raised when a run stops because no connection to a model's URL can be made, and none could before.

    Attributes:
        run: Its id. It stays open; a resume makes the calls again.
        who: The role, with its model and URL.
    """

    exit_code: ClassVar[ExitCode] = ExitCode.UNREACHABLE

    def __init__(self, run: str, who: str, said: str, setting: str) -> None:
        super().__init__(
            f"the run stopped because the provider of the {who} cannot be reached: {said}",
            remedy=f"see that the server is up and reachable from this machine, then `stillroom resume {run}`; "
            f"if {setting} is wrong, correct it in the spec and start a new run; no attempt was given up for it",
        )
        self.run = run
        self.who = who


def first_of(errors: BaseExceptionGroup[BaseException]) -> BaseException:
    """Give the first error in a group, so that callers meet the error and not its wrapping."""
    first: BaseException = errors
    while isinstance(first, BaseExceptionGroup):
        first = first.exceptions[0]
    return first
