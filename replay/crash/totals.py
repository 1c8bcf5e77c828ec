"""What a run's log accounts for: trials, money, requests. By it a run that was cut off is compared with a whole one."""

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from engine.core.history import RunHistory, load_histories
from engine.core.lineage import SESSION
from engine.effects.budget import BudgetKeeper, Caps
from engine.effects.conversation import ConversationReader
from engine.effects.models import build_request
from engine.providers.base import body_of
from events.base import Recorded, Ref
from events.digest import Digest, digest_of
from events.integrity.verify import verify
from events.store.base import EventLog
from events.types.budget import BudgetAsked
from events.types.model import ModelAnswered, ModelAsked, ModelFailed
from events.types.session import InFlightFound
from events.values import NanoUsd
from replay.crash.digests import trial_digests, trials_that_lost_a_sandbox
from replay.rerun import rerun

Streams = Mapping[str, Sequence[Recorded]]


class Account(NamedTuple):
    """What a run came to."""

    run: str
    events: int
    """Of all its streams."""
    digests: Mapping[str, Digest]
    """By trial, over all its streams."""
    lost: frozenset[str]
    """Trials in which an attempt was abandoned because its process died; they may go another way, and say so."""
    spent: Mapping[str, NanoUsd]
    """By trial, without the bounds of calls that were in flight when a process died."""
    sent: Counter[str]
    """By digest of a request's body: how often a model may have received it from this run, its ancestors left out."""
    equal: bool
    """Whether the rerun came out the same, to the end of the run."""
    sound: bool
    """Whether the chain holds and every blob is there."""


async def account_of(log: EventLog, run: str) -> Account:
    """Read what a run came to.

    Raises:
        RunUnknown: There is no such run.
        ReplayDiverged, HistoryUnread: Its rerun is not equal.
    """
    histories = await load_histories(log, run)
    streams = histories.by_stream
    keeper = BudgetKeeper(Caps(None, None))
    keeper.fold(streams)
    digests, bounds = await trial_digests(log, run), _lost_bounds(streams)
    return Account(
        run,
        sum(map(len, streams.values())),
        digests,
        frozenset(await trials_that_lost_a_sandbox(log, run)),
        {trial: keeper.of_trial(trial) - bounds[trial] for trial in digests},
        await _sent(log, histories),
        (await rerun(log, run)).complete,
        (await verify(log)).sound,
    )


def differences(plain: Account, seen: Account) -> list[str]:
    """Say in what a run differs that should not, from one that nobody disturbed. Trials that lost a sandbox may."""
    whole = [name for name in plain.digests if name not in seen.lost]
    found = [f"trial {name} has other events" for name in whole if seen.digests.get(name) != plain.digests[name]]
    found += [f"trial {name} cost another sum" for name in whole if seen.spent.get(name) != plain.spent[name]]
    found += [f"trial {name} is new" for name in seen.digests if name not in plain.digests]
    found += [] if seen.equal else ["the rerun stops before the end"]
    found += [] if seen.sound else ["the log is not sound"]
    return found


def repeated(received: Counter[str], sent: Counter[str]) -> int:
    """Count requests that a model received more often than the log accounts for: answered calls, sent again."""
    return sum((received - sent).values())


def _lost_bounds(streams: Streams) -> Counter[str]:
    """Add up, by trial, what calls that were in flight may have cost: the keeper counts each for good."""
    bounds: Counter[str] = Counter()
    for each in streams.get(SESSION, ()):
        for ref in each.event.asked if isinstance(each.event, InFlightFound) else ():
            before = [other.event for other in streams[ref.stream][: ref.version]]
            reserved = [event for event in before if isinstance(event, BudgetAsked)]
            if isinstance(before[-1], ModelAsked) and reserved:
                bounds[reserved[-1].account] += reserved[-1].amount
    return bounds


async def _sent(log: EventLog, histories: RunHistory) -> Counter[str]:
    """Count how often each request may have been received: tries made, and calls in flight when a process died.

    What a fork shares was sent by its ancestors.
    """
    streams, shared = histories.by_stream, histories.bases
    reader = ConversationReader(log)
    bodies: dict[Ref, str] = {}
    counts: Counter[str] = Counter()
    for name, history in streams.items():
        for each in history:
            event, own = each.event, each.version > shared.get(name, 0)
            if isinstance(event, ModelAsked):
                bodies[each.ref] = digest_of(body_of(await build_request(event, reader, log)))
                counts[bodies[each.ref]] += int(own)
            elif isinstance(event, ModelAnswered | ModelFailed) and each.cause is not None and own:
                counts[bodies[each.cause]] += len(event.earlier)
    for each in streams.get(SESSION, ()):
        if isinstance(each.event, InFlightFound):
            counts.update(bodies[ref] for ref in each.event.asked if ref in bodies)
    return counts
