"""A proxy of aiohttp that records nothing and decides nothing: what any gateway on that library takes at least.

Started by `benchmarks.gateway`, which compares it with ours.
"""

import sys
from contextlib import AsyncExitStack
from typing import Final

import aiohttp
import anyio
from aiohttp import web
from yarl import URL

_KEPT: Final = ("Content-Type",)


class BareProxy:
    """Passes requests on, and answers back as they come."""

    def __init__(self, session: aiohttp.ClientSession, base_url: str) -> None:
        self._session = session
        self._base_url = base_url

    async def serve(self, request: web.Request) -> web.StreamResponse:
        """Pass one on."""
        url = URL(self._base_url + request.path_qs.removeprefix("/v1"), encoded=True)
        headers = {name: request.headers[name] for name in _KEPT if name in request.headers}
        async with self._session.post(url, data=await request.read(), headers=headers) as response:
            kind = response.headers["Content-Type"]
            if response.content_type != "text/event-stream":
                return web.Response(status=response.status, body=await response.read(), headers={"Content-Type": kind})
            stream = web.StreamResponse(status=response.status, headers={"Content-Type": kind})
            await stream.prepare(request)
            async for chunk in response.content.iter_any():
                await stream.write(chunk)
            await stream.write_eof()
            return stream


async def main(socket: str, base_url: str) -> None:
    """Serve a socket until the input ends."""
    async with AsyncExitStack() as stack:
        connector = aiohttp.TCPConnector(limit=0)
        jar = aiohttp.DummyCookieJar()
        session = await stack.enter_async_context(aiohttp.ClientSession(connector=connector, cookie_jar=jar))
        app = web.Application()
        app.router.add_post("/{path:.*}", BareProxy(session, base_url).serve)
        runner = web.AppRunner(app, access_log=None)
        await runner.setup()
        stack.push_async_callback(runner.cleanup)
        await web.UnixSite(runner, socket).start()
        print("ready", flush=True)
        await anyio.to_thread.run_sync(sys.stdin.read)


if __name__ == "__main__":
    anyio.run(main, sys.argv[1], sys.argv[2])
