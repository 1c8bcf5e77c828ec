"""Replacing known secret values before anything is written.

Only values we were told are looked for, exactly, and in the forms in which they travel: plain, base64,
URL-encoded, JSON-escaped, hexadecimal. Guessing by pattern drowned others in false positives and destroyed
model names (``reference/users.md``, 1.11).

Each form is one linear pass, and a fast one: CPython's search skips ahead. Three secrets, 36 forms: 0.13 s for a
body of 32 MB without any, of which one alternation of a regular expression takes 0.23 s, and several times that
where text comes close to matching. Bodies of that size have stopped a service elsewhere.
"""

import re
from base64 import b64encode, urlsafe_b64encode
from collections.abc import Iterable, Iterator, Mapping
from itertools import groupby
from json import dumps
from typing import TypeVar
from urllib.parse import quote, quote_plus

import msgspec

from events.base import Event
from events.log_errors import EventRefused, SecretUnusable

SHORTEST = 6
"""Values with fewer characters would be found in innocent text everywhere."""

ALIKE = 12
"""Forms that share so many first bytes are looked for together, by what they share."""

_NAME = re.compile(r"[A-Za-z0-9_.-]+")
_T = TypeVar("_T")


class Redactor:
    """Replaces the values of known secrets by ``[secret:NAME]``."""

    def __init__(self, secrets: Mapping[str, str] | None = None) -> None:
        """Take the secrets in.

        Raises:
            SecretUnusable: A value is too short to be looked for, or could not be replaced for good.
        """
        self._marks: dict[bytes, bytes] = {}
        for name, value in sorted((secrets or {}).items()):
            if not _NAME.fullmatch(name):
                raise SecretUnusable(name, "its name may only hold letters, digits, '_', '.' and '-'")
            if len(value) < SHORTEST:
                raise SecretUnusable(name, f"its value has fewer than {SHORTEST} characters")
            for form in _forms(value):
                self._marks.setdefault(form, b"[secret:" + name.encode() + b"]")
                # In a payload every text is escaped once more: what `hits` must find there.
                escaped = dumps(form.decode(), ensure_ascii=False)[1:-1]
                self._marks.setdefault(escaped.encode(), b"[secret:" + name.encode() + b"]")
        self._forms = tuple(sorted(self._marks, key=lambda form: (-len(form), form)))
        self._openings = tuple(_openings(self._forms))
        for form in self._forms:
            for mark in self._marks.values():
                if form in mark:
                    raise SecretUnusable(mark.decode()[8:-1], "a value occurs in the mark that would replace it")

    def hits(self, data: bytes) -> bool:
        """Say whether any known value is in there."""
        for opening in self._openings:
            if opening in data:
                return any(form in data for form in self._forms)
        return False

    def replace(self, data: bytes) -> bytes:
        """Give the bytes back with every known value replaced; the same object if there is none."""
        # Longest first, since of two secrets of which one begins with the other the longer one is what was there.
        # Again and again, since a mark and what stands around it could make another value.
        while self.hits(data):
            for form in self._forms:
                data = data.replace(form, self._marks[form])
        return data

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

    def _walk(self, value: _T) -> _T:
        """Rebuild a value with its texts replaced. Its classes do not check; encoding does."""
        changed: object = value
        if isinstance(value, str):
            changed = self.text(value)
        elif isinstance(value, tuple):
            changed = tuple(self._walk(item) for item in value)
        elif isinstance(value, dict):
            changed = {self._walk(key): self._walk(item) for key, item in value.items()}
        elif isinstance(value, msgspec.Struct):
            changed = type(value)(**{name: self._walk(getattr(value, name)) for name in value.__struct_fields__})
        return changed  # type: ignore[return-value]  # each branch builds what it was given


def _forms(value: str) -> Iterator[bytes]:
    """List how a value may look in what we write."""
    plain = value.encode()
    yield plain
    yield plain.hex().encode()
    yield plain.hex().upper().encode()
    yield from _base64_forms(plain)
    for url in (quote(value, safe=""), quote(value), quote_plus(value)):
        yield url.encode()
        yield re.sub(r"%[0-9A-F]{2}", lambda hit: hit[0].lower(), url).encode()
    # JSON in JSON is common: a request body in a message, arguments of a tool call in a reply. So twice each.
    for ascii_only in (True, False):
        escaped = value
        for _ in range(2):
            escaped = dumps(escaped, ensure_ascii=ascii_only)[1:-1]
            yield escaped.encode()
            yield escaped.replace("/", "\\/").encode()


def _openings(forms: Iterable[bytes]) -> Iterator[bytes]:
    """List beginnings of forms, of which one is found wherever a form is: they are fewer."""
    for _, group in groupby(sorted(forms), lambda form: form[:ALIKE]):
        alike = list(group)
        first, last = alike[0], alike[-1]
        # In sorted order, what the first and the last share is shared by all.
        yield first[: max(length for length in range(len(first) + 1) if last.startswith(first[:length]))]


def _base64_forms(plain: bytes) -> Iterator[bytes]:
    """Give the characters that the value alone decides, for each of its three places among groups of three."""
    for before in range(3):
        bits_before, bits_after = 8 * before, 8 * (before + len(plain))
        first, last = -(-bits_before // 6), bits_after // 6
        padded = bytes(before) + plain + bytes(2)
        yield b64encode(padded)[first:last]
        yield urlsafe_b64encode(padded)[first:last]


NOTHING_SECRET = Redactor()
"""Replaces nothing."""
