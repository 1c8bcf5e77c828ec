"""A door of the gateway: one attempt's socket and token, and what came through it."""

from pathlib import Path
from typing import Literal, NamedTuple

import anyio

from engine.config.spec import AgentSpec
from engine.gateway.call import CallTerms
from engine.gateway.exchange import Exchange, ExchangeContext
from engine.policies.limits import AttemptUsage, limit_reached
from events.base import Event
from events.types.agent import CallUnanswered
from events.types.budget import BudgetRefused
from events.types.model import ModelAnswered, ModelFailed
from events.values import Role

Stopped = Literal["turn_limit", "token_limit", "cost_limit", "budget"]


class SessionTerms(NamedTuple):
    """What goes for the calls of one attempt."""

    role: Role
    visit: CallTerms
    limits: AgentSpec
    means: ExchangeContext


class ProxySession:
    """Where one attempt's agent calls."""

    def __init__(self, below: str, token: str, socket: Path, terms: SessionTerms) -> None:
        """Make it.

        Args:
            below: What the names of its streams begin with: ``call/<trial>/<n>/``.
            token: What its agent holds.
            socket: Where it listens.
            terms: What goes for its calls.
        """
        self.below = below
        self.token = token
        self.socket = socket
        self.terms = terms
        self.calls = 0
        self.spent = AttemptUsage.nothing()
        self.stopped: Stopped | None = None
        self.broken: BaseException | None = None
        """Why a call could not be recorded. None: all were."""
        self.failed: Exception | None = None
        """What else of ours failed while a call was served. None: nothing. Such a call has no outcome on record."""
        self.unanswered: list[CallUnanswered] = []
        """Calls that failed since the last one that was answered."""
        self.cut = 0
        """Calls that were broken off when it closed."""
        self.open = True
        self._under_way: set[Exchange] = set()
        self._idle: anyio.Event | None = None
        """Set when no call is in flight any more. None: nothing waits for it."""

    @property
    def left_open(self) -> bool:
        """Whether it closed with calls that got no answer since the run stops: a resume runs the agent again."""
        refusals = self.terms.means.refusals
        return self.cut > 0 and refusals is not None and refusals.watch.stopped is not None

    def redact(self, data: bytes) -> bytes:
        """Take the token out of what is to be recorded."""
        return data.replace(self.token.encode(), b"[token]")

    def barred(self, token: str | None) -> tuple[Literal["token", "limit"] | None, str]:
        """Say why a call may not pass, whatever it asks."""
        if token != self.token or not self.open:
            return "token", "it holds no token" if token is None else "its token is not this attempt's"
        limit = limit_reached(self.spent, 0.0, self.terms.limits, None)
        if limit is None:
            return None, ""
        if limit.reason != "time_limit":
            self.stopped = limit.reason
        return "limit", limit.detail

    def note(self, outcome: Event) -> None:
        """Take note of how a call ended."""
        match outcome:
            case ModelAnswered():
                self.spent = self.spent.plus(outcome)
                self.unanswered.clear()
            case ModelFailed() if not self.open:  # its own end broke it off
                self.spent = self.spent.with_failed([outcome])
            case ModelFailed():
                self.spent = self.spent.with_failed([outcome])
                self.unanswered.append(CallUnanswered(outcome.kind, outcome.detail))
            case BudgetRefused():
                self.stopped = "budget"
            case _:
                pass

    def enter(self, exchange: Exchange) -> str:
        """Take a call in; give its stream."""
        self.calls += 1
        self._under_way.add(exchange)
        return f"{self.below}{self.calls}"

    def leave(self, exchange: Exchange) -> None:
        """Let go of a call whose end is on record."""
        self._under_way.discard(exchange)
        if not self._under_way and self._idle is not None:
            self._idle.set()
            self._idle = None

    async def close(self) -> None:
        """Refuse new calls, abort those in flight, and wait until all of them are recorded."""
        if self.open:
            self.cut = len(self._under_way)
        self.open = False
        for exchange in self._under_way:
            exchange.cut()
        await self.settled()

    async def settled(self) -> None:
        """Wait until everything that came in is on record."""
        while self._under_way:
            self._idle = self._idle or anyio.Event()
            await self._idle.wait()
