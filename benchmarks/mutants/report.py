"""What became of the mutants: a table, and JSON."""

from collections.abc import Iterator, Sequence
from typing import Final, Literal

import msgspec

from benchmarks.mutants.copies import MutantOutcome
from benchmarks.mutants.operators import Mutant
from benchmarks.mutants.survivors import Survivor

COLUMNS: Final = ("killed", "timeout", "survived", "listed", "equivalent", "not run")


class MutantResult(msgspec.Struct, frozen=True, rename={"inside": "function"}):
    """One mutant, and what became of it."""

    id: str
    area: str
    path: str
    line: int
    inside: str
    operator: str
    before: str
    after: str
    verdict: Literal["killed", "timeout", "survived", "listed", "equivalent", "not run"]
    """``timeout``: the tests never ended, which kills it. ``listed``: it survived, as the list says it may."""
    by: str
    """The test that failed; empty if none did, or if the module could not be imported."""
    seconds: float
    tests: int
    """How many test files were asked at most."""
    because: str
    """Why it may survive."""

    @property
    def is_killed(self) -> bool:
        """Whether a test failed, or never ended."""
        return self.verdict in {"killed", "timeout"}


def result(
    area: str, mutant: Mutant, outcome: MutantOutcome | None, known: Survivor | None, tests: int
) -> MutantResult:
    """Put together what is known of a mutant. An outcome of None: it was not run."""
    verdict = "not run" if outcome is None else outcome.verdict
    if known is not None and known.kind == "equivalent":
        verdict = "equivalent"
    elif known is not None and verdict == "survived":
        verdict = "listed"
    return msgspec.convert(
        {
            "id": mutant.id, "area": area, "path": mutant.path, "line": mutant.line, "function": mutant.inside,
            "operator": mutant.operator, "before": mutant.before, "after": mutant.after, "verdict": verdict,
            "by": "" if outcome is None else outcome.by,
            "seconds": 0.0 if outcome is None else round(outcome.seconds, 1),
            "tests": tests,
            "because": "" if known is None else known.because,
        },
        MutantResult,
    )  # fmt: skip


def table(results: Sequence[MutantResult], areas: Sequence[str]) -> Iterator[str]:
    """Draw the counts of each area."""
    yield f"{'area':<14}{'drawn':>7}" + "".join(f"{column:>12}" for column in COLUMNS)
    for area in (*areas, "all"):
        rows = [each.verdict for each in results if area in {each.area, "all"}]
        if rows:
            yield f"{area:<14}{len(rows):>7}" + "".join(f"{rows.count(column):>12}" for column in COLUMNS)


def described(each: MutantResult) -> Iterator[str]:
    """Show one mutant as a difference, with the name by which it is tried alone."""
    yield f"{each.id}  {each.path}:{each.line}  {each.operator} in {each.inside or 'the module'}: {each.verdict}"
    yield f"  - {each.before.strip()}"
    yield f"  + {each.after.strip()}"
    if each.by or each.because:
        yield f"  {each.by or each.because}"
