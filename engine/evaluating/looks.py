"""Earlier looks, as a port: which comparisons of the same arms over the same items the log holds already."""

from collections.abc import Iterable

import msgspec

from engine.core.fold import fold_kept
from engine.core.ports import EffectAddress
from events.base import Event
from events.digest import Digest, Fingerprint, digest_of
from events.store.base import EventLog
from events.types.evaluation import LooksAsked, LooksFound
from projections.looks import Looks

_encoder = msgspec.json.Encoder(order="deterministic")


def arm_plan(keys: Iterable[Digest]) -> Fingerprint:
    """Name what an arm is to be scored on: the keys of its first repeat, whatever arm, items and run are called.

    A key holds item, condition and environment; further repeats are the same plan, looked at again.
    """
    return Fingerprint(digest_of(_encoder.encode(sorted(keys))))


class LooksPort:
    """Answers `LooksAsked` from the log."""

    def __init__(self, log: EventLog) -> None:
        self._log = log

    async def __call__(self, asked: Event, place: EffectAddress) -> Event:
        """Find every comparison between two of these arms."""
        del place
        assert isinstance(asked, LooksAsked)
        head = await self._log.head()
        state = await fold_kept(self._log, Looks(), head)
        found = [look for arm in asked.arms for look in state.pairs.get(arm, ()) if look.baseline in asked.arms]
        return LooksFound(head.position, tuple(sorted(found, key=lambda look: (look.position, look.arm))))
