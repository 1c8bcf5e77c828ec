"""JSON as providers write it: read leniently where nothing is lost by it, and written so that it can be sent back.

Numbers with a fraction are read as decimals, so that a cost, or an argument of a call, is what was written to its last
digit. Halves of a surrogate pair that two deltas brought are put together; a half that stays alone cannot be written as
UTF-8 and is replaced. The bytes of an answer, which are kept beside it, have it as it came.
"""

import json
from decimal import Decimal
from typing import Any, Final

import msgspec

Json = dict[str, Any]

_STRICT: Final = msgspec.json.Decoder(float_hook=Decimal)
_ENCODER: Final = msgspec.json.Encoder(decimal_format="number", order="sorted")
_PLAIN_ENCODER: Final = msgspec.json.Encoder(decimal_format="number")
_LONGEST: Final = 4000
"""Digits of a number that Python still turns into an integer; one with more is read as null."""
_REFUSED: Final = (msgspec.MsgspecError, UnicodeDecodeError, ValueError, ArithmeticError)


class NestedTooDeeply(ValueError):
    """Raised when JSON is nested more deeply than Python follows."""


def decode(data: bytes) -> Any:
    """Read JSON; bad UTF-8 and lone surrogates inside its texts are let pass.

    Raises:
        ValueError: It is not JSON, or nested too deeply.
    """
    try:
        return _STRICT.decode(data)
    except RecursionError as error:
        raise NestedTooDeeply("it is nested too deeply") from error
    except _REFUSED as error:
        return _leniently(data, error)


def decode_first(text: str, start: int) -> tuple[Any, int]:
    """Read the JSON value that begins here; give it and where it ends.

    Raises:
        ValueError: There is none, or it is cut.
    """
    try:
        return _LENIENT.raw_decode(text, start)
    except RecursionError as error:
        raise NestedTooDeeply("it is nested too deeply") from error


def encode(value: Any) -> bytes:
    """Write JSON, keys sorted, so that the same value has the same bytes.

    Raises:
        NestedTooDeeply: It cannot be written.
    """
    return _written(_ENCODER, value)


def text_of(value: Any) -> str:
    """Write JSON as a text, in the order of the provider; what is a text already stays as it is.

    Raises:
        NestedTooDeeply: It cannot be written.
    """
    return value if isinstance(value, str) else _written(_PLAIN_ENCODER, value).decode()


def mended(text: str) -> str:
    """Put the halves of surrogate pairs together, and replace those that stay alone by U+FFFD."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
    return text


def _leniently(data: bytes, why: Exception) -> Any:
    """Read what msgspec does not: it takes no lone surrogate, and no control character inside a text."""
    if b'"' not in data:  # only texts are read more leniently
        raise ValueError(str(why)) from why
    try:
        return _LENIENT.decode(data.decode("utf-8", "replace"))
    except RecursionError as error:
        raise NestedTooDeeply("it is nested too deeply") from error


def _written(encoder: msgspec.json.Encoder, value: Any) -> bytes:
    try:
        try:
            return encoder.encode(value)
        except UnicodeEncodeError:
            return encoder.encode(_mended(value))
    except RecursionError as error:
        raise NestedTooDeeply("it is nested too deeply") from error


def _mended(value: Any) -> Any:
    match value:
        case str():
            return mended(value)
        case list():
            return [_mended(each) for each in value]
        case dict():
            return {mended(key): _mended(each) for key, each in value.items()}
        case _:
            return value


def _whole_number(digits: str) -> int | None:
    return int(digits) if len(digits) <= _LONGEST else None


def _no_number(name: str) -> None:
    """Read NaN and the infinities, which no JSON has, as null."""
    del name


_LENIENT: Final = json.JSONDecoder(
    strict=False, parse_float=Decimal, parse_int=_whole_number, parse_constant=_no_number
)
