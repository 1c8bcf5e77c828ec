"""Reading an ATIF trajectory, of any published version, from its bytes: purely, and all of it or nothing.

Fixes what a reader that guesses would hide: a document that breaks the format's own rules is refused with the place of
the fault, what has no place in the log is counted by path, and whatever had to be inferred is said.
"""

import json
import re
from collections import Counter
from collections.abc import Mapping
from math import isfinite
from typing import Any, ClassVar, Final, NamedTuple, NoReturn

import msgspec

from engine.core.errors import EngineError
from engine.importers.atif.assumptions import inferences
from engine.importers.atif.rules import AtifViolation, faults
from engine.importers.atif.schema import READ, AtifTrajectory
from engine.importers.atif.unmapped import losses
from events.errors import ExitCode

OPENING: Final = "ATIF-"
"""How every version begins."""

_SURROGATE = re.compile("[\ud800-\udfff]")


class AtifWrong(EngineError):
    """Raised when a document is no trajectory, or breaks a rule of the format. Nothing of it was imported.

    Attributes:
        document: Its name.
        where: Path of the fault in it, such as ``steps[3].step_id``; empty: the document as a whole.
        fault: The same, with what to do about it.
    """

    exit_code: ClassVar[ExitCode] = ExitCode.USAGE

    def __init__(self, document: str, fault: AtifViolation) -> None:
        at = f" at {fault.where}" if fault.where else ""
        super().__init__(f"{document}{at}: {fault.problem}", remedy=f"{fault.remedy}; nothing was imported")
        self.document = document
        self.where = fault.where
        self.fault = fault


class Document(NamedTuple):
    """A trajectory that could be read."""

    name: str
    """Of its file, as messages say it."""
    data: bytes
    """As it was."""
    trajectory: AtifTrajectory
    losses: Mapping[str, int]
    """How many fields have no place in the log, by path."""
    inferences: tuple[str, ...]
    """What the document does not say, and what stands for it."""


def read_atif(data: bytes, name: str) -> Document:
    """Read a trajectory.

    Args:
        data: The document.
        name: How errors call it.

    Raises:
        AtifWrong: It is no trajectory of a version we know, or breaks the format's rules.
    """
    # The standard decoder, and not msgspec: it says which number is none, and takes halves of surrogate pairs.
    value, replaced = _object(data, name)
    version = value.get("schema_version")
    if version not in READ:
        said = "there is no schema_version" if version is None else f"{str(version)[:40]!r} is no version we read"
        _refuse(name, "schema_version", said, f"give a document of {READ[0]} to {READ[-1]}")
    try:
        trajectory = msgspec.convert(value, AtifTrajectory)
    except msgspec.ValidationError as error:
        problem, _, where = str(error).partition(" - at ")
        _refuse(name, where.strip("`$."), problem, "write the field as the format has it")
    for fault in faults(trajectory):
        raise AtifWrong(name, fault)
    more = (f"{replaced} texts hold lone surrogates: U+FFFD stands for each of them",) if replaced else ()
    return Document(name, data, trajectory, losses(value), (*inferences(trajectory), *more))


def looks_like_atif(data: bytes) -> bool:
    """Say whether some bytes mean to be a trajectory, well made or not."""
    data = data.replace(b"\0", b"")  # in UTF-16, which is refused by name
    return b'"schema_version"' in data and OPENING.encode() in data


def _object(data: bytes, name: str) -> tuple[dict[str, Any], int]:
    """Parse to an object, in which every text can be written again. Gives how many texts had to be mended, too."""
    try:
        text = data.decode("utf-8-sig")
        value = json.loads(text, parse_constant=_no_number, parse_float=_finite, object_pairs_hook=_once)
        mended = _mended(value) if "\\ud" in text.lower() else (value, 0)
    except UnicodeDecodeError as error:
        _refuse(name, "", f"it is no UTF-8 (byte {error.start})", "write the document as UTF-8")
    except json.JSONDecodeError as error:
        _refuse(name, f"line {error.lineno}", f"it is no JSON ({error.msg})", "give a whole trajectory.json")
    except _Unfit as error:
        _refuse(name, "", error.args[0], error.args[1])
    except (ValueError, RecursionError):
        _refuse(name, "", "it is nested too deeply, or holds a number of too many digits", "give a trajectory")
    if not isinstance(value, dict):
        _refuse(name, "", "it is no JSON object", "give a whole trajectory.json")
    return mended


class _Unfit(Exception):
    """Something the standard decoder takes and JSON does not know; with what to do about it."""


def _no_number(word: str) -> NoReturn:
    raise _Unfit(f"it holds {word}, which is no number of JSON", "write null for what is not known")


def _finite(digits: str) -> float:
    number = float(digits)
    if not isfinite(number):
        raise _Unfit(f"it holds {digits[:20]}, which is too large a number", "write null for what is not known")
    return number


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    fields = dict(pairs)
    if len(fields) < len(pairs):
        ((key, _),) = Counter(key for key, _ in pairs).most_common(1)
        raise _Unfit(f"the key {key[:40]!r} stands twice in one object", "keep one of the two")
    return fields


def _mended(value: Any) -> tuple[Any, int]:
    """Put U+FFFD in place of what cannot be written as UTF-8."""
    match value:
        case str():
            return _SURROGATE.sub("\ufffd", value), int(_SURROGATE.search(value) is not None)
        case dict():
            pairs = [(_mended(key), _mended(each)) for key, each in value.items()]
            return {key: each for (key, _), (each, _) in pairs}, sum(one + other for (_, one), (_, other) in pairs)
        case list():
            items = [_mended(each) for each in value]
            return [each for each, _ in items], sum(count for _, count in items)
        case _:
            return value, 0


def _refuse(name: str, where: str, problem: str, remedy: str) -> NoReturn:
    raise AtifWrong(name, AtifViolation(where, problem, remedy))
