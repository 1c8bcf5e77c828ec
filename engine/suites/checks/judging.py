"""Whether tests can give a full reward, whether a rubric counts them, and what they need of a network; pure."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Final

from engine.suites.checks.finding import SuiteFinding
from engine.suites.checks.verifiers import RUBRIC, SCORE, VerifierSource, matched, most_of_groups
from sandbox.harbor.network_commands import network_commands

_FULL: Final = 100.0
_UNIT: Final = 1.0
_SHOWN: Final = 4
_SLACK: Final = 1e-9


def judging_findings(task: str, verifier: VerifierSource, files: Mapping[str, str]) -> Iterator[SuiteFinding]:
    """Find what keeps the tests of a task from judging as they should.

    Args:
        task: Its folder, relative to the suite's.
        verifier: What they do.
        files: Texts below ``tests``, by path.
    """
    yield from _network(task, files)
    yield from _groups(task, verifier)
    yield from _rubric(task, verifier)
    yield from _idle(task, verifier)


def _network(task: str, files: Mapping[str, str]) -> Iterator[SuiteFinding]:
    for path, text in sorted(files.items()):
        found = next(network_commands(text), None) if path.endswith(".sh") else None
        if found is not None:
            yield SuiteFinding(
                "network",
                "warning",
                f"{task}/tests/{path} line {found.line}",
                f"{found.text}: without a network the tests leave no reward, which is no verdict and never 0",
                "give the verifier a network, or build what it needs into the image",
            )


def _groups(task: str, verifier: VerifierSource) -> Iterator[SuiteFinding]:
    if verifier.groups is None or not verifier.rounds:
        return
    most = most_of_groups(len(verifier.groups))
    if most < _FULL:
        yield SuiteFinding(
            "out-of-reach",
            "error",
            f"{task}/tests/test.sh",
            f"{len(verifier.groups)} equal groups ({', '.join(verifier.groups)}) add up to {most:.2f} of 100:"
            f" the reward ends at {most / _FULL:.4f}, and never is 1.0",
            "round the sum and not its parts; until then, go by outcome and process groups",
        )


def _rubric(task: str, verifier: VerifierSource) -> Iterator[SuiteFinding]:
    """Look at a rubric that counts."""
    if not verifier.rubric:
        return
    file = f"{task}/tests/{SCORE if verifier.kind == 'rubric' else RUBRIC}"
    total = sum(row.weight for row in verifier.rubric)
    full = _UNIT if total < 2 * _UNIT else _FULL
    if abs(total - full) > _SLACK * full:
        what, remedy = f"its weights add up to {total:g}, not to {full:g}", "change the weights"
        if total < full:
            yield SuiteFinding("out-of-reach", "error", file, what, remedy)
        else:
            yield SuiteFinding("rubric", "warning", file, what, remedy)
    for row in verifier.rubric:
        if verifier.tests and row.patterns and not matched(row, verifier.tests):
            what = f"the dimension {row.name!r} matches no test: its {row.weight:g} cannot be earned"
            yield SuiteFinding("rubric", "error", file, what, "name tests that there are")
    inside = {test for row in verifier.rubric for test in matched(row, verifier.tests)}
    outside = [test for test in verifier.tests if test not in inside]
    if outside and any(row.patterns for row in verifier.rubric):
        what = f"no dimension counts {_some(outside)}: the reward may be 1.0 where they fail"
        yield SuiteFinding("outside-rubric", "warning", file, what, "add them to a dimension, or go by groups")


def _idle(task: str, verifier: VerifierSource) -> Iterator[SuiteFinding]:
    """Look at what no runner reads."""
    if verifier.not_run:
        what = f"{_some(verifier.not_run)} stand outside a class Test*, and are not run"
        yield SuiteFinding("not-run", "warning", f"{task}/tests", what, "move them into a class")
    rows = verifier.idle_rubric
    if rows is None:
        return
    lost = [row.name for row in rows if row.patterns and not matched(row, verifier.tests)]
    more = f"; its dimensions {_some(lost)} match no test" if lost else ""
    yield SuiteFinding("not-run", "note", f"{task}/tests/{RUBRIC}", f"nothing reads it{more}", "remove it, or use it")


def _some(names: Sequence[str]) -> str:
    more = f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else ""
    return f"{', '.join(names[:_SHOWN])}{more}"
