"""Tool calls of chat completions, put together from the pieces in which a stream brings them.

The protocol gives each call an index, an id and a name in its first piece, and arguments in the others. Servers leave
out or repeat each of these: the rules here tell calls apart by what is left. Two calls are never made one, and one is
never made two; where it cannot be told, the answer is refused.
"""

import re
from itertools import pairwise
from typing import Any, Final, NamedTuple

from engine.protocols.body import objects
from engine.protocols.json_text import Json, text_of

_NOT_KEPT: Final = frozenset({"index", "function", "custom", "name", "arguments", "id", "type"})
_STRUCTURE: Final = re.compile(r'\\.|["{}\[\]]', re.DOTALL)


class CallsUnclear(Exception):
    """Raised when it cannot be told which call something belongs to."""


class CallDraft(NamedTuple):
    """A call as an answer has it."""

    id: str | None
    """None: the provider gave none."""
    name: str
    """Empty: it has none."""
    arguments: str
    extra: Json
    """Further fields, which the provider wants back: Gemini signs its calls."""

    @property
    def says_nothing(self) -> bool:
        """Whether it has neither a name nor arguments: some servers end their lists so."""
        return not self.name and not self.arguments.strip()


def whole_calls(value: Any) -> list[CallDraft]:
    """Read the calls of a message that came in one piece: each entry is a call."""
    return [draft for entry in _entries(value) if not (draft := _draft(entry)).says_nothing]


class StreamedCalls:
    """The calls of a message that comes in deltas."""

    def __init__(self) -> None:
        self._calls: list[_Growing] = []
        self._slots: dict[object, _Growing] = {}

    def add(self, value: Any) -> None:
        """Take in what one delta brings.

        Raises:
            CallsUnclear: It cannot be told which call a piece belongs to.
        """
        entries = _entries(value)
        several = len(entries) > 1 and all(_index(entry) is None for entry in entries)
        for place, entry in enumerate(entries):
            piece = _draft(entry)
            if piece.name or piece.arguments or piece.id or piece.extra:
                self._add(piece, _index(entry), place if several else None)

    def whole(self) -> list[CallDraft]:
        """Give the calls.

        Raises:
            CallsUnclear: The pieces of some call do not make one.
        """
        return [call for each in self._calls if not (call := each.whole()).says_nothing and not each.repeats]

    def _add(self, piece: CallDraft, index: int | None, place: int | None) -> None:
        slot: object = ("index", index) if index is not None else ("place", place) if place is not None else None
        call = self._slots.get(slot) if index is not None else self._unnumbered(piece, slot)
        if call is None and not piece.name:
            call = self._of_id(piece.id) if piece.id else self._only_open()
        if call is None or call.ends_before(piece):
            call = _Growing(after=call)
            self._calls.append(call)
        call.add(piece)
        if slot is not None:
            self._slots[slot] = call

    def _of_id(self, given: str | None) -> "_Growing | None":
        return next((call for call in reversed(self._calls) if given and call.id == given), None)

    def _unnumbered(self, piece: CallDraft, slot: object) -> "_Growing | None":
        """Find the call of a piece without an index: that of its id, that of its place, else the latest."""
        known = self._of_id(piece.id)
        if known is not None or not self._calls:
            return known
        if slot is not None:
            return self._slots.get(slot)
        latest = self._calls[-1]
        return None if piece.id and latest.id and not latest.open else latest

    def _only_open(self) -> "_Growing | None":
        """Find the one call that is not whole yet: some servers count pieces in place of calls."""
        open_calls = [call for call in self._calls if call.open]
        return open_calls[0] if len(open_calls) == 1 else None


class _Growing:
    """A call while its pieces come."""

    def __init__(self, after: "_Growing | None") -> None:
        self.id: str | None = None
        self.name = ""
        self.extra: Json = {}
        self._after = after
        """The call before it in its place."""
        self._parts: list[list[str]] = [[]]
        """Pieces of the arguments; a new list wherever the name was said again."""
        self._brackets = _Brackets()

    @property
    def open(self) -> bool:
        """Whether more arguments must come."""
        return not self._brackets.closed

    @property
    def _empty(self) -> bool:
        return not any(piece.strip() for part in self._parts for piece in part)

    @property
    def repeats(self) -> bool:
        """Whether it only says the name of the call before it again, which needs no call of its own."""
        before = self._after
        same = before is not None and before.name == self.name and self.id in {None, before.id}
        return same and self._empty

    def ends_before(self, piece: CallDraft) -> bool:
        """Say whether a piece in the place of this call begins another one.

        Raises:
            CallsUnclear: It cannot be told.
        """
        other_id = bool(piece.id and self.id and piece.id != self.id)
        if not piece.name:
            return self._ends_before_nameless(piece, other_id=other_id)
        if not self.open:
            return not self._is(piece) and not (piece.id and self._replaced_by(piece))
        if piece.name == self.name or not self.name:
            return other_id and self._empty
        return other_id or not self._empty or self.repeats or not self._goes_on_with_name(piece)

    def add(self, piece: CallDraft) -> None:
        """Take in a piece."""
        if self._replaced_by(piece):
            self._parts, self._brackets = [[]], _Brackets()
        said_again = bool(piece.name and self.name)
        if piece.name != self.name:
            self.name += piece.name
        self.id = self.id or piece.id
        self.extra |= piece.extra
        if said_again and not self._empty:
            if not self.open:  # the same call, once more
                return
            self._parts.append([])
        self._parts[-1].append(piece.arguments)
        self._brackets.add(piece.arguments)

    def whole(self) -> CallDraft:
        """Give the call.

        Raises:
            CallsUnclear: Its arguments are those of several calls.
        """
        parts = ["".join(part) for part in self._parts]
        arguments = "".join(parts)
        if self.open and len(parts) > 1:
            arguments = self._told_apart(parts)
        return CallDraft(self.id, self.name, arguments, self.extra)

    def _replaced_by(self, piece: CallDraft) -> bool:
        """Say whether the arguments are a placeholder, an empty object, and the piece begins the real ones."""
        if self.open or piece.arguments.lstrip()[:1] != "{":
            return False
        same = piece.name in {"", self.name} and piece.id in {None, self.id}
        return same and "".join("".join(part) for part in self._parts).split() in (["{}"], ["{", "}"])

    def _is(self, piece: CallDraft) -> bool:
        """Say whether a piece says this whole call, under its id, once more."""
        same = bool(piece.id) and piece.id == self.id and piece.name == self.name
        return same and piece.arguments == "".join(each for part in self._parts for each in part)

    def _ends_before_nameless(self, piece: CallDraft, *, other_id: bool) -> bool:
        if self.open or not piece.arguments.strip():
            return False
        if other_id:
            return True
        if piece.arguments.lstrip()[:1] in {"{", "["} and not self._replaced_by(piece):
            raise CallsUnclear(f"the arguments of the call of {self.name!r} go on after they are whole")
        return False

    def _goes_on_with_name(self, piece: CallDraft) -> bool:
        """Say whether a name is the rest of a name, which some servers send in pieces: only the id can tell."""
        if self.id and piece.id is None:
            return True
        raise CallsUnclear(f"the names {self.name!r} and {piece.name!r} are given to one call, or to two without ids")

    def _told_apart(self, parts: list[str]) -> str:
        """Read arguments whose name was said several times, and which do not make one JSON text together."""
        grows = all(after.startswith(before) for before, after in pairwise(parts))
        if grows and _closes(parts[-1]):
            return parts[-1]
        if any(_closes(part) for part in parts[1:]):
            raise CallsUnclear(f"the arguments of several calls of {self.name!r} cannot be told apart")
        return "".join(parts)


class _Brackets:
    """Follows the brackets of JSON text that comes in pieces, so that each piece is looked at once."""

    def __init__(self) -> None:
        self._depth = 0
        self._in_text = False
        self._escaped = False
        self._begun = False

    @property
    def closed(self) -> bool:
        """Whether an object or a list began, and all that began has ended."""
        return self._begun and self._depth <= 0

    def add(self, piece: str) -> None:
        """Look at a piece."""
        start = int(self._escaped and bool(piece))
        self._escaped = self._escaped and not piece
        for found in _STRUCTURE.finditer(piece, start):
            self._see(found.group())
        self._escaped = self._escaped or _ends_in_escape(piece[start:])

    def _see(self, mark: str) -> None:
        match mark:
            case '"':
                self._in_text = not self._in_text
            case "{" | "[" if not self._in_text:
                self._depth += 1
                self._begun = True
            case "}" | "]" if not self._in_text:
                self._depth -= 1
            case _:
                pass


def _ends_in_escape(piece: str) -> bool:
    return (len(piece) - len(piece.rstrip("\\"))) % 2 == 1


def _closes(text: str) -> bool:
    brackets = _Brackets()
    brackets.add(text)
    return text.lstrip()[:1] in {"{", "["} and brackets.closed


def _entries(value: Any) -> list[Json]:
    """Give the entries of a list of calls; a single call may stand without its list, or under its index."""
    match value:
        case {"function": _} | {"custom": _} | {"name": _}:
            return [value]
        case dict():
            return objects(list(value.values()))
        case _:
            return objects(value)


def _draft(entry: Json) -> CallDraft:
    function = next((each for key in ("function", "custom") if isinstance(each := entry.get(key), dict)), entry)
    name, arguments = function.get("name"), function.get("arguments", function.get("input"))
    given = entry.get("id")
    return CallDraft(
        id=str(given) if isinstance(given, str | int) and given != "" and not isinstance(given, bool) else None,
        name=name if isinstance(name, str) else "",
        arguments="" if arguments is None else text_of(arguments),
        extra={key: value for key, value in entry.items() if key not in _NOT_KEPT and value not in (None, "")},
    )


def _index(entry: Json) -> int | None:
    match entry.get("index"):
        case bool():
            return None
        case int(index) if index >= 0:
            return index
        case str(digits) if digits.isdecimal() and len(digits) < 10:
            return int(digits)
        case _:
            return None
