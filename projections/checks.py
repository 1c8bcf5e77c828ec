"""Which checks of a verifier passed: rows read from what it printed, or from its CTRF report.

SPARK reads the rows of pytest's short summary, and the report only if there are none (SPARK, 2.5); its counts come
from the report alone, so ten of its recordings say 0 of 0 where checks ran. Ours are of the rows, wherever they
stand, unless the report counts more.
"""

from collections.abc import Sequence
from typing import NamedTuple

import msgspec


class JudgedCheck(NamedTuple):
    """One check."""

    name: str
    passed: bool
    message: str
    """Empty when it passed, or when the verifier gave none."""


class Checks(NamedTuple):
    """What a verifier checked."""

    rows: tuple[JudgedCheck, ...]
    passed: int
    total: int

    @property
    def summary(self) -> str:
        """The rows as reflection and PDI read them (SPARK, 2.5); empty if there are none."""
        parts = []
        for word, mark, rows in (("PASSED", "✓", self._of(passed=True)), ("FAILED", "✗", self._of(passed=False))):
            if rows:
                parts.append(f"{word} ({len(rows)}):")
                parts += [f"  {mark} {row.name}{' - ' + row.message if row.message else ''}" for row in rows]
        return "\n".join(parts)

    def _of(self, *, passed: bool) -> list[JudgedCheck]:
        return [row for row in self.rows if row.passed is passed]


NO_CHECKS = Checks((), 0, 0)
_BOM = b"\xef\xbb\xbf"
_MOST_CHECKS = 10**9
"""A summary that counts more, fewer than none, or more passed than there are, is damage."""


class _Test(msgspec.Struct, frozen=True):
    name: str
    status: str
    message: str = ""
    trace: str = ""


class _Counts(msgspec.Struct, frozen=True):
    tests: int = 0
    passed: int = 0


class _Results(msgspec.Struct, frozen=True):
    tests: tuple[_Test, ...] = ()
    summary: _Counts = _Counts()


class _Report(msgspec.Struct, frozen=True):
    results: _Results = _Results()


def read_checks(stdout: str, ctrf: bytes | None) -> Checks:
    """Read which checks passed.

    Args:
        stdout: All the verifier printed.
        ctrf: Its report in Common Test Report Format. None: it left none. One that cannot be read counts as none.
    """
    report = _report(ctrf)
    rows = _printed(stdout) or [
        JudgedCheck(test.name, test.status == "passed", " ".join((test.message or test.trace).split())[:200])
        for test in report.tests
        if test.status in {"passed", "failed"}
    ]
    passed = sum(1 for row in rows if row.passed)
    if report.summary.tests > len(rows):
        return Checks(tuple(rows), report.summary.passed, report.summary.tests)
    return Checks(tuple(rows), passed, len(rows))


def _report(ctrf: bytes | None) -> _Results:
    if ctrf is None:
        return _Results()
    try:
        found = msgspec.json.decode(ctrf.removeprefix(_BOM), type=_Report, strict=False).results
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return _Results()
    counts = found.summary
    if not 0 <= counts.passed <= counts.tests <= _MOST_CHECKS:
        return _Results(found.tests)
    return found


def _printed(stdout: str) -> Sequence[JudgedCheck]:
    """Rows of a short summary: ``PASSED name`` or ``FAILED name - message``."""
    rows = []
    for line in stdout.splitlines():
        word, _, rest = line.strip().partition(" ")
        if word in {"PASSED", "FAILED"} and rest.strip():
            name, _, message = rest.strip().partition(" - ")
            rows.append(JudgedCheck(name, word == "PASSED", message if word == "FAILED" else ""))
    return rows
