"""Running an agent of another make again, its model's answers taken from the log: no call is made, nothing is written.

The agent runs anew, in a fresh sandbox, with the recorded instruction and skills. Each request it makes is looked up
among the recorded ones. The first that repeats none of them is named, and the agent gets an error: what it would have
been answered, nobody knows.
"""

from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from http import HTTPStatus
from itertools import count
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final, NamedTuple

from aiohttp import web
from anyio import CancelScope
from msgspec.structs import replace
from multidict import CIMultiDict

from engine.agents.installed.agent import InstalledAgent
from engine.agents.installed.effect import AgentContext, AgentPort
from engine.agents.registry import agent_named
from engine.concurrency.pools import room_of
from engine.concurrency.run_controls import RunControls
from engine.config.spec import AgentSpec, RunSpec
from engine.core.history import RunHistory, load_histories
from engine.core.ports import EffectAddress
from engine.core.supervision import Supervisor, nowhere
from engine.core.system import clock, mint_run_id
from engine.effects.budget import BudgetKeeper, Caps
from engine.effects.sandboxes import SandboxPort
from engine.gateway.call import CallTerms
from engine.gateway.exchange import UNANSWERED, ExchangeContext, unanswered
from engine.gateway.server import CallRecorder, open_gateway
from engine.gateway.session import SessionTerms
from engine.gateway.upstream_client import open_carrier
from engine.protocols.chat import Chat
from engine.protocols.routes import protocol_of
from engine.providers.credentials import StaticKey
from engine.providers.upstream import Upstream
from engine.runtime.context import RunContext, chosen_tasks
from engine.runtime.open_agents import kits_of
from engine.runtime.plan import recorded_specs
from events.digest import Digest
from events.store.base import EventLog
from events.store.blob_refs import named_blobs
from events.store.memory import MemoryLog
from events.streams import calls_below
from events.types.agent import AgentRunAsked, AgentRunFinished, CallAnswered, CallAsked, CallFailed, CallReceived
from events.types.attempt import AttemptOpened
from events.types.model import ModelAnswered, ModelFailed
from events.types.sandbox import SandboxAsked, SandboxOpened
from replay.agents.calls import CallDifference, RecordedReply, RecordedRequest, best, difference
from replay.errors import AgentNotRun

_BROKEN: Final = frozenset({"network", "timeout"})
"""Kinds of failure behind which an answer that had begun was not ended."""
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
    first_unasked: int | None
    """The first of them. None: there is none."""
    after: int | None
    """Status of the answer before that one, behind which the agent went no further. None: it was the first of all."""
    headerless: int
    """Answers whose headers are not on record, since an earlier version recorded them: the agent got others then."""
    difference: CallDifference | None
    """The first request that repeats none of the recorded ones. None: there is none."""
    exit_code: int | None
    """Of the agent, now. None: a limit ended it, or its sandbox broke."""

    @property
    def same(self) -> bool:
        """Whether it asked all it had asked, and nothing else."""
        return self.difference is None and self.unasked == 0


class RecordedEndpoint:
    """An endpoint that answers from recorded calls."""

    def __init__(self, calls: Sequence[RecordedRequest]) -> None:
        self.left = list(calls)
        """Those that have not come again."""
        self._calls = tuple(calls)
        self.equal = 0
        self.alike = 0
        self.difference: CallDifference | None = None
        self.base_url = ""

    @property
    def unasked(self) -> int:
        """Recorded requests that have not come again."""
        return len(self.left)

    @property
    def first_unasked(self) -> tuple[int | None, int | None]:
        """The first of them, and the status of the answer before it. None: there is no such one."""
        if not self.left:
            return None, None
        first = min(each.number for each in self.left)
        before = [each.reply.status for each in self._calls if each.number < first]
        return first, before[-1] if before else None

    @property
    def headerless(self) -> int:
        """Answers whose headers are not on record."""
        return sum(not each.reply.recorded for each in self._calls)

    async def answer(self, request: web.Request) -> web.StreamResponse:
        """Look a request up."""
        body = await request.read()
        found = None if self.difference is not None else best(self.left, request.path_qs, body)
        if found is None:
            self.difference = self.difference or difference(self.left, len(self._calls), request.path_qs, body)
            return web.json_response({"error": {"message": "this was never asked", "code": "diverged"}}, status=400)
        asked, how = found
        self.left.remove(asked)
        self.equal += how == "equal"
        self.alike += how == "alike"
        return await _tell(request, asked.reply)


async def _tell(request: web.Request, reply: RecordedReply) -> web.StreamResponse:
    """Answer as then: with the recorded headers, and no further than it went."""
    headers = CIMultiDict(reply.headers)
    if reply.whole:
        return web.Response(status=reply.status, body=reply.body, headers=headers)
    response = web.StreamResponse(status=reply.status, headers=headers)
    await response.prepare(request)
    await response.write(reply.body)
    if request.transport is not None:
        request.transport.close()
    return response


async def replay_agent(setting: RunContext, run: str, attempt: str) -> AgentReplay:
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
    recall = RecordedEndpoint([each async for each in recorded_calls(setting.log, histories, calls_below(attempt))])
    code = await _again(setting, then, recall)
    return AgentReplay(
        run,
        attempt,
        recall.equal + recall.alike + recall.unasked,
        recall.equal,
        recall.alike,
        recall.unasked,
        *recall.first_unasked,
        recall.headerless,
        recall.difference,
        code,
    )


async def recorded_calls(log: EventLog, histories: RunHistory, below: str) -> AsyncIterator[RecordedRequest]:
    """Read what an agent asked, in the order in which it did, and how it was answered."""
    names = sorted((name for name in histories.by_stream if name.startswith(below)), key=lambda name: (len(name), name))
    for name in names:
        events = [each.event for each in histories.by_stream[name]]
        came = events[0]
        if not isinstance(came, CallReceived) or not any(isinstance(each, CallAsked) for each in events):
            continue
        reply = await _reply(log, came, events[-1])
        yield RecordedRequest(int(name.removeprefix(below)), came.path, await log.get(came.request), reply)


async def _reply(log: EventLog, came: CallReceived, outcome: object) -> RecordedReply:
    """Say what the agent was told."""
    match outcome:
        case CallAnswered(told=told, reply=body) | CallFailed(told=told, reply=body):
            data = await _body(log, told.body or body)
            return RecordedReply(
                told.status, tuple((each.name, each.value) for each in told.headers), data, told.whole, True
            )
        case ModelAnswered(reply=body):
            return _guessed(HTTPStatus.OK, await log.get(body), whole=True)
        case ModelFailed(status=int(status), kind=kind, reply=str(body)) if kind not in _BROKEN:
            return _guessed(status, await log.get(Digest(body)), whole=True)
        case ModelFailed(status=HTTPStatus.OK, reply=str(body)) if _streamed(await log.get(Digest(body))):
            # A stream that broke off had been passed on as far as it came.
            return _guessed(HTTPStatus.OK, await log.get(Digest(body)), whole=False)
        case _:
            protocol = protocol_of(came.path.partition("?")[0]) or Chat()
            return _guessed(UNANSWERED, unanswered(protocol), whole=True)


async def _body(log: EventLog, digest: Digest | None) -> bytes:
    return b"" if digest is None else await log.get(digest)


def _guessed(status: int, body: bytes, *, whole: bool) -> RecordedReply:
    """Give an answer of which the headers were not recorded: its body says what it is, and nothing else is told."""
    kind = "text/event-stream" if status == HTTPStatus.OK and _streamed(body) else "application/json"
    return RecordedReply(status, (("content-type", kind),), body, whole, recorded=False)


def _streamed(body: bytes) -> bool:
    return body.lstrip()[:1] not in {b"{", b"["}


class _Then(NamedTuple):
    """What is known of the attempt."""

    stream: str
    trial: str
    sandbox: SandboxAsked
    asked: AgentRunAsked
    ended: AgentRunFinished
    agent: InstalledAgent
    spec: RunSpec


async def _then(log: EventLog, histories: RunHistory, attempt: str) -> _Then | None:
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
            assert isinstance(agent, InstalledAgent)
            spec = (await recorded_specs(log, histories.opened, histories.lineage))[-1]
            return _Then(attempt, begun.trial, sandbox, asked, ended, agent, spec)
        case _:
            return None


async def _again(setting: RunContext, then: _Then, recall: RecordedEndpoint) -> int | None:
    """Run it, in a world of its own that is thrown away."""
    scratch = MemoryLog(clock=clock)
    sandbox = replace(then.sandbox, backend=setting.backend.name, condition=None)
    chosen = await chosen_tasks(setting, then.spec, [sandbox.task]) if sandbox.workspace is None else ()
    tasks = {each.name: each for each in chosen}
    sandboxes = SandboxPort(scratch, setting.backend, tasks, setting.variables)
    place = EffectAddress(mint_run_id(), then.stream, 1)
    async with AsyncExitStack() as stack:
        port = await _port(stack, setting, then, scratch, (recall, sandboxes, place.run))
        sandboxes.ground = port
        stack.push_async_callback(sandboxes.close)
        for named in named_blobs(sandbox):
            scratch.put(await setting.log.get(named))
        if not isinstance(await sandboxes(sandbox, place), SandboxOpened):
            return None
        scratch.put(await setting.log.get(then.asked.instruction))
        outcome = await port(then.asked, place)
    return outcome.exit_code if isinstance(outcome, AgentRunFinished) else None


async def _port(
    stack: AsyncExitStack,
    setting: RunContext,
    then: _Then,
    scratch: MemoryLog,
    to: tuple[RecordedEndpoint, SandboxPort, str],
) -> AgentPort:
    """Open a gateway to the recorded answers."""
    recall, sandboxes, run = to
    folder = Path(stack.enter_context(TemporaryDirectory(prefix="stillroom-")))
    skills = {file.name: await setting.log.get(file.digest) for file in then.ended.skills}
    base_url = await stack.enter_async_context(_serving(recall))
    budget = BudgetKeeper(Caps(None, None))
    supervisor = Supervisor(scratch, nowhere)
    gateway = await stack.enter_async_context(open_gateway(CallRecorder(scratch, run, None), budget, supervisor))
    upstream = Upstream(base_url, StaticKey(None), None, _CALL_S)
    carrier = await stack.enter_async_context(open_carrier())
    means = ExchangeContext(scratch, carrier, upstream, budget, room_of(_AT_ONCE, "calls"), RunControls(), clock)
    terms = SessionTerms("teacher", CallTerms(then.trial, None), AgentSpec(max_turns=_MOST_CALLS), means)
    kit = await kits_of(setting, then.agent).ready(then.agent.recipe)
    return AgentPort(
        AgentContext(scratch, gateway, then.agent.recipe, kit, lambda _: terms, skills, folder, count(1)), sandboxes
    )


@asynccontextmanager
async def _serving(recall: RecordedEndpoint) -> AsyncIterator[str]:
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
