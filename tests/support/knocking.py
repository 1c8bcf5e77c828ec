"""An agent for tests that speaks HTTP byte by byte, to a door of the gateway."""

from typing import Final

import anyio
import msgspec
from anyio.abc import ByteStream

from tests.support.provider import ANSWER
from tests.support.visits import TOKEN, House

BODY: Final = msgspec.json.encode({"model": "teacher", "messages": [{"role": "user", "content": "Work"}]})
PATH: Final = "/v1/chat/completions"


def post(body: bytes = BODY, *headers: str, length: bool = True) -> bytes:
    """Write a request, byte for byte."""
    lines = [f"POST {PATH} HTTP/1.1", "Host: gateway", f"Authorization: Bearer {TOKEN}", *headers]
    lines += [f"Content-Length: {len(body)}"] if length else []
    return "\r\n".join([*lines, "\r\n"]).encode() + body


async def said(stream: ByteStream, times: int = 1, end: bytes = ANSWER) -> bytes:
    """Read until an answer has come so many times."""
    data = b""
    with anyio.fail_after(30):
        while data.count(end) < times:
            data += await stream.receive()
    return data


async def dialled(here: House) -> ByteStream:
    """Connect to the door, as an agent does."""
    return await anyio.connect_unix(here.door.socket)
