"""What is measured of an arm: shares by role, replays, compositions, revisions and the library it came to; pure.

Every share stands beside what was scheduled. A trial without a score is in no share: it widens the range in which the
share of all scheduled trials lies.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Final, Literal, TypeAlias

import msgspec

from events.types.suite import ROLES, TaskRole, family_of_skill, slug_of_skill
from projections.evolution.state import EvolvedLibrary, EvolvedRun, LearnedSkill, SuiteTrial, TrialReads

LEARNT: Final[frozenset[TaskRole]] = frozenset(ROLES[:3])
HELD_OUT: Final[frozenset[TaskRole]] = frozenset(ROLES[3:])
COMPOSITION: Final[TaskRole] = "composition"
ADVERSARIAL: Final[TaskRole] = "adversarial"
HARMFUL_USES: Final = 3
"""Uses from which on a skill can be called harmful (SkillEvolBench, 6)."""
HARMFUL_SHARE: Final = 0.7
"""Share of failed uses from which on it is (SkillEvolBench, 6)."""
CompositionFailure: TypeAlias = Literal[
    "missing skill", "not retrieved", "not read", "shortcut", "wrong process", "wrong order", "skill not enough"
]
"""Why a composition failed, the first that applies.

missing skill: the library holds none for what is required. not retrieved: it does, and the trial was not given it. not
read: it was given it, and did not read it. shortcut: the result is right, the process is not. wrong process: neither
is. wrong order: skills were not read in the order required. skill not enough: none of these.
"""


class Share(msgspec.Struct, frozen=True):
    """A share of trials."""

    solved: int
    scored: int
    scheduled: int
    """Those without a score included."""

    @property
    def rate(self) -> float | None:
        """Share of the scored trials, in [0, 1]. None: none is scored."""
        return self.solved / self.scored if self.scored else None

    @property
    def bounds(self) -> tuple[float, float] | None:
        """Share of all scheduled trials, were none or all without a score solved. None: none is scheduled."""
        if not self.scheduled:
            return None
        return self.solved / self.scheduled, (self.solved + self.scheduled - self.scored) / self.scheduled


class Transitions(msgspec.Struct, frozen=True):
    """What became of pairs of trials: F failed, S solved, before and after."""

    ff: int
    fs: int
    sf: int
    ss: int
    unpaired: int
    """Pairs of which a side has no score, or is missing."""

    @property
    def pairs(self) -> int:
        """Those with both scores."""
        return self.ff + self.fs + self.sf + self.ss

    @property
    def lift(self) -> float | None:
        """Difference of the shares of solved trials, after minus before. None: there is no pair."""
        return (self.fs - self.sf) / self.pairs if self.pairs else None

    @property
    def recovery(self) -> float | None:
        """Of the failed, the share that is solved after. None: none failed."""
        return self.fs / (self.fs + self.ff) if self.fs + self.ff else None

    @property
    def regression(self) -> float | None:
        """Of the solved, the share that fails after: what was forgotten. None: none was solved."""
        return self.sf / (self.sf + self.ss) if self.sf + self.ss else None


class TrapResistance(msgspec.Struct, frozen=True):
    """Adversarial trials by the groups of checks of their verifiers."""

    resisted: int
    """The process was right, whatever became of the result."""
    trapped: int
    """The process was not."""
    unknown: int
    """The verifier says nothing of the process, or the trial has no score."""


class CompositionMeasure(msgspec.Struct, frozen=True):
    """Trials of compositions."""

    share: Share
    held: int
    """Trials whose library held a skill for all that is required."""
    given: int
    """Trials that were given them all."""
    read: int
    """Trials that read them all."""
    unknown_reads: int
    """Trials of which nobody can know what they read."""
    ordered: int
    """Of those that read them all: in the order required."""
    unordered: int
    """In another order; the rest were read in one command, so that nobody knows."""
    failures: dict[CompositionFailure, int]
    """Failed trials by why."""


class RevisionMeasure(msgspec.Struct, frozen=True):
    """What authors wrote."""

    proposed: int
    applied: int
    unchanged: int
    refused: int
    rejected: int
    unread: int
    """Questions to the author of which no patch was read: it did not answer, or nobody could read its answer."""
    rollbacks: int
    followed: Transitions
    """Of each applied patch: the trial it was written from, and the next trial of its family."""
    overfitted: int
    """Applied patches whose own task is solved on replay, and no held-out task of their family is."""
    overfitting_known: int
    """Applied patches of which both are known."""


class LibraryHealth(msgspec.Struct, frozen=True):
    """The skills that an arm came to."""

    total: int
    active: int
    quarantined: int
    retired: int
    revisions: int
    read: int
    """Skills that a held-out trial read."""
    never_read: int
    """Active skills that no trial read. A skill that was kept from view counts, too."""
    harmful: tuple[str, ...]
    """Skills that three held-out trials or more read, 70 % or more of which failed."""
    harmful_active: int


class ArmMeasures(msgspec.Struct, frozen=True):
    """Everything measured of one arm, over all its libraries."""

    arm: str
    roles: dict[TaskRole, Share]
    learning: Share
    after_first: Share
    """Learning trials but the first of each family: T2 and T3."""
    evaluation: Share
    overall: Share
    by_groups: Share
    """Held-out trials by our own reading of success: every group of checks there is passed whole. Trials without groups
    are not scored by it."""
    traps: TrapResistance
    oracle: Share
    oracle_pairs: Transitions
    """Compositions as they are tried, and with exactly the skills that they require."""
    replay: Transitions
    """Tasks as they were first tried, and once more with the frozen library."""
    replayed: Share
    compositions: CompositionMeasure
    revisions: RevisionMeasure
    health: LibraryHealth
    other_environment: int
    """Primary trials that read a skill of another environment."""
    other_environment_solved: int


def measure_arm(run: EvolvedRun, arm: str) -> ArmMeasures:
    """Measure one arm of a run (SkillEvolBench, 6, with its defects W6, W14, W17, W36, W37 and W38 left out)."""
    libraries = [each for each in run.libraries.values() if each.arm == arm]
    trials = [trial for each in libraries for trial in each.trials.values()]
    primary = [each for each in trials if each.row.passing == "primary"]
    replays = [each for each in trials if each.row.passing == "replay"]
    oracles = [each for each in trials if each.row.passing == "oracle"]
    planned = _planned(run, libraries)

    def share(of: Iterable[SuiteTrial], roles: Iterable[TaskRole], passing: str = "primary") -> Share:
        named = frozenset(roles)
        return _share([each for each in of if each.row.role in named], sum(planned[passing, role] for role in named))

    abroad = [each for each in primary if _abroad(run, libraries, each)]
    return ArmMeasures(
        arm=arm,
        roles={role: share(primary, (role,)) for role in ROLES},
        learning=share(primary, LEARNT),
        after_first=share(primary, ROLES[1:3]),
        evaluation=share(primary, HELD_OUT),
        overall=share(primary, ROLES),
        by_groups=_by_groups(run, primary, share(primary, HELD_OUT).scheduled),
        traps=_traps(run, primary),
        oracle=share(oracles, (COMPOSITION,), "oracle"),
        oracle_pairs=_pairs(libraries, "oracle"),
        replay=_pairs(libraries, "replay"),
        replayed=share(replays, ROLES, "replay"),
        compositions=_compositions(run, libraries, share(primary, (COMPOSITION,))),
        revisions=_revisions(libraries),
        health=_health(run, libraries),
        other_environment=len(abroad),
        other_environment_solved=sum(each.row.solved is True for each in abroad),
    )


def _planned(run: EvolvedRun, libraries: Sequence[EvolvedLibrary]) -> Counter[tuple[str, TaskRole]]:
    """Count what is scheduled, by pass and role: what was planned and never begun is counted, too."""
    found: Counter[tuple[str, TaskRole]] = Counter()
    for library in libraries:
        rows = {(each.row.passing, each.row.task): each.row.role for each in library.trials.values()}
        found.update((passing, role) for (passing, _), role in rows.items())
        for task in library.tasks:
            if ("primary", task) not in rows and (role := run.roles.get(task)) is not None:
                found["primary", role] += 1
    return found


def _share(trials: Sequence[SuiteTrial], scheduled: int) -> Share:
    scored = [each for each in trials if each.row.solved is not None]
    return Share(sum(each.row.solved is True for each in scored), len(scored), max(scheduled, len(trials)))


def trial_name(trial: SuiteTrial) -> str:
    """Name the trial that a cell's score is of, by which reads and reports of verifiers are kept."""
    return trial.row.stream.partition("/")[2]


def _by_groups(run: EvolvedRun, primary: Sequence[SuiteTrial], scheduled: int) -> Share:
    held_out = [each for each in primary if each.row.role in HELD_OUT and each.row.solved is not None]
    read = [run.groups[name].passed for name in map(trial_name, held_out) if name in run.groups]
    known = [each for each in read if each is not None]
    return Share(sum(known), len(known), scheduled)


def _traps(run: EvolvedRun, primary: Sequence[SuiteTrial]) -> TrapResistance:
    said: Counter[bool | None] = Counter()
    for trial in primary:
        if trial.row.role == ADVERSARIAL:
            groups = run.groups.get(trial_name(trial))
            said[None if groups is None or trial.row.solved is None else groups.process] += 1
    return TrapResistance(said[True], said[False], said[None])


def _pairs(libraries: Sequence[EvolvedLibrary], passing: str) -> Transitions:
    """Pair each trial of a pass with the primary trial of its task in its own library."""
    found: list[tuple[bool | None, bool | None]] = []
    for library in libraries:
        first = {each.row.task: each.row.solved for each in library.trials.values() if each.row.passing == "primary"}
        again = [each.row for each in library.trials.values() if each.row.passing == passing]
        found += [(first.get(row.task), row.solved) for row in again]
    return transitions(found)


def transitions(pairs: Iterable[tuple[bool | None, bool | None]]) -> Transitions:
    """Count pairs of what came before and after."""
    count = Counter(pairs)
    known = {key: number for key, number in count.items() if None not in key}
    return Transitions(
        known.get((False, False), 0),
        known.get((False, True), 0),
        known.get((True, False), 0),
        known.get((True, True), 0),
        sum(count.values()) - sum(known.values()),
    )


# -- compositions ------------------------------------------------------------------------------------------------------


def _compositions(run: EvolvedRun, libraries: Sequence[EvolvedLibrary], share: Share) -> CompositionMeasure:
    failures: Counter[CompositionFailure] = Counter()
    facts: Counter[str] = Counter()
    for library in libraries:
        for trial in library.trials.values():
            if (trial.row.passing, trial.row.role) != ("primary", COMPOSITION):
                continue
            seen = composed(run, library, trial)
            facts.update(name for name in ("held", "given", "read") if getattr(seen, name))
            facts["unknown"] += seen.read is None
            facts["ordered"] += seen.ordered is True
            facts["unordered"] += seen.ordered is False
            if trial.row.solved is False:
                failures[failure_of(run, trial, seen)] += 1
    return CompositionMeasure(
        share=share,
        held=facts["held"],
        given=facts["given"],
        read=facts["read"],
        unknown_reads=facts["unknown"],
        ordered=facts["ordered"],
        unordered=facts["unordered"],
        failures=dict(sorted(failures.items())),
    )


class Composed(msgspec.Struct, frozen=True):
    """What a composition had of the skills that it requires."""

    held: bool
    given: bool
    read: bool | None
    """None: nobody can know. What was not given was not read."""
    ordered: bool | None
    """None: they were not all read, or in one command."""


def composed(run: EvolvedRun, library: EvolvedLibrary, trial: SuiteTrial) -> Composed:
    """Say what a trial had of the skills that its task requires, each met by any skill of its family."""
    required = run.required.get(trial.row.task, ())
    meets = [_meeting(library, each) for each in required]
    given = frozenset(trial.given or ())
    reads = run.reads.get(trial_name(trial))
    firsts = [_first(reads, names & given) for names in meets]
    found = [each for each in firsts if each is not None]
    all_read = len(found) == len(firsts)
    ordered = None
    if all_read and len(set(found)) == len(found):
        ordered = found == sorted(found)
    was_given = all(names & given for names in meets)
    unseen = was_given and (reads is None or reads.missed)
    return Composed(
        held=all(meets),
        given=was_given,
        read=True if all_read else None if unseen else False,
        ordered=ordered,
    )


def _meeting(library: EvolvedLibrary, required: str) -> frozenset[str]:
    """List the skills of a library that meet a requirement: that of its name, or else those of its family."""
    alive = [each for each in library.skills.values() if each.retired is None and each.quarantined is None]
    named = frozenset(each.skill for each in alive if each.skill == slug_of_skill(required))
    return named or frozenset(each.skill for each in alive if each.family == family_of_skill(required))


def _first(reads: TrialReads | None, names: frozenset[str]) -> int | None:
    steps = () if reads is None else enumerate(reads.steps)
    return next((number for number, step in steps if names & set(step)), None)


def failure_of(run: EvolvedRun, trial: SuiteTrial, seen: Composed) -> CompositionFailure:
    """Say why a composition failed: the first of the reasons, in their order, that applies."""
    groups = run.groups.get(trial_name(trial))
    process = None if groups is None else groups.process
    reasons: list[tuple[CompositionFailure, bool]] = [
        ("missing skill", not seen.held),
        ("not retrieved", not seen.given),
        ("not read", seen.read is False),
        ("shortcut", process is False and groups is not None and groups.outcome is True),
        ("wrong process", process is False),
        ("wrong order", seen.ordered is False),
    ]
    return next((name for name, applies in reasons if applies), "skill not enough")


# -- what authors wrote, and what it came to ---------------------------------------------------------------------------


def _revisions(libraries: Sequence[EvolvedLibrary]) -> RevisionMeasure:
    standings: Counter[str] = Counter()
    followed: list[tuple[bool | None, bool | None]] = []
    overfitted: list[bool] = []
    for library in libraries:
        standings.update(each.standing for each in library.patches)
        trials = list(library.trials.values())
        for patch in library.patches:
            if patch.standing != "applied" or patch.action is None:
                continue
            followed.append(_around(trials, patch.task))
            if (judged := _overfitted(trials, patch.task)) is not None:
                overfitted.append(judged)
    return RevisionMeasure(
        proposed=sum(standings.values()),
        applied=standings["applied"],
        unchanged=standings["unchanged"],
        refused=standings["refused"],
        rejected=standings["rejected"],
        unread=sum(len(each.unread) for each in libraries),
        rollbacks=sum(each.rollbacks for each in libraries),
        followed=transitions(followed),
        overfitted=sum(overfitted),
        overfitting_known=len(overfitted),
    )


def _around(trials: Sequence[SuiteTrial], task: str) -> tuple[bool | None, bool | None]:
    """Give the score of a trial that a patch was written from, and that of the next trial of its family."""
    primary = [each.row for each in trials if each.row.passing == "primary"]
    family = next((row.family for row in primary if row.task == task), None)
    same = sorted((row for row in primary if row.family == family), key=lambda row: ROLES.index(row.role))
    place = next((number for number, row in enumerate(same) if row.task == task), None)
    if place is None:
        return None, None
    return same[place].solved, same[place + 1].solved if place + 1 < len(same) else None


def _overfitted(trials: Sequence[SuiteTrial], task: str) -> bool | None:
    """Say whether a task is solved on replay, and no held-out task of its family is. None: one is not known."""
    again = next((each.row for each in trials if each.row.task == task and each.row.passing == "replay"), None)
    if again is None or again.solved is None:
        return None
    held_out = [
        each.row.solved
        for each in trials
        if each.row.family == again.family and each.row.passing == "primary" and each.row.role in HELD_OUT
    ]
    if not held_out or None in held_out:
        return None
    return again.solved and not any(held_out)


def _health(run: EvolvedRun, libraries: Sequence[EvolvedLibrary]) -> LibraryHealth:
    skills: list[LearnedSkill] = []
    harmful: list[str] = []
    held_out_readers = never = harmful_active = 0
    for library in libraries:
        used = _uses(run, library, lambda trial: trial.row.passing == "primary" and trial.row.role in HELD_OUT)
        ever = _uses(run, library, lambda _: True)
        for skill in library.skills.values():
            skills.append(skill)
            uses, active = used.get(skill.skill, []), skill.retired is None and skill.quarantined is None
            held_out_readers += bool(uses)
            never += active and skill.skill not in ever
            if len(uses) >= HARMFUL_USES and uses.count(False) / len(uses) >= HARMFUL_SHARE:
                harmful.append(f"{library.course}/{library.scope}/{skill.skill}")
                harmful_active += active
    return LibraryHealth(
        total=len(skills),
        active=sum(each.retired is None and each.quarantined is None for each in skills),
        quarantined=sum(each.retired is None and each.quarantined is not None for each in skills),
        retired=sum(each.retired is not None for each in skills),
        revisions=sum(each.revisions for each in skills),
        read=held_out_readers,
        never_read=never,
        harmful=tuple(harmful),
        harmful_active=harmful_active,
    )


def _uses(run: EvolvedRun, library: EvolvedLibrary, counts: Callable[[SuiteTrial], bool]) -> Mapping[str, list[bool]]:
    """List by skill whether the scored trials that read it were solved."""
    found: dict[str, list[bool]] = {}
    for trial in library.trials.values():
        if counts(trial) and trial.row.solved is not None:
            for skill in read_by(run, trial):
                found.setdefault(skill, []).append(trial.row.solved)
    return found


def read_by(run: EvolvedRun, trial: SuiteTrial) -> tuple[str, ...]:
    """List the skills that a trial read, in the order in which it first did."""
    reads = run.reads.get(trial_name(trial))
    return () if reads is None else tuple(dict.fromkeys(name for step in reads.steps for name in step))


def _abroad(run: EvolvedRun, libraries: Sequence[EvolvedLibrary], trial: SuiteTrial) -> bool:
    """Say whether a trial read a skill that was written for a family of another environment."""
    homes = {each.skill: each.family for library in libraries for each in library.skills.values()}
    families = (homes.get(skill) for skill in read_by(run, trial))
    return any(each is not None and run.environments.get(each) != trial.row.environment for each in families)
