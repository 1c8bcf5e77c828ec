"""The port of models: builds the request from the blobs that are asked for, sends it, keeps every byte."""

from collections.abc import Awaitable, Callable
from typing import NamedTuple

import anyio

from engine.concurrency.limiter import AdaptiveLimiter, LimitedTask
from engine.core.ports import EffectAddress
from engine.effects.answer_files import AnswerFolder
from engine.effects.budget import BudgetKeeper
from engine.effects.conversation import ConversationReader
from engine.effects.refusals import FailedLine, RefusalWatch
from engine.protocols.errors import ProviderError
from engine.protocols.reply import ChatReply, ReplyCall
from engine.protocols.request import ChatRequest
from engine.protocols.usage import ReportedUsage
from engine.providers.base import ChatProvider, body_of
from engine.providers.prices import Price, cost_of, credible, reported_cost
from engine.providers.upstream import Upstream
from events.base import Event
from events.digest import Digest, Fingerprint, digest_of
from events.redaction.redactor import Redactor
from events.store.base import BlobStore
from events.types.model import ModelAnswered, ModelAsked, ModelFailed, RetryAsked, RetryDue, ToolCall
from events.values import NanoUsd, Role, Usage
from projections.charges import known_cost, known_usage


class ModelClient(NamedTuple):
    """How a role's model is reached, and what it costs."""

    provider: ChatProvider
    price: Price | None
    """None: unknown; only the provider's own figure can then say what a call cost."""
    room: AdaptiveLimiter
    """Where calls to this model wait for each other, whoever makes them."""
    reach: Upstream
    """The same, for installed agents, which make their calls themselves."""
    files: AnswerFolder | None = None
    """Where its answers come from. None: the provider answers."""


class ModelPort:
    """Answers `ModelAsked` through the provider of its role."""

    def __init__(
        self,
        blobs: BlobStore,
        line: Callable[[Role, EffectAddress], ModelClient],
        budget: BudgetKeeper,
        refusals: RefusalWatch | None = None,
    ) -> None:
        """Prepare.

        Args:
            blobs: Where answers are kept.
            line: Says which line a role's request from some place takes.
            budget: Who counts the money.
            refusals: Stops the run for calls that only a person can mend. None: each such call is only an outcome.
        """
        self._blobs = blobs
        self._reader = ConversationReader(blobs)
        self._line = line
        self._budget = budget
        self._refusals = refusals
        self.turns: dict[str, LimitedTask] = {}
        """Held for the next request of a stream; without one, the request asks for a turn of its own."""
        self._again: dict[str, tuple[ModelAsked, LimitedTask]] = {}
        """By stream: a request that failed and may be made again, with the turn that it keeps."""

    def turn(self, asked: ModelAsked, place: EffectAddress) -> LimitedTask:
        """Ask for a turn. A request that is made again keeps the one it had: it goes before those that came later."""
        failed, turn = self._again.pop(place.stream, (None, None))
        if turn is not None and failed == asked:
            return turn
        return self._line(asked.role, place).room.turn(place.run, place.stream)

    async def __call__(self, asked: Event, place: EffectAddress) -> Event:
        """Ask the model, once. A failure of the provider is an outcome."""
        assert isinstance(asked, ModelAsked)
        line = self._line(asked.role, place)
        request = await build_request(asked, self._reader, self._blobs)
        terms = CallPricing(line.price, self._budget.bound(place.stream))
        turn = self.turns.get(place.stream) or self.turn(asked, place)
        provider = line.provider if line.files is None else line.files.at(place)
        reply = await self._told(line, asked, provider.complete(request, turn.place))
        if isinstance(reply, ProviderError):
            outcome: ModelAnswered | ModelFailed = failed(self._blobs, reply, terms, asked.role)
            if self._refusals is not None:
                await self._refusals.meet(
                    FailedLine((line.reach.base_url, asked.model), asked.role, reply), outcome, place
                )
            if reply.retryable:
                self._again[place.stream] = (asked, turn)
        else:
            outcome = answered(self._blobs, Fingerprint(digest_of(body_of(request))), reply, terms)
        self._budget.settle(place.stream, outcome)
        return outcome

    async def _told(
        self, line: ModelClient, asked: ModelAsked, answer: Awaitable[ChatReply]
    ) -> ChatReply | ProviderError:
        """Wait for the answer of a model, and have it counted that one is waited for."""
        watch = self._refusals
        if watch is not None:
            watch.begin()
        try:
            reply = await answer
        except ProviderError as error:
            return error
        finally:
            if watch is not None:
                watch.end()
        if watch is not None:
            watch.answered((line.reach.base_url, asked.model))
        return reply


async def wait_to_retry(asked: Event, place: EffectAddress) -> Event:
    """Answer a `RetryAsked`, when its time has come."""
    del place
    assert isinstance(asked, RetryAsked)
    await anyio.sleep(asked.wait_s)
    return RetryDue()


class CallPricing(NamedTuple):
    """By what the cost of a physical call is told."""

    price: Price | None
    """None: unknown; only the provider's own figure can then say what it cost."""
    bound: NanoUsd | None
    """The most it should cost. None: nobody bounded it."""


def answered(blobs: BlobStore, request: Fingerprint, reply: ChatReply, terms: CallPricing) -> ModelAnswered:
    """Write down what a model answered."""
    put = blobs.put
    return ModelAnswered(
        request=request,
        reply=put(_without_secrets(blobs.redactor, reply)),
        message=put(reply.message),
        text=None if reply.text is None else put(reply.text.encode("utf-8", "replace")),
        tool_calls=tuple(_call(put, call) for call in reply.tool_calls),
        finish=reply.finish,
        model=reply.model,
        usage=_usage(reply.usage),
        cost=_cost(reply, terms),
        reasoning=None if reply.reasoning is None else put(reply.reasoning.encode("utf-8", "replace")),
        status=reply.status,
        earlier=(),
    )


def failed(blobs: BlobStore, error: ProviderError, terms: CallPricing, role: Role | None = None) -> ModelFailed:
    """Write down why there is no answer, what it cost all the same, and what mends it where that is known.

    Args:
        blobs: Where the answer's bytes are kept.
        error: The failure.
        terms: By what its cost is told.
        role: Whose settings the request was made by. None: an agent of another make made it, by settings of its own.
    """
    setting = None if role is None or error.setting is None else error.setting.replace("ROLE", role)
    mend = setting or (error.remedy if error.remedy != error.usual_remedy else None)
    return ModelFailed(
        kind=error.kind,
        status=error.status,
        detail=error.problem if mend is None else f"{error.problem} ({mend})",
        reply=None if error.raw is None else blobs.put(blobs.redactor.replace_streamed(error.raw)),
        usage=_usage(error.usage),
        cost=_cost(error, terms),
        sent=error.sent,
        retryable=error.retryable,
        retry_after_s=error.retry_after_s,
        earlier=(),
    )


def _without_secrets(redactor: Redactor, reply: ChatReply) -> bytes:
    """Give the bytes of an answer; in those of a stream, a secret that the whole text holds may lie across pieces."""
    told = reply.message + (reply.reasoning or "").encode("utf-8", "replace")
    return redactor.replace_streamed(reply.raw) if redactor.hits(told) else reply.raw


async def build_request(asked: ModelAsked, reader: ConversationReader, blobs: BlobStore) -> ChatRequest:
    """Build what is sent from what is recorded: a digest of it is in the answer, so it can be built again."""
    said = await reader.read(asked.conversation)
    return ChatRequest(
        model=asked.model,
        messages=said.messages,
        tools=None if asked.tools is None else await blobs.get(asked.tools),
        parameters=dict(asked.parameters),
        stream=asked.stream,
        timeout_s=asked.timeout_s,
        protocol=asked.protocol,
        images={each: await blobs.get(each) for each in said.images},
    )


def _call(put: Callable[[bytes], Digest], call: ReplyCall) -> ToolCall:
    return ToolCall(call.id, call.name, put(call.arguments.encode("utf-8", "replace")))


def _usage(said: ReportedUsage) -> Usage:
    """Write down the counts; one that no call comes to was not said."""
    return known_usage(Usage(said.input_tokens, said.output_tokens, said.cached_input_tokens, said.reasoning_tokens))


def _cost(of: ChatReply | ProviderError, terms: CallPricing) -> NanoUsd | None:
    """Say what a call cost: the provider's own figure, unless it is far above what its tokens cost by our price.

    None: it does not say, or what it says cannot be.
    """
    counted = None if terms.price is None else known_cost(cost_of(of.usage, terms.price), terms.bound)
    stated = None if of.cost_usd is None else known_cost(reported_cost(of.cost_usd), terms.bound)
    return stated if stated is not None and credible(stated, counted) else counted
