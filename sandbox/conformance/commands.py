"""Checks of the conformance suite: commands."""

from typing import Final

from anyio import create_task_group, fail_after, move_on_after

from sandbox.conformance.harness import ConformanceHarness, Entry, describe, expect, refused
from sandbox.errors import PathRefused, SandboxLost

_SOON_S: Final = 20.0
_FLOOD: Final = 4 * 1024 * 1024


async def _exit_codes(bench: ConformanceHarness) -> None:
    for code in (0, 1, 42, 126, 255):
        result = await bench.sandbox.exec(f"exit {code}")
        expect(result.exit_code == code and result.ended == "exited", f"exit {code}: {describe(result)}")


async def _signals(bench: ConformanceHarness) -> None:
    result = await bench.sandbox.exec("kill -TERM $$")
    expect(result.exit_code == 143 and result.ended == "exited", describe(result))
    result = await bench.sandbox.exec("kill -KILL $$")
    expect(result.exit_code == 137 and result.ended == "exited", describe(result))


async def _separate_outputs(bench: ConformanceHarness) -> None:
    result = await bench.sandbox.exec("echo out; echo err >&2")
    expect((result.stdout, result.stderr) == (b"out\n", b"err\n"), describe(result))
    expect((result.stdout_bytes, result.stderr_bytes) == (4, 4), "the totals are wrong")


async def _binary_output(bench: ConformanceHarness) -> None:
    result = await bench.sandbox.exec(r"printf '\000\377\n\r\200'")
    expect(result.stdout == b"\0\xff\n\r\x80", describe(result))


async def _flood(bench: ConformanceHarness) -> None:
    """Two full pipes at once: a reader of one at a time stands still."""
    command = f"head -c {_FLOOD} /dev/zero; head -c {_FLOOD} /dev/zero >&2; head -c {_FLOOD} /dev/zero"
    with fail_after(_SOON_S):
        result = await bench.sandbox.exec(command)
    expect((len(result.stdout), len(result.stderr)) == (2 * _FLOOD, _FLOOD), describe(result))


async def _output_limit(bench: ConformanceHarness) -> None:
    with fail_after(_SOON_S):
        result = await bench.sandbox.exec("yes", max_output_bytes=1000)
    expect(result.ended == "output_limit" and result.exit_code is None, describe(result))
    expect(result.stdout == b"y\n" * 500, f"kept {len(result.stdout)} bytes of 1000")
    expect(result.stdout_bytes > 1000, "the total does not show that there was more")


async def _exact_limit(bench: ConformanceHarness) -> None:
    result = await bench.sandbox.exec("printf 12345", max_output_bytes=5)
    expect(result.ended == "exited" and result.stdout == b"12345", describe(result))


async def _timeout_keeps_output(bench: ConformanceHarness) -> None:
    with fail_after(_SOON_S):
        result = await bench.sandbox.exec("echo before; sleep 1000", timeout_s=0.5)
    expect(result.ended == "timed_out" and result.exit_code is None, describe(result))
    expect(result.stdout == b"before\n", describe(result))


async def _timeout_kills_children(bench: ConformanceHarness) -> None:
    command = "(while :; do echo x >> /app/beat; sleep 0.01; done) & wait"
    await bench.sandbox.exec(command, timeout_s=0.5)
    first = await bench.output("wc -c < /app/beat; sleep 0.2; wc -c < /app/beat")
    before, after = first.split()
    expect(before == after, f"the child goes on: {first!r}")


async def _stdin_is_empty(bench: ConformanceHarness) -> None:
    with fail_after(_SOON_S):
        result = await bench.sandbox.exec("cat; read -r line; echo $?")
    expect(result.stdout == b"1\n", describe(result))


async def _background_does_not_delay(bench: ConformanceHarness) -> None:
    with fail_after(_SOON_S):
        result = await bench.sandbox.exec("sleep 1000 & echo done")
    expect(result.stdout == b"done\n" and result.exit_code == 0, describe(result))


async def _background_goes_on(bench: ConformanceHarness) -> None:
    await bench.sandbox.exec("(while [ ! -e /app/stop ]; do sleep 0.01; done; echo seen > /app/seen) &")
    await bench.sandbox.exec("touch /app/stop")
    with fail_after(_SOON_S):
        await bench.output("while [ ! -e /app/seen ]; do sleep 0.01; done")


async def _concurrent(bench: ConformanceHarness) -> None:
    """Eight commands that each wait for all others: one at a time they would never end."""
    seen: list[bytes] = []

    async def one(number: int) -> None:
        everyone = "while [ $(ls /app/here | wc -l) -lt 8 ]; do sleep 0.01; done"
        result = await bench.sandbox.exec(f"mkdir -p /app/here; touch /app/here/{number}; {everyone}; echo {number}")
        seen.append(result.stdout.strip())

    with fail_after(_SOON_S):
        async with create_task_group() as group:
            for number in range(8):
                group.start_soon(one, number)
    expect(sorted(seen) == [b"%d" % number for number in range(8)], f"{seen}")


async def _working_folder(bench: ConformanceHarness) -> None:
    await bench.output("mkdir -p /app/sub && touch /app/sub/mark /app/top")
    expect((await bench.output("ls")).split() == ["sub", "top"], "commands do not run in WORKDIR")
    result = await bench.sandbox.exec("ls", cwd="/app/sub")
    expect(result.stdout == b"mark\n", describe(result))


async def _missing_working_folder(bench: ConformanceHarness) -> None:
    await refused(PathRefused, bench.sandbox.exec("touch /app/ran", cwd="/app/nowhere"))
    expect(await bench.output("ls /app") == "", "the command ran somewhere else")


async def _variables(bench: ConformanceHarness) -> None:
    expect(await bench.output("echo $IMAGE_SAYS") == "hello\n", "the image's variable is missing")
    result = await bench.sandbox.exec('echo "$IMAGE_SAYS $MORE"', env={"IMAGE_SAYS": "no", "MORE": "a 'b' \"c\" $d"})
    expect(result.stdout == b"no a 'b' \"c\" $d\n", describe(result))
    expect(await bench.output("echo $MORE") == "\n", "a command's variable outlives it")


async def _unicode_command(bench: ConformanceHarness) -> None:
    expect(await bench.output("echo 'grüße 🜁 你好'") == "grüße 🜁 你好\n", "the text came out changed")


async def _heredoc(bench: ConformanceHarness) -> None:
    text = await bench.output("cat <<'EOF'\n$HOME `date` \\n \"'\nEOF\n")
    expect(text == "$HOME `date` \\n \"'\n", repr(text))


async def _long_command(bench: ConformanceHarness) -> None:
    text = "x" * 100_000
    expect(await bench.output(f"echo {text} | wc -c") == "100001\n", "100,000 characters do not arrive")


async def _cancelled(bench: ConformanceHarness) -> None:
    with move_on_after(0.5):
        await bench.sandbox.exec("while :; do echo x >> /app/beat; sleep 0.01; done")
    text = await bench.output("touch /app/beat; wc -c < /app/beat; sleep 0.2; wc -c < /app/beat")
    before, after = text.split()
    expect(before == after, f"a cancelled command goes on: {text!r}")


async def _halt(bench: ConformanceHarness) -> None:
    await bench.sandbox.exec("echo kept > /app/kept; (while :; do echo x >> /app/beat; sleep 0.01; done) &")
    await bench.sandbox.halt()
    text = await bench.output("touch /app/beat; wc -c < /app/beat; sleep 0.2; wc -c < /app/beat; cat /app/kept")
    before, after, kept = text.split()
    expect(before == after and kept == "kept", f"after halt: {text!r}")


async def _closed(bench: ConformanceHarness) -> None:
    await bench.sandbox.close()
    await bench.sandbox.close()
    await refused(SandboxLost, bench.sandbox.exec("true"))
    await refused(SandboxLost, bench.sandbox.read_file("/app/x"))
    await refused(SandboxLost, bench.sandbox.halt())


COMMAND_CHECKS: Final[tuple[Entry, ...]] = (
    ("exit codes are told", None, _exit_codes),
    ("signals are told as 128 + n", None, _signals),
    ("outputs are kept apart", None, _separate_outputs),
    ("binary output is kept", None, _binary_output),
    ("a flood on both outputs is drained", None, _flood),
    ("the output limit kills and says so", None, _output_limit),
    ("output of exactly the limit is fine", None, _exact_limit),
    ("a timeout keeps what was written", None, _timeout_keeps_output),
    ("a timeout kills children", None, _timeout_kills_children),
    ("standard input is empty", None, _stdin_is_empty),
    ("a background process does not delay the answer", None, _background_does_not_delay),
    ("a background process goes on between commands", None, _background_goes_on),
    ("commands run side by side", None, _concurrent),
    ("commands run in the folder asked for", None, _working_folder),
    ("a missing working folder is refused", None, _missing_working_folder),
    ("variables come from image and command only", None, _variables),
    ("commands may be Unicode", None, _unicode_command),
    ("here-documents arrive unchanged", None, _heredoc),
    ("a long command arrives whole", None, _long_command),
    ("a cancelled command is killed", None, _cancelled),
    ("halt kills all and keeps files", None, _halt),
    ("close twice is fine, and then all is lost", None, _closed),
)
