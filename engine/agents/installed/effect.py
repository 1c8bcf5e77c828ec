"""The port of installed agents: a proxy session, a package and skills for each attempt, then the agent's whole run."""

import shutil
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import Final, NamedTuple

import anyio
import msgspec

from engine.agents.installed.adapter import ATTEMPT, KIT, STATE, AgentAdapter, Launch, LaunchRequest, node
from engine.agents.installed.packages import AgentPackage
from engine.agents.installed.skill_mount import lay_out, no_room, skill_files
from engine.agents.installed.skill_watch import SkillFolder, WatchLost
from engine.core.ports import EffectAddress
from engine.core.system import mint_token
from engine.effects.sandboxes import SandboxPort
from engine.gateway.server import Gateway
from engine.gateway.session import ProxySession, SessionTerms
from events.base import Event
from events.store.base import BlobStore
from events.streams import calls_below, trial_of
from events.types.agent import AgentRunAsked, AgentRunFinished, SkillRead
from events.types.sandbox import SandboxAsked, SandboxFailed
from events.values import NamedDigest
from sandbox.base import Mount
from sandbox.errors import InfrastructureError, Unsupported

_MOST_OUTPUT: Final = 128 * 1024 * 1024
"""Bytes an agent may print; its event stream holds what its tools printed."""
_COMMAND: Final = f"exec {node()} {KIT}/launch.mjs {ATTEMPT}"


class AgentContext(NamedTuple):
    """What agents of one run share."""

    blobs: BlobStore
    gateway: Gateway
    recipe: AgentAdapter
    kit: AgentPackage
    terms: Callable[[str], SessionTerms]
    """By the name of a trial."""
    skills: Mapping[str, bytes]
    """Files of the skills that runs of earlier versions are given, by path. Others name them in their conditions."""
    folder: Path
    """For the folders of attempts. Its path is short, since the paths of sockets must be."""
    numbers: Iterator[int]
    """Names them."""


class _Ground(NamedTuple):
    """What one attempt has on the host."""

    folder: Path
    door: ProxySession
    watch: SkillFolder
    skills: tuple[NamedDigest, ...]
    given: bool
    """Whether it is told of skills, be there any or none."""


class AgentPort:
    """Prepares the ground for each attempt before its sandbox opens, and answers `AgentRunAsked`."""

    def __init__(self, means: AgentContext, sandboxes: SandboxPort) -> None:
        self._means = means
        self._sandboxes = sandboxes
        self._grounds: dict[str, _Ground] = {}

    def serves(self, asked: SandboxAsked, stream: str) -> bool:
        """See `SandboxPreparer`."""
        del asked, stream
        return True

    async def prepare(self, asked: SandboxAsked, place: EffectAddress) -> tuple[Mount, ...]:
        """Make ready what a sandbox is to see of us: the kit, and a folder with the attempt's socket and skills.

        Raises:
            SandboxUnavailable: This machine has no room for them, or cannot watch who reads them.
        """
        folder = self._means.folder / str(next(self._means.numbers))
        named, files = asked.condition, self._means.skills
        if named is not None:
            files = await skill_files(self._means.blobs, named)
        try:
            watch = await anyio.to_thread.run_sync(lay_out, folder, files)
        except (OSError, WatchLost) as error:
            raise no_room(place.stream, error) from error
        skills = tuple(NamedDigest(name, self._means.blobs.put(data)) for name, data in sorted(files.items()))
        trial = trial_of(place.stream) or place.stream
        terms, below = self._means.terms(trial), calls_below(place.stream)
        door = await self._means.gateway.open(below, mint_token(), folder / "s", terms)
        self._grounds[place.stream] = _Ground(folder, door, watch, skills, named is not None or bool(files))
        return (Mount(self._means.kit.folder, KIT), Mount(folder, ATTEMPT))

    async def show(self, stream: str) -> None:
        """See `SandboxPreparer`."""
        await anyio.to_thread.run_sync(self._grounds[stream].watch.show)

    async def hide(self, stream: str) -> None:
        """See `SandboxPreparer`."""
        await anyio.to_thread.run_sync(self._grounds[stream].watch.hide)

    async def reads(self, stream: str) -> tuple[SkillRead, ...] | None:
        """See `SandboxPreparer`. Told of its whole run, not of each command."""
        del stream
        return None

    async def clear(self, stream: str) -> None:
        """Take it away again, once the sandbox is gone."""
        ground = self._grounds.pop(stream, None)
        if ground is not None:
            with anyio.CancelScope(shield=True):
                await self._means.gateway.close(ground.door)
                ground.watch.close()
                await anyio.to_thread.run_sync(partial(shutil.rmtree, ground.folder, ignore_errors=True))

    async def __call__(self, asked: Event, place: EffectAddress) -> Event:
        """Run the agent; what breaks in its sandbox is an outcome of its own, never the agent's."""
        assert isinstance(asked, AgentRunAsked)
        try:
            return await self._run(asked, place)
        except Unsupported as error:
            return SandboxFailed("unsupported", error.problem)
        except InfrastructureError as error:
            return SandboxFailed("lost", error.problem)
        except WatchLost as error:
            return SandboxFailed("lost", f"what was read of the skills is not known: {error}")

    async def _run(self, asked: AgentRunAsked, place: EffectAddress) -> Event:
        ground = self._grounds[place.stream]
        sandbox, task = self._sandboxes.held(place.stream)
        instruction = await self._means.blobs.get(asked.instruction)
        order = LaunchRequest(asked.model, ground.door.token, sandbox.workdir)
        launch = self._means.recipe.launch(order)
        skills = launch.skills if asked.skills is not None or ground.given else None
        await anyio.to_thread.run_sync(_write, ground.folder, launch, instruction, skills)
        try:
            run = partial(
                sandbox.exec,
                _COMMAND,
                user=task.config.agent.user,
                timeout_s=asked.timeout_s,
                max_output_bytes=_MOST_OUTPUT,
            )
            result = await self._sandboxes.disk.during(sandbox, run)
        finally:
            with anyio.CancelScope(shield=True):
                await self._means.gateway.close(ground.door)
        put, door = self._means.blobs.put, ground.door
        if door.left_open:  # that it ended is the stop's doing, and no outcome of the attempt: the run ends here
            await anyio.sleep_forever()

        def scrub(data: bytes) -> bytes:
            """Leave the token of the attempt out of an agent's output, and secrets that its deltas hold in pieces."""
            return self._means.blobs.redactor.replace_streamed(door.redact(data))

        if door.failed is not None:  # what the agent did without an answer is no attempt of its own
            what = f"{type(door.failed).__name__}: {door.failed}"
            return SandboxFailed("lost", f"the gateway failed while it served a call of the agent: {what}")
        return AgentRunFinished(
            kit=self._means.kit.lock,
            exit_code=result.exit_code,
            ended=result.ended,
            stdout=put(scrub(result.stdout)),
            stderr=put(scrub(result.stderr)),
            calls=door.calls,
            answered=door.spent.turns,
            stopped=door.stopped,
            skills=ground.skills,
            reads=ground.watch.reads(),
            unanswered=tuple(door.unanswered),
            cut=door.cut,
        )


def _write(folder: Path, launch: Launch, instruction: bytes, skills: str | None) -> None:
    """Write down what the launcher needs."""
    told = {
        "argv": launch.argv,
        "env": dict(launch.env),
        "files": dict(launch.files),
        "skills": skills,
        "state": STATE,
    }
    for name, data in (("instruction", instruction), ("launch.json", msgspec.json.encode(told))):
        (folder / name).write_bytes(data)
        (folder / name).chmod(0o644)  # the agent may run as any user of its sandbox
