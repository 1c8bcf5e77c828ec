"""The walk: from one event to everything it rests on, each thing told once, in the order in which it happened."""

from collections.abc import AsyncIterator
from typing import Final, NamedTuple, TypeAlias, assert_never

import msgspec

from engine.effects.conversation import ConversationReader
from events.base import Recorded, Ref
from events.codec import tag_of
from events.store.base import EventLog
from events.types.run import RunOpened
from events.types.trial import TrialOpened
from replay.why.blob_refs import opened
from replay.why.causes import links_of, links_of_decision
from replay.why.fetch import beginning, bytes_of, event_verified, request_verified, values_of
from replay.why.loader import Past
from replay.why.nodes import BlobLink, EventLink, Link, Node, RequestLink, TaskLink, Verified
from replay.why.redecided import Decisions

Key: TypeAlias = Ref | str
"""What is told only once: an event, or bytes."""
NOBODY: Final = -1


class _Waiting(NamedTuple):
    """A link that is still to be followed."""

    link: Link
    parent: int
    depth: int


class _Seen(NamedTuple):
    """What became of a link."""

    node: Node
    links: list[Link]


class Chain:
    """Chains of causes in one run, walked one after the other. Nothing is kept of a walk but where a thing was told."""

    def __init__(self, log: EventLog, run: str, *, depth: int | None = None) -> None:
        """Get ready.

        Args:
            log: Which holds the run.
            run: Its id.
            depth: Steps from the event that is asked for; what lies below is not read. None: all.
        """
        self._log = log
        self._past = Past(log, run)
        self._decisions = Decisions(log, self._past)
        self._reader = ConversationReader(log, remembered=64)
        self._depth = depth
        self._told: dict[Key, int] = {}
        self._number = 0

    async def walk(self, start: Ref) -> AsyncIterator[Node]:
        """Tell what an event rests on, itself first.

        What was told before is only named where it turns up again, and left out where it was told under the same
        parent: so the chain is a tree, and finite.

        Raises:
            RunUnknown: There is no such run.
            LogCorrupt: An event cannot be read.
        """
        self._told, self._number = {}, 0
        waiting = [_Waiting(EventLink("", start), NOBODY, 0)]
        while waiting:
            at = waiting.pop()
            before = self._told.get(_key(at.link))
            if before is not None and (before > at.parent or _once(at.link)):
                continue
            node, links = await self._follow(at, told=before is not None)
            waiting += [_Waiting(link, self._number, at.depth + 1) for link in reversed(links)]
            self._number += 1
            yield node

    async def _follow(self, at: _Waiting, *, told: bool) -> _Seen:
        """Resolve a link, and say what it leads on to."""
        node, links = await self._resolved(at)
        if isinstance(at.link, EventLink) and not at.link.follow:
            return _Seen(node._replace(told="above" if told else "elsewhere"), [])
        if told:
            return _Seen(node._replace(told="above"), [])
        if links and at.depth == self._depth:
            return _Seen(node._replace(told="below"), [])
        if links or (isinstance(at.link, BlobLink) and _once(at.link)):
            self._told[_key(at.link)] = self._number
        return _Seen(node, links)

    async def _resolved(self, at: _Waiting) -> _Seen:
        match at.link:
            case EventLink(to=ref):
                recorded = await self._past.at(ref)
                return self._absent(at, ref) if recorded is None else await self._event(at, recorded)
            case BlobLink():
                return await self._blob(at, at.link)
            case RequestLink(to=digest, asked=ref):
                recorded = await self._past.at(ref)
                asked = None if recorded is None else recorded.event
                verified, trouble = await request_verified(self._log, self._reader, asked, digest)
            case TaskLink():
                verified, trouble = await self._task(at.link)
            case _:
                assert_never(at.link)
        named = at.link.asked if isinstance(at.link, RequestLink) else at.link.read
        node = self._node(at)._replace(id=self._place(named), digest=at.link.to, verified=verified, trouble=trouble)
        if isinstance(at.link, RequestLink):
            return _Seen(node._replace(kind="request", tag="request", text="the bytes that were sent"), [])
        return _Seen(node._replace(kind="task", tag="task", text="the task's folder as it was read"), [])

    async def _event(self, at: _Waiting, recorded: Recorded) -> _Seen:
        verified, trouble = await event_verified(self._log, recorded)
        decided = await self._decisions.of(recorded)
        node = self._node(at)._replace(
            id=f"{recorded.stream.run}:{recorded.stream.name}@{recorded.version}",
            tag=tag_of(recorded.event),
            digest=recorded.digest,
            verified=verified,
            trouble=trouble,
            size=len(recorded.payload),
            text=values_of(recorded.event),
            again=None if decided is None else decided.again,
        )
        if decided is None:
            return _Seen(node, await links_of(self._past, recorded))
        return _Seen(node, [*await self._spec(recorded), *await links_of_decision(self._past, recorded, decided.links)])

    def _absent(self, at: _Waiting, ref: Ref) -> _Seen:
        trouble = f"no event {ref.stream}@{ref.version}: its stream ends before it"
        return _Seen(self._node(at)._replace(id=self._place(ref), tag="-", verified="missing", trouble=trouble), [])

    async def _blob(self, at: _Waiting, link: BlobLink) -> _Seen:
        found = await bytes_of(self._log, link.to)
        node = self._node(at)._replace(
            kind="blob",
            id=f"blob:{link.to}",
            tag=link.form,
            digest=link.to,
            verified=found.verified,
            trouble=found.trouble,
            size=len(found.data),
            text=beginning(found.data),
        )
        if found.verified != "kept":
            return _Seen(node, [])
        try:
            links = await opened(self._log, link, found.data, self._told.__contains__)
        except msgspec.MsgspecError as error:
            return _Seen(node._replace(verified="damaged", trouble=f"it cannot be read as {link.form}: {error}"), [])
        return _Seen(node, links)

    async def _task(self, link: TaskLink) -> tuple[Verified, str]:
        """Compare a task's digest with the one its run began with. The folder itself is not in the log."""
        opening, trial = await self._past.opening(), await self._past.at(Ref(link.read.stream, 1))
        match opening, trial:
            case Recorded(event=RunOpened(tasks=pinned)), Recorded(event=TrialOpened(task=task)):
                digest = next((each.digest for each in pinned if each.name == task), None)
            case _:
                digest = None
        if digest is None:
            return "unkept", "the run began without naming this task's digest"
        return ("pinned", "") if digest == link.to else ("differs", f"the run began with the task at {digest}")

    async def _spec(self, decided: Recorded) -> list[Link]:
        """Name where the settings stand that decided: the first run's, or those of the fork behind whose cut it is."""
        forked = await self._past.fork_at(decided)
        opening = await self._past.opening()
        match opening:
            case Recorded(event=RunOpened(spec=spec)):
                return [BlobLink("spec", spec if forked is None else forked.spec, "prompt")]
            case _:
                return []

    def _place(self, ref: Ref) -> str:
        return f"{self._past.run}:{ref.stream}@{ref.version}"

    def _node(self, at: _Waiting) -> Node:
        """Begin a node."""
        parent = None if at.parent == NOBODY else at.parent
        return Node(
            number=self._number,
            parent=parent,
            depth=at.depth,
            label=at.link.label,
            kind="event",
            id="",
            tag="",
            digest="",
            verified="unkept",
            trouble="",
            size=0,
            text="",
            again=None,
            told="here",
        )


def _key(link: Link) -> Key:
    return link.to


def _once(link: Link) -> bool:
    """Say whether a link is left out altogether where it turns up again."""
    match link:
        case BlobLink(form=form):
            return form == "prompt"
        case EventLink(quiet=quiet):
            return quiet
        case _:
            return False
