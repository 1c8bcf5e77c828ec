"""Images that a request shows, in whichever protocol it is written; for whoever has to know what was sent."""

from base64 import b64decode
from collections.abc import Iterator, Mapping
from hashlib import sha256
from typing import Any, NamedTuple

_DATA = "data:"
_BASE64 = ";base64,"


class ShownImage(NamedTuple):
    """An image whose bytes stand in a request."""

    media_type: str
    """As the request has it."""
    digest: str
    """SHA-256 of its bytes, in hexadecimal digits."""


def shown_images(content: Any) -> tuple[ShownImage, ...]:
    """Find the images in a decoded message, content or list of them, each time that one is shown.

    Those that are named by an address, or whose base64 cannot be read, are none: their bytes are not in the request.
    """
    return tuple(_found(content))


def _found(value: Any) -> Iterator[ShownImage]:
    match value:
        case list():
            for each in value:
                yield from _found(each)
        case {"type": "image_url", "image_url": {"url": str(url)}} | {"type": "input_image", "image_url": str(url)}:
            yield from _by_url(url)
        case {"type": "image", "source": {"media_type": str(media_type), "data": str(data)}}:
            yield from _image(media_type, data)
        case {"inlineData": {"mimeType": str(media_type), "data": str(data)}}:
            yield from _image(media_type, data)
        case dict():
            yield from _inside(value)
        case _:
            pass


def _inside(value: Mapping[str, Any]) -> Iterator[ShownImage]:
    """Look where protocols put parts: in a message, in Google's content, in the result of a call."""
    for key in ("content", "parts", "output"):
        if isinstance(value.get(key), list):
            yield from _found(value[key])


def _by_url(url: str) -> Iterator[ShownImage]:
    media_type, found, data = url.removeprefix(_DATA).partition(_BASE64)
    if found and url.startswith(_DATA):
        yield from _image(media_type, data)


def _image(media_type: str, data: str) -> Iterator[ShownImage]:
    try:
        yield ShownImage(media_type, sha256(b64decode(data, validate=True)).hexdigest())
    except ValueError:
        return
