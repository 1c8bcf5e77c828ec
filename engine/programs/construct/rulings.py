"""Policies of constructing by the names of their points; each from its inputs to a ruling; pure."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, Final

import msgspec

from engine.core.decision import NoSettings, Policy, PolicyContext
from engine.effects.answer_points import ReadAnswer
from engine.effects.answer_reading import AnswerUnread, TakenAnswer, object_in, read_answer
from engine.programs.construct import points
from engine.programs.construct.blueprint import blueprint_in, encoded, faults_of_paths, read_blueprint
from engine.programs.construct.briefs import PromptSpec
from engine.programs.construct.policies.critique import issues_of, paths_lost
from engine.programs.construct.policies.leaks import leaks_of
from engine.programs.construct.policies.rendering import rendered
from engine.programs.construct.policies.repairs import repaired
from events.types.construction import BlueprintIssue, RenderedFile
from events.types.proving import ProofVerdict

_MOST_ISSUES: Final = 20
_MOST_PROBLEMS: Final = 8
_MOST_PROBLEM: Final = 300
MOST_PROBLEMS_TOLD: Final = _MOST_PROBLEMS * (_MOST_PROBLEM + 8)
"""Characters of all problems that an author is told of an answer that was not read."""
_MOST_WORDS: Final = 1000
"""Characters of an issue that a critic names."""


def read_blueprint_answer(
    saw: points.ConstructionAnswerSaw, rule: points.ConstructionReadingRule, desk: PolicyContext
) -> ReadAnswer:
    """Read a blueprint; whatever keeps it from being a task at all is asked for again."""

    def take(said: str) -> TakenAnswer:
        found = read_blueprint(object_in(said))
        if isinstance(found, str):
            raise AnswerUnread(f"the object is no blueprint: {found}"[:_MOST_PROBLEM])
        faults = faults_of_paths(found, rule.most_files, rule.most_bytes)
        if faults:
            raise AnswerUnread(*(each[:_MOST_PROBLEM] for each in faults[:_MOST_PROBLEMS]))
        return TakenAnswer(encoded(found), len(found.support_files))

    return read_answer(saw, rule.repairs, desk, take)


def read_criticism(
    saw: points.ConstructionAnswerSaw, rule: points.ConstructionReadingRule, desk: PolicyContext
) -> ReadAnswer:
    """Read what a critic found; an issue whose weight is not known is an error, as in SPARK."""

    def take(said: str) -> TakenAnswer:
        listed = object_in(said).get("issues")
        if not isinstance(listed, list):
            raise AnswerUnread('the object has no list "issues"; give an empty one if nothing is wrong')
        issues = [_issue(each) for each in listed[:_MOST_ISSUES] if isinstance(each, dict) and each.get("message")]
        return TakenAnswer(msgspec.json.encode(issues), len(issues))

    return read_answer(saw, rule.repairs, desk, take)


def _issue(given: Mapping[str, Any]) -> BlueprintIssue:
    warns = str(given.get("severity", "")).strip().lower() == "warning"
    area = " ".join(str(given.get("area", "")).split())[:60]
    message = " ".join(str(given["message"]).split())[:_MOST_WORDS]
    return BlueprintIssue("warning" if warns else "error", area, message, "model")


def repair_blueprint(saw: points.RepairSaw, rule: points.RepairRule, desk: PolicyContext) -> points.RepairedBlueprint:
    """Put right what can be."""
    blueprint, repairs = repaired(blueprint_in(desk, saw.blueprint), saw.name, allow_internet=rule.allow_internet)
    return points.RepairedBlueprint(desk.put(encoded(blueprint)), repairs)


def critique_blueprint(saw: points.CritiqueSaw, rule: NoSettings, desk: PolicyContext) -> points.Critiqued:
    """Join what rules find to what a critic said."""
    del rule
    brief = msgspec.json.decode(desk.read(saw.brief), type=PromptSpec)
    said: tuple[BlueprintIssue, ...] = ()
    if saw.criticism is not None:
        said = msgspec.json.decode(desk.read(saw.criticism), type=tuple[BlueprintIssue, ...])
    blueprint = blueprint_in(desk, saw.blueprint)
    leaks = () if brief.original is None else leaks_of(blueprint, brief.original, brief.prompt)
    lost = paths_lost(blueprint, brief.prompt) if brief.original is None else ()
    issues = (*issues_of(blueprint, brief.said), *lost, *leaks, *said)
    return points.Critiqued(issues, sum(each.severity == "error" for each in issues))


def ask_critic(saw: points.AskCriticSaw, rule: points.AskCriticRule, desk: PolicyContext) -> points.AskCritic:
    """Ask one in every round, or never."""
    del saw, desk
    return points.AskCritic(rule.critique)


def render_task(saw: points.RenderingSaw, rule: NoSettings, desk: PolicyContext) -> points.Rendering:
    """Write the files of a task."""
    del rule
    original = None
    if saw.variant_of is not None:
        original = msgspec.json.decode(desk.read(saw.variant_of), type=PromptSpec).original
    files = rendered(blueprint_in(desk, saw.blueprint), original)
    return points.Rendering(tuple(RenderedFile(path, desk.put(data), runs) for path, (data, runs) in files.items()))


def choose_course(saw: points.CourseSaw, rule: points.CourseRule, desk: PolicyContext) -> points.NextStep:
    """Go on with a blueprint, ask for another one, or end. What is not proved is given up: no author can mend that."""
    del desk
    blocking, last = saw.critiqued.value.blocking, saw.round >= rule.rounds
    if saw.refused is not None:
        return _again(f"no task can be made of it: {saw.refused.value.reason}", last=last)
    if saw.proof is not None:
        return _after(saw.proof.value.verdict, blocking, last=last)
    if blocking and last:
        return points.NextStep("reject", f"{blocking} issues are left after round {saw.round}")
    if blocking and saw.revised < rule.critique_revisions:
        return points.NextStep("revise", f"{blocking} issues, before a task is made of it")
    return points.NextStep("render", "it can be tried")


def _after(verdict: ProofVerdict, blocking: int, *, last: bool) -> points.NextStep:
    match verdict:
        case "not_proved":
            return points.NextStep("give_up", "it could not be proved")
        case "unsound":
            return _again("it is unsound", last=last)
        case "sound" if blocking:
            return _again(f"it is sound, and {blocking} issues are left", last=last)
        case "sound":
            return points.NextStep("publish", "it is sound")


def _again(why: str, *, last: bool) -> points.NextStep:
    return points.NextStep("reject" if last else "revise", f"{why}, and no round is left" if last else why)


POLICIES: Final[Mapping[str, Policy]] = MappingProxyType(
    {
        points.BLUEPRINT.name: read_blueprint_answer,
        points.CRITICISM.name: read_criticism,
        points.REPAIRS.name: repair_blueprint,
        points.CRITIQUE.name: critique_blueprint,
        points.ASK_CRITIC.name: ask_critic,
        points.RENDERING.name: render_task,
        points.COURSE.name: choose_course,
    }
)
