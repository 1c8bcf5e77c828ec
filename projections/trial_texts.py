"""Texts of a trial: what was asked, what tools printed, what files held, what the verifier and models wrote; pure.

What the distiller answered is none of them, since that is the skill itself.
"""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from types import MappingProxyType
from typing import Final, Literal, NamedTuple, TypeAlias

from events.base import Event, Recorded, Ref
from events.digest import Digest
from events.types.agent import AgentActed, AgentRunFinished, AgentSaid, CallAnswered
from events.types.attempt import AttemptJudged, ImportedAttempt
from events.types.memo import MemoImported, MemoRewritten
from events.types.model import ModelAnswered, ModelAsked, ModelImported
from events.types.sandbox import ActionAsked, ActionObserved, FilesTaken, VerifierRewarded, VerifierSilent
from events.types.trajectory import ObservationImported, StepImported
from events.types.trial import AttemptConcluded, HintPrepared, TaskRead, TaskReadInSteps

TextKind: TypeAlias = Literal["output", "file", "verifier", "task", "memo", "model"]
"""output: of a command or a tool. file: contents of a file that was read or left. verifier: its rows, logs and tests.
task: the instruction and the environment's definition. memo: what the reflector kept. model: what a model wrote."""

TAINTED: Final[frozenset[TextKind]] = frozenset({"output", "file"})
"""Kinds that anybody may have written."""

_DISTILLER: Final = "distiller"
_FIELDS: Final[Mapping[type[Event], Sequence[tuple[TextKind, str]]]] = MappingProxyType(
    {
        ActionAsked: (("model", "command"),),
        ActionObserved: (("output", "stdout"), ("output", "stderr")),
        AgentActed: (("model", "command"), ("output", "output")),
        AgentRunFinished: (("output", "stderr"),),
        AgentSaid: (("model", "text"),),
        AttemptConcluded: (("verifier", "test_summary"),),
        AttemptJudged: (("verifier", "test_summary"),),
        CallAnswered: (("model", "text"), ("model", "reasoning")),
        HintPrepared: (("verifier", "hint"),),
        ImportedAttempt: (("output", "stdout"), ("verifier", "verifier_stdout")),
        MemoImported: (("memo", "memo"),),
        MemoRewritten: (("memo", "memo"),),
        ModelAnswered: (("model", "text"), ("model", "reasoning")),
        ModelImported: (("model", "response"),),
        ObservationImported: (("output", "text"),),
        TaskRead: (("task", "instruction"), ("task", "dockerfile"), ("verifier", "test_source")),
        TaskReadInSteps: (("task", "instruction"), ("task", "dockerfile"), ("verifier", "test_source")),
        VerifierRewarded: (("verifier", "stdout"), ("verifier", "stderr")),
        VerifierSilent: (("verifier", "stdout"), ("verifier", "stderr")),
    }
)
_READING_TOOLS: Final = frozenset({"read", "read_file", "read_many_files", "view"})
"""Of installed agents, in lower case."""
_READING: Final = re.compile(r"\s*(?:cat|head|tail|nl|less|more)\s[^|;&<>`$\n]+\s*")
"""A command that does nothing but print files."""


class TrialText(NamedTuple):
    """A text of a trial."""

    kind: TextKind
    at: Ref
    """The event that names it."""
    digest: Digest
    """Blob."""
    command: Digest | None = None
    """Blob: the command whose output it is. None: it is no output of a command."""


def trial_texts(history: Iterable[Recorded]) -> list[TrialText]:
    """List the texts that events of a trial name, each once for each kind, where it is named first.

    Args:
        history: Events of the streams of a trial, in the order of the log.
    """
    commands: dict[Ref, Digest] = {}
    distilling = set[Ref]()
    found: dict[tuple[TextKind, Digest], TrialText] = {}
    for recorded in history:
        event = recorded.event
        if isinstance(event, ActionAsked):
            commands[recorded.ref] = event.command
        if isinstance(event, ModelAsked) and event.role == _DISTILLER:
            distilling.add(recorded.ref)
        if recorded.cause in distilling or (isinstance(event, ModelImported) and event.role == _DISTILLER):
            continue
        command = commands.get(recorded.cause) if recorded.cause is not None else None
        for kind, digest in _named(event):
            of = command if kind == "output" else None
            found.setdefault((kind, digest), TrialText(kind, recorded.ref, digest, of))
    return list(found.values())


def only_prints_files(command: str) -> bool:
    """Say whether a command does nothing but print files, so that its output is what they hold."""
    return _READING.fullmatch(command) is not None


def _named(event: Event) -> Iterator[tuple[TextKind, Digest]]:
    for kind, name in _FIELDS.get(type(event), ()):
        digest = getattr(event, name)
        if digest is not None:
            read = isinstance(event, AgentActed) and event.tool.lower() in _READING_TOOLS
            yield "file" if read and kind == "output" else kind, digest
    match event:
        case FilesTaken():
            yield from (("file", each.digest) for each in event.files)
        case VerifierRewarded() | VerifierSilent():
            # Artifacts of the task have absolute paths: the agent left them.
            yield from (("file" if each.name.startswith("/") else "verifier", each.digest) for each in event.files)
        case AgentRunFinished():
            read_names = {each.name for each in event.reads if each.read}
            yield from (("file", each.digest) for each in event.skills if each.name in read_names)
        case StepImported():
            kind_of: TextKind = "model" if event.source == "agent" else "task"
            own = (event.text, event.reasoning, *(call.arguments for call in event.calls))
            yield from ((kind_of, digest) for digest in own if digest is not None)
        case _:
            pass
