"""What every store of events promises (``events/store/base.py``), asked of each of them in turn."""

import anyio
import pytest
from anyio.abc import TaskGroup

from events import codec
from events.base import Appended, Draft, Ref, StreamId
from events.digest import digest_of
from events.errors import BlobErased, BlobMissing, EventRefused, LogClosed, VersionConflict
from events.integrity.verify import verify
from events.store.base import Append, EventLog, Selection
from events.store.chain import seal
from events.store.draft import LONGEST_NAME
from events.types.sandbox import ActionAsked
from tests.events.samples import ATTEMPT, OTHER_RUN, SECRETS, TRIAL, asked, drafts, everything, observed, said, texts


async def test_an_append_is_found_as_it_was_made(log: EventLog) -> None:
    """Place, time, cause and payload are those that were given or answered."""
    cause = Ref("trial/greet", 1)
    await log.append(TRIAL, drafts("one"), expected_version=0)
    where = await log.append(ATTEMPT, [Draft(said("two"), cause), Draft(said("three"), None)], expected_version=0)
    one, two, three = await everything(log)
    assert where == Appended(position=2, version=2, at=two.at)
    assert [each.position for each in (one, two, three)] == [1, 2, 3]
    assert (two.stream, two.version, two.cause, two.event) == (ATTEMPT, 1, cause, said("two"))
    assert (three.version, three.cause, three.at) == (2, None, two.at)
    assert two.payload == codec.encode(said("two"))
    assert await log.head() == (3, three.digest)


async def test_an_append_at_another_version_is_refused_whole(log: EventLog) -> None:
    """Two writers that share a stream must not interleave decisions."""
    await log.append(TRIAL, drafts("one"), expected_version=0)
    for expected in (0, 2):
        with pytest.raises(VersionConflict) as caught:
            await log.append(TRIAL, drafts("two", "three"), expected_version=expected)
        assert (caught.value.expected, caught.value.actual) == (expected, 1)
    assert await texts(log) == ["one"]
    assert (await verify(log)).sound


async def test_appends_to_several_streams_are_kept_together_or_not_at_all(log: EventLog) -> None:
    """Nobody sees half of a history that is known from its beginning to its end; secrets are replaced in it too."""
    await log.append(TRIAL, drafts("one"), expected_version=0)
    cause = Ref("trial/greet", 1)
    both = [
        Append(ATTEMPT, [Draft(said("two"), cause)], 0),
        Append(TRIAL, drafts(f"three {SECRETS['OPENAI_API_KEY']}"), 1),
        Append(ATTEMPT, drafts("four"), 1),
    ]
    head = await log.append_all(both)
    events = await everything(log)
    assert [(each.stream, each.version, each.cause) for each in events[1:]] == [
        (ATTEMPT, 1, cause),
        (TRIAL, 2, None),
        (ATTEMPT, 2, None),
    ]
    assert head == await log.head()
    assert len({each.at for each in events[1:]}) == 1
    for refused, error in (
        (Append(TRIAL, drafts("late"), 1), VersionConflict),
        (Append(TRIAL, [Draft(said("\ud800"), None)], 2), EventRefused),
        (Append(StreamId("run-1", ""), drafts("nowhere"), 0), EventRefused),
    ):
        with pytest.raises(error):
            await log.append_all([Append(ATTEMPT, drafts("fine"), 2), refused])
    assert await texts(log) == ["one", "two", "three [secret:OPENAI_API_KEY]", "four"]
    assert (await verify(log)).sound


async def test_a_refused_event_keeps_its_neighbours_out(log: EventLog) -> None:
    """An append is kept whole or not at all, and the next one is not harmed."""
    with pytest.raises(EventRefused):
        await log.append(TRIAL, [*drafts("fine"), Draft(said("\ud800"), None)], expected_version=0)
    with pytest.raises(EventRefused):
        await log.append(TRIAL, [], expected_version=0)
    for name in ("", "\ud800", "x" * (LONGEST_NAME + 1)):
        with pytest.raises(EventRefused):
            await log.append(StreamId("run-1", name), drafts("nowhere"), expected_version=0)
    await log.append(StreamId("run-1", "x" * LONGEST_NAME), drafts("next"), expected_version=0)
    await log.append(TRIAL, drafts("next"), expected_version=0)
    assert await texts(log) == ["next", "next"]


@pytest.mark.parametrize("number", [float("nan"), float("inf"), -float("inf")])
async def test_what_is_no_number_is_refused(log: EventLog, number: float) -> None:
    """Msgspec writes it as null, which would read back as "no limit"."""
    with pytest.raises(EventRefused):
        await log.append(TRIAL, [Draft(ActionAsked(digest_of(b""), number), None)], expected_version=0)


async def test_many_producers_at_once_leave_no_gaps(log: EventLog) -> None:
    """Positions and versions count on, whoever is faster; what each was told is what was kept."""
    told: dict[int, Appended] = {}

    async def produce(name: str) -> None:
        version = 0
        for turn in range(8):
            where = await log.append(StreamId("run-1", name), drafts(*f"{turn}ab"), expected_version=version)
            version = where.version
            told[where.position] = where

    async with anyio.create_task_group() as tasks:
        for number in range(24):
            tasks.start_soon(produce, f"s/{number}")
    kept = await everything(log)
    assert [each.position for each in kept] == list(range(1, 24 * 8 * 3 + 1))
    assert all(kept[position - 1].version == where.version - 2 for position, where in told.items())
    assert (await verify(log)).sound


async def test_a_selection_is_what_it_says(log: EventLog) -> None:
    """By run, stream, tag and position, and all of them together."""
    blob = log.put(b"ls")
    await log.append(TRIAL, drafts("a1", "a2"), expected_version=0)
    await log.append(OTHER_RUN, drafts("b1"), expected_version=0)
    await log.append(ATTEMPT, asked(blob), expected_version=0)
    await log.append(TRIAL, drafts("a3"), expected_version=2)
    assert await texts(log, Selection(run="run-1")) == ["a1", "a2", "", "a3"]
    assert await texts(log, Selection(run="run-3")) == []
    assert await texts(log, Selection(stream=TRIAL)) == ["a1", "a2", "a3"]
    assert await texts(log, Selection(stream=TRIAL, after=1, until=4)) == ["a2"]
    assert await texts(log, Selection(stream=StreamId("run-1", "none"))) == []
    assert await texts(log, Selection(run="run-2", stream=TRIAL)) == []
    assert await texts(log, Selection(tags={"action.asked"})) == [""]
    assert await texts(log, Selection(run="run-1", tags={"sandbox.failed"}, after=2)) == ["a3"]
    assert await texts(log, Selection(tags=())) == []
    assert await texts(log, Selection(until=99, after=4)) == ["a3"]
    assert [row.position async for page in log.rows(Selection(run="run-1")) for row in page] == [1, 2, 4, 5]


async def test_runs_and_streams_are_listed_in_the_order_of_their_first_events(log: EventLog) -> None:
    """A person finds the latest run at the end."""
    for stream in (OTHER_RUN, ATTEMPT, TRIAL):
        await log.append(stream, drafts("x", "y"), expected_version=0)
    assert await log.runs() == ["run-2", "run-1"]
    assert await log.streams("run-1") == {"attempt/greet/1": 2, "trial/greet": 2}
    assert await log.streams("none") == {}


async def test_reading_ends_where_the_log_ended_when_it_began(log: EventLog) -> None:
    """A reader that appends for each event it reads must not chase itself."""
    await log.append(TRIAL, drafts("one", "two"), expected_version=0)
    version = 2
    async for _ in log.read():
        version = (await log.append(TRIAL, drafts("more"), expected_version=version)).version
    assert version == 4


async def test_a_follower_sees_each_event_once_and_waits_for_more(log: EventLog) -> None:
    """In order, none missed, whether it was there before or came while it looked."""
    seen: list[str] = []

    async def follow() -> None:
        seen.extend([getattr(each.event, "detail", "") async for each in log.follow(Selection(stream=TRIAL, until=12))])

    await log.append(TRIAL, drafts("0", "1"), expected_version=0)
    with anyio.fail_after(30):
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(follow)
            for number in range(2, 10):
                await log.append(TRIAL, drafts(str(number)), expected_version=number)
                await anyio.lowlevel.checkpoint()
            await log.append(ATTEMPT, drafts("other", "other"), expected_version=0)
    assert seen == [str(number) for number in range(10)]


async def test_blobs_come_back_and_are_kept_before_the_event_that_names_them(log: EventLog) -> None:
    """From nothing to more than goes on one page, and the same bytes twice."""
    bodies = [b"", b"x", b"some text " * 50, bytes(range(256)) * 2000, b"some text " * 50]
    digests = [log.put(body) for body in bodies]
    assert digests == [digest_of(body) for body in bodies]
    assert [await log.get(digest) for digest in digests] == bodies
    await log.append(TRIAL, observed(digests[3]), expected_version=0)
    assert [await log.get(digest) for digest in digests] == bodies
    with pytest.raises(BlobMissing):
        await log.get(digest_of(b"never put"))


async def test_an_erased_blob_says_so_and_the_chain_holds(log: EventLog) -> None:
    """A key found in an output later can be removed without breaking the log."""
    digest = log.put(b"a key that nobody knew of" * 100)
    await log.append(TRIAL, drafts("one"), expected_version=0)
    await log.append(ATTEMPT, observed(digest), expected_version=0)
    erasure = await log.erase(digest, "a key was in it")
    with pytest.raises(BlobErased) as caught:
        await log.get(digest)
    assert (caught.value.reason, caught.value.at) == ("a key was in it", erasure.at)
    assert await log.erasures() == [erasure]
    with pytest.raises(BlobMissing):
        await log.erase(digest, "again")
    report = await verify(log)
    assert (report.sound, report.erased) == (True, (digest,))


async def test_blobs_are_found_by_the_beginning_of_their_digests(log: EventLog) -> None:
    """People type a few characters of a digest; an odd number of them, too."""
    digests = sorted(log.put(f"blob {number}".encode()) for number in range(40))
    await log.append(TRIAL, observed(digests[0]), expected_version=0)
    await log.erase(digests[3], "it is found all the same")
    assert await log.digests(digests[7]) == [digests[7]]
    assert await log.digests(digests[3][:11]) == [digests[3]]
    assert await log.digests(digests[5][:1], most=99) == [each for each in digests if each[0] == digests[5][0]]
    for nothing in ("", "xyz", "AB", digests[0] + "0", "0" * 63):
        assert await log.digests(nothing) == []
    everything = [each for letter in "0123456789abcdef" for each in await log.digests(letter, most=99)]
    assert everything == digests
    assert len([each for letter in "0123456789abcdef" for each in await log.digests(letter, most=1)]) <= 16


async def test_bytes_that_were_erased_and_come_again_stay_erased_and_stop_nobody(log: EventLog) -> None:
    """Who erased them for good reason finds them nowhere; whoever made them again goes on, and names them."""
    digest = log.put(b"a customer's name")
    await log.append(TRIAL, asked(digest), expected_version=0)
    await log.erase(digest, "asked by Ann")
    for version in (1, 2):
        assert log.put(b"a customer's name") == digest
        assert await log.get(digest) == b"a customer's name"
        await log.append(TRIAL, asked(digest), expected_version=version)
        assert await log.get(digest) == b"a customer's name"
    ((_, found),) = [each async for page in log.many([digest]) for each in page]
    assert isinstance(found, BlobErased)
    with pytest.raises(BlobErased):
        await log.erase(digest, "once more")
    report = await verify(log)
    assert (report.sound, report.erased) == (True, (digest,))


async def test_secrets_are_replaced_before_anything_is_kept(log: EventLog) -> None:
    """In payloads and in blobs; the digest names what is kept."""
    digest = log.put(f"key={SECRETS['TOKEN']}.".encode())
    assert await log.get(digest) == b"key=[secret:TOKEN]."
    await log.append(TRIAL, drafts(f"it is {SECRETS['OPENAI_API_KEY']}!"), expected_version=0)
    assert await texts(log) == ["it is [secret:OPENAI_API_KEY]!"]
    with pytest.raises(EventRefused):
        await log.append(StreamId("run-1", SECRETS["TOKEN"]), drafts("x"), expected_version=0)


async def test_whoever_appends_is_told_what_was_kept_in_the_place_of_secrets(log: EventLog) -> None:
    """Actors go on with what a replay will read; those whose events hold none are told nothing, whoever came along."""
    told: dict[str, Appended] = {}

    async def append(name: str, text: str) -> None:
        told[name] = await log.append(StreamId("run-1", name), drafts("first", text), expected_version=0)

    async with anyio.create_task_group() as group:
        group.start_soon(append, "secret", f"it is {SECRETS['TOKEN']}!")
        group.start_soon(append, "plain", "it is nobody's")
    assert told["plain"].kept is None
    assert list(told["secret"].kept or ()) == [said("first"), said("it is [secret:TOKEN]!")]


async def test_the_same_appends_make_the_same_chain(log: EventLog) -> None:
    """Whatever keeps them: a copy of a log can be compared by one digest."""
    for number in range(3):
        await log.append(TRIAL, drafts(f"é {number}"), expected_version=number)
    await log.append(OTHER_RUN, [Draft(said("x"), Ref("trial/greet", 1))], expected_version=0)
    assert (await seal(log)).head == "a53839d52c1299914be75f12fdee6bbfee64e0ad9bb8be948168b39bedc4a8ab"


async def test_closed_is_closed(log: EventLog) -> None:
    """Closing twice is fine; what comes later is told so."""
    await log.close()
    await log.close()
    with pytest.raises(LogClosed):
        await log.append(TRIAL, drafts("late"), expected_version=0)
    with pytest.raises(LogClosed):
        log.put(b"late")
    with pytest.raises(LogClosed):
        await log.head()


async def test_cancelled_at_any_await_an_append_is_whole_or_absent(log: EventLog) -> None:
    """And every later append works. A turn is cancelled after one more step of the event loop each time."""
    kept = 0
    for steps in range(40):
        stream = StreamId("run-1", f"s/{steps}")
        async with anyio.create_task_group() as tasks:
            await _cancel_after(steps, tasks, log, stream)
        version = (await log.streams("run-1")).get(stream.name, 0)
        assert version in {0, 3}
        kept += version
        await log.append(stream, drafts("later"), expected_version=version)
    assert kept, "no append was ever whole: the steps are too few to mean anything"
    assert (await verify(log)).sound


async def _cancel_after(steps: int, tasks: TaskGroup, log: EventLog, stream: StreamId) -> None:
    """Start appends and cancel them after some steps of the event loop."""

    async def append(name: str) -> None:
        await log.append(stream._replace(name=name), drafts("a", "b", "c"), expected_version=0)

    tasks.start_soon(append, f"{stream.name}/neighbour")
    tasks.start_soon(append, stream.name)
    for _ in range(steps):
        await anyio.lowlevel.checkpoint()
    tasks.cancel_scope.cancel()


async def test_what_was_put_before_a_secret_was_known_is_put_without_it_afterwards(log: EventLog) -> None:
    """Bytes are not looked through twice, unless there is something else to look for."""
    token, innocent = b"drawn-for-one-attempt", b"nothing of note"
    before = [log.put(b"GET /" + token), log.put(innocent)]
    assert [log.put(b"GET /" + token), log.put(innocent)] == before
    log.redactor.add("ATTEMPT", token.decode())
    for _ in range(2):
        digest = log.put(b"GET /" + token)
        assert await log.get(digest) == b"GET /[secret:ATTEMPT]"
        assert log.put(innocent) == before[1]


async def test_names_of_members_stay_in_json_though_a_secret_is_one(log: EventLog) -> None:
    """What is read back by its shape must keep its shape."""
    log.redactor.add("WORD", "wording")
    digest = log.put_json(b'{"wording":["my wording"]}')
    assert await log.get(digest) == b'{"wording":["my [secret:WORD]"]}'
    innocent = b'{ "names" : 1 }'
    assert await log.get(log.put_json(innocent)) == innocent
