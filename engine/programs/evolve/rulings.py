"""Policies of a library's course; pure."""

from collections.abc import Mapping, Sequence
from functools import lru_cache
from itertools import chain
from types import MappingProxyType
from typing import Final

import msgspec

from engine.core.decision import Policy, PolicyContext
from engine.policies.gates.base import CandidateRows, GatePlan, ItemScore
from engine.policies.gates.fold import GateFold, GateGuard
from engine.policies.gates.registry import gate_named
from engine.policies.library.maintenance import MaintenanceRule, SkillUse, maintain
from engine.policies.library.patch import Patch, PatchRule
from engine.policies.library.patch_check import check_patch
from engine.policies.library.refusals import render_refusals
from engine.policies.scan.finding import KnownAnswers, ScanContext
from engine.programs.evaluate.points import CellSaw
from engine.programs.evolve import points, upkeep_points
from engine.programs.evolve.schedule import measured_trials
from engine.programs.skill_scan import expected_by_tests
from engine.programs.train.document import named_files
from events.types.decision import Held
from events.types.evolution import MaintainedSkill, PatchedSkill
from events.values import NamedDigest
from projections.comparison.rows import exact
from projections.library import folder_digest

_cells: Final = msgspec.json.Decoder(tuple[CellSaw, ...])
_patch: Final = msgspec.json.Decoder(Patch)
_FIRST_GIVEN: Final = 3
"""Skills that a trial was given first, of which one may be what it went by."""


def choose_terms(
    saw: points.LibraryTermsSaw, rule: points.LibraryTermsRule, desk: PolicyContext
) -> points.LibraryTerms:
    """Say how a library goes."""
    del desk
    measured = measured_trials(saw.tasks, replay=rule.replay, again=rule.replay_evaluation, oracle=rule.oracle)
    return points.LibraryTerms(
        skill_init=rule.skill_init,
        memory=rule.memory,
        learns=rule.learns,
        line=rule.line,
        author=rule.author,
        measured=tuple(points.FrozenTrial(each.task, passing) for each, passing in measured),
        maintains=rule.maintains,
    )


def rule_on_trials(saw: points.TrialsEndedSaw, rule: points.TriesRule, desk: PolicyContext) -> points.TrialsEnding:
    """Use what has a score; begin again what the infrastructure broke, as often as the settings say.

    A single trial that stays broken after a person has resumed the run is left without a score: it may be one that can
    have none here, and must not hold its library up for good.
    """
    reasons = [_reason(each) for each in _cells.decode(desk.read(saw.cells))]
    for ending, words in (("stopped", "an operator ended it"), ("budget", "there is no money left")):
        if ending in reasons:
            return points.TrialsEnding(ending, (), words)  # type: ignore[arg-type]  # one of its two words
    broken = tuple(place for place, reason in enumerate(reasons) if reason is not None)
    if not broken:
        return points.TrialsEnding("use", (), "")
    said = ", ".join(sorted({str(reason) for reason in reasons if reason is not None}))
    if saw.time % rule.tries:
        return points.TrialsEnding("again", broken, said)
    resumed = saw.time > rule.tries
    if len(broken) == len(reasons) and not (resumed and len(reasons) == 1):
        return points.TrialsEnding("pause", broken, f"none of {len(reasons)} trials has a score: {said}")
    return points.TrialsEnding("use", (), f"{len(broken)} of {len(reasons)} trials have no score: {said}")


def _reason(cell: CellSaw) -> str | None:
    """Say why a cell has no score. None: it has one."""
    assert cell.score is not None, "no trial of a library is looked up"
    score = cell.score.value
    return None if score.solved is not None else score.reason or "infrastructure"


def choose_traces(saw: points.PastTrialsSaw, rule: points.ChosenTracesRule, desk: PolicyContext) -> points.ChosenTraces:
    """Tell of the first trials of the family, or of all of the library; never of the task itself."""
    del desk
    others = [each for each in saw.trials if each.task != saw.task]
    if rule.memory == "trajectories":
        others = [each for each in others if each.family == saw.family][: rule.k]
    return points.ChosenTraces(tuple(each.cell for each in others))


def choose_learning(saw: points.LearningSaw, rule: points.LearningRule, desk: PolicyContext) -> points.LearningChoice:
    """Have a first skill written, or what there is revised, as far as the settings ask for it."""
    del desk
    score = saw.score.value
    if score.solved is None:
        return _nothing(f"the trial has no score: {score.reason}")
    if not saw.owned:
        if rule.induces:
            return points.LearningChoice("induce", (), "the family has no skill")
        return _nothing("the family has no skill to revise")
    if rule.learn == "fail_only" and score.solved:
        return _nothing("the trial is solved")
    left = [each.skill for each in saw.owned if rule.max_revisions is None or each.revisions < rule.max_revisions]
    if not left:
        return _nothing(f"each skill of the family was revised {rule.max_revisions} times")
    return points.LearningChoice("revise", *_targets(saw, left))


def _nothing(reason: str) -> points.LearningChoice:
    return points.LearningChoice("nothing", (), reason)


def _targets(saw: points.LearningSaw, left: Sequence[str]) -> tuple[tuple[str, ...], str]:
    """Point to the skills that the trial went by, as far as anything says so."""
    opened = tuple(each for each in saw.reads.value.skills if each in left)
    if opened:
        return opened, "the agent opened them"
    given = tuple(each.skill for each in saw.given.value.skills[:_FIRST_GIVEN] if each.skill in left)
    return (given, "the trial was given them") if given else (tuple(left[:1]), "it is the first of the family")


def check(saw: points.LibraryPatchSaw, rule: PatchRule, desk: PolicyContext) -> points.CheckedSkills:
    """Check a patch against the library that it is meant for."""
    before: dict[str, dict[str, str]] = {}
    digests: dict[str, list[NamedDigest]] = {}
    others: dict[str, dict[str, bytes]] = {}
    for each in saw.library:
        skill, _, path = each.path.partition("/")
        digests.setdefault(skill, []).append(NamedDigest(path, each.text.text))
        data = desk.read(each.text)
        try:
            before.setdefault(skill, {})[path] = data.decode()
        except UnicodeDecodeError:  # no patch can change it, and it stays
            others.setdefault(skill, {})[path] = data
    patch = _patch.decode(desk.read(saw.patch))
    known = tuple(_expected(desk.text(each.instruction), desk.text(each.tests)) for each in saw.expected)
    owners = {each.skill: each.family for each in saw.owners}
    checked = check_patch(before, owners, patch, rule, ScanContext(known))
    skills = [
        PatchedSkill(
            skill=name,
            change="retire" if files is None else ("revise" if name in before else "create"),
            files=() if files is None else named_files({**others.get(name, {}), **_bytes(files)}, desk.put),
            parent=folder_digest(tuple(digests[name])) if name in digests else None,
        )
        for name, files in sorted(checked.skills.items())
    ]
    return points.CheckedSkills(
        patch.summary, tuple(skills), tuple(render_refusals(checked.refusals)), checked.unchanged
    )


def _bytes(files: Mapping[str, str]) -> dict[str, bytes]:
    return {path: text.encode() for path, text in files.items()}


@lru_cache(maxsize=512)
def _expected(told: str, tests: str) -> KnownAnswers:
    return expected_by_tests(told, tests)


def rule_on_revision(saw: points.RevisionSaw, rule: points.RevisionRule, desk: PolicyContext) -> points.RevisionRuling:
    """Put a patch in force, unless a gate rules otherwise from trials with and without it."""
    if not rule.gate:
        return points.RevisionRuling("accept", "no gate is set", (), "")
    if saw.before is None:
        return points.RevisionRuling(
            "more", "the tasks of the family are tried with and without it", saw.tasks, rule.gate
        )
    gate = gate_named(rule.gate, msgspec.json.decode(rule.settings), GatePlan(len(saw.tasks), 1))
    fold = GateFold(gate, GateGuard(0.0, dead=False))
    row = tuple(scores[0] for scores in _scores(saw.tasks, (saw.before,), desk))
    if not any(score is not None for score in row):
        return points.RevisionRuling("reject", "no trial without it has a score", (), rule.gate)
    outcomes = tuple(map(tuple, _scores(saw.tasks, saw.parts, desk)))
    rows = CandidateRows(outcomes, len(saw.parts) - 1, baseline=row if gate.paired else ())
    ruling = fold.rule(fold.start(row), rows)
    if ruling.outcome == "undecided":
        return points.RevisionRuling("reject", f"left undecided: {ruling.reason}", (), rule.gate)
    return points.RevisionRuling(
        ruling.outcome, ruling.reason, tuple(saw.tasks[place] for place in ruling.run), rule.gate
    )


def _scores(tasks: Sequence[str], tables: Sequence[Held], desk: PolicyContext) -> list[list[ItemScore]]:
    """Give the scores of each task, in the order in which they came."""
    cells = list(chain.from_iterable(_cells.decode(desk.read(each)) for each in tables))
    return [[_score(cell) for cell in cells if cell.item == task] for task in tasks]


def _score(cell: CellSaw) -> ItemScore:
    """Give a reward, or whether the trial is solved where there is none. None: it has no score."""
    assert cell.score is not None, "no trial of a library is looked up"
    score = cell.score.value
    if score.solved is None:
        return None
    return exact(float(score.solved) if score.reward is None else score.reward)


def choose_freeze(saw: points.FreezeSaw, rule: points.FreezeRule, desk: PolicyContext) -> points.FreezeChoice:
    """Freeze a library once nothing more is learnt for what is measured with it."""
    del desk
    if not rule.line:
        return points.FreezeChoice(frozen=True, reason="nothing is learnt from trials")
    if rule.after is not None and saw.done >= rule.after:
        return points.FreezeChoice(frozen=True, reason=f"{saw.done} learning trials have ended")
    if saw.stretch_done >= saw.stretch_planned:
        return points.FreezeChoice(frozen=True, reason=f"all {saw.stretch_planned} learning trials have ended")
    return points.FreezeChoice(frozen=False, reason=f"{saw.stretch_done} of {saw.stretch_planned} learning trials")


def choose_maintenance(
    saw: upkeep_points.MaintenanceSaw, rule: MaintenanceRule, desk: PolicyContext
) -> upkeep_points.Maintained:
    """Say what becomes of the skills of a library by the trials that read them."""
    del desk
    uses: dict[str, list[SkillUse]] = {each.skill: [] for each in saw.skills}
    for use in saw.uses:
        solved = use.score.value.solved
        for skill in use.reads.value.skills if solved is not None else ():
            if skill in uses:
                uses[skill].append(SkillUse(use.task, use.environment, bool(solved)))
    ruled = maintain(uses, {each.skill: each.revision for each in saw.skills}, rule)
    return upkeep_points.Maintained(tuple(MaintainedSkill(*each) for each in ruled))


POLICIES: Final[Mapping[str, Policy]] = MappingProxyType(
    {
        points.LIBRARY_TERMS.name: choose_terms,
        points.TRIALS_ENDED.name: rule_on_trials,
        points.TRACES.name: choose_traces,
        points.LEARNING.name: choose_learning,
        points.PATCH.name: check,
        points.REVISION.name: rule_on_revision,
        points.FREEZE.name: choose_freeze,
        upkeep_points.MAINTENANCE.name: choose_maintenance,
    }
)
