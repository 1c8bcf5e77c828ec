"""The port that ranks skills by words: an effect, so that a replay never ranks anew."""

from typing import Final

import msgspec
from anyio import to_thread

from engine.core.ports import EffectAddress
from engine.policies.retrieval.searched import SearchedSkill
from engine.retrieval.bm25 import FullTextMissing, engine_name, rank_by_words
from events.base import Event
from events.store.base import BlobStore
from events.types.retrieval import RankingAsked, RankingFailed, RankingFound

_encoder: Final = msgspec.json.Encoder(order="deterministic")


class RankingPort:
    """Answers `RankingAsked`."""

    def __init__(self, blobs: BlobStore) -> None:
        """Say where queries and skills are kept, and scores are put."""
        self._blobs = blobs

    async def __call__(self, asked: Event, place: EffectAddress) -> Event:
        """Score every skill; that nothing here can do so is an outcome of its own."""
        del place
        assert isinstance(asked, RankingAsked)
        query = (await self._blobs.get(asked.query)).decode("utf-8", "replace")
        skills = msgspec.json.decode(await self._blobs.get(asked.skills), type=tuple[SearchedSkill, ...])
        try:
            scores = await to_thread.run_sync(rank_by_words, query, skills)
        except FullTextMissing as error:
            return RankingFailed(error.problem, error.remedy or "")
        return RankingFound(self._blobs.put(_encoder.encode(scores)), engine_name())
