"""Asking policies about recorded decisions again, under their own rule or another."""

from collections.abc import Callable, Mapping, MutableMapping, Sequence
from typing import Any, Final, NamedTuple

import msgspec

from engine.core.decision import Deciding, Era, MemoKey, Point, Policy, PolicyContext, encode_value
from engine.core.open_decision import load_named, ruled
from events.digest import Digest, digest_of
from events.store.base import EventLog

REMEMBERED: Final = 256 << 20
"""Bytes of blobs that are kept for the next question."""


MOST_ANSWERS: Final = 20_000
"""Rulings that are kept for the next question."""


class PolicyQuestion(NamedTuple):
    """What a policy is asked."""

    point: Point[Any, Any, Any]
    policy: Policy
    saw: Any
    inputs: Digest
    rule: Any
    rule_digest: Digest


class _Answer(NamedTuple):
    policy: Policy
    """Held, so that no other one gets its id."""
    ruling: Any
    laid: Mapping[Digest, bytes]
    """What the policy laid down."""


class Reevaluator:
    """Asks policies about the decisions of one run; what was fetched or folded for one question serves the next."""

    def __init__(
        self, log: EventLog, eras: Sequence[Era], chains: dict[Digest, bytes], *, remembered: int = REMEMBERED
    ) -> None:
        """Fetch nothing yet.

        Args:
            log: Which holds the run.
            eras: Of the run.
            chains: Inputs that others name as those before them, and that the log lacks; more may come.
            remembered: Bytes of blobs that are kept for the next question.
        """
        self._log = log
        self._remembered = remembered
        self._deciding = Deciding(eras, chains=chains)
        self._fetched: dict[Digest, bytes] = {}
        self._named: dict[Digest, dict[Digest, bytes]] = {}
        """What inputs name, by their digest: of those that were asked about last."""
        self._size = self._held = 0
        self._digests: dict[Any, Digest] = {}
        self._answers: dict[tuple[int, str, Digest, Digest], _Answer] = {}
        """By the id of the policy, the point, the inputs and the rule: settings of a sweep often lead to the same."""
        self.laid: MutableMapping[Digest, bytes] = {}
        """What policies laid down since `forget`: rulings name it, and later inputs may."""

    async def ask(self, question: PolicyQuestion) -> Any:
        """Have a policy rule.

        Raises:
            BlobErased: Bytes that the inputs name were removed on purpose.
            PolicyFailed: The policy is another package's, and failed.
        """
        return await self._ruled(question, self.put)

    async def _ruled(self, question: PolicyQuestion, put: Callable[[bytes], Digest]) -> Any:
        point, policy, saw, inputs, rule, rule_digest = question
        blobs = self._named.get(inputs)
        if blobs is None:
            blobs = await load_named(point, saw, rule_digest, self._deciding, self.get)
            self._remember(inputs, blobs)
        elif (earlier := getattr(saw, "earlier", None)) is not None:
            asked = point.name, earlier.earlier, rule_digest
            if asked not in self._deciding.memo:
                blobs = await load_named(point, saw, rule_digest, self._deciding, self.get)
        key: MemoKey = point.name, inputs, rule_digest
        return ruled(point, policy, saw, rule, PolicyContext(blobs, put, self._deciding.memo, key))

    async def ask_once(self, question: PolicyQuestion) -> Any:
        """Have a policy rule, unless it was asked the same before: of many settings, most lead to the same inputs.

        Raises:
            BlobErased: Bytes that the inputs name were removed on purpose.
        """
        key = id(question.policy), question.point.name, question.inputs, question.rule_digest
        known = self._answers.get(key)
        if known is None:
            laid: dict[Digest, bytes] = {}

            def put(data: bytes) -> Digest:
                digest = self.put(data)
                laid[digest] = data
                return digest

            known = self._answers[key] = _Answer(question.policy, await self._ruled(question, put), laid)
            if len(self._answers) > MOST_ANSWERS:
                del self._answers[next(iter(self._answers))]
        self.laid.update(known.laid)
        return known.ruling

    def _remember(self, inputs: Digest, blobs: dict[Digest, bytes]) -> None:
        """Keep what inputs name, unless a policy laid down some of it: then it may be other bytes next time."""
        if self.laid.keys().isdisjoint(blobs):
            self._named[inputs] = blobs
            self._held += sum(map(len, blobs.values()))
            while self._held > self._remembered:
                self._held -= sum(map(len, self._named.pop(next(iter(self._named))).values()))

    def put(self, data: bytes) -> Digest:
        """Name bytes, and keep them until `forget`."""
        digest = digest_of(data)
        self.laid[digest] = data
        return digest

    async def get(self, digest: Digest) -> bytes:
        """Give the bytes of a blob, whether the log holds them or a policy laid them down.

        Raises:
            BlobErased: They were removed on purpose.
        """
        data = self.laid.get(digest)
        if data is None:
            data = self._fetched.get(digest)
        if data is not None:
            return data
        data = await self._log.get(digest)
        self._fetched[digest] = data
        self._size += len(data)
        while self._size > self._remembered:
            self._size -= len(self._fetched.pop(next(iter(self._fetched))))
        return data

    def digest(self, rule: msgspec.Struct) -> Digest:
        """Name a rule by its bytes."""
        try:
            if (known := self._digests.get(rule)) is None:
                known = self._digests[rule] = digest_of(encode_value(rule))
        except TypeError:  # it holds a list or a mapping
            return digest_of(encode_value(rule))
        return known

    def trim(self, most: int) -> None:
        """Let go of what was folded first, as far as there is more than so much: who asks in order needs the last."""
        memo = self._deciding.memo
        for key in list(memo)[: max(0, len(memo) - most)]:
            del memo[key]

    def forget(self, rules: set[Digest]) -> None:
        """Drop what was laid down, and what was folded under rules that are not asked about again."""
        self.laid.clear()
        memo = self._deciding.memo
        for key in [key for key in memo if key[2] in rules]:
            del memo[key]
