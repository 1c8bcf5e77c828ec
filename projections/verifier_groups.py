"""What a verifier says of outcome and process apart, read from the reports that it left beside its reward; pure.

SkillEvolBench has three kinds of verifiers, which leave the same files and mean different things by them: a rubric in
Python or JavaScript (``score.py``, or inside ``test.sh``), one weight for each group of checks (``verifier_lib``), and
a runner that counts tests (``round(passed / total, 4)``). Its success is a reward of 1.0. Ours, beside it, is that
every group there is passed: the two differ where a rubric leaves tests out, or where weights add up to 99.99.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final, Literal, NamedTuple, TypeAlias

import msgspec

Side: TypeAlias = Literal["outcome", "process"]
"""outcome: what was made. process: how it was made, as tests can tell from what is left."""
OUTCOME_REPORT: Final = "outcome_report.json"
PROCESS_REPORT: Final = "process_report.json"
SCORE_REPORT: Final = "score_report.json"
REPORTS: Final[Mapping[Side, tuple[str, ...]]] = {
    "outcome": (OUTCOME_REPORT, "outcome.json"),
    "process": (PROCESS_REPORT, "process.json"),
}
"""Names of a report, the usual one first; the other is pytest's own form."""
_LEAF: Final = "test_h"


class TestCounts(msgspec.Struct, frozen=True):
    """How many tests of a group passed."""

    __test__ = False
    passed: int
    total: int
    """1 or more."""

    @property
    def whole(self) -> bool:
        """Whether all did."""
        return self.passed == self.total


class GroupTest(msgspec.Struct, frozen=True):
    """A test of a group."""

    name: str
    side: Side
    hidden: bool
    """Whether it belongs to the group that is called hidden."""
    passed: bool
    message: str
    """Why it failed, as the verifier has it; it may tell what is expected. Empty: it passed, or nothing is said."""


class RubricDimension(msgspec.Struct, frozen=True):
    """A dimension of a rubric."""

    name: str
    weight: float | None
    """Of 100, or of 1, as the rubric has it. None: it does not say."""
    matched: int | None
    """Tests that it counts. None: it does not say."""
    passed: int | None
    score: float | None
    """Of its weight."""
    scoring: str
    """Such as ``proportional`` or ``all_or_nothing``; empty: it does not say."""


class GroupReading(msgspec.Struct, frozen=True, kw_only=True):
    """What the reports of one verification say."""

    outcome_public: TestCounts | None
    """None: there is no such report, or no such group in it, or no test in the group. So for the other three."""
    outcome_hidden: TestCounts | None
    process_public: TestCounts | None
    process_hidden: TestCounts | None
    tests: tuple[GroupTest, ...]
    rubric: tuple[RubricDimension, ...]
    score: float | None
    """Share of the rubric's maximum, from 0 to 1. None: there is no such report."""
    problems: tuple[str, ...]
    """Reports that are there and cannot be read, and what is wrong with them."""

    @property
    def outcome(self) -> bool | None:
        """Whether each group of outcome tests passed whole. None: there is none."""
        return _whole(self.outcome_public, self.outcome_hidden)

    @property
    def process(self) -> bool | None:
        """Whether each group of process tests passed whole. None: there is none."""
        return _whole(self.process_public, self.process_hidden)

    @property
    def passed(self) -> bool | None:
        """Our own reading of success: every group there is passed whole. None: there is none at all."""
        said = [side for side in (self.outcome, self.process) if side is not None]
        return all(said) if said else None


class _Report(NamedTuple):
    public: TestCounts | None
    hidden: TestCounts | None
    tests: tuple[GroupTest, ...]
    problems: tuple[str, ...] = ()


_NO_REPORT: Final = _Report(None, None, ())


def read_groups(files: Mapping[str, bytes]) -> GroupReading:
    """Read the reports among the files that a verifier left.

    Args:
        files: What lies in its log folder, by path.
    """
    outcome, process = _report("outcome", files), _report("process", files)
    rubric, score, wrong = _score(files.get(SCORE_REPORT))
    return GroupReading(
        outcome_public=outcome.public,
        outcome_hidden=outcome.hidden,
        process_public=process.public,
        process_hidden=process.hidden,
        tests=(*outcome.tests, *process.tests),
        rubric=rubric,
        score=score,
        problems=(*outcome.problems, *process.problems, *wrong),
    )


def _whole(*groups: TestCounts | None) -> bool | None:
    present = [group.whole for group in groups if group is not None]
    return all(present) if present else None


def _report(side: Side, files: Mapping[str, bytes]) -> _Report:
    name = next((each for each in REPORTS[side] if each in files), None)
    if name is None:
        return _NO_REPORT
    found = _object(files[name])
    if found is None:
        return _Report(None, None, (), (f"{name}: not a JSON object",))
    if "public" not in found and "hidden" not in found and isinstance(found.get("tests"), list):
        return _of_pytest(side, found["tests"])
    public, of_public, wrong = _group(side, name, "public", found.get("public"))
    hidden, of_hidden, wrong_hidden = _group(side, name, "hidden", found.get("hidden"))
    return _Report(public, hidden, (*of_public, *of_hidden), (*wrong, *wrong_hidden))


def _group(
    side: Side, file: str, name: str, group: object
) -> tuple[TestCounts | None, tuple[GroupTest, ...], tuple[str, ...]]:
    """Read a group; counts come from it, or else from its tests."""
    if group is None:
        return None, (), ()
    if not isinstance(group, dict):
        return None, (), (f"{file}: {name} is no object",)
    tests = tuple(_tests(side, name == "hidden", group.get("results")))
    passed, total = _count(group.get("passed")), _count(group.get("total"))
    if passed is None or total is None:
        passed, total = sum(test.passed for test in tests), len(tests)
    if passed > total:
        return None, tests, (f"{file}: {name} counts {passed} passed of {total}",)
    problems: tuple[str, ...] = ()
    if tests and (len(tests), sum(test.passed for test in tests)) != (total, passed):
        problems = (f"{file}: {name} counts {passed} of {total}, and lists otherwise",)
    return (TestCounts(passed, total) if total else None), tests, problems


def _tests(side: Side, hidden: bool, results: object) -> Iterator[GroupTest]:  # noqa: FBT001 -- of the value that is made
    for each in results if isinstance(results, list) else ():
        if isinstance(each, dict) and isinstance(each.get("passed"), bool):
            error = each.get("error")
            name = str(each.get("name", ""))
            yield GroupTest(name, side, hidden, each["passed"], "" if each["passed"] or error is None else str(error))


def _of_pytest(side: Side, tests: Sequence[object]) -> _Report:
    """Read pytest's own report; which tests are hidden follows from their names, as SkillEvolBench has it."""
    read: list[GroupTest] = []
    for each in tests:
        if isinstance(each, dict):
            node, passed = str(each.get("nodeid", "")), each.get("outcome") == "passed"
            call = each.get("call")
            said = call.get("longrepr") if isinstance(call, dict) else None
            leaf = node.rpartition("::")[2]
            read.append(GroupTest(leaf, side, is_hidden(node), passed, "" if passed or said is None else str(said)))
    return _Report(_counts(read, hidden=False), _counts(read, hidden=True), tuple(read))


def is_hidden(node: str) -> bool:
    """Say whether a test belongs to the hidden group by its pytest node id, as SkillEvolBench's runners sort them."""
    leaf = node.rpartition("::")[2].lower()
    return "hidden" in node.lower() or (leaf.startswith(_LEAF) and leaf[len(_LEAF) : len(_LEAF) + 1].isdigit())


def _counts(tests: Sequence[GroupTest], *, hidden: bool) -> TestCounts | None:
    chosen = [test.passed for test in tests if test.hidden is hidden]
    return TestCounts(sum(chosen), len(chosen)) if chosen else None


def _score(data: bytes | None) -> tuple[tuple[RubricDimension, ...], float | None, tuple[str, ...]]:
    if data is None:
        return (), None, ()
    found = _object(data)
    if found is None:
        return (), None, (f"{SCORE_REPORT}: not a JSON object",)
    listed = found.get("dimensions")
    rubric = tuple(_dimension(each) for each in listed if isinstance(each, dict)) if isinstance(listed, list) else ()
    total, most = _number(found.get("total_score")), _number(found.get("max_score"))
    if total is None and most is None:  # the runner that counts tests
        return rubric, _number(found.get("reward")), ()
    if total is None or not most:
        return rubric, None, (f"{SCORE_REPORT}: total_score and max_score are no two numbers",)
    return rubric, total / most, ()


def _dimension(found: Mapping[str, Any]) -> RubricDimension:
    """Read a dimension; verifiers in JavaScript leave ``tests_`` out of the names."""
    return RubricDimension(
        name=str(found.get("name", found.get("dimension", ""))),
        weight=_number(found.get("weight")),
        matched=_count(found.get("tests_matched", found.get("matched"))),
        passed=_count(found.get("tests_passed", found.get("passed"))),
        score=_number(found.get("score")),
        scoring=str(found.get("scoring", found.get("scoring_method", ""))),
    )


def _object(data: bytes) -> dict[str, Any] | None:
    try:
        found = msgspec.json.decode(data)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return None
    return found if isinstance(found, dict) else None


def _count(value: object) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) and value >= 0 else None


def _number(value: object) -> float | None:
    try:
        return float(value) if isinstance(value, int | float) and not isinstance(value, bool) else None
    except OverflowError:
        return None
