"""Replacing known secret values before anything is written.

Only values we were told are looked for, exactly, and in the forms in which they travel
(`events.redaction.secret_forms`). Guessing by pattern drowned others in false positives and destroyed model names
(``reference/users.md``, 1.11).

Each form is one linear pass, and a fast one: CPython's search skips ahead. Three secrets, 36 forms: 0.13 s for a
body of 32 MB without any, of which one alternation of a regular expression takes 0.23 s, and several times that
where text comes close to matching. Bodies of that size have stopped a service elsewhere. Forms that line ends break
are looked for in a copy without line ends and blanks, where those stand that none breaks as well: one pass finds both.
Only what is found there meets a pattern.
"""

import re
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from functools import cache
from itertools import groupby
from json import dumps
from typing import Any, Final, NamedTuple, TypeVar, get_args, get_type_hints

import msgspec

from events.base import Event
from events.errors import EventRefused, SecretUnusable
from events.redaction.secret_forms import SHORTEST_WRAPPED, forms_of, squeezed, wrapped
from events.redaction.streamed_text import TextSpan, joined_texts, without

SHORTEST: Final = 6
"""Values with fewer characters would be found in innocent text everywhere."""

SHORTEST_HEXADECIMAL: Final = 16
"""Values of nothing but lower-case hexadecimal digits would be found in digests: six of them once in 300,000."""

ALIKE: Final = 12
"""Forms that share so many first bytes are looked for together, by what they share."""

_NAME = re.compile(r"[A-Za-z0-9_.-]+")
_HEXADECIMAL = re.compile(r"[0-9a-f]+")
_T = TypeVar("_T")

MARK: Final = r"\[secret:[A-Za-z0-9_.-]+\]"
"""Pattern of what stands in the place of a secret's value."""


class IgnoredSecret(NamedTuple):
    """A value that was only guessed to be a secret, and is not looked for."""

    name: str
    where: str
    """In what it stands that must be recorded as it is."""


class Redactor:
    """Replaces the values of known secrets by ``[secret:NAME]``."""

    def __init__(self, secrets: Mapping[str, str] | None = None, *, guessed: Collection[str] = ()) -> None:
        """Take the secrets in.

        Args:
            secrets: Values by name.
            guessed: Names of those that nobody called a secret. `protect` may let go of them.

        Raises:
            SecretUnusable: A value is too short to be looked for, or could not be replaced for good.
        """
        self.learnt = 0
        """How often it was worked out what to look for."""
        self._secrets = dict(sorted((secrets or {}).items()))
        self._guessed = frozenset(guessed)
        for name, value in self._secrets.items():
            _check(name, value)
        self._learn()

    @property
    def names(self) -> frozenset[str]:
        """Of the secrets whose values are looked for."""
        return frozenset(self._secrets)

    def add(self, name: str, value: str) -> None:
        """Look for one more value from now on, such as a token that was only just given.

        Args:
            name: Of the secret; a number is put behind it where it has another value already.
            value: What must not be written.

        Raises:
            SecretUnusable: It is too short to be looked for, or could not be replaced for good.
        """
        if value in self._secrets.values():
            return
        names = [name, *(f"{name}.{number}" for number in range(2, len(self._secrets) + 3))]
        free = next(each for each in names if each not in self._secrets)
        _check(free, value)
        self._secrets = dict(sorted({**self._secrets, free: value}.items()))
        self._learn()

    def protect(self, fixed: Mapping[str, bytes]) -> tuple[IgnoredSecret, ...]:
        """Let go of guesses that would change what must be recorded as it is. Call it before anything is recorded.

        Args:
            fixed: What must not change, by what it is, such as ``the spec``.

        Returns:
            The guesses that are not looked for any more.

        Raises:
            SecretUnusable: A value stands there that was named as a secret.
        """
        if not any(map(self.hits, fixed.values())):
            return ()
        ignored: list[IgnoredSecret] = []
        for name, value in self._secrets.items():
            alone = Redactor({name: value})
            where = next((each for each, data in fixed.items() if alone.hits(data)), None)
            if where is not None and name not in self._guessed:
                raise SecretUnusable(name, f"its value stands in {where}, which must be recorded as it is")
            if where is not None:
                ignored.append(IgnoredSecret(name, where))
        for each in ignored:
            del self._secrets[each.name]
        self._learn()
        return tuple(ignored)

    def hits(self, data: bytes) -> bool:
        """Say whether any known value is in there."""
        # One byte is looked for ten times as fast as two: most payloads hold no escape at all.
        if not self._loose or not (b"\n" in data or b"\r" in data or b"\\" in data):
            return self._holds_form(data, self._openings)
        loose = squeezed(data)
        for opening in self._loose_openings:
            if opening in loose:
                return self._holds_form(data, self._openings) or self._holds_wrapped(data)
        # A form stands there only if it does without what a break may consist of: the shorter ones are left.
        return self._holds_form(data, self._short_openings)

    def _holds_form(self, data: bytes, openings: Sequence[bytes]) -> bool:
        """Say whether a form stands in some bytes as it is, of those that have one of some beginnings."""
        for opening in openings:
            if opening in data:
                return any(form in data for form in self._forms)
        return False

    def _holds_wrapped(self, data: bytes) -> bool:
        """Say whether a form stands in some bytes that line ends may break."""
        return any(pattern.search(data) for _, pattern in self._wrapped_in(data))

    def replace(self, data: bytes) -> bytes:
        """Give the bytes back with every known value replaced; the same object if there is none."""
        # Longest first, since of two secrets of which one begins with the other the longer one is what was there.
        # Again and again, since a mark and what stands around it could make another value.
        while self.hits(data):
            broken = dict(self._wrapped_in(data))
            for form in self._forms:
                data = data.replace(form, self._marks[form])
                if form in broken:
                    # A mark holds no backslash: it means itself as a template, too.
                    data = broken[form].sub(self._marks[form], data)
        return data

    def replace_streamed(self, data: bytes) -> bytes:
        """Like `replace`, for a stream of JSON objects whose texts come in pieces: a value may lie across several."""
        data = self.replace(data)
        if not self._forms:
            return data
        texts = joined_texts(data)
        found = {place: spans for place, text in texts.items() if (spans := tuple(self._spans(text.joined)))}
        # What stands around a mark is another text than before; with the pieces joined no value is left in it.
        return without(data, texts, found) if found else data

    def json(self, data: bytes) -> bytes:
        """Give JSON back with known values replaced in its texts; the same object if none is there.

        Names of members are left as they are, even if one is such a value: without them it could not be read back.

        Raises:
            msgspec.MsgspecError: It is not JSON.
        """
        if not self.hits(data):
            return data
        return msgspec.json.encode(self._members(msgspec.json.decode(data)))

    def text(self, text: str) -> str:
        """Replace known values in text."""
        if not self._forms:
            return text
        return self.replace(text.encode()).decode()

    def event(self, event: Event) -> Event:
        r"""Replace known values in every text of an event.

        Texts are treated one by one, and not the JSON as a whole: in ``"a\nbcdef"`` the value ``nbcdef``
        is not there, and replacing it would leave a broken escape behind.

        Raises:
            EventRefused: A secret has the value of a word of the log itself, such as ``solved``.
        """
        try:
            return self._walk(event)
        except UnicodeEncodeError as error:
            raise EventRefused(type(event).__name__, str(error)) from error

    def value(self, value: _T) -> _T:
        """Replace known values in every text of a frozen value; names of its fields are left as they are."""
        return self._walk(value)

    def _learn(self) -> None:
        """Work out what to look for."""
        marks: dict[bytes, bytes] = {}
        for name, value in self._secrets.items():
            for form in forms_of(value):
                marks.setdefault(form, b"[secret:" + name.encode() + b"]")
                # In a payload every text is escaped once more: what `hits` must find there.
                escaped = dumps(form.decode(), ensure_ascii=False)[1:-1]
                marks.setdefault(escaped.encode(), b"[secret:" + name.encode() + b"]")
        forms = tuple(sorted(marks, key=lambda form: (-len(form), form)))
        for form in forms:
            for mark in marks.values():
                if form in mark:
                    raise SecretUnusable(mark.decode()[8:-1], "a value occurs in the mark that would replace it")
        # Another thread may be replacing while a token is added: what it finds has its mark already.
        self._marks = marks
        self._patterns: dict[bytes, re.Pattern[bytes]] = {}
        self._loose = {form: squeezed(form) for form in forms if len(form) >= SHORTEST_WRAPPED}
        self._loose_openings = tuple(_openings(self._loose.values()))
        self._openings = tuple(_openings(forms))
        self._short_openings = tuple(_openings(form for form in forms if form not in self._loose))
        self._forms = forms
        self.learnt += 1

    def _wrapped_in(self, data: bytes) -> Iterator[tuple[bytes, re.Pattern[bytes]]]:
        """Give the forms that stand in some bytes but for line ends and blanks, each with its pattern."""
        loose = squeezed(data)
        for opening in self._loose_openings:
            if opening in loose:
                break
        else:
            return
        for form, short in self._loose.items():
            if short in loose:
                yield form, self._patterns.get(form) or self._patterns.setdefault(form, wrapped(form))

    def _spans(self, data: bytes) -> Iterator[TextSpan]:
        """Find every known value in some bytes."""
        while data:
            found = [(at, -len(form), form) for form in self._forms if (at := data.find(form)) >= 0]
            if not found:
                return
            start, length, form = min(found)
            yield TextSpan(start, start - length, self._marks[form])
            # Blanked, not cut, so that what follows keeps its place.
            data = bytes(start - length) + data[start - length :]

    def _walk(self, value: _T) -> _T:
        """Rebuild a value with its texts replaced. Its classes do not check; encoding does.

        Keys of a mapping are values, which came from outside; names of fields are not, nor are the names in JSON that
        an event holds as it is, such as the fields of a ruling.
        """
        changed: object = value
        if isinstance(value, str):
            changed = self.text(value)
        elif isinstance(value, tuple | list):
            changed = type(value)(self._walk(item) for item in value)
        elif isinstance(value, dict):
            changed = {self._walk(key): self._walk(item) for key, item in value.items()}
        elif isinstance(value, msgspec.Raw):
            changed = msgspec.Raw(self.json(bytes(value)))
        elif isinstance(value, msgspec.Struct):
            changed = type(value)(**{name: self._field(value, name) for name in value.__struct_fields__})
        return changed  # type: ignore[return-value]  # each branch builds what it was given

    def _field(self, value: msgspec.Struct, name: str) -> object:
        part = getattr(value, name)
        return self._members(part) if name in _of_json(type(value)) else self._walk(part)

    def _members(self, value: object) -> object:
        """Rebuild a value of JSON with its texts replaced, and no name of a member."""
        if isinstance(value, str):
            return self.text(value)
        if isinstance(value, tuple | list):
            return [self._members(item) for item in value]
        if isinstance(value, dict):
            return {name: self._members(item) for name, item in value.items()}
        return value


@cache
def _of_json(kind: type[msgspec.Struct]) -> frozenset[str]:
    """Name the fields of a class that hold any JSON."""
    return frozenset(name for name, hint in get_type_hints(kind).items() if Any in get_args(hint))


def _check(name: str, value: str) -> None:
    """Refuse what cannot be looked for.

    Raises:
        SecretUnusable: See there.
    """
    if not _NAME.fullmatch(name):
        raise SecretUnusable(name, "its name may only hold letters, digits, '_', '.' and '-'")
    if len(value.strip()) < SHORTEST:
        raise SecretUnusable(name, f"its value has fewer than {SHORTEST} characters")
    if len(value) < SHORTEST_HEXADECIMAL and _HEXADECIMAL.fullmatch(value):
        raise SecretUnusable(name, f"its value is hexadecimal and has fewer than {SHORTEST_HEXADECIMAL} digits")


def _openings(forms: Iterable[bytes]) -> Iterator[bytes]:
    """List beginnings of forms, of which one is found wherever a form is: they are fewer."""
    for _, group in groupby(sorted(forms), lambda form: form[:ALIKE]):
        alike = list(group)
        first, last = alike[0], alike[-1]
        # In sorted order, what the first and the last share is shared by all.
        yield first[: max(length for length in range(len(first) + 1) if last.startswith(first[:length]))]


NOTHING_SECRET = Redactor()
"""Replaces nothing."""
