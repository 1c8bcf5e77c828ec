"""A condition: everything that is to differ between arms of a comparison, as one value with a digest.

It is kept as a blob of canonical JSON; its digest is the SHA-256 of those bytes. Two trials of a task with the same
digest had the same agent and models, were told the same and were decided upon by the same rules. Where they ran
(sandbox, image), what judged them (verifier) and how often they were repeated are no part of it, and neither are keys,
time limits of requests, retries, budgets and places in a queue.
"""

from typing import Final, Literal, TypeAlias

import msgspec

from events.digest import Digest, Fingerprint, digest_of
from events.values import NamedDigest, Role

FeedbackLevel: TypeAlias = Literal["none", "hint", "binary", "rich", "process"]
"""What whoever acts, or writes what it is told, learns of the verifier.

none: nothing. hint: its tests with every answer hidden. binary: whether it was satisfied. rich: rewards and failed
tests, such as a memo rests on. process: the steps that led there, too.
"""


class SkillRef(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A skill that an agent is given, as it was found."""

    name: str
    """Of its folder."""
    description: str
    """From its front matter: what the agent is told of it before it reads it."""
    files: tuple[NamedDigest, ...]
    """Blobs: its files, sorted by their path below its folder."""

    @property
    def digest(self) -> Fingerprint:
        """Digest of its folder: of its files, by path and content."""
        return Fingerprint(digest_of(_encoder.encode(self.files)))


class ModelKey(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Which model speaks for a role, and what its calls are given."""

    role: Role
    model: str
    """As its provider expects it."""
    endpoint: str
    """Its provider, protocol and address; of a script ``script:`` and the digest of its file."""
    parameters: Digest
    """Blob: what a call is given besides its messages, as canonical JSON."""


class AgentKey(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Who acts in the sandbox."""

    name: str
    package: str
    """Package and exact version that it comes from, such as ``@openai/codex@1.2.3``."""
    settings: Digest
    """Blob: its limits and what it sees of outputs, as canonical JSON."""


class MethodKey(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Which policies decide, and under which settings."""

    name: str
    settings: Digest
    """Blob: as canonical JSON."""


class Condition(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What differs between arms."""

    agent: AgentKey
    models: tuple[ModelKey, ...]
    """By role, sorted. Empty: the agent needs none."""
    method: MethodKey
    prompts: Fingerprint
    """Digest of the prompts that models are given, by name and content."""
    skills: tuple[SkillRef, ...] | None
    """Skills that the agent is given, sorted by name. Empty: it is told of skills, and there are none. None: nothing is
    said of skills, and no folder of them is mounted."""
    note: Digest | None
    """Blob: text that the agent is told after its instruction. None: nothing."""
    feedback: FeedbackLevel

    @property
    def canonical(self) -> bytes:
        """The bytes that are kept."""
        return _encoder.encode(self)

    @property
    def digest(self) -> Digest:
        """Digest of those bytes, as long as they hold no secret, which would be replaced."""
        return digest_of(self.canonical)


_encoder: Final = msgspec.json.Encoder(order="deterministic")


def read_condition(data: bytes) -> Condition:
    """Read a condition back.

    Raises:
        msgspec.MsgspecError: It is none.
    """
    return msgspec.json.decode(data, type=Condition)


def parts_that_differ(one: Condition, other: Condition) -> tuple[str, ...]:
    """Name the parts in which two conditions differ, in the order of the fields; a model by its role."""
    found: list[str] = []
    for name in Condition.__struct_fields__:
        if name == "models":
            ours, theirs = ({each.role: each for each in models.models} for models in (one, other))
            found += [f"model of the {role}" for role in sorted({*ours, *theirs}) if ours.get(role) != theirs.get(role)]
        elif getattr(one, name) != getattr(other, name):
            found.append(name)
    return tuple(found)
