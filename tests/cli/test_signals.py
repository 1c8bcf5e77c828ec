"""Stories of processes that are told to stop: in good order, quicker, at once; and never without a word in the log."""

import fcntl
import io
import os
import signal
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import IO, Final, NoReturn

import anyio
import pytest
from anyio.lowlevel import checkpoint

from engine.core.system import clock
from engine.runtime.session import Session
from events.errors import ExitCode
from events.store.memory import MemoryLog
from events.types.session import SessionEnded, SignalReceived
from tests.cli.processes import heard, last_words, started
from tests.cli.terminal import machine, type_in
from tests.engine.runtime.test_control import SLOW
from tests.support.orders import CountingClock
from tests.support.runs import SCRIPT, make_base
from views.terminal.shutdown import PATIENCE_S, Shutdown

EXPLORE = ("run", "explore", "-p", "tasks", "-m", "script:script.toml")
ENGINE: Final = Path("/var/run/docker.sock")
SLEEPING: Final = f"sleep 98765.{os.getpid()}"  # of this process: others may tell the same story
HANGING = SLOW.replace('error = "hang"', f'text = "I wait."\ncommand = "{SLEEPING}"')
"""The command of the task `slow` never ends."""

pytestmark = pytest.mark.timeout(120)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("number", "code"),
    [
        (signal.SIGINT, ExitCode.INTERRUPTED),
        (signal.SIGTERM, ExitCode.TERMINATED),
        (signal.SIGHUP, ExitCode.HUNG_UP),
    ],
)
def test_a_signal_stops_a_run_whose_model_hangs(number: signal.Signals, code: ExitCode, tmp_path: Path) -> None:
    """The log says which signal it was and that the run was cut off; a resume may follow at once."""
    make_base(tmp_path, SLOW, "slow")
    with started(tmp_path, *EXPLORE) as run:
        heard(run, "slow: opened")
        run.send_signal(number)
        assert f"stopping ({number.name})" in heard(run, "stopping")
        assert run.wait(timeout=30) == code
    assert last_words(tmp_path) == ([number.name], ["interrupted"])
    (row, *_) = type_in(tmp_path, "runs", "--json", on=machine(tmp_path)._replace(clock=clock)).rows
    assert (row["state"], row["owner"], row["signals"]) == ("cut off", None, [number.name])


@pytest.mark.slow
def test_a_signal_stops_a_command_that_hangs_in_a_sandbox(tmp_path: Path) -> None:
    """And all that runs in it."""
    make_base(tmp_path, HANGING, "slow")
    with started(tmp_path, *EXPLORE) as run:
        heard(run, "slow: opened")
        until(lambda: SLEEPING in commands())
        run.send_signal(signal.SIGTERM)
        assert run.wait(timeout=30) == ExitCode.TERMINATED
    assert last_words(tmp_path) == (["SIGTERM"], ["interrupted"])
    until(lambda: SLEEPING not in commands())


@pytest.mark.slow
def test_a_signal_that_was_ignored_at_the_start_stays_ignored(tmp_path: Path) -> None:
    """So `nohup` and jobs in the background of a script do what they always do."""
    make_base(tmp_path, SLOW, "slow")
    with started(tmp_path, *EXPLORE, ignoring=signal.SIGHUP) as run:
        heard(run, "slow: opened")
        run.send_signal(signal.SIGHUP)
        run.send_signal(signal.SIGTERM)
        assert run.wait(timeout=30) == ExitCode.TERMINATED
    assert last_words(tmp_path) == (["SIGTERM"], ["interrupted"])


@pytest.mark.slow
def test_three_signals_end_a_process_whatever_it_waits_for(tmp_path: Path) -> None:
    """Another program holds the log: neither the signal nor the end can be recorded, and no thread comes back."""
    make_base(tmp_path, SLOW, "slow")
    with started(tmp_path, *EXPLORE) as run:
        heard(run, "slow: opened")
        held = held_log(tmp_path)
        for words in ("stopping (SIGINT)", "stopping without clean-up"):
            run.send_signal(signal.SIGINT)
            heard(run, words)
        run.send_signal(signal.SIGINT)
        assert run.wait(timeout=PATIENCE_S - 1) == ExitCode.INTERRUPTED, "before the second alone would have ended it"
    held.close()
    assert last_words(tmp_path) == ([], [])


@pytest.mark.slow
def test_two_signals_end_a_process_that_cannot_record_its_end(tmp_path: Path) -> None:
    """It tries for some seconds, and no longer."""
    make_base(tmp_path, SLOW, "slow")
    with started(tmp_path, *EXPLORE) as run:
        heard(run, "slow: opened")
        held = held_log(tmp_path)
        for number in (signal.SIGTERM, signal.SIGHUP):
            run.send_signal(number)
        assert run.wait(timeout=PATIENCE_S + 25) == ExitCode.TERMINATED
    held.close()


@pytest.mark.slow
def test_one_signal_stops_a_command_whose_engine_answers_nothing(tmp_path: Path) -> None:
    """Nothing was begun, so nothing is recorded, and nothing waited for."""
    make_base(tmp_path, SCRIPT, "word")
    with (
        deaf_engine() as (engine, heard_of),
        started(tmp_path, *EXPLORE, "--set", "sandbox=docker", DOCKER_HOST=f"unix://{engine}") as run,
        heard_of(),
    ):
        run.send_signal(signal.SIGINT)
        assert run.wait(timeout=30) == ExitCode.INTERRUPTED


def held_log(folder: Path) -> IO[bytes]:
    """Hold the log as another program would that writes for ever; closing what is given lets go of it."""
    lock = Path(folder / ".stillroom/log.db-writer").open("rb")  # noqa: SIM115 - closed by the test
    fcntl.flock(lock, fcntl.LOCK_EX)
    return lock


@pytest.mark.docker
@pytest.mark.slow
@pytest.mark.parametrize(("signals", "within_s"), [(1, 90), (2, 20)], ids=["in good order", "quicker"])
def test_a_run_stops_whose_engine_dies_under_it(signals: int, within_s: float, tmp_path: Path) -> None:
    """Its container cannot be removed. One signal waits for that, within bounds; two do not. The end is on record."""
    make_base(tmp_path, SLOW, "slow")
    with relayed_engine() as (engine, freeze):
        host = f"unix://{engine}"
        with started(tmp_path, *EXPLORE, "--set", "sandbox=docker", DOCKER_HOST=host) as run:
            heard(run, "slow: opened")
            until(lambda: b"model.asked" in (tmp_path / ".stillroom/log.db-wal").read_bytes())
            freeze()
            for words in ("stopping (SIGTERM)", "stopping without clean-up")[:signals]:
                run.send_signal(signal.SIGTERM)
                heard(run, words)
            assert run.wait(timeout=within_s) == ExitCode.TERMINATED
    assert last_words(tmp_path) == (["SIGTERM"], ["interrupted"])
    collected = type_in(tmp_path, "sandbox", "gc", "--json", on=machine(tmp_path)._replace(clock=clock))
    assert collected.code == 0, collected.err


@contextmanager
def relayed_engine() -> Iterator[tuple[Path, Callable[[], None]]]:
    """Stand between a command and the machine's engine; give the socket, and what makes the engine answer no more."""
    if not ENGINE.exists():
        pytest.skip("no Docker Engine listens here")
    with TemporaryDirectory(prefix="relay-") as folder, socket.socket(socket.AF_UNIX) as listener:
        listener.bind(f"{folder}/s")
        listener.listen()
        relay = Relay(listener)
        threading.Thread(target=relay.serve, daemon=True).start()
        try:
            yield Path(folder, "s"), relay.alive.clear
        finally:
            listener.shutdown(socket.SHUT_RDWR)
            for each in relay.ends:
                each.close()


class Relay:
    """Passes on what comes, in both directions, for as long as it is alive."""

    def __init__(self, listener: socket.socket) -> None:
        self.alive = threading.Event()
        self.alive.set()
        self.ends: list[socket.socket] = []
        self._listener = listener

    def serve(self) -> None:
        """Take connections until the listener is shut."""
        with suppress(OSError):
            while True:
                near, far = self._listener.accept()[0], socket.socket(socket.AF_UNIX)
                self.ends.extend((near, far))
                far.connect(str(ENGINE))
                for pair in ((near, far), (far, near)):
                    threading.Thread(target=self._pump, args=pair, daemon=True).start()

    def _pump(self, source: socket.socket, target: socket.socket) -> None:
        with suppress(OSError):
            while data := source.recv(65536):
                if self.alive.is_set():
                    target.sendall(data)
            target.shutdown(socket.SHUT_WR)


@contextmanager
def deaf_engine() -> Iterator[tuple[Path, Callable[[], socket.socket]]]:
    """Listen where a container engine would, and answer nothing; give the socket, and how to wait for a caller."""
    with TemporaryDirectory(prefix="deaf-") as folder, socket.socket(socket.AF_UNIX) as listener:
        listener.bind(f"{folder}/s")
        listener.listen()
        listener.settimeout(30)
        yield Path(folder, "s"), lambda: listener.accept()[0]


def commands() -> str:
    """Give the command lines of all processes."""
    found = []
    for each in Path("/proc").glob("[0-9]*/cmdline"):
        with suppress(OSError):
            found.append(each.read_bytes().replace(b"\0", b" ").decode(errors="replace"))
    return "\n".join(found)


def until(holds: Callable[[], bool]) -> None:
    """Wait until something holds."""
    end = time.monotonic() + 30
    while not holds():
        assert time.monotonic() < end


class Left(BaseException):
    """The process was told to exit."""


async def test_a_second_signal_records_the_end_and_leaves_without_cleaning_up() -> None:
    """A clean-up that hangs holds nobody up, and the log has its last word all the same."""
    log = MemoryLog(clock=CountingClock())
    session = Session(log, await log.acquire("r", "here", ttl_s=30), 0, 30.0)
    codes: list[int] = []
    hanging = anyio.Event()

    def leave(code: int) -> NoReturn:
        codes.append(code)
        hanging.set()
        raise Left

    said = io.StringIO()

    async def stopped_twice() -> None:
        async with anyio.create_task_group() as group:
            with anyio.CancelScope() as work:
                group.start_soon(shutdown.listen, work)
                await checkpoint()
                os.kill(os.getpid(), signal.SIGTERM)
                try:
                    await anyio.sleep_forever()
                finally:
                    with anyio.CancelScope(shield=True):
                        os.kill(os.getpid(), signal.SIGTERM)
                        await hanging.wait()

    with Shutdown(said, leave) as shutdown:
        shutdown.session = session
        with pytest.raises(BaseExceptionGroup):
            await stopped_twice()
    assert codes == [ExitCode.TERMINATED]
    assert [each.event async for each in log.read()] == [SignalReceived("SIGTERM"), SessionEnded("interrupted")]
    assert "stopping without clean-up" in said.getvalue()


def test_a_command_that_carries_no_run_says_nothing_of_a_log(tmp_path: Path) -> None:
    """There is nothing to resume, and no log that holds it."""
    os.mkfifo(tmp_path / "run.toml")
    with started(tmp_path, "config", "show", "run.toml") as command:
        descriptor = os.open(tmp_path / "run.toml", os.O_WRONLY)  # it reads, and nobody writes
        command.send_signal(signal.SIGTERM)
        _, said = command.communicate(timeout=30)
        os.close(descriptor)
    assert command.returncode == ExitCode.TERMINATED
    assert "interrupted (SIGTERM)" in said
    assert "run the command again" in said
    assert "log" not in said
    assert "resume" not in said
