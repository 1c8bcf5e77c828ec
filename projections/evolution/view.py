"""The fold of evolution: libraries, their trials, what authors wrote, and what verifiers said by groups."""

from typing import Final

import msgspec

from events.base import Recorded, Ref
from events.digest import Digest
from events.streams import LIBRARY, arm_of_cell, family_of, library_of, read_library_label, trial_of
from events.types.agent import AgentRunFinished, SkillRead
from events.types.authoring import AuthorClosed
from events.types.evolution import (
    EvolutionPlanned,
    LearningChosen,
    LibraryClosed,
    LibraryOpened,
    MaintenanceChosen,
    PatchChecked,
    RetrievalMade,
    RevisionRuled,
    SkillNarrowed,
    SkillQuarantined,
    SuiteTrialRow,
    TrialsScored,
)
from events.types.sandbox import ActionObserved, VerifierRewarded, VerifierSilent
from events.types.skill import LibraryFrozen, SkillRetired, SkillRevised, SkillRolledBack
from events.types.suite import Suite, SuiteRead, read_suite_blob
from projections.base import Blobs
from projections.evolution.state import (
    EvolutionState,
    EvolvedLibrary,
    EvolvedRun,
    GroupRecord,
    LearnedSkill,
    PatchRecord,
    RetrievedSkills,
    SuiteTrial,
    TrialReads,
    families_of,
    required_of,
)
from projections.exposure import HEAD
from projections.verifier_groups import REPORTS, read_groups

_READ: Final = frozenset(name for names in REPORTS.values() for name in names)
_ENDED: Final = frozenset({"read", "budget", "stopped"})
"""How questions end that were answered, or whose library ended with them."""
_rows: Final = msgspec.json.Decoder(list[SuiteTrialRow])


class Evolution:
    """The projection."""

    name = "evolution"
    revision = 2
    tags: frozenset[str] | None = frozenset(
        {
            *(
                "suite.read",
                "evolution.planned",
                "library.opened",
                "retrieval.made",
                "learning.chosen",
                "patch.checked",
            ),
            *("revision.ruled", "trials.scored", "maintenance.chosen", "skill.quarantined", "skill.narrowed"),
            *(
                "library.closed",
                "library.frozen",
                "skill.revised",
                "skill.retired",
                "skill.rolled_back",
                "author.closed",
            ),
            *("verify.rewarded", "verify.silent", "action.observed", "agent.run_finished", "author.closed"),
        }
    )

    def initial(self) -> EvolutionState:
        """No runs."""
        return EvolutionState({})

    def state_type(self) -> type[EvolutionState]:
        """For snapshots."""
        return EvolutionState

    def needs(self, recorded: Recorded) -> tuple[Digest, ...]:
        """Name suites, rows of trials, and reports of verifiers of trials that belong to a library."""
        match recorded.event:
            case SuiteRead(suite=suite):
                return (suite,)
            case TrialsScored(rows=rows):
                return (rows,)
            case VerifierRewarded(files=files) | VerifierSilent(files=files) if _in_library(recorded.stream.name):
                return tuple(each.digest for each in files if each.name in _READ)
            case _:
                return ()

    def apply(self, state: EvolutionState, recorded: Recorded, blobs: Blobs) -> EvolutionState:
        """Fold one event in."""
        name, event = recorded.stream.run, recorded.event
        if isinstance(event, SuiteRead):
            suite = _suite(blobs[event.suite])
            if suite is None:
                return state
            state.runs[name] = EvolvedRun(
                suite=event.suite,
                families=families_of(suite),
                environments={each.id: each.environment for each in suite.families},
                roles={each.task: each.role for each in suite.tasks},
                required=required_of(suite),
                libraries={},
                groups={},
                reads={},
            )
            return state
        run = state.runs.get(name)
        if run is not None:
            _apply(run, recorded, blobs)
        return state


def _suite(data: bytes) -> Suite | None:
    """Read a suite. None: it is of a form that this version does not know."""
    try:
        return read_suite_blob(data)
    except (msgspec.MsgspecError, UnicodeDecodeError):
        return None


def _read_rows(data: bytes) -> list[SuiteTrialRow]:
    try:
        return _rows.decode(data)
    except (msgspec.MsgspecError, UnicodeDecodeError):
        return []


def _in_library(stream: str) -> bool:
    trial = trial_of(stream)
    return trial is not None and read_library_label(arm_of_cell(trial)) is not None


def _apply(run: EvolvedRun, recorded: Recorded, blobs: Blobs) -> None:
    stream = recorded.stream.name
    match recorded.event:
        case EvolutionPlanned(libraries=libraries):
            run.planned = libraries
        case LibraryOpened() as opened:
            run.libraries[stream] = _opened(opened)
        case VerifierRewarded(files=files) | VerifierSilent(files=files) if _in_library(stream):
            read = read_groups({each.name: blobs[each.digest] for each in files if each.name in _READ})
            run.groups[trial_of(stream) or ""] = GroupRecord(read.outcome, read.process, read.passed)
        case ActionObserved(reads=reads) | AgentRunFinished(reads=reads) if _in_library(stream):
            known = run.reads.setdefault(trial_of(stream) or "", TrialReads(steps=[]))
            _read(known, reads, whole=isinstance(recorded.event, AgentRunFinished))
        case RetrievalMade() | AuthorClosed() as told:
            library = run.libraries.get(library_of(stream) or stream)
            if library is not None:
                _beside(library, told, Ref(stream, recorded.version))
        case _ if family_of(stream) == LIBRARY and stream in run.libraries:
            _tell(run, run.libraries[stream], recorded, blobs)
        case _:
            pass


def _beside(library: EvolvedLibrary, told: RetrievalMade | AuthorClosed, at: Ref) -> None:
    """Fold in what was asked beside the line of a library."""
    if isinstance(told, RetrievalMade):
        library.retrieved.append(_retrieved(told, at))
    elif told.ending not in _ENDED:
        library.unread.append(told.ending)


def _read(known: TrialReads, reads: tuple[SkillRead, ...] | None, *, whole: bool) -> None:
    """Fold in what was read in one command; of an installed agent, in all of its run."""
    if reads is None:
        known.missed = True
        return
    told = [each for each in reads if not (whole and each.name.endswith(f"/{HEAD}"))]
    if skills := tuple(sorted({each.name.partition("/")[0] for each in told if each.read})):
        known.steps.append(skills)
    known.missed |= any(not each.read for each in told) or len(told) < len(reads)


def _opened(event: LibraryOpened) -> EvolvedLibrary:
    return EvolvedLibrary(
        course=event.course,
        arm=event.arm,
        repeat=event.repeat,
        scope=event.scope,
        shared=event.shared,
        suite=event.suite,
        release=event.release,
        digest=event.digest,
        families=event.families,
        tasks=event.tasks,
        trials={},
        retrieved=[],
        patches=[],
        skills={},
    )


def _tell(run: EvolvedRun, library: EvolvedLibrary, recorded: Recorded, blobs: Blobs) -> None:
    """Fold in what a library says of itself."""
    at = Ref(recorded.stream.name, recorded.version)
    match recorded.event:
        case TrialsScored(rows=rows):
            for row in _read_rows(blobs[rows]):
                if row.passing != "gate":
                    library.trials[f"{row.passing}/{row.task}"] = SuiteTrial(row=row, given=_given(library, row))
        case LearningChosen(action=action):
            library.asked = action
        case PatchChecked() | RevisionRuled():
            _patch(library, recorded.event, at)
        case _:
            _whole(library, recorded, at)
            _skill(run, library, recorded)


def _whole(library: EvolvedLibrary, recorded: Recorded, at: Ref) -> None:
    """Fold in what becomes of a library as a whole."""
    match recorded.event:
        case LibraryFrozen(skills=skills):
            library.frozen, library.frozen_skills = at, tuple(each.skill for each in skills)
        case MaintenanceChosen(skills=maintained):
            library.maintained = maintained
        case LibraryClosed() as closed:
            library.closed = closed
        case _:
            pass


def _retrieved(event: RetrievalMade, at: Ref) -> RetrievedSkills:
    names = tuple(each.skill for each in event.skills)
    return RetrievedSkills(
        task=event.task, passing=event.passing, skills=names, how=event.how, snapshot=event.snapshot, at=at
    )


def _given(library: EvolvedLibrary, row: SuiteTrialRow) -> tuple[str, ...] | None:
    """Find what was chosen last for a trial; one that is begun again is given what it was given before."""
    found = [each for each in library.retrieved if (each.task, each.passing) == (row.task, row.passing)]
    return found[-1].skills if found else None


def _patch(library: EvolvedLibrary, event: PatchChecked | RevisionRuled, at: Ref) -> None:
    if isinstance(event, PatchChecked):
        learnt = any(each.row.task == event.task for each in library.trials.values())
        record = PatchRecord(
            task=event.task,
            action=library.asked if learnt else None,
            at=at,
            standing="refused" if event.refusals else "unchanged" if event.unchanged else "open",
            skills=tuple(each.skill for each in event.skills),
            refusals=event.refusals,
        )
        library.patches.append(record)
        return
    last = next((each for each in reversed(library.patches) if each.task == event.task), None)
    if last is not None and event.outcome != "more":
        last.standing = "applied" if event.outcome == "accept" else "rejected"
        last.gate, last.reason = event.gate, event.reason


def _family(run: EvolvedRun, library: EvolvedLibrary, skill: str) -> str | None:
    """Say for which family a skill was written: by the patch that made it, or else by its folder's name."""
    patch = next((each for each in reversed(library.patches) if skill in each.skills), None)
    if patch is None:
        return run.families.get(skill)
    return patch.task if patch.task in library.families else run.families.get(patch.task)


def _skill(run: EvolvedRun, library: EvolvedLibrary, recorded: Recorded) -> None:
    """Fold in what becomes of a skill."""
    match recorded.event:
        case SkillRevised(skill=skill):
            first = LearnedSkill(skill=skill, family=_family(run, library, skill))
            known = library.skills.setdefault(skill, first)
            known.revisions, known.retired, known.quarantined = known.revisions + 1, None, None
        case SkillRetired(skill=skill, reason=reason) if skill in library.skills:
            library.skills[skill].retired = reason
        case SkillQuarantined(skill=skill, reason=reason) if skill in library.skills:
            library.skills[skill].quarantined = reason
        case SkillNarrowed(skill=skill, exclude=exclude) if skill in library.skills:
            library.skills[skill].narrowed = exclude
        case SkillRolledBack():
            library.rollbacks += 1
        case _:
            pass
