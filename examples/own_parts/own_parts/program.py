"""A program of its own: a model rates each task, a policy decides whether it is worth a trial, and then there is one.

It imports `stillroom` alone, and is found through entry points like any outsider's.
"""

import re
from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

import msgspec

import stillroom as st


class SurveySpec(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Settings of the survey."""

    least: int = 3
    """Rating from which a task is worth a trial."""
    shadows: dict[str, int] = {}
    """Further thresholds by name, which only look on."""


class WorthSaw(msgspec.Struct, frozen=True):
    """What the model said."""

    answer: st.Text


class WorthRule(msgspec.Struct, frozen=True):
    """How much is enough."""

    least: int


class Worth(msgspec.Struct, frozen=True):
    """Whether there is a trial."""

    worth: bool
    rating: int


def _spec(spec: st.RunSpec) -> SurveySpec:
    return msgspec.convert(spec.own, SurveySpec)


WORTH = st.Point(
    name="worth",
    revision=1,
    saw=WorthSaw,
    settings=WorthRule,
    ruling=Worth,
    decisive=("worth",),
    steers=True,
    rule=lambda spec, _: WorthRule(_spec(spec).least),
    shadows=lambda spec, _: {name: WorthRule(least) for name, least in _spec(spec).shadows.items()},
)


def rate(saw: WorthSaw, rule: WorthRule, desk: st.PolicyContext) -> Worth:
    """Read the rating: the first number."""
    found = re.search(r"\d+", desk.text(saw.answer))
    rating = int(found[0]) if found else 0
    return Worth(rating >= rule.least, rating)


class Survey:
    """The program."""

    name = "survey"
    spec = SurveySpec
    roles: Mapping[str, str | None] = {**st.EXPLORE.roles, "surveyor": "teacher"}
    families: Mapping[str, str] = st.EXPLORE.families
    points = (WORTH, *st.EXPLORE.points)
    policies: Mapping[str, st.Policy] = {"worth": rate}

    def parent_of(self, stream: str) -> str | None:
        """A trial is begun where its task was looked at: so what-if knows what a ruling of `worth` leads to."""
        family, _, name = stream.partition("/")
        return f"survey/{name}" if family == "trial" else None

    def doors(self, log: st.EventLog, ancestors: Sequence[str]) -> Mapping[type[st.Event], st.Port]:
        """None of its own."""
        del log, ancestors
        return {}

    def plan(
        self, opened: st.RunOpened, specs: Sequence[st.RunSpec], prompts: st.Prompts
    ) -> tuple[tuple[str, ...], Any]:
        """Plan a trial for each task, in case that it is worth one."""
        trials = st.trials_of(opened, specs, prompts)
        return tuple(each.name for each in trials), {each.name: each for each in trials}

    async def run(self, scope: st.Scope, plan: st.RunPlan) -> Mapping[str, str]:
        """Look at every task."""
        children = [st.Child(f"survey/{name}", partial(self._look, plan=plan, name=name)) for name in plan.names]
        return dict(zip(plan.names, await scope.gather(children), strict=True))

    async def _look(self, scope: st.Scope, plan: st.RunPlan, name: str) -> str:
        talk = st.extend(scope, st.EMPTY, [st.message("user", f"Rate the task {name} from 1 to 5.")])
        asked = await st.ask_model(scope, lambda: self._surveyor(scope, plan, name), talk)
        if not isinstance(asked.outcome, st.ModelAnswered) or asked.outcome.text is None:
            return "unknown"
        seen = await scope.decide(WORTH, WorthSaw(st.Text(asked.outcome.text, asked.at)))
        if not seen.value.worth:
            return "skipped"
        child = st.Child(f"trial/{name}", partial(st.trial, plan=plan.own[name]))
        return (await scope.gather([child]))[0]

    def _surveyor(self, scope: st.Scope, plan: st.RunPlan, name: str) -> st.Caller:
        return st.callers_of(plan.eras[scope.era].spec, self.roles, name)["surveyor"]


SURVEY = Survey()
