"""A program for tests: it rolls each item of a set out under each arm, and reports how they were scored."""

import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import msgspec

from engine.agents import points as agent_points
from engine.config.program import RunPlan
from engine.config.spec import RunSpec
from engine.core import plugins
from engine.core.ports import Port
from engine.core.prompts import Prompts
from engine.core.scope import Scope
from engine.effects import points as call_points
from engine.effects.callers import callers_of
from engine.items import points, rulings
from engine.items.base import ItemRef, Split
from engine.items.formats.question import Question
from engine.items.port import items_in
from engine.items.rollout import RolledOut, rollout
from engine.items.work import ItemTerms
from engine.programs.evaluate.rollouts import sandbox_terms
from events.base import Event
from events.store.base import EventLog
from events.streams import item_cell
from events.types.condition import Condition, SkillRef
from events.types.item import ItemsAsked, ItemsRead
from events.types.run import RunOpened
from events.values import NamedDigest


class QuizSpec(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Settings of the quiz."""

    items: str = "items"
    format: str = "question"
    split: Split = "all"
    repeats: int = 1
    skills: dict[str, str] = {}
    """Text of the one skill by arm; empty for none."""
    rollout: points.RolloutSpec = points.RolloutSpec()


class Quiz:
    """The program."""

    name = "quiz"
    spec = QuizSpec
    roles: Mapping[str, str | None] = {"student": "teacher"}
    families: Mapping[str, str] = {}
    points = (*points.POINTS, *agent_points.POINTS, *call_points.POINTS)
    policies = rulings.POLICIES

    def doors(self, log: EventLog, ancestors: Sequence[str]) -> Mapping[type[Event], Port]:
        """None of its own."""
        del log, ancestors
        return {}

    def plan(self, opened: RunOpened, specs: Sequence[RunSpec], prompts: Prompts) -> tuple[tuple[str, ...], Any]:
        """Plan nothing: which items there are is read by the actor."""
        del opened
        return (), (specs, prompts)

    async def run(self, scope: Scope, plan: RunPlan) -> Mapping[str, str]:
        """Read the items, and roll each out under each arm."""
        own = msgspec.convert(plan.spec.own, QuizSpec)
        asked = ItemsAsked("quiz", own.format, own.items, own.split, None, None, ())
        read = await scope.effect(asked)
        if not isinstance(read, ItemsRead):
            return {"quiz": "unreadable"}
        children = [
            rollout(ref, self._condition(scope, text), self._terms(plan, ref, arm, repeat))
            for arm, text in (own.skills or {"": ""}).items()
            for ref in items_in(asked, read)
            for repeat in range(1, own.repeats + 1)
        ]
        came: list[RolledOut] = await scope.gather(children)
        return {
            child.name: each.rolled.ending if each.mark is None else each.mark.outcome
            for child, each in zip(children, came, strict=True)
        }

    def _condition(self, scope: Scope, text: str) -> Condition:
        assert scope.condition is not None, "runs of this version pin theirs"
        files = (NamedDigest("SKILL.md", scope.put(text.encode())),)
        skills = (SkillRef("told", "Tells something.", files),) if text else ()
        return msgspec.structs.replace(scope.condition, skills=skills)

    def _terms(self, plan: RunPlan, ref: ItemRef, arm: str, repeat: int) -> ItemTerms:
        specs: Sequence[RunSpec] = plan.own[0]
        account = item_cell(ref.set, ref.name, repeat, arm)
        callers = tuple(callers_of(spec, self.roles, account)["student"] for spec in specs)
        way = points.rollout_spec(specs[0])
        sandboxes = tuple(sandbox_terms(spec) for spec in specs) if points.needs_sandbox(way) else ()
        return ItemTerms(callers, plan.prompts, way.way, repeat, arm, sandboxes)


QUIZ = Quiz()


class CallsOnly(Question):
    """Questions that can be asked in one call alone."""

    name = "calls_only"
    ways = ("call",)


CALLS_ONLY = CallsOnly()


@contextmanager
def quiz_installed(folder: Path, *lines: str) -> Iterator[None]:
    """Install the program, and what else is said, as a package on the path is.

    Args:
        folder: An empty one, for the package's metadata.
        lines: Further lines of its entry points.
    """
    name = f"quiz{len(lines)}"  # of two packages of one name, the first on the path hides the other
    info = folder / f"{name}-1.0.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n")
    entries = ["[stillroom.programs]", "quiz = tests.support.quiz:QUIZ", *lines]
    (info / "entry_points.txt").write_text("\n".join(entries))
    sys.path.append(str(folder))
    plugins.look_again()
    try:
        yield
    finally:
        sys.path.remove(str(folder))
        plugins.look_again()
