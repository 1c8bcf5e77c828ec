"""Events to try the log with, and a clock that only goes forward."""

import sqlite3
from base64 import b64encode
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import count
from json import dumps
from pathlib import Path
from types import NoneType, UnionType
from typing import Any, Literal, Union, get_args, get_origin, get_type_hints
from urllib.parse import quote, quote_plus

import msgspec

from events.base import Draft, Event, Recorded, Ref, StreamId
from events.catalog import AnyEvent
from events.digest import Digest, Fingerprint, digest_of
from events.store.base import EventLog, Selection
from events.types.sandbox import ActionAsked, ActionObserved, SandboxFailed

TRIAL = StreamId("run-1", "trial/greet")
ATTEMPT = StreamId("run-1", "attempt/greet/1")
OTHER_RUN = StreamId("run-2", "trial/greet")

CLASSES: tuple[type[Event], ...] = get_args(AnyEvent)

SECRETS = {
    "OPENAI_API_KEY": 'made-up+b/c"d\\é-0123456789',
    "TOKEN": "tok-0123456789abcdef",
    "LONGER": "tok-0123456789abcdefXYZ",
}


def ticking() -> Callable[[], int]:
    """Make a clock that moves one microsecond each time it is looked at."""
    times = count(1_700_000_000_000_000)
    return lambda: next(times)


def said(text: str) -> SandboxFailed:
    """Make an event that holds a text."""
    return SandboxFailed(kind="lost", detail=text)


def drafts(*texts: str) -> list[Draft]:
    """Make drafts that can be told apart."""
    return [Draft(said(text), None) for text in texts]


def asked(command: Digest) -> list[Draft]:
    """Make the draft of an action whose command is a blob."""
    return [Draft(ActionAsked(command=command, timeout_s=None), None)]


def observed(output: Digest) -> list[Draft]:
    """Make the draft of what an action printed."""
    return [Draft(ActionObserved(exit_code=0, ended="exited", stdout=output, stderr=output), Ref("trial/greet", 1))]


async def everything(log: EventLog, selection: Selection | None = None) -> list[Recorded]:
    """Read it all."""
    return [event async for event in log.read(selection or Selection())]


async def texts(log: EventLog, selection: Selection | None = None) -> list[str]:
    """Read what was said."""
    return [getattr(each.event, "detail", "") for each in await everything(log, selection)]


def sample(kind: type[Event]) -> Event:
    """Make an event of any class, every field of it filled with something that is not its default or empty."""
    made = _value(kind)
    assert isinstance(made, Event)
    return made


def bare(kind: type[Event]) -> Event:
    """Make the same without the fields that were added later to its class or to what it holds, which have a default."""
    made = _bared(sample(kind))
    assert isinstance(made, Event)
    return made


def _bared(value: Any) -> Any:
    if isinstance(value, tuple) and type(value) is tuple:
        return tuple(map(_bared, value))
    if not isinstance(value, msgspec.Struct) or not value.__struct_config__.omit_defaults:
        return value
    first = [each.name for each in msgspec.structs.fields(value) if each.default is msgspec.NODEFAULT]
    return type(value)(**{name: _bared(getattr(value, name)) for name in first})


def spellings(value: str) -> Iterator[bytes]:
    """Write a secret in the ways in which secrets travel."""
    plain = value.encode()
    yield plain
    yield from (quote(value, safe="").encode(), quote_plus(value).encode(), plain.hex().encode())
    yield from (dumps(value).encode()[1:-1], dumps(value, ensure_ascii=False).encode()[1:-1])
    yield dumps(dumps(value))[3:-3].encode()
    for before in (b"", b"x", b"xy"):
        yield b64encode(before + b"::" + plain + b"::")


_NAMED = {"role": "teacher"}
"""Values of fields that take only some texts."""


def _value(hint: Any) -> object:
    """Make a value of a type."""
    name = digest_of(b"sample")
    plain: dict[Any, object] = {Digest: name, Fingerprint: name, str: "text é", int: 7, float: 0.5, bool: True}
    origin, parts = get_origin(hint), get_args(hint)
    made: object
    plain[msgspec.Raw] = msgspec.Raw('{"text":"é"}'.encode())
    if hint is Any:
        made = plain[str]
    elif hint in plain:
        made = plain[hint]
    elif origin is Literal:
        made = parts[0]
    elif origin in {Union, UnionType}:
        made = _value(next(part for part in parts if part is not NoneType))
    elif origin is tuple:
        made = (_value(parts[0]),)
    elif origin is dict:
        made = {_value(parts[0]): _value(parts[1])}
    else:
        hints = get_type_hints(hint)
        made = hint(**{name: _NAMED.get(name) or _value(hints[name]) for name in hint.__struct_fields__})
    return made


@contextmanager
def stranger(path: Path) -> Iterator[sqlite3.Connection]:
    """Open a log's file as any other program would."""
    connection = sqlite3.connect(path, isolation_level=None, timeout=0.1)
    try:
        yield connection
    finally:
        connection.close()
