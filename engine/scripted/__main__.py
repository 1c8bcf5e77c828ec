"""``python -m engine.scripted SCRIPT --port N [--counts FILE]``: serve a script until killed."""

import signal
import sys
from argparse import ArgumentParser
from collections.abc import Sequence
from pathlib import Path
from resource import RLIM_INFINITY, RLIMIT_NOFILE, getrlimit, setrlimit
from typing import Final

import anyio
import msgspec

from engine.scripted.errors import ScriptedError
from engine.scripted.reader import load_script
from engine.scripted.server import ScriptedEndpoint

_FILES: Final = 65_536
"""Open files wanted: a connection is one."""


async def _serve(script: Path, port: int, counts: Path | None) -> None:
    """Say where the script is served, as one line of JSON, and serve it until asked to stop."""
    with anyio.open_signal_receiver(signal.SIGINT, signal.SIGTERM) as signals:
        async with ScriptedEndpoint(load_script(script), port, counts) as endpoint:
            sys.stdout.write(msgspec.json.encode({"base_url": endpoint.base_url}).decode() + "\n")
            sys.stdout.flush()
            async for _ in signals:
                return


def main(arguments: Sequence[str] | None = None) -> int:
    """Read the command line and serve. Returns the exit code."""
    parser = ArgumentParser("python -m engine.scripted", description="Serve a scripted model on loopback.")
    parser.add_argument("script", type=Path, help="the script, a TOML file; docs/scripts.md")
    parser.add_argument("--port", type=int, default=0, help="where to listen on loopback; 0: any free port")
    parser.add_argument("--counts", type=Path, default=None, help="file that keeps the counts across restarts")
    told = parser.parse_args(arguments)
    # A thousand clients need a thousand files, which is more than many shells allow by default.
    soft, hard = getrlimit(RLIMIT_NOFILE)
    if soft != RLIM_INFINITY and soft < _FILES:
        setrlimit(RLIMIT_NOFILE, (_FILES if hard == RLIM_INFINITY else min(_FILES, hard), hard))
    try:
        anyio.run(_serve, told.script, told.port, told.counts)
    except ScriptedError as error:
        sys.stderr.write(f"{error.problem}\n{error.remedy}\n")
        return error.exit_code
    return 0


if __name__ == "__main__":
    sys.exit(main())
