"""A provider that bears half as much for a while, then nothing, then all again: what is held and what is wasted.

    python -m benchmarks.storm [--callers 200] [--rounds 3] [--quick] [--virtual]

Real: the scripted endpoint over HTTP, the client with its retries, the waiting room. On a machine that is busy with
other things the endpoint and the callers wait for a processor, and 0.2 s are no 0.2 s; with `--virtual`, the waiting
room and the policy of retries are the real ones, the endpoint is a counter, and time jumps from timer to timer, so that
every figure comes out the same each time. The endpoint answers after 0.2 s
and bears 64 calls at a time; the others get 429 at once, without Retry-After, as the worst providers do. 200 callers
ask again as soon as they are answered.

    quarter 1: 64 calls    quarter 2: 32    quarter 3: none for a third of it, then 64    quarter 4: 64

The first quarter begins with the limit it grew to in a warm-up. Contenders, in turn: the adaptive pool, a fixed limit
that was right before the storm, and no limit at all.
"""

import argparse
import os
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from statistics import median
from typing import Final, NamedTuple

import anyio
import msgspec

from engine.concurrency.adaptive_limit import Bounds
from engine.concurrency.limiter import AdaptiveLimiter
from engine.core.system import clock
from engine.effects.models import CallPricing
from engine.effects.models import failed as failed_event
from engine.policies.call_retry import NOT_TRIED, GiveUp, RetryLimits, judge_failure, spread_of
from engine.protocols.errors import FailedCallFacts, ProviderError, RateLimited
from engine.protocols.reply import ChatReply
from engine.protocols.request import ChatRequest
from engine.protocols.usage import ReportedUsage
from engine.providers.base import ChatProvider, Gate
from engine.providers.gate import wide_open
from engine.providers.http import OpenAIChat
from engine.providers.transport import open_client
from engine.scripted.script import Rule, Script, ScriptedTurn
from engine.scripted.server import ScriptedEndpoint
from events.base import Ref
from events.digest import digest_of
from events.store.memory import MemoryLog
from tests.support.virtual_time import run_virtually

BEARS: Final = 64
LATENCY_S: Final = 0.2
STEP_S: Final = 0.25
"""Width of the buckets that answers are counted in."""


class Storm:
    """The capacity of the endpoint over time, and what came of the calls."""

    def __init__(self, quarter_s: float) -> None:
        self.quarter_s = quarter_s
        self._began = anyio.current_time() + 1e9
        self.answered: list[float] = []
        self.refused: list[float] = []
        self.failed = 0

    def begin(self) -> None:
        """Begin the first quarter now; what was before was the warm-up."""
        self._began = anyio.current_time()
        self.answered, self.refused, self.failed = [], [], 0

    @property
    def now(self) -> float:
        """Seconds into the storm."""
        return anyio.current_time() - self._began

    @property
    def over(self) -> bool:
        """Whether all quarters have passed."""
        return self.now > 4 * self.quarter_s

    def bears(self) -> int:
        """Calls at a time, now."""
        return self.bears_at(self.now)

    def bears_at(self, moment: float) -> int:
        """Calls at a time, at a moment; before the storm, all."""
        quarter, part = divmod(max(0.0, moment) / self.quarter_s, 1)
        if quarter == 1:
            return BEARS // 2
        return 0 if quarter == 2 and part < 1 / 3 else BEARS

    def held(self, begin: float, end: float) -> float:
        """What share of what the endpoint bears was used between two moments."""
        steps = [begin + STEP_S * (number + 0.5) for number in range(round((end - begin) / STEP_S))]
        ideal = sum(self.bears_at(step) for step in steps) * STEP_S / LATENCY_S
        return sum(begin <= each < end for each in self.answered) / ideal if ideal else 0.0

    def recovered_s(self, since: float) -> float | None:
        """Seconds until 90 % of what is borne is used, over a second. None: never."""
        moment = since
        while moment + 1 <= 4 * self.quarter_s:
            if self.held(moment, moment + 1) >= 0.9:
                return moment - since
            moment += STEP_S
        return None


class StormResult(NamedTuple):
    """What one contender made of one storm."""

    quarters: tuple[float, ...]
    """Share of what was borne, by quarter."""
    after_outage_s: float | None
    wasted: float
    """Refused calls per answered one."""
    failed: int
    """Calls that were given up."""
    answered: int


class CountingProvider:
    """Bears some calls at a time, and refuses the others at once; no network, and any clock."""

    def __init__(self, bears: Callable[[], int]) -> None:
        self._bears = bears
        self._busy = 0
        self._calls = 0

    async def complete(self, request: ChatRequest, gate: Gate) -> ChatReply:
        """Answer with the next call's number, after a time that differs a little."""
        async with gate() as seat:
            await anyio.sleep(LATENCY_S / 200)
            if self._busy >= self._bears():
                seat.refused()
                raise RateLimited("too many calls", seen=FailedCallFacts(status=429))
            self._busy += 1
            self._calls += 1
            try:
                await anyio.sleep(LATENCY_S * (0.97 + 0.06 * spread_of(Ref("call", self._calls))))
            finally:
                self._busy -= 1
            seat.answered()
        return msgspec.structs.replace(_ANSWER, raw=request.messages[0])


_ANSWER: Final = ChatReply(
    raw=b"", status=200, message=b"{}", text="DONE", tool_calls=(), finish="stop", model=None,
    usage=ReportedUsage(), cost_usd=None, request_id=None,
)  # fmt: skip

Serve = Callable[[Storm], AbstractAsyncContextManager[ChatProvider]]
"""Opens what calls are made to."""


@asynccontextmanager
async def over_http(storm: Storm) -> AsyncIterator[ChatProvider]:
    """Serve over HTTP, by a script."""
    turn = ScriptedTurn(text="DONE", delay_s=LATENCY_S, repeat=True)
    rule = Rule(name="all", turns=(turn,))
    script = Script(name="storm", rules=(rule,), fingerprint="0" * 16)
    async with ScriptedEndpoint(script, bears=storm.bears) as endpoint, open_client() as client:
        yield OpenAIChat(endpoint.base_url, client=client, clock=clock)


@asynccontextmanager
async def counted(storm: Storm) -> AsyncIterator[ChatProvider]:
    """Serve without a network."""
    yield CountingProvider(storm.bears)


async def ride(make: Callable[[], Gate], callers: int, quarter_s: float, serve: Serve = over_http) -> StormResult:
    """Ride out a storm.

    Args:
        make: Gives the gate of one call.
        callers: How many ask.
        quarter_s: Seconds.
        serve: Opens the endpoint.
    """
    storm = Storm(quarter_s)
    async with serve(storm) as provider:

        async def caller(number: int) -> None:
            count = 0
            while not storm.over:
                count += 1
                said = msgspec.json.encode({"role": "user", "content": f"caller {number}, call {count}"})
                if await answered(provider, ChatRequest(model="m", messages=(said,)), make(), storm):
                    storm.answered.append(storm.now)
                else:
                    storm.failed += 1

        async with anyio.create_task_group() as group:
            for number in range(callers):
                group.start_soon(caller, number)
            await anyio.sleep(quarter_s)
            storm.begin()
            await anyio.sleep(4 * quarter_s)
            group.cancel_scope.cancel()
    quarters = tuple(storm.held(part * quarter_s, (part + 1) * quarter_s) for part in range(4))
    back = storm.recovered_s(quarter_s * (2 + 1 / 3))
    return StormResult(
        quarters, back, len(storm.refused) / max(1, len(storm.answered)), storm.failed, len(storm.answered)
    )


async def answered(provider: ChatProvider, request: ChatRequest, gate: Gate, storm: Storm) -> bool:
    """Ask as actors do: again where that may help, as the policy says. False: the call was given up."""
    tried, name = NOT_TRIED, digest_of(b"".join(request.messages))
    began = anyio.current_time()
    while True:
        try:
            await provider.complete(request, gate)
        except ProviderError as error:
            storm.refused.append(storm.now)
            failed = failed_event(MemoryLog(clock=clock), error, CallPricing(None, None))
            tried = tried.plus(failed, 0.0, 0.0)._replace(elapsed_s=anyio.current_time() - began)
            ruling = judge_failure(failed, tried, RetryLimits(tries=5), spread_of(Ref(name, tried.made)))
            if isinstance(ruling, GiveUp):
                return False
            await anyio.sleep(ruling.wait_s)
        else:
            return True


def contenders() -> dict[str, Callable[[], Callable[[], Gate]]]:
    """Give what makes the gates of one ride, by name."""

    def pooled(bounds: Bounds) -> Callable[[], Callable[[], Gate]]:
        def fresh() -> Callable[[], Gate]:
            room = AdaptiveLimiter("calls", bounds)
            return lambda: room.turn("run", str(id(object()))).place

        return fresh

    return {
        "adaptive": pooled(Bounds(8, 1, 1000)),
        "fixed at 64, told of refusals": pooled(Bounds(BEARS, BEARS, BEARS)),
        "no limit": lambda: lambda: wide_open,
    }


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--callers", type=int, default=200)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--quarter", type=float, default=12.0)
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--virtual", action="store_true", help="in virtual time, without a network")
    given = parser.parse_args()
    quarter, rounds = (3.0, 1) if given.quick else (given.quarter, given.rounds)
    rides: dict[str, list[StormResult]] = {name: [] for name in contenders()}
    for _ in range(rounds):
        for name, fresh in contenders().items():
            rides[name].append(
                run_virtually(ride, fresh(), given.callers, quarter, counted)
                if given.virtual
                else anyio.run(ride, fresh(), given.callers, quarter)
            )
    print(f"{os.cpu_count()} CPUs, load {' '.join(f'{part:.1f}' for part in os.getloadavg())}")
    print(f"{given.callers} callers, quarters of {quarter:g} s; share of what the endpoint bears, medians of {rounds}")
    for name, seen in rides.items():
        print(line(name, seen))


def line(name: str, seen: list[StormResult]) -> str:
    """Say what a contender made of it."""
    shares = "  ".join(f"{median(each.quarters[part] for each in seen):>5.0%}" for part in range(4))
    backs = [each.after_outage_s for each in seen if each.after_outage_s is not None]
    back = f"{median(backs):.2f} s" if len(backs) == len(seen) else "never"
    wasted, failed = median(each.wasted for each in seen), median(each.failed for each in seen)
    return f"  {name:<30} {shares}   back after outage {back:>7}   wasted {wasted:.3f} a call   given up {failed:.0f}"


if __name__ == "__main__":
    main()
