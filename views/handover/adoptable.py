"""Which revisions of a log's skills may be adopted: those in force, and others if somebody says so by name."""

from collections.abc import Collection, Sequence
from typing import Final, NamedTuple

from engine.adoption.directory import Adoptable
from engine.adoption.receipt import AdoptionSource
from engine.core.fold import fold
from engine.policies.scan.finding import NO_CONTEXT
from events.digest import Digest
from events.store.base import Selection
from events.streams import family_of
from events.values import NamedDigest
from projections.library import Candidate, Library, LibraryState, Revision, Skill
from views.runs import skill_scan, skills
from views.terminal.errors import IdAmbiguous, IdUnknown, UsageWrong
from views.terminal.ids import find_run
from views.terminal.log_access import OpenedLog

PIN: Final = "@sha256:"
"""Before the beginning of the digest of a folder, behind a skill's name: it names a revision or a candidate."""
_SHORTEST_PIN: Final = 8

REFUSED: Final = {
    "quarantined": "quarantined",
    "retired": "retired",
    "rolled back": "rolled back",
    "imported": "imported, and nothing here accepted it",
    "candidate": "a candidate, which nothing accepted",
    "rejected": "a rejected candidate",
}
"""Standings of revisions that are refused unless they are allowed by name, and how a refusal says so."""
_TAGS: Final = frozenset({"skill.revised", "skill.accepted", "skill.imported", "skill.proposed", "candidate.made"})


class FoundRevision(NamedTuple):
    """A revision, or a candidate, of a skill of a log."""

    skill: str
    name: str
    """As `skills show` takes it; a candidate with the beginning of its digest."""
    standing: str
    reason: str | None
    """Why it stands so. None: nothing says."""
    adoptable: Adoptable
    revision: Revision | None
    """None: a candidate."""
    excluded: tuple[str, ...] = ()
    """Environments in which its library gives it no more, sorted."""


async def find(desk: OpenedLog, text: str) -> FoundRevision:
    """Find the revision that somebody means: as `skills show` takes it, or ``NAME@sha256:DIGEST``.

    Raises:
        IdUnknown, IdAmbiguous: There is none, or several.
    """
    place, pin, digest = text.rpartition(PIN)
    if pin:
        return await _pinned(desk, text, place, digest)
    skill, number = await skills.choose_skill(desk, text)
    chosen = await skills.choose(desk, text)
    return await _revision(desk, skill, chosen.revision if number is not None else skill.latest)


async def find_all(desk: OpenedLog) -> list[FoundRevision]:
    """List the latest revision of every skill, by name.

    Raises:
        IdAmbiguous: Several libraries have skills in force of one name, and they differ.
    """
    state = await fold(desk.log, Library())
    by_name: dict[str, list[Skill]] = {}
    for library in _libraries(state):
        for name, skill in library.items():
            by_name.setdefault(name, []).append(skill)
    found = []
    for name, some in sorted(by_name.items()):
        live = [each for each in some if _refused_as(skills.standing_of(each, each.latest), each.latest) is None]
        if len({each.latest.digest for each in live}) > 1:
            raise IdAmbiguous(name, [_named(each, each.latest) for each in live])
        found.append(await _revision(desk, (live or some)[-1], (live or some)[-1].latest))
    return found


def require_accepted(found: FoundRevision, allowed: Collection[str]) -> None:
    """See that a revision is in force, was replaced by a later one, or is allowed by name.

    Raises:
        UsageWrong: It is not.
    """
    if found.standing in REFUSED and found.standing not in allowed:
        why = "" if found.reason is None else f": {found.reason}"
        raise UsageWrong(
            f"{found.name} is not adopted, as it is {REFUSED[found.standing]}{why}",
            remedy=f"adopt a revision that is in force (`stillroom skills list`), or say --allow {_flag(found)}",
        )


def allowed_standings(words: Sequence[str]) -> frozenset[str]:
    """Read ``--allow``.

    Raises:
        UsageWrong: A word is none.
    """
    known = {each.replace(" ", "-"): each for each in REFUSED}
    for word in words:
        if word not in known:
            raise UsageWrong(f"--allow {word} is no standing", remedy=f"one of {', '.join(known)}")
    return frozenset(known[word] for word in words)


def _flag(found: FoundRevision) -> str:
    return found.standing.replace(" ", "-")


async def contents_of(desk: OpenedLog, found: FoundRevision) -> dict[Digest, bytes]:
    """Read a revision's files.

    Raises:
        BlobErased: One was removed on purpose.
    """
    return {file.digest: await desk.log.get(file.digest) for file in found.adoptable.files}


async def scan_found(desk: OpenedLog, found: FoundRevision) -> skill_scan.ScannedSkill:
    """Scan a revision as `skills scan` does."""
    if found.revision is not None:
        return await skill_scan.scan_chosen(desk, skills.Chosen(found.revision.run, found.skill, found.revision))
    files = {file.name: await desk.log.get(file.digest) for file in found.adoptable.files}
    return skill_scan.scan_files(found.skill, files, (), NO_CONTEXT)


def _libraries(state: LibraryState) -> list[dict[str, Skill]]:
    return [each.skills for each in (*state.runs.values(), *state.named.values())]


def _refused_as(standing: str, revision: Revision) -> str | None:
    named = "imported" if not revision.revision else standing
    return named if named in REFUSED else None


def _named(skill: Skill, revision: Revision) -> str:
    place = f"{skill.library}/{skill.name}" if skill.library else skill.name
    return f"{revision.run}:{place}@{revision.revision}"


async def _revision(desk: OpenedLog, skill: Skill, revision: Revision) -> FoundRevision:
    standing: str = skills.standing_of(skill, revision)
    named = _refused_as(standing, revision) or standing
    reasons = {"quarantined": skill.quarantined, "retired": skill.retired}
    stream, event = await _place(desk, revision.run, revision.version, (revision.trial, skill.name))
    source = AdoptionSource(
        revision.run,
        stream,
        revision.version,
        event,
        revision.revision,
        skill.library,
        named,
    )
    adoptable = Adoptable(skill.name, revision.files, revision.digest, source)
    return FoundRevision(
        skill.name, _named(skill, revision), named, reasons.get(named), adoptable, revision, skill.excluded
    )


async def _place(desk: OpenedLog, run: str, version: int, of: tuple[str, str]) -> tuple[str, Digest]:
    """Find the event that accepted a revision: the name of its stream, and its digest in the log."""
    trial, skill = of
    mark = f'"skill":"{skill}"'.encode()
    async for page in desk.log.rows(Selection(run=run, tags=_TAGS)):
        for row in page:
            behind = row.name if family_of(row.name) == row.name else row.name.partition("/")[2]
            if row.version == version and behind == trial and mark in row.payload:
                return row.name, Digest(row.digest.hex())
    raise IdUnknown(f"{run}:{skill}", "event that accepted", [])


async def _pinned(desk: OpenedLog, text: str, place: str, digest: str) -> FoundRevision:
    run, colon, named = place.rpartition(":")
    of, _, name = named.rpartition("/")
    if len(digest) < _SHORTEST_PIN:
        raise UsageWrong(f"{text} has too short a digest", remedy=f"give {_SHORTEST_PIN} characters or more")
    state = await fold(desk.log, Library(), Selection(run=await find_run(desk.log, run) if colon else None))
    libraries = [*((None, each) for each in state.runs.values()), *state.named.items()]
    libraries = [(key, each) for key, each in libraries if not of or of in (key, skills.library_name(key))]
    accepted = {
        each.digest: (skill, each)
        for _, library in libraries
        for skill in library.skills.values()
        for each in skill.revisions
        if skill.name == name and each.digest.startswith(digest)
    }
    proposed = {
        each.digest: (key, each)
        for key, library in libraries
        for each in library.candidates
        if each.skill == name and each.digest.startswith(digest) and each.digest not in accepted
    }
    if len(accepted) + len(proposed) != 1:
        if accepted or proposed:
            raise IdAmbiguous(text, sorted({*accepted, *proposed}))
        raise IdUnknown(text, "revision or candidate", [])
    for skill, revision in accepted.values():
        return await _revision(desk, skill, revision)
    ((key, candidate),) = proposed.values()
    return await _candidate(desk, skills.library_name(key), candidate)


async def _candidate(desk: OpenedLog, library: str | None, each: Candidate) -> FoundRevision:
    standing = "candidate" if each.rejected is None else "rejected"
    behind = each.stream if family_of(each.stream) == each.stream else each.stream.partition("/")[2]
    stream, event = await _place(desk, each.run, each.version, (behind, each.skill))
    source = AdoptionSource(each.run, stream, each.version, event, None, library, standing)
    files: tuple[NamedDigest, ...] = each.files
    name = f"{each.run}:{each.skill}{PIN}{each.digest[:12]}"
    reason = "; ".join(each.rejected) if each.rejected else None
    return FoundRevision(each.skill, name, standing, reason, Adoptable(each.skill, files, each.digest, source), None)
