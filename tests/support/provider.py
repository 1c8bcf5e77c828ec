"""A provider for tests that speaks HTTP byte by byte: what it is sent is kept, what it says is up to the test."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import anyio
from anyio.abc import SocketAttribute, SocketStream

ANSWER = (
    b'{"id":"1","object":"chat.completion","model":"m","choices":[{"index":0,"finish_reason":"stop",'
    b'"message":{"role":"assistant","content":"I look."}}],"usage":{"prompt_tokens":10,"completion_tokens":2}}'
)


def whole(body: bytes = ANSWER, *headers: str, status: str = "200 OK") -> bytes:
    """Write an answer in one piece."""
    lines = (f"HTTP/1.1 {status}", "Content-Type: application/json", f"Content-Length: {len(body)}", *headers)
    return "\r\n".join([*lines, "\r\n"]).encode() + body


class Provider:
    """What it was sent, by connection, and what it says to each request in turn."""

    def __init__(self, *says: bytes) -> None:
        self.came: list[bytearray] = []
        self.says = list(says)
        self.base_url = ""
        self._streams: list[SocketStream] = []

    async def end(self, connection: int, data: bytes) -> None:
        """Say more over a connection."""
        await self._streams[connection].send(data)

    async def serve(self, stream: SocketStream) -> None:
        """Answer each whole request with what is next; after ``close`` in place of a header, hang up."""
        mine = bytearray()
        self.came.append(mine)
        self._streams.append(stream)
        done = 0
        try:
            async with stream:
                while True:
                    mine += await stream.receive()
                    head, found, body = bytes(mine[done:]).partition(b"\r\n\r\n")
                    if found and len(body) >= _length(head):
                        done = len(mine)
                        said = self.says.pop(0)
                        await stream.send(said)
                        if b"Connection: close" in said:
                            return
        except (anyio.EndOfStream, anyio.BrokenResourceError):
            return


def _length(head: bytes) -> int:
    return next(int(line[15:]) for line in head.split(b"\r\n") if line.lower().startswith(b"content-length:"))


@asynccontextmanager
async def serving(provider: Provider) -> AsyncIterator[Provider]:
    """Serve it on loopback."""
    async with await anyio.create_tcp_listener(local_host="127.0.0.1") as listener, anyio.create_task_group() as tasks:
        tasks.start_soon(listener.serve, provider.serve)
        provider.base_url = f"http://127.0.0.1:{listener.extra(SocketAttribute.local_port)}"
        try:
            yield provider
        finally:
            tasks.cancel_scope.cancel()
