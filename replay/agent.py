"""Running an agent of another make again, its model's answers taken from the log: no call is made, nothing is written.

The agent runs anew, in a fresh sandbox, with the recorded instruction and skills. Each request it makes is looked up
among the recorded ones. The first that repeats none of them is named, and the agent gets an error: what it would have
been answered, nobody knows.
"""

from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final, NamedTuple

from aiohttp import web
from anyio import CancelScope

from engine.agents.registry import agent_named
from engine.budget import BudgetKeeper, Caps
from engine.gateway.door import DoorTerms
from engine.gateway.exchange import Means
from engine.gateway.server import Book, open_gateway
from engine.gateway.upstream import Upstream, open_carrier
from engine.gateway.visit import VisitTerms
from engine.histories import Histories, load_histories
from engine.installed.agent import Installed, calls_below
from engine.installed.opening import kits_of
from engine.installed.port import AgentMeans, AgentPort
from engine.planning import recorded_specs
from engine.pools.orders import Orders
from engine.pools.pools import room_of
from engine.ports import Place
from engine.sandbox_port import SandboxPort
from engine.setting import Setting, chosen_tasks
from engine.spec import AgentSpec, RunSpec
from engine.supervision import Supervisor, nowhere
from engine.system import clock, mint_run_id
from events.agent import AgentRunAsked, AgentRunFinished, CallAsked, CallReceived
from events.attempt import AttemptOpened
from events.log import EventLog
from events.memory import MemoryLog
from events.model import ModelAnswered, ModelFailed
from events.sandbox import SandboxAsked, SandboxOpened
from replay.agent_calls import Asked, CallDifference, best, difference
from replay.errors import AgentNotRun

_MOST_BYTES: Final = 256 * 1024 * 1024
_CALL_S: Final = 60.0
_AT_ONCE: Final = 64
_MOST_CALLS: Final = 10**6


class AgentReplay(NamedTuple):
    """What running an agent again showed."""

    run: str
    attempt: str
    """Its stream."""
    recorded: int
    """Requests that its model was asked then."""
    equal: int
    """Requests made now that are the same, byte for byte."""
    alike: int
    """Requests that are the same but for ids and times of the agent's own."""
    unasked: int
    """Recorded requests that were not made again."""
    difference: CallDifference | None
    """The first request that repeats none of the recorded ones. None: there is none."""
    exit_code: int | None
    """Of the agent, now. None: a limit ended it, or its sandbox broke."""

    @property
    def same(self) -> bool:
        """Whether it asked all it had asked, and nothing else."""
        return self.difference is None and self.unasked == 0


class Recall:
    """An endpoint that answers from recorded calls."""

    def __init__(self, calls: Sequence[Asked]) -> None:
        self._left = list(calls)
        self._count = len(calls)
        self.equal = 0
        self.alike = 0
        self.difference: CallDifference | None = None
        self.base_url = ""

    @property
    def unasked(self) -> int:
        """Recorded requests that have not come again."""
        return len(self._left)

    async def answer(self, request: web.Request) -> web.StreamResponse:
        """Look a request up."""
        body = await request.read()
        found = None if self.difference is not None else best(self._left, request.path_qs, body)
        if found is None:
            self.difference = self.difference or difference(self._left, self._count, request.path_qs, body)
            return web.json_response({"error": {"message": "this was never asked", "code": "diverged"}}, status=400)
        asked, how = found
        self._left.remove(asked)
        self.equal += how == "equal"
        self.alike += how == "alike"
        if asked.status is None:
            if request.transport is not None:
                request.transport.close()
            return web.Response()
        streamed = asked.status == 200 and asked.reply.lstrip()[:1] not in {b"{", b"["}
        kind = "text/event-stream" if streamed else "application/json"
        return web.Response(status=asked.status, body=asked.reply, content_type=kind)


async def replay_agent(setting: Setting, run: str, attempt: str) -> AgentReplay:
    """Run the agent of an attempt again.

    Args:
        setting: Whose backend, cache and folder of tasks are used; its log is only read.
        run: The run's id.
        attempt: Stream of the attempt, such as ``attempt/greet/1``.

    Raises:
        AgentNotRun: No agent of another make ran in it to its end.
        KitUnavailable: The agent cannot be installed.
    """
    histories = await load_histories(setting.log, run)
    then = await _then(setting.log, histories, attempt)
    if then is None:
        raise AgentNotRun(run, attempt)
    recall = Recall([each async for each in recorded_calls(setting.log, histories, calls_below(attempt))])
    code = await _again(setting, then, recall)
    return AgentReplay(
        run,
        attempt,
        recall.equal + recall.alike + recall.unasked,
        recall.equal,
        recall.alike,
        recall.unasked,
        recall.difference,
        code,
    )


async def recorded_calls(log: EventLog, histories: Histories, below: str) -> AsyncIterator[Asked]:
    """Read what an agent asked, in the order in which it did, and how it was answered."""
    names = sorted((name for name in histories.by_stream if name.startswith(below)), key=lambda name: (len(name), name))
    for name in names:
        events = [each.event for each in histories.by_stream[name]]
        came = events[0]
        if not isinstance(came, CallReceived) or not any(isinstance(each, CallAsked) for each in events):
            continue
        status, reply = await _answer(log, events[-1])
        yield Asked(int(name.removeprefix(below)), came.path, await log.get(came.request), status, reply)


async def _answer(log: EventLog, outcome: object) -> tuple[int | None, bytes]:
    match outcome:
        case ModelAnswered():
            return 200, await log.get(outcome.reply)
        case ModelFailed(status=int(status), reply=str(reply)):
            return status, await log.get(reply)
        case _:
            return None, b""


class _Then(NamedTuple):
    """What is known of the attempt."""

    stream: str
    trial: str
    task: str
    asked: AgentRunAsked
    ended: AgentRunFinished
    agent: Installed
    spec: RunSpec


async def _then(log: EventLog, histories: Histories, attempt: str) -> _Then | None:
    """Read what is known of an attempt. None: no agent of another make ran in it to its end."""
    found = {type(each.event): each.event for each in histories.by_stream.get(attempt, ())}
    match [found.get(kind) for kind in (AttemptOpened, SandboxAsked, AgentRunAsked, AgentRunFinished)]:
        case [
            AttemptOpened() as begun,
            SandboxAsked() as sandbox,
            AgentRunAsked() as asked,
            AgentRunFinished() as ended,
        ]:
            agent = agent_named(asked.agent)
            assert histories.opened is not None
            assert isinstance(agent, Installed)
            spec = (await recorded_specs(log, histories.opened, histories.lineage))[-1]
            return _Then(attempt, begun.trial, sandbox.task, asked, ended, agent, spec)
        case _:
            return None


async def _again(setting: Setting, then: _Then, recall: Recall) -> int | None:
    """Run it, in a world of its own that is thrown away."""
    scratch = MemoryLog(clock=clock)
    tasks = {each.name: each for each in await chosen_tasks(setting, then.spec, [then.task])}
    sandboxes = SandboxPort(scratch, setting.backend, tasks, setting.variables)
    place = Place(mint_run_id(), then.stream, 1)
    async with AsyncExitStack() as stack:
        port = await _port(stack, setting, then, scratch, (recall, sandboxes, place.run))
        sandboxes.ground = port
        stack.push_async_callback(sandboxes.close)
        if not isinstance(await sandboxes(SandboxAsked(setting.backend.name, then.task), place), SandboxOpened):
            return None
        scratch.put(await setting.log.get(then.asked.instruction))
        outcome = await port(then.asked, place)
    return outcome.exit_code if isinstance(outcome, AgentRunFinished) else None


async def _port(
    stack: AsyncExitStack, setting: Setting, then: _Then, scratch: MemoryLog, to: tuple[Recall, SandboxPort, str]
) -> AgentPort:
    """Open a gateway to the recorded answers."""
    recall, sandboxes, run = to
    folder = Path(stack.enter_context(TemporaryDirectory(prefix="stillroom-")))
    skills = {file.name: await setting.log.get(file.digest) for file in then.ended.skills}
    base_url = await stack.enter_async_context(_serving(recall))
    budget = BudgetKeeper(Caps(None, None))
    supervisor = Supervisor(scratch, nowhere)
    gateway = await stack.enter_async_context(open_gateway(Book(scratch, run, None), budget, supervisor))
    upstream = Upstream(base_url, None, None, _CALL_S)
    carrier = await stack.enter_async_context(open_carrier())
    means = Means(scratch, carrier, upstream, budget, room_of(_AT_ONCE, "calls"), Orders(), clock)
    terms = DoorTerms("teacher", VisitTerms(then.trial, None), AgentSpec(max_turns=_MOST_CALLS), means)
    kit = await kits_of(setting, then.agent).ready(then.agent.recipe)
    return AgentPort(AgentMeans(scratch, gateway, then.agent.recipe, kit, lambda _: terms, skills, folder), sandboxes)


@asynccontextmanager
async def _serving(recall: Recall) -> AsyncIterator[str]:
    """Serve recorded answers on loopback; give the base URL."""
    app = web.Application(client_max_size=_MOST_BYTES)
    app.router.add_post("/{path:.*}", recall.answer)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.5)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        yield f"http://127.0.0.1:{runner.addresses[0][1]}"
    finally:
        with CancelScope(shield=True):
            await runner.cleanup()
