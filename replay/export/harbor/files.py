"""The files of a trial's folder, but for its documents: what the agent, the verifier and the task left behind."""

from collections.abc import Iterator, Sequence
from pathlib import PurePosixPath
from typing import Final, NamedTuple, TypeAlias

import msgspec

from engine.importers.harbor.schema import STDERR, STDOUT
from events.base import Event, Recorded
from events.digest import Digest
from events.store.base import BlobStore
from events.types.agent import AgentRunFinished
from events.types.attempt import ImportedAttempt
from events.types.sandbox import ActionObserved, SolutionAsked, VerifierRewarded, VerifierSilent
from events.types.steps import StepJudged, StepVerifyAsked

_MANIFEST: Final = "artifacts/manifest.json"
_Verdict: TypeAlias = VerifierRewarded | VerifierSilent | StepJudged


class _Entry(msgspec.Struct, frozen=True):
    """A file that a task wanted kept, in the words of Harbor's manifest."""

    source: str
    destination: str
    type: str = "file"
    status: str = "ok"
    service: None = None
    exclude: None = None


class _Place(NamedTuple):
    """A blob and where it goes, below the trial's folder."""

    step: str
    """Folder of the step it is of, with a slash behind it. Empty: of none."""
    path: str
    """Below that."""
    source: str | None
    """Where an artifact was in the sandbox. None: it is none."""
    digest: Digest


async def files_of(blobs: BlobStore, agent: str, history: Sequence[Recorded]) -> dict[str, bytes]:
    """Gather the files of an attempt, by path below the trial's folder.

    Raises:
        BlobMissing, BlobErased: Bytes of it are gone.
    """
    found: dict[str, bytes] = {}
    asked: Event | None = None
    for recorded in history:
        match recorded.event:
            case SolutionAsked() | StepVerifyAsked() as event:
                asked = event
            case event:
                found |= await _files(blobs, agent, event, asked)
    if any(isinstance(each.event, StepJudged) for each in history):
        # On the whole it printed what its steps did, put together.
        return {name: data for name, data in found.items() if name not in {STDOUT, STDERR}}
    return found


async def _files(blobs: BlobStore, agent: str, event: Event, asked: Event | None) -> dict[str, bytes]:
    """Give the files of an event, which may answer the last that asked for a solution or for a step's verdict."""
    match event, asked:
        case ActionObserved(), SolutionAsked():
            return await _solved(blobs, event)
        case AgentRunFinished(), _:
            return {f"agent/{agent}.txt": await blobs.get(event.stdout)}
        case ImportedAttempt(), _:
            return await _imported(blobs, agent, event)
        case StepJudged(), StepVerifyAsked():
            return await _judged(blobs, event, f"steps/{asked.step}/")
        case ((VerifierRewarded() | VerifierSilent()), _):
            return await _judged(blobs, event, "")
        case _:
            return {}


async def _solved(blobs: BlobStore, observed: ActionObserved) -> dict[str, bytes]:
    found = {"agent/oracle.txt": await blobs.get(observed.stdout) + await blobs.get(observed.stderr)}
    if observed.exit_code:
        found["agent/exit-code.txt"] = str(observed.exit_code).encode()
    return found


async def _imported(blobs: BlobStore, agent: str, attempt: ImportedAttempt) -> dict[str, bytes]:
    found = {} if attempt.stdout is None else {f"agent/{agent}.txt": await blobs.get(attempt.stdout)}
    if attempt.verifier_stdout is not None:
        found[STDOUT] = await blobs.get(attempt.verifier_stdout)
    return found


async def _judged(blobs: BlobStore, event: _Verdict, step: str) -> dict[str, bytes]:
    """Give what a verifier printed and left, and what the task wanted kept, with Harbor's lists of the latter."""
    found: dict[str, bytes] = {}
    artifacts: dict[str, list[_Entry]] = {}
    for place in _left(event, step):
        found[place.step + place.path] = await blobs.get(place.digest)
        if place.source is not None:
            artifacts.setdefault(place.step, []).append(_Entry(place.source, place.path))
    for below, entries in artifacts.items():
        found[below + _MANIFEST] = msgspec.json.format(msgspec.json.encode(entries), indent=2) + b"\n"
    found[step + STDOUT] = await blobs.get(event.stdout)
    stderr = await blobs.get(event.stderr)
    return found | {step + STDERR: stderr} if stderr else found


def _left(event: _Verdict, step: str) -> Iterator[_Place]:
    """Say where the files of a verifier go: its own by their names, artifacts by their absolute paths."""
    for file in event.files:
        parts = PurePosixPath(file.name).parts
        kept = file.name.startswith("/")
        below, of = parts[1:] if kept else parts, step
        if not below or ".." in below:
            continue  # it has no place below a folder
        if below[0] == "steps" and len(below) > 2 and not step:
            of, below = f"steps/{below[1]}/", below[2:]
        name = "/".join(below)
        yield _Place(of, f"{'artifacts' if kept else 'verifier'}/{name}", f"/{name}" if kept else None, file.digest)
