"""What of a run has no place in the log: counted, and kept in its files as it was."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final, NamedTuple

import msgspec
import yaml

from engine.importers.skillevolbench.files import ACTIVE, MANIFEST, REPORT, RETRIEVALS, RunFiles
from engine.importers.skillevolbench.records import ReadRecord
from events.values import NamedDigest
from sandbox.harbor.yaml_tree import read_yaml

_ENDED_WITHOUT: Final = "trial_ended_no_result"
_STARTED: Final = "run_started"


class EndedSkill(NamedTuple):
    """A skill as a library ended with it."""

    name: str
    library: str
    """Path of the library below the run's folder."""
    files: tuple[str, ...]
    """Their paths below the run's folder, SKILL.md first."""


def losses_of(run: RunFiles, records: Sequence[ReadRecord]) -> dict[str, int]:
    """Count what is lost, by what it is."""
    lost: Counter[str] = Counter()
    for record in records:
        each = record.said
        lost.update(f"records: {key}" for key in record.further)
        lost["retrievals of records"] += each.retrieval is not None
        lost["skills that an agent used"] += len(each.skills_actually_used)
        lost["hashes of libraries"] += (each.library_hash_pre is not None) + (each.library_hash_post is not None)
        lost["compacted trajectories"] += bool(each.trajectory_compact) + bool(each.trajectory_compact_rough)
        lost["dimensions of rubrics"] += len(each.outcome.rubric_dimensions)
        lost["reflections"] += each.reflection is not None
    lost["traces of retrievals"] = sum(1 for _ in _lines(run.files.get(RETRIEVALS, b"")))
    for said in _journal(run):
        lost[f"journal: {said.get('event_type', 'no type')}"] += 1
    for path in run.manifests:
        versions = [len(entry.get("versions") or ()) for entry in _skills(run.files[path]).values()]
        lost["earlier versions of skills, which only git keeps"] += sum(max(0, number - 1) for number in versions)
    lost["trials of harbor-job, which `import harbor` reads"] = run.trials_of_harbor
    lost["measures of full_report.json"] = len(_object(run.files.get(REPORT, b"")))
    return dict(+lost)


def missing_of(run: RunFiles, records: Sequence[ReadRecord]) -> Iterator[str]:
    """Say which trials have no record: the source leaves them out of its rates."""
    primary = sum(each.passing == "primary" for each in records)
    planned = [said.get("n_tasks") for said in _journal(run) if said.get("event_type") == _STARTED]
    known = [number for number in planned if isinstance(number, int) and not isinstance(number, bool)]
    if known and known[-1] > len(records):
        what = f"{known[-1] - len(records)} of {known[-1]} scheduled trials have no record"
        yield f"{what}: the source's rates are over those that have one"
    ended = sum(said.get("event_type") == _ENDED_WITHOUT for said in _journal(run))
    if ended:
        yield f"{ended} trials ended without a result: they have no record, and are in no rate of the source"
    if not primary:
        yield "there is no record of a primary trial"


def ended_skills(run: RunFiles) -> tuple[list[EndedSkill], list[str]]:
    """Find the skills that libraries ended with, and say which others their manifests name."""
    found: list[EndedSkill] = []
    doubts: list[str] = []
    for path in run.manifests:
        library = path.removesuffix(f"/{MANIFEST}")
        below: dict[str, list[str]] = {}
        for file in run.files:
            if file.startswith(f"{library}/{ACTIVE}/") and file.count("/") > library.count("/") + 2:
                below.setdefault(file.removeprefix(f"{library}/{ACTIVE}/").partition("/")[0], []).append(file)
        for name, files in sorted(below.items()):
            ordered = sorted(files, key=lambda file: (not file.endswith(f"/{name}/SKILL.md"), file))
            found.append(EndedSkill(name, library, tuple(ordered)))
        named = {skill.partition(".")[2] or skill for skill in _skills(run.files[path])}
        gone = sorted(named - set(below))
        if gone:
            doubts.append(f"{library} names {', '.join(gone)}, which it does not hold any more")
    return found, doubts


def skill_files(skill: EndedSkill, kept: Mapping[str, NamedDigest]) -> tuple[NamedDigest, ...]:
    """Name the files of a skill by their paths below its folder."""
    start = f"{skill.library}/{ACTIVE}/{skill.name}/"
    return tuple(NamedDigest(file.removeprefix(start), kept[file].digest) for file in skill.files)


def _skills(manifest: bytes) -> Mapping[str, Mapping[str, Any]]:
    try:
        found = read_yaml(manifest)
    except (yaml.YAMLError, UnicodeDecodeError):
        return {}
    skills = found.get("skills") if isinstance(found, dict) else None
    return (
        {str(key): value for key, value in skills.items() if isinstance(value, dict)}
        if isinstance(skills, dict)
        else {}
    )


def _journal(run: RunFiles) -> Iterator[Mapping[str, Any]]:
    for path in run.events:
        yield from (_object(line) for line in _lines(run.files[path]))


def _lines(data: bytes) -> Iterator[bytes]:
    yield from (line for line in data.split(b"\n") if line.strip())


def _object(data: bytes) -> Mapping[str, Any]:
    try:
        found = msgspec.json.decode(data)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}
