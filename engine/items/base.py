"""What an item is: anything that can be rolled out and scored, as a value with a digest."""

from collections.abc import Callable, Mapping
from fractions import Fraction
from types import MappingProxyType
from typing import Any, Final, Literal, NamedTuple, Protocol, TypeAlias, runtime_checkable

import msgspec

from engine.agents.points import ReadsSeen
from engine.items.images import ItemImage
from engine.items.rows import ItemRow
from events.digest import Digest
from events.types.decision import Seen
from events.types.item import ItemEnding
from events.values import NamedDigest
from projections.exposure import Exposure

Split: TypeAlias = Literal["train", "val", "test", "all"]
Way: TypeAlias = Literal["call", "tools", "agent", "code", "steps"]
"""How an item is rolled out: in one call of the model; in a loop in which it may glob, read and grep a folder; or by an
agent that works in a sandbox with the item in it; or by programs that a model writes, which run in such a sandbox."""

ANSWER: Final = "answer.txt"
"""File of a sandbox in which an answer stands that is a text."""
NO_SCORE: Final[frozenset[ItemEnding]] = frozenset({"infrastructure", "budget", "stopped"})
"""Endings that say nothing of the condition: what is not scored is not 0."""


class ItemRef(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Which item is meant, down to its bytes."""

    set: str
    name: str
    """Unique within the set."""
    digest: Digest
    """Blob: the item as canonical JSON. Whatever reaches the model or the scorer is in it, by value or by digest."""
    task_type: str | None = None
    """By which results are grouped. None: the set has no types."""
    family: str | None = None
    """Items of one family are not independent of each other. None: this one stands alone."""


class Item(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """One item, however it is rolled out: all that reaches the model or the scorer, and nothing else."""

    format: str
    """Name of the format that scores it."""
    question: str
    """What the model is asked, choices included."""
    expected: Any
    """What the format's scorer compares with, as JSON holds it. It never reaches the model."""
    context: str | None = None
    """What the model is told besides, to answer from. None: nothing."""
    images: tuple[ItemImage, ...] = ()
    folder: Digest | None = None
    """Blob: the files that the model may read in a tool loop, as `Folder`. None: there are none."""
    files: tuple[NamedDigest, ...] = ()
    """Blobs: further files by path, such as workbooks that an answer works on, or is compared with."""

    @property
    def shown(self) -> tuple[Digest, ...]:
        """All blobs that it names, each once."""
        named = (*[each.digest for each in self.images], self.folder, *[each.digest for each in self.files])
        return tuple(dict.fromkeys(each for each in named if each is not None))


class Folder(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Files of text that a model may read: a blob, not an event."""

    files: dict[str, str]
    """Text by relative POSIX path, in order."""


class ItemFiles(NamedTuple):
    """What a sandbox holds of an item, and what is taken out of it."""

    given: tuple[NamedDigest, ...]
    """Blobs: files in the working folder, by relative POSIX path. Nothing that says what is expected is among them."""
    wanted: tuple[str, ...] = ()
    """Files that an answer consists of. Empty: it is a text, in `ANSWER`."""


class SkillReads(NamedTuple):
    """What an agent touched of its skills, event by event."""

    commands: tuple[Seen[ReadsSeen], ...]
    """Of each command that it ran. Empty: it ran none, or it is an installed agent."""
    run: Seen[ReadsSeen] | None
    """Of an installed agent, as a whole."""


class Rolled(NamedTuple):
    """What came back from rolling an item out."""

    ending: ItemEnding
    detail: str
    """What ended it; empty where it was answered."""
    answer: Digest | None
    """Blob: the text of the answer. None: there is none."""
    turns: int
    """Answers of the model."""
    tool_calls: int
    """Calls of tools that were carried out."""
    files: tuple[NamedDigest, ...] = ()
    """Blobs: files that came of it, by name."""
    reads: SkillReads | None = None
    """What an agent touched of the skills that it was given. None: nobody can know."""


class ItemAnswer(NamedTuple):
    """An answer, as a scorer gets it."""

    text: str
    """What the model wrote last, without reasoning that it wrote beside it; empty if it wrote nothing."""
    read: Callable[[Digest], bytes]
    """Gives the bytes of a file that the item names, or of one of `files`."""
    files: Mapping[str, Digest] = MappingProxyType({})
    """Blobs: files that came of the answer, by name."""
    judged: str | None = None
    """What a judge model said of it. None: none was asked, or it did not answer."""
    exposure: Mapping[str, Exposure] | None = None
    """Of formats that score it: which of its skills an agent read, by name. None: nobody can know of any."""


class Mark(NamedTuple):
    """How an item was scored. Infrastructure has no number."""

    outcome: Literal["solved", "unsolved", "infrastructure"]
    hard: bool | None
    """Whether it is right. None: infrastructure."""
    soft: Fraction | None
    """How right it is, from 0 to 1. None: infrastructure."""
    answer: str | None
    """The answer as the scorer read it. None: there was none."""
    reasons: tuple[str, ...]
    """Why it is not solved; empty when it is."""


def marked(*, hard: bool, soft: Fraction, answer: str | None, reasons: tuple[str, ...] = ()) -> Mark:
    """Make the mark of an answer that was scored."""
    return Mark("solved" if hard else "unsolved", hard, soft, answer, () if hard else reasons)


class ReadItem(NamedTuple):
    """An item as a format reads it from a row."""

    name: str
    """Unique within the set."""
    item: Item
    task_type: str | None = None
    """As in `ItemRef`."""
    family: str | None = None
    """As in `ItemRef`."""


class ItemFormat(Protocol):
    """How a benchmark writes its items down, and scores answers to them; entry point ``stillroom.items``."""

    @property
    def name(self) -> str:
        """As a spec and the entry point have it."""

    @property
    def suffixes(self) -> tuple[str, ...]:
        """Of the files that hold its rows: ``.json``, ``.jsonl`` or ``.csv``."""

    @property
    def ways(self) -> tuple[Way, ...]:
        """How its items can be rolled out."""

    def read(self, row: ItemRow) -> ReadItem:
        """Make an item of a row.

        Raises:
            RowInvalid: The row is not as the format has it.
        """

    def score(self, item: Item, said: ItemAnswer) -> Mark:
        """Score an answer; pure."""


@runtime_checkable
class HasFiles(Protocol):
    """A format whose items have files of their own for whoever works in a sandbox, or whose answers are files.

    Of others, the texts of the folder and the images are laid out, and an answer is a text.
    """

    def files(self, item: Item) -> ItemFiles:
        """Say which; pure."""


@runtime_checkable
class BeginsWithFiles(Protocol):
    """A format whose answers are files that are there before anyone works on them."""

    def untouched(self, item: Item) -> Mapping[str, Digest]:
        """Name the blobs that an answer consists of if nobody works on the item; pure."""


class GoldAnswer(NamedTuple):
    """The answer that is expected, as whoever works on the item would give it."""

    text: str
    files: Mapping[str, Digest] = MappingProxyType({})
    """Blobs: files that the answer consists of, by name."""


@runtime_checkable
class HasGold(Protocol):
    """A format that can write the expected answer down. It has to score 1: else the item, or its scorer, is wrong."""

    def gold(self, item: Item) -> GoldAnswer:
        """Give the expected answer, or one of them; pure."""


@runtime_checkable
class InObject(Protocol):
    """A format whose rows stand in an array of a JSON object, and not in one that is the whole file."""

    array: str
    """Key of the array."""


@runtime_checkable
class OpenEnded(Protocol):
    """A format whose answers may be long: the model is not told to be short, nor to mark its answer."""

    open_ended: bool


@runtime_checkable
class NeedsJudge(Protocol):
    """A format that has a judge model say what no rule can."""

    def to_judge(self, item: Item, text: str) -> tuple[str, ...]:
        """List the assertions about an answer that a judge has to check; pure. Empty: a rule checks each."""


@runtime_checkable
class ByExposure(Protocol):
    """A format that scores whether skills were read, and not what was answered."""

    by_exposure: bool


@runtime_checkable
class PicksFiles(Protocol):
    """A format whose rows stand in some of the files of its suffixes only."""

    def picks(self, file: str) -> bool:
        """Say of the name of a file whether it holds rows."""
