"""Digests of trials: what two runs of the same spec can be compared by.

Over the payload and cause of every event of a trial's streams, in order. Positions, times and the run's id are
left out: they differ between any two runs. So is the digest of the condition: the address of an endpoint is part of it,
and each run of a crash test has an endpoint of its own.
"""

from hashlib import sha256

from msgspec.structs import replace

from engine.core.history import load_histories
from events.base import Event, Recorded
from events.codec import as_today, encode, encode_ref
from events.digest import Digest
from events.store.base import EventLog
from events.streams import is_attempt, is_trial, trial_of
from events.types.session import ScopeStopped
from events.types.trial import TrialOpened


async def trial_digests(log: EventLog, run: str) -> dict[str, Digest]:
    """Name each trial of a run by all that was recorded in it.

    Raises:
        RunUnknown: There is no such run.
    """
    streams = (await load_histories(log, run)).by_stream
    digests: dict[str, Digest] = {}
    for trial in [trial_of(name) for name in streams if is_trial(name)]:
        assert trial is not None
        summed = sha256()
        for name in sorted(each for each in streams if trial_of(each) == trial):
            summed.update(name.encode() + b"\0")
            for recorded in streams[name]:
                summed.update(str(encode_ref(recorded.cause)).encode() + b"\0" + _payload(recorded) + b"\0")
        digests[trial] = Digest(summed.hexdigest())
    return digests


def _payload(recorded: Recorded) -> bytes:
    event = recorded.event
    return encode(replace(event, condition_digest=None)) if isinstance(event, TrialOpened) else as_today(recorded)


async def trials_that_lost_a_sandbox(log: EventLog, run: str) -> set[str]:
    """Name the trials of a run in which a process died under an attempt."""
    streams = (await load_histories(log, run)).by_stream
    return {
        trial
        for name, history in streams.items()
        if is_attempt(name) and (trial := trial_of(name)) is not None and any(_lost(each.event) for each in history)
    }


def _lost(event: Event) -> bool:
    return isinstance(event, ScopeStopped) and event.reason == "sandbox_lost"
