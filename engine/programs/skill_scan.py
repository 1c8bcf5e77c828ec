"""The point of decision of a scan: what stands in skills that were accepted, or that an arm is given; pure.

Its ruling is a finding on record: evaluations, gates and who adopts a skill read it. It steers nothing by itself. Who
refuses skills does so before anything is started, from the same rules.
"""

from collections.abc import Iterator, Mapping, Sequence
from types import MappingProxyType
from typing import Any, Final, Literal

import msgspec

from engine.config.spec import RunSpec
from engine.core.decision import SCANS_RECORDED, Point, Policy, PolicyContext
from engine.policies.python_source import PythonFault
from engine.policies.scan.finding import KnownAnswers, ScanContext, ScanFinding, Severity
from engine.policies.scan.known_answers import answers_in, answers_of
from engine.policies.scan.registry import scan_with
from engine.policies.scan.settings import ScanSpec, refused_by
from engine.policies.skill.literals import VerifierLiterals, verifier_literals
from events.digest import Digest
from events.types.decision import Text

_TABLE: Final = "scan"
"""Of a program's settings."""
_SHOWN: Final = "reference"
"""Key of a program that may show an optimizer what is expected."""


class ScannedFile(msgspec.Struct, frozen=True):
    """A file of a skill."""

    path: str
    """Below the folder of skills, such as ``greet/SKILL.md``."""
    text: Text


class ScannedTask(msgspec.Struct, frozen=True):
    """A task that skills are to help with, or that one was distilled from."""

    task: str
    instruction: Text
    tests: Text | None
    """The verifier's Python tests. None: it has none."""


class SkillScanSaw(msgspec.Struct, frozen=True):
    """What is scanned, and against what."""

    arm: str | None
    """Arm that is given the skills. None: a skill was accepted."""
    files: tuple[ScannedFile, ...]
    tasks: tuple[ScannedTask, ...]
    items: tuple[Text, ...] = ()
    """Questions that skills are to help with, each as canonical JSON with what it expects."""


class SkillScan(msgspec.Struct, frozen=True):
    """What was found."""

    verdict: Literal["pass", "refuse"]
    """Whether there is a finding for which the settings have skills refused."""
    high: int
    """Findings of severity high."""
    medium: int
    low: int
    findings: Digest
    """Blob: JSON; each finding with its file, line and text."""


def _rule(spec: RunSpec, saw: SkillScanSaw) -> ScanSpec:
    """Read the settings of the program's own table, if it has one for scans.

    Where whoever writes the skills is shown what is expected, what an honest skill may repeat is refused, too.
    """
    del saw
    try:
        settings = msgspec.convert(spec.own.get(_TABLE, {}), ScanSpec)
    except msgspec.ValidationError:  # another program's table of that name
        return ScanSpec()
    strict = spec.own.get(_SHOWN) is True and settings.refuse == "high"
    return msgspec.structs.replace(settings, refuse="medium") if strict else settings


SKILL_SCAN: Final = Point(
    name="skill_scan",
    revision=2,  # since the first, an answer that stands beside its question is found, however short it is
    saw=SkillScanSaw,
    settings=ScanSpec,
    ruling=SkillScan,
    decisive=("verdict", "high", "medium", "low", "findings"),
    steers=False,
    rule=_rule,
    since=SCANS_RECORDED,
)


def scan_files(saw: SkillScanSaw, rule: ScanSpec, desk: PolicyContext) -> SkillScan:
    """Scan the files of skills."""
    known = [expected_by_tests(desk.text(each.instruction), desk.text(each.tests)) for each in saw.tasks]
    known += [expected_by_item(desk.read(each)) for each in saw.items]
    found: list[ScanFinding] = []
    for files in _apart(saw.files):
        texts = {each.path: desk.read(each.text) for each in files}
        found += scan_with(rule.scanners, texts, ScanContext(tuple(known)))

    def count(severity: Severity) -> int:
        return sum(1 for each in found if each.severity == severity)

    verdict: Literal["pass", "refuse"] = "refuse" if refused_by(found, rule) else "pass"
    return SkillScan(verdict, count("high"), count("medium"), count("low"), desk.put(msgspec.json.encode(found)))


def _apart(files: Sequence[ScannedFile]) -> Iterator[Sequence[ScannedFile]]:
    """Divide files into sets in which a path stands once: items may have different skills of one name."""
    sets: list[dict[str, ScannedFile]] = []
    for each in files:
        free = next((one for one in sets if each.path not in one), None)
        if free is None:
            sets.append({each.path: each})
        else:
            free[each.path] = each
    yield from (tuple(one.values()) for one in sets)


def expected_by_tests(told: str, tests: str) -> KnownAnswers:
    """Give what a task's Python tests compare with. Tests that do not parse have no constants to find."""
    found = verifier_literals(tests)
    return answers_of(told, VerifierLiterals() if isinstance(found, PythonFault) else found)


def expected_by_item(item: bytes) -> KnownAnswers:
    """Give what a question expects.

    Args:
        item: It, as canonical JSON.
    """
    read: dict[str, Any] = msgspec.json.decode(item)
    question = str(read.get("question") or "")
    return answers_in(f"{question}\n{read.get('context') or ''}", read.get("expected"), question)


def read_findings(data: bytes) -> tuple[ScanFinding, ...]:
    """Read the findings of a ruling back."""
    return msgspec.json.decode(data, type=tuple[ScanFinding, ...])


POLICIES: Final[Mapping[str, Policy]] = MappingProxyType({SKILL_SCAN.name: scan_files})
