"""What is said to one request of an agent; whoever answers never waits for an agent that does not listen."""

from collections.abc import Mapping
from contextlib import suppress

import anyio
from aiohttp import web


class GatewayResponse:
    """What is said to one request. Once the agent has left, what is said goes nowhere."""

    def __init__(self, request: web.BaseRequest) -> None:
        self._request = request
        self._response: web.StreamResponse | None = None
        self._last = b""
        self._said = anyio.Event()

    @property
    def begun(self) -> bool:
        """Whether anything was said."""
        return self._response is not None

    async def begin(self, status: int, headers: Mapping[str, str]) -> None:
        """Say how a stream begins."""
        stream = web.StreamResponse(status=status, headers=headers)
        with suppress(ConnectionError):
            await stream.prepare(self._request)
        self._response = stream

    async def write(self, data: bytes) -> None:
        """Say more of a stream, as fast as the agent reads."""
        if self._response is not None:
            with suppress(ConnectionError):
                await self._response.write(data)

    def end(self, data: bytes) -> None:
        """Say the last of a stream, and that it is the last."""
        self._last = data
        self._said.set()

    def whole(self, status: int, headers: Mapping[str, str], body: bytes) -> None:
        """Answer in one piece."""
        self._response = web.Response(status=status, headers=headers, body=body)
        self._said.set()

    def let_go(self) -> None:
        """Break off what was not said to its end: a clean end would say that this was all."""
        if self._said.is_set():
            return
        if self._request.transport is not None:
            self._request.transport.close()
        self._response = self._response or web.Response(status=500)
        self._said.set()

    async def said(self) -> web.StreamResponse:
        """Wait until all is said, and give it to the server, which sends what is left of it.

        Raises:
            ConnectionError: The agent has left.
        """
        await self._said.wait()
        assert self._response is not None
        if self._last:
            await self._response.write_eof(self._last)
        return self._response
