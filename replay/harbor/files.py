"""The files of a trial's folder, but for its documents: what the agent, the verifier and the task left behind."""

from collections.abc import Iterator, Sequence
from pathlib import PurePosixPath
from typing import Final, NamedTuple

import msgspec

from engine.importers.harbor_model import STDERR, STDOUT
from events.agent import AgentRunEnded
from events.attempt import ImportedAttempt
from events.base import Recorded
from events.digest import Digest
from events.log import BlobStore
from events.sandbox import ActionObserved, SolutionAsked, VerifierRewarded, VerifierSilent

_MANIFEST: Final = "artifacts/manifest.json"


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

    path: str
    digest: Digest


async def files_of(blobs: BlobStore, agent: str, history: Sequence[Recorded]) -> dict[str, bytes]:
    """Gather the files of an attempt, by path below the trial's folder.

    Raises:
        BlobMissing, BlobErased: Bytes of it are gone.
    """
    found: dict[str, bytes] = {}
    asked: SolutionAsked | None = None
    for recorded in history:
        match recorded.event:
            case SolutionAsked() as event:
                asked = event
            case ActionObserved() as event if asked is not None:
                asked = None
                found |= await _solved(blobs, event)
            case AgentRunEnded() as event:
                found[f"agent/{agent}.txt"] = await blobs.get(event.stdout)
            case ImportedAttempt() as event:
                found |= await _imported(blobs, agent, event)
            case VerifierRewarded() | VerifierSilent() as event:
                found |= await _judged(blobs, event)
            case _:
                pass
    return found


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


async def _judged(blobs: BlobStore, event: VerifierRewarded | VerifierSilent) -> dict[str, bytes]:
    """Give what the verifier printed and left, and what the task wanted kept, with Harbor's list of the latter."""
    artifacts: list[_Entry] = []
    found = {place.path: await blobs.get(place.digest) for place in _left(event, artifacts)}
    if artifacts:
        found[_MANIFEST] = msgspec.json.format(msgspec.json.encode(artifacts), indent=2) + b"\n"
    found[STDOUT] = await blobs.get(event.stdout)
    stderr = await blobs.get(event.stderr)
    return found | {STDERR: stderr} if stderr else found


def _left(event: VerifierRewarded | VerifierSilent, artifacts: list[_Entry]) -> Iterator[_Place]:
    """Say where the files of a verifier go: its own by their names, artifacts by their absolute paths."""
    for file in event.files:
        parts = PurePosixPath(file.name).parts
        kept = file.name.startswith("/")
        below, step = parts[1:] if kept else parts, ""
        if not below or ".." in below:
            continue  # it has no place below a folder
        if below[0] == "steps" and len(below) > 2:
            step, below = f"steps/{below[1]}/", below[2:]
        name = "/".join(below)
        if kept:
            artifacts.append(_Entry(f"/{name}", f"{step}artifacts/{name}"))
        yield _Place(f"{step}{'artifacts' if kept else 'verifier'}/{name}", file.digest)
