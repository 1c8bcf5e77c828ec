"""Both stores of events under whatever comes to mind: after each step, same answers, same errors, same content.

A few seconds by default; ``LOG_MACHINE_EXAMPLES=2000`` in the environment makes it look that much longer.
"""

import os
from functools import partial
from typing import Final, NamedTuple

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, MultipleResults, RuleBasedStateMachine, invariant, multiple, rule
from typing_extensions import override

from events.base import Appended, Draft, Fence, Ref, StreamId
from events.digest import Digest, digest_of
from events.store.base import EventLog, Selection, Snapshot
from tests.events.model import Twins, Work, cancelled_after, rows, together
from tests.events.samples import SECRETS, observed, said

EXAMPLES: Final = int(os.environ.get("LOG_MACHINE_EXAMPLES", "40"))  # noqa: TID251 - a knob of this test alone

RUNS: Final = ("run-1", "run-2")
NAMES: Final = ("run", "trial/greet", "attempt/greet/1", f"attempt/{SECRETS['TOKEN']}/1", "")
TEXTS: Final = ("", "héllo", f"key {SECRETS['OPENAI_API_KEY']}", "x" * 80, "\ud800")
BLOBS: Final = (b"", b"output " * 30, b"\xff" * 70_000, b"key " + SECRETS["TOKEN"].encode())

which = st.sampled_from([0, 1])
run = st.sampled_from(RUNS)
stream = st.builds(StreamId, run, st.sampled_from(NAMES[:3]) | st.sampled_from(NAMES))
text = st.sampled_from(TEXTS[:4]) | st.sampled_from(TEXTS)
cause = st.none() | st.builds(Ref, st.sampled_from(NAMES[:3]), st.integers(1, 9))
draft = st.builds(Draft, st.builds(said, text), cause)
off = st.sampled_from([0, 0, 0, 0, 1, -1, 3])


class Wish(NamedTuple):
    """An append, before it is known where its stream stands."""

    stream: StreamId
    drafts: list[Draft]
    off: int
    """How far the expected version is from the true one."""


wish = st.builds(Wish, stream, st.lists(draft, max_size=3), off)
tags = st.none() | st.sampled_from([{"sandbox.failed"}, {"action.asked"}, ()])
span = {"after": st.integers(0, 6), "until": st.none() | st.integers(0, 12)}
selection = st.builds(
    Selection, run=st.none() | run, stream=st.none() | stream, tags=tags, streams=st.none(), **span
) | st.builds(
    Selection,
    run=run,
    stream=st.none(),
    tags=tags,
    streams=st.lists(stream.map(lambda each: each.name), max_size=3),
    **span,
)


class TwoStores(RuleBasedStateMachine):
    """A log in memory, and two logs on one file."""

    fences: Bundle[Fence | None] = Bundle("fences")
    digests: Bundle[Digest] = Bundle("digests")

    def __init__(self) -> None:
        super().__init__()
        self.twins = Twins()
        self.staged: tuple[set[Digest], set[Digest]] = (set(), set())
        """What each log on the file has taken in and perhaps not written yet."""
        self.written: set[Digest] = set()
        self.erased: set[Digest] = set()
        self.at_hand: tuple[set[Digest], set[Digest]] = (set(), set())
        """Erased bytes that each log on the file was given once more, and may give back until it is closed."""
        self.unheard: tuple[set[Digest], set[Digest]] = (set(), set())
        """Bytes that the other log erased, which each learns with its next append."""
        self.again: set[Digest] = set()
        """Erased bytes that were put once more: the memory is never closed, and gives them back for good."""

    @override
    def teardown(self) -> None:
        """Let go of the file."""
        self.twins.close()

    # Appending -------------------------------------------------------------------------------------------------------

    @rule(which=which, wish=wish, fence=st.none() | fences)
    def append(self, which: int, wish: Wish, fence: Fence | None) -> None:
        """One append, at the right version or another."""
        if isinstance(self.twins.both(which, self._work(wish, fence)), Appended):
            self._flushed(which)
            self.unheard[which].clear()

    @rule(which=which, wishes=st.lists(wish, min_size=2, max_size=6), fence=st.none() | fences)
    def append_at_once(self, which: int, wishes: list[Wish], fence: Fence | None) -> None:
        """Several appends from several tasks: they may stand in one transaction, and one that fails harms no other."""
        works = [self._work(each, each_fence) for each, each_fence in zip(wishes, [fence, None] * 3, strict=False)]
        self.twins.both(which, partial(together, works))

    @rule(
        which=which,
        wishes=st.lists(wish, min_size=1, max_size=4, unique_by=lambda each: each.stream),
        steps=st.integers(0, 80),
    )
    def cancel_appends(self, which: int, wishes: list[Wish], steps: int) -> None:
        """Each is whole or absent; the memory, which was not asked before, is then told of those that are whole."""
        works = {each.stream: self._work(each, None) for each in wishes}
        before = self.twins.head().position
        self.twins.run(cancelled_after, steps, list(works.values()), self.twins.files[which])
        kept = self.twins.run(rows, self.twins.files[which], Selection(after=before))
        for stream in dict.fromkeys(StreamId(row.run, row.name) for row in kept):
            told = self.twins.run(works[stream], self.twins.memory)
            assert told.version == max(row.version for row in kept if (row.run, row.name) == stream)

    @rule(wish=wish, fence=st.none() | fences)
    def race(self, wish: Wish, fence: Fence | None) -> None:
        """Two processes decide at the same version: one of them is kept, and the other is told."""
        self.twins.race(self._work(wish, fence))

    # Owning ----------------------------------------------------------------------------------------------------------

    @rule(
        target=fences,
        which=which,
        run=run,
        owner=st.sampled_from(["me", "you", f"at {SECRETS['TOKEN']}"]),
        ttl_s=st.sampled_from([0, 0.5, 30]),
        take_over=st.none() | st.integers(1, 4),
    )
    def acquire(self, which: int, run: str, owner: str, ttl_s: float, take_over: int | None) -> MultipleResults[Fence]:
        """Ask for a run, politely or not."""
        got = self.twins.both(which, lambda log: log.acquire(run, owner, ttl_s=ttl_s, take_over=take_over))
        return multiple(got) if isinstance(got, Fence) else multiple()

    @rule(which=which, fence=fences, ttl_s=st.sampled_from([0, 10]))
    def renew(self, which: int, fence: Fence, ttl_s: float) -> None:
        """Keep a run, if it is still one's own."""
        self.twins.both(which, lambda log: log.renew(fence, ttl_s=ttl_s))

    @rule(which=which, fence=fences)
    def release(self, which: int, fence: Fence) -> None:
        """Let go of a run, perhaps too late."""
        self.twins.both(which, lambda log: log.release(fence))

    @rule(seconds=st.sampled_from([0.000_001, 1, 20, 40, -3, -4000]))
    def wait(self, seconds: float) -> None:
        """Time goes on, or is set back."""
        self.twins.clock.now += round(seconds * 1e6)

    # Bytes -----------------------------------------------------------------------------------------------------------

    @rule(target=digests, which=which, data=st.sampled_from(BLOBS))
    def put(self, which: int, data: bytes) -> Digest:
        """Take bytes in, perhaps again, perhaps after they were erased."""

        async def work(log: EventLog) -> Digest:
            return log.put(data)

        digest = self.twins.both(which, work)
        assert isinstance(digest, str)
        self.staged[which].add(digest)
        self.at_hand[which].update(self.erased & {digest})
        self.again |= self.erased & {digest}
        return digest

    @rule(which=which, digest=digests | st.just(digest_of(b"never put")))
    def get(self, which: int, digest: Digest) -> None:
        """Read bytes back. What another process has only staged need not be there yet, nor what it erased be gone."""
        if digest in self.at_hand[which] | self.unheard[which] | self.again:
            return
        if digest in self.written or digest in self.staged[which] or digest not in self.staged[1 - which]:
            self.twins.both(which, lambda log: log.get(digest))

    @rule(which=which, digest=digests)
    def name(self, which: int, digest: Digest) -> None:
        """Append an event that names a blob."""
        stream = StreamId("run-2", "naming")
        self.append(which, Wish(stream, observed(digest), 0), None)

    @rule(which=which, digest=digests, reason=st.sampled_from(["a key", f"held {SECRETS['TOKEN']}"]))
    def erase(self, which: int, digest: Digest, reason: str) -> None:
        """Remove bytes that are in the file, or about to be."""
        if digest in self.written or digest in self.staged[which]:
            self.twins.both(which, lambda log: log.erase(digest, reason))
            self._flushed(which)
            self.erased.add(digest)
            self.at_hand[which].discard(digest)
            self.at_hand[1 - which].update(self.staged[1 - which] & {digest})
            self.unheard[1 - which].add(digest)

    # The rest --------------------------------------------------------------------------------------------------------

    @rule(which=which, name=st.sampled_from(["cost", "trials"]), position=st.integers(0, 9))
    def save_snapshot(self, which: int, name: str, position: int) -> None:
        """Keep a state."""
        made = Snapshot(name, 1, position, b"state %d" % position)
        self.twins.both(which, lambda log: log.save_snapshot(made))

    @rule(which=which, name=st.sampled_from(["cost", "trials"]), revision=st.sampled_from([1, 2]))
    def load_snapshot(self, which: int, name: str, revision: int) -> None:
        """Give a state back."""
        self.twins.both(which, lambda log: log.load_snapshot(name, revision))

    @rule(which=which, selection=selection)
    def read(self, which: int, selection: Selection) -> None:
        """Read a part."""
        self.twins.both(which, partial(rows, selection=selection))

    @rule(which=st.sampled_from([(0,), (1,), (0, 1)]))
    def reopen(self, which: tuple[int, ...]) -> None:
        """Close the file and open it again; the memory has nothing to do."""
        self.twins.reopen(*which)
        for each in which:
            self._flushed(each)
            self.at_hand[each].clear()
            self.unheard[each].clear()

    @invariant()
    def all_hold_the_same(self) -> None:
        """Heads, rows, runs, streams, leases, erasures."""
        self.twins.agree()

    # -----------------------------------------------------------------------------------------------------------------

    def _work(self, wish: Wish, fence: Fence | None) -> Work[Appended]:
        version = self.twins.version(wish.stream) + wish.off
        return lambda log: log.append(wish.stream, wish.drafts, expected_version=version, fence=fence)

    def _flushed(self, which: int) -> None:
        self.written |= self.staged[which]
        self.staged[which].clear()


TwoStores.TestCase.settings = settings(
    max_examples=EXAMPLES,
    stateful_step_count=30,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much],
)
TestTwoStores = pytest.mark.slow(pytest.mark.timeout(300)(TwoStores.TestCase))
