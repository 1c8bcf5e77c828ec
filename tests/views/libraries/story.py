"""History of a library, written by hand: a skill is induced, revised, refused, frozen, read in vain, and retired."""

from typing import Any

import msgspec
from msgspec.structs import replace

from engine.config.spec import RunSpec, canonical
from events.base import Ref
from events.digest import Digest, Fingerprint, digest_of
from events.store.sqlite.store import SqliteLog
from events.types.agent import SkillRead
from events.types.authoring import AuthorClosed
from events.types.condition import AgentKey, Condition, MethodKey, SkillRef
from events.types.evaluation import EvaluationScored
from events.types.evolution import (
    LearningChosen,
    MaintainedSkill,
    MaintenanceChosen,
    PatchChecked,
    PatchedSkill,
    RetrievalMade,
    RevisionRuled,
    SkillGiven,
    SkillNarrowed,
    SkillQuarantined,
    TrialsScored,
    snapshot_digest,
)
from events.types.run import RunOpened
from events.types.sandbox import ActionObserved, SandboxAsked, VerifierRewarded
from events.types.skill import (
    LibraryFrozen,
    SkillInForce,
    SkillProposed,
    SkillRejected,
    SkillRetired,
    SkillRevised,
    SkillRolledBack,
)
from events.values import NamedDigest, Ratio
from projections.library import folder_digest, frozen_digest
from tests.views.histories import PlacedEvent, opened, record

NAME = "always/E1"
LIBRARY = f"library/{NAME}"
HEAD = "---\nname: rows\ndescription: Reads rows.\n---\n\n"
FIRST = f"{HEAD}Count every row.\nRead the names.\n"
SECOND = f"{HEAD}Count every row.\nLeave out void rows.\nRead the names.\n"
TASKS = {"rows-canonical": "canonical", "rows-enriched": "enriched", "rows-adversarial": "adversarial"}
KEY = digest_of(b"key")


def cell(task: str) -> str:
    """Name the cell of a task."""
    return f"cell/always.E1/{task}/1"


class _Story:
    def __init__(self, log: SqliteLog) -> None:
        self.log = log
        started, begun = opened(log, *TASKS)
        assert isinstance(begun.event, RunOpened)
        spec = log.put(canonical(RunSpec(tasks="t", program="absent")))
        self.events = [started, PlacedEvent("run", replace(begun.event, spec=spec, program="absent", shape=4))]

    def note(self, *events: Any, stream: str = LIBRARY) -> None:
        self.events += [PlacedEvent(stream, each) for each in events]

    def put(self, value: Any) -> Digest:
        return self.log.put(msgspec.json.encode(value))

    def files(self, text: str) -> tuple[NamedDigest, ...]:
        return (NamedDigest("SKILL.md", self.log.put(text.encode())),)

    def digest(self, text: str) -> Fingerprint:
        return folder_digest(self.files(text))

    def trial(self, task: str, skills: dict[str, str], *, solved: bool) -> None:
        """Make a trial that is given skills."""
        given = tuple(SkillGiven(name, self.digest(text)) for name, text in sorted(skills.items()))
        made = RetrievalMade(task, "primary", snapshot_digest([]), given, self.put([]), "all", None, None, None, (), "")
        self.note(made, stream=f"retrieve/{NAME}/{task}")
        scored = EvaluationScored(KEY, solved, float(solved), Ref(f"trial/always.E1/{task}/1", 1))
        self.note(scored, stream=cell(task))
        row = {
            "task": task,
            "id": task,
            "role": TASKS[task],
            "family": "E1-LS1",
            "environment": "E1",
            "passing": "primary",
            "stream": cell(task),
            "solved": solved,
            "reward": float(solved),
            "reason": None,
        }
        self.note(TrialsScored("always.E1", snapshot_digest([]), self.put([row]), 1, 1, int(solved)))

    def written(self, task: str, patch: dict[str, Any], cells: tuple[str, ...]) -> Digest:
        """Have a patch written; give the side file of what comes of it."""
        self.note(AuthorClosed("read", "", ()), stream=f"author/{NAME}/{task}")
        held = self.put(patch)
        return self.put({"family": "E1-LS1", "task": task, "patch": held, "cells": cells})

    def checked(self, task: str, text: str | None, summary: str, *refusals: str) -> None:
        """Check a patch, and rule on it."""
        skills = () if text is None else (PatchedSkill("rows", "revise", self.files(text), None),)
        self.note(PatchChecked(task, summary, skills, refusals, text is None and not refusals))

    def read(self, task: str, skills: dict[str, str], failures: list[tuple[str, str]]) -> None:
        """Have the agent of a trial read the first of its skills, and its verifier say what failed."""
        condition = Condition(
            agent=AgentKey("shell", "stillroom@1", KEY),
            models=(),
            method=MethodKey("spark", KEY),
            prompts=Fingerprint(KEY),
            skills=tuple(SkillRef(name, "", self.files(text)) for name, text in sorted(skills.items())),
            note=None,
            feedback="none",
        )
        nothing = self.log.put(b"")
        results = [{"name": name, "passed": False, "error": error} for name, error in failures]
        report = {"public": {"total": len(results), "passed": 0, "results": results}}
        files = (NamedDigest("outcome_report.json", self.put(report)),)
        first = min(skills)
        self.note(
            SandboxAsked("local", task, self.log.put(condition.canonical)),
            ActionObserved(0, "exited", nothing, nothing, (SkillRead(f"{first}/SKILL.md", 1, 1),)),
            VerifierRewarded({"reward": 0.0}, 0.0, 0, nothing, nothing, files),
            stream=f"attempt/always.E1/{task}/1/1",
        )


async def evolved(log: SqliteLog) -> None:
    """Record it, by a program that is not installed: nothing is ruled on again."""
    story = _Story(log)
    _induced(story)
    _revised(story)
    _measured(story)
    await record(log, "r1", story.events)


def _induced(story: _Story) -> None:
    story.trial("rows-canonical", {}, solved=True)
    story.note(LearningChosen("rows-canonical", "induce", (), "the family has no skill"))
    whole = {"summary": "Rows are counted.", "operation": "create", "files": {"rows/SKILL.md": FIRST}}
    why = story.written("rows-canonical", whole, (cell("rows-canonical"),))
    story.checked("rows-canonical", FIRST, "Rows are counted.")
    story.note(
        SkillProposed("rows", story.files(FIRST), "written", NAME),
        RevisionRuled("rows-canonical", "accept", "no gate is set", (), ""),
        SkillRevised("rows", 1, story.files(FIRST), why, (), NAME, None, "written"),
    )


def _revised(story: _Story) -> None:
    story.trial("rows-enriched", {"rows": FIRST}, solved=False)
    story.note(LearningChosen("rows-enriched", "revise", ("rows",), "the agent opened them"))
    edit = {
        "op": "insert_after",
        "content": "Leave out void rows.",
        "target": "Count every row.",
        "file": "rows/SKILL.md",
    }
    cells = (cell("rows-canonical"), cell("rows-enriched"))
    why = story.written("rows-enriched", {"summary": "Void rows.", "edits": [edit]}, cells)
    story.checked("rows-enriched", None, "", "rows/SKILL.md, line 7: It speaks of a grader.")
    story.checked("rows-enriched", SECOND, "Void rows.")
    proposed = len([each for each in story.events if each.stream == LIBRARY]) + 1
    story.note(
        SkillProposed("rows", story.files(SECOND), "edited", NAME, story.digest(FIRST)),
        RevisionRuled("rows-enriched", "reject", "it scores less", ("rows-canonical",), "strict"),
        SkillRejected("rows", Ref(LIBRARY, proposed), ("it scores less",), NAME),
        SkillProposed("rows", story.files(SECOND), "edited", NAME, story.digest(FIRST)),
        RevisionRuled("rows-enriched", "accept", "it scores as much", (), "strict"),
        SkillRevised(
            "rows",
            2,
            story.files(SECOND),
            why,
            (),
            NAME,
            story.digest(FIRST),
            "edited",
            Ref(LIBRARY, proposed + 3),
        ),
    )


def _measured(story: _Story) -> None:
    held = (SkillInForce("rows", 2, story.digest(SECOND)),)
    story.note(LibraryFrozen(held, frozen_digest(held), NAME))
    story.read("rows-adversarial", {"rows": SECOND}, [("test_void", "a void row is among them")])
    story.trial("rows-adversarial", {"rows": SECOND}, solved=False)
    ruled = MaintainedSkill("rows", "quarantine", "1 of 1 trials that read it failed", (), Ratio(1, 1), 1)
    story.note(
        MaintenanceChosen((ruled,)),
        SkillNarrowed("rows", 2, ("E2",), "it harms there", NAME),
        SkillQuarantined("rows", 2, "1 of 1 trials that read it failed", NAME),
        SkillRolledBack("rows", 2, 1, story.digest(FIRST), "1 of 1 trials that read it failed", NAME),
        SkillRetired("rows", 1, "nobody needs it", NAME),
    )
    other = EvaluationScored(KEY, solved=True, reward=1.0, rolled=Ref("trial/none.E1/rows-canonical/1", 1))
    story.note(other, stream="cell/none.E1/rows-canonical/1")
