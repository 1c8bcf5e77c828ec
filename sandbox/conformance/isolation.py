"""Checks of the conformance suite: what is kept in, and what is kept out."""

from pathlib import Path
from typing import Final

import anyio
from anyio import fail_after

from sandbox.base import SandboxSpec
from sandbox.conformance.harness import CheckFailed, ConformanceHarness, Entry, describe, expect
from sandbox.harbor.task import Task, load_task

_SOON_S: Final = 30.0
_MIB: Final = 1024 * 1024
_OWN_VARIABLES: Final = frozenset({"HOME", "LANG", "OLDPWD", "PATH", "PWD", "SHLVL", "TERM", "TMPDIR", "_"})


async def _no_host_variables(bench: ConformanceHarness) -> None:
    """The value, too: a variable that both happen to have is no leak."""
    host = set((await anyio.Path("/proc/self/environ").read_bytes()).split(b"\0"))
    seen = set((await bench.sandbox.exec("env -0")).stdout.split(b"\0"))
    leaked = {each.split(b"=")[0].decode() for each in host & seen - {b""}} - _OWN_VARIABLES
    expect(not leaked, f"variables of the host: {sorted(leaked)}")


async def _no_host_files(bench: ConformanceHarness) -> None:
    canary = bench.folder / "canary"
    await anyio.Path(canary).write_text("canary-of-the-host", encoding="utf-8")
    result = await bench.sandbox.exec(f"cat '{canary}'")
    expect(b"canary-of-the-host" not in result.stdout, "a file of the host can be read")
    result = await bench.sandbox.exec("cat /proc/1/root/etc/hostname; ls /var/run/docker.sock /run/podman")
    hostname = (await anyio.Path("/proc/sys/kernel/hostname").read_text()).strip()
    expect(hostname.encode() not in result.stdout.split(), "the host's name is in a file of its own")
    expect(b"sock" not in result.stdout, "an engine's socket can be reached")


async def _no_solution(bench: ConformanceHarness) -> None:
    places = f"'{bench.task.solution}' '{bench.task.tests}' /solution /tests"
    result = await bench.sandbox.exec(f"cat {places} 2>/dev/null; for d in {places}; do ls -A $d 2>/dev/null; done")
    expect(result.stdout == b"", describe(result))
    result = await bench.sandbox.exec("grep -rs solution-canary / --include=solve.sh -l")
    expect(result.stdout == b"", describe(result))


async def _programs_are_apart(bench: ConformanceHarness) -> None:
    """A container's programs are its own to spoil; the host's, and other sandboxes', are not."""
    name = f"mark-{bench.sandbox.id.replace('/', '-')}"
    await bench.sandbox.exec(f"touch /usr/bin/{name} /etc/{name} /bin/{name}; mount -o remount,rw /usr; umount /etc")
    for folder in ("/usr/bin", "/etc", "/bin"):
        expect(not await anyio.Path(folder, name).exists(), f"{folder} of the host was written to")
    result = await bench.sandbox.exec("mount -t tmpfs none /mnt || umount -l /proc || mknod /app/disk b 8 0")
    expect(result.exit_code != 0, "mounts can be changed, or devices made")
    async with bench.another() as other:
        result = await other.exec(f"ls /usr/bin/{name} /etc/{name} /bin/{name}")
        expect(result.stdout == b"", "programs of another sandbox were written to")


async def _no_host_processes(bench: ConformanceHarness) -> None:
    process = await anyio.open_process(["sleep", "1000.125"])
    try:
        result = await bench.sandbox.exec("cat /proc/[0-9]*/cmdline | tr '\\0' ' '")
        expect(b"1000.125" not in result.stdout, "a process of the host can be seen")
    finally:
        process.kill()
        await process.aclose()


async def _no_network(bench: ConformanceHarness) -> None:
    """Not even the host's own loopback, where databases and metadata services listen."""
    task = await anyio.to_thread.run_sync(_without_network, bench.task.path)
    sandbox = await bench.backend.open(SandboxSpec(id=f"{bench.sandbox.id}/offline", task=task))
    listener = await anyio.create_tcp_listener(local_host="127.0.0.1")
    try:
        port = listener.listeners[0].extra(anyio.abc.SocketAttribute.local_port)  # noqa: S610 - not Django's
        result = await sandbox.exec(f"exec 3<>/dev/tcp/127.0.0.1/{port} && echo reached", timeout_s=_SOON_S)
        expect(b"reached" not in result.stdout, "the host's loopback can be reached")
        result = await sandbox.exec("tail -n +3 /proc/net/dev | cut -d: -f1")
        expect(result.stdout.split() in ([], [b"lo"]), describe(result))
    finally:
        await listener.aclose()
        await sandbox.close()


def _without_network(folder: Path) -> Task:
    (folder / "task.toml").write_text("[environment]\nnetwork_mode = 'no-network'\n", encoding="utf-8")
    return load_task(folder)


async def _fork_bomb(bench: ConformanceHarness) -> None:
    with fail_after(_SOON_S):
        await bench.sandbox.exec("bomb() { bomb | bomb & }; bomb; sleep 0.5", timeout_s=2)
        await bench.sandbox.halt()
    expect(await bench.output("echo well") == "well\n", "the sandbox does not recover")


async def _process_limit(bench: ConformanceHarness) -> None:
    """The limit of the suite is 64: a hundred sleepers must not all start. Counted without another process."""
    await bench.sandbox.exec("exec sh -c 'for n in $(seq 100); do sleep 1000 & done'", timeout_s=_SOON_S)
    result = await bench.sandbox.exec("set -- /proc/[0-9]*; echo $#", timeout_s=_SOON_S)
    if result.exit_code == 0:
        expect(32 < int(result.stdout) <= 66, f"{result.stdout!r} processes at 64 allowed")
    await bench.sandbox.halt()
    expect(await bench.output("echo well") == "well\n", "the sandbox does not recover")


async def _memory_hog(bench: ConformanceHarness) -> None:
    """The limit of the suite is 256 MiB: a text of twice as much must not be had, one of an eighth must."""
    hog = "awk 'BEGIN { s = \"x\"; while (length(s) < %d) s = s s; print length(s) }'"
    result = await bench.sandbox.exec(hog % (512 * _MIB), timeout_s=_SOON_S)
    expect(result.exit_code != 0, f"512 MiB were had: {describe(result)}")
    expect(await bench.output(hog % (32 * _MIB)) == f"{32 * _MIB}\n", "32 MiB were not to be had")


async def _file_size(bench: ConformanceHarness) -> None:
    """The limit of the suite is 64 MiB; the next byte is refused."""
    result = await bench.sandbox.exec("head -c 67108865 /dev/zero > /app/big; stat -c %s /app/big")
    expect(result.stdout in {b"67108864\n", b""}, describe(result))


async def _no_escape(bench: ConformanceHarness) -> None:
    """Neither a new session nor an empty environment keeps a process alive past ``halt``."""
    loop = "while :; do echo x >> /app/beat; sleep 0.01; done"
    await bench.sandbox.exec(f"setsid env -i PATH=\"$PATH\" bash -c '{loop}' >/dev/null 2>&1 < /dev/null &")
    with fail_after(_SOON_S):
        await bench.output("while [ ! -s /app/beat ]; do sleep 0.01; done")
    await bench.sandbox.halt()
    text = await bench.output("wc -c < /app/beat; sleep 0.2; wc -c < /app/beat")
    before, after = text.split()
    expect(before == after, f"it goes on: {text!r}")


async def _cannot_kill_the_sandbox(bench: ConformanceHarness) -> None:
    await bench.sandbox.exec("kill -9 -1; kill -9 1; kill -9 $PPID")
    expect(await bench.output("echo well") == "well\n", "a command can end the sandbox")


async def _sandboxes_are_apart(bench: ConformanceHarness) -> None:
    async with bench.another() as other:
        await other.write_file("/app/secret", b"of the other")
        result = await bench.sandbox.exec("cat /app/secret")
        expect(b"of the other" not in result.stdout, "one sandbox sees another's files")


async def _ids_are_unique(bench: ConformanceHarness) -> None:
    from_same = SandboxSpec(id=bench.sandbox.id, task=bench.task)
    try:
        second = await bench.backend.open(from_same)
    except Exception as error:  # noqa: BLE001 - whatever it is, it must be the one that was promised
        expect(type(error).__name__ == "SandboxUnavailable", repr(error))
        return
    await second.close()
    raise CheckFailed("a second sandbox of the same id was opened")


ISOLATION_CHECKS: Final[tuple[Entry, ...]] = (
    ("variables of the host are not seen", None, _no_host_variables),
    ("files of the host are not seen", "filesystem", _no_host_files),
    ("tests and solution are not seen", "filesystem", _no_solution),
    ("programs of others, and mounts, cannot be changed", "filesystem", _programs_are_apart),
    ("processes of the host are not seen", "pids", _no_host_processes),
    ("no network means none", "network", _no_network),
    ("a fork bomb is contained", "processes", _fork_bomb),
    ("the process limit holds", "processes", _process_limit),
    ("a memory hog is contained", "memory", _memory_hog),
    ("the file size limit holds", "memory", _file_size),
    ("no process escapes halt", "escape", _no_escape),
    ("a command cannot end the sandbox", "pids", _cannot_kill_the_sandbox),
    ("sandboxes do not see each other's files", None, _sandboxes_are_apart),
    ("an id is taken once", None, _ids_are_unique),
)
