"""A training run as it is recorded, written by hand: accepted, rejected, vetoed, undecided, skipped, and *more*."""

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from fractions import Fraction
from typing import Final

import msgspec

from events.base import Event, Ref
from events.digest import Digest, Fingerprint
from events.store.base import EventLog
from events.types.evaluation import CellOpened, CellUnscored, EvaluationFound, EvaluationScored
from events.types.item import ItemPinned, ItemsRead
from events.types.model import ConversationNode, ModelAsked
from events.types.optimizing import OptimizerClosed, OptimizerOpened
from events.types.run import RunClosed
from events.types.session import SessionEnded
from events.types.skill import SkillRejected
from events.types.training import (
    BufferNoted,
    CandidateMade,
    DoNothingScored,
    EditsMerged,
    EditsSelected,
    EpochPlanned,
    GateDecided,
    GatheredPatch,
    MetaWritten,
    PatchesGathered,
    PlannedBatch,
    PlannedSet,
    PlannedStep,
    RateChosen,
    RolloutsScored,
    SkillAccepted,
    SkillResult,
    SlowProposed,
    StepOpened,
    StepSkipped,
    TrainingClosed,
    TrainingPlanned,
)
from events.values import NamedDigest, Ratio, Usage
from projections.library import folder_digest
from tests.support.outcomes import answered
from tests.views.histories import PlacedEvent, opened, record

TRAIN_ITEMS: Final = tuple(f"t{number}" for number in range(1, 5))
SELECTION: Final = ("atlas", "birds", "coins", "dates", "idle")
TEST: Final = ("x1", "x2")
TYPES: Final = {"atlas": "places", "birds": "nature", "coins": "places", "dates": "nature"}
HEAD: Final = "---\nname: answers\ndescription: Answers short questions.\n---\n"
FIRST: Final = HEAD + "\n# Answers\n\nAnswer in one word.\n"
SECOND: Final = FIRST + "\nName the country, not the city.\n\nRead the question twice.\n"
THIRD: Final = SECOND.replace("Read the question twice.\n", "Give years as four digits.\n")
GUIDED: Final = THIRD + "\n<!-- guidance -->\nKeep answers short.\n"
Outcomes = Mapping[str, bool | None]
"""By item; None: it has no score."""


def outcomes(*solved: str, unscored: Sequence[str] = ()) -> dict[str, bool | None]:
    """Say which items of the selection set are solved; the one that needs nothing always is."""
    return {item: None if item in unscored else item in {*solved, "idle"} for item in SELECTION}


class TrainingStory:
    """Events of a run, with the places of those that others name."""

    def __init__(self, log: EventLog) -> None:
        self.log = log
        self.told: list[PlacedEvent] = []
        self._versions: Counter[str] = Counter()

    def tell(self, stream: str, event: Event) -> Ref:
        """Add an event."""
        self._versions[stream] += 1
        self.told.append(PlacedEvent(stream, event))
        return Ref(stream, self._versions[stream])

    def train(self, event: Event) -> Ref:
        """Add an event of the actor that trains."""
        return self.tell("train", event)

    def put(self, value: object) -> Digest:
        """Keep JSON."""
        return self.log.put(json.dumps(value).encode())

    def folder(self, document: str) -> tuple[NamedDigest, ...]:
        """Keep a skill."""
        return (NamedDigest("SKILL.md", self.log.put(document.encode())),)

    def skill(self, document: str) -> Fingerprint:
        """Name its folder."""
        return folder_digest(self.folder(document))

    def cells(self, label: str, document: str, found: Outcomes, *, repeat: int = 1, purpose: str = "selection") -> None:
        """Score a pass."""
        blob, scored = self.put({}), [solved for solved in found.values() if solved is not None]
        for item, solved in found.items():
            stream = f"cell/{label}/set.{item}.{repeat}"
            self.tell(stream, CellOpened(label, item, item, repeat, blob, blob))
            match solved:
                case None:
                    self.tell(stream, CellUnscored("infrastructure", None))
                case _ if label == "start" and item == "dates":
                    place = ("r0", f"cell/skill/set.{item}.1", 3, 7, 9)
                    self.tell(stream, EvaluationFound(*place, solved=solved, reward=float(solved)))
                case _:
                    rolled = Ref(f"item/{label}/set.{item}.{repeat}", 3)
                    self.tell(stream, EvaluationScored(blob, solved=solved, reward=float(solved), rolled=rolled))
        mean = Ratio.of(Fraction(sum(scored), len(scored))) if scored else None
        counts = (self.put([]), len(found), len(scored), mean, mean)
        self.train(RolloutsScored(label, purpose, self.skill(document), *counts))  # type: ignore[arg-type]

    def asked(self, stream: str, stage: str, cells: Sequence[str] = (), *, cost: int = 2_000_000) -> None:
        """Ask the optimizer something, and read what it answers."""
        self.tell(stream, OptimizerOpened(stage, (), tuple(cells)))  # type: ignore[arg-type]
        blob = self.log.put(b"I see.")
        said = self.log.put(msgspec.json.encode(ConversationNode(None, (blob,))))
        self.tell(stream, ModelAsked("optimizer", "big-model", said, None, {}, False, None))
        self.tell(stream, answered(cost, Usage(500, 100, None, None), text=blob))
        self.tell(stream, OptimizerClosed("read", "", (), None))

    def rollout(self, step: int, number: int, document: str, *solved: str) -> None:
        """Open a step, and roll its batch out."""
        epoch, own = (step + 1) // 2, TRAIN_ITEMS[2 * number - 2 : 2 * number]
        self.train(StepOpened(step, epoch, number, self.skill(document)))
        found = {item: item in solved for item in own}
        self.cells(f"s{step}.rollout", document, found, repeat=epoch, purpose="train")

    def proposed(self, step: int, edits: Sequence[Mapping[str, object]], selected: Sequence[int], rate: int) -> None:
        """Reflect, merge, and select."""
        own = [each for each in self._versions if each.startswith(f"cell/s{step}.rollout/")]
        self.asked(f"reflect/{step}.0.fail.0", "reflect", own[:1])
        self.asked(f"reflect/{step}.0.succ.0", "reflect", own[1:])
        patches = (
            GatheredPatch(f"reflect/{step}.0.fail.0", "failure", 1, len(edits) - 1, "read", ""),
            GatheredPatch(f"reflect/{step}.0.succ.0", "success", 1, 1, "read", ""),
        )
        self.train(PatchesGathered(step, patches))
        self.asked(f"merge/{step}.final.1.0", "merge")
        self.train(EditsMerged(step, self.put(edits), len(edits), (f"merge/{step}.final.1.0",)))
        self.train(RateChosen(step, step, rate, ""))
        self.train(EditsSelected(step, tuple(selected), len(edits), "ranked" if len(edits) > len(selected) else "all"))

    def candidate(
        self, step: int, before: str, after: str, report: Sequence[Mapping[str, object]], origin: str = "step"
    ) -> Ref:
        """Make a candidate."""
        applied = sum(bool(each["applied"]) for each in report)
        counts = (self.put(report), applied, len(report) - applied)
        place = ("answers", origin, step, (step + 1) // 2, self.folder(after), self.skill(before))
        return self.train(CandidateMade(*place, *counts, changed=before != after))  # type: ignore[arg-type]

    def gate(self, candidate: Ref, gate: str, outcome: str, reason: str, **more: object) -> Ref:
        """Rule on a candidate."""
        values: dict[str, object] = {
            "run": (),
            "figures": {},
            "score": None,
            "believed": Ratio(2, 5),
            "variance": None,
            "rows": 0,
            "beside": 5,
            "best": False,
            "paired": False,
            **more,
        }
        return self.train(
            GateDecided(candidate=candidate, gate=gate, outcome=outcome, reason=reason, **values)  # type: ignore[arg-type]
        )

    def accepted(self, candidate: Ref, gate: Ref, revision: int, before: str, after: str, step: int) -> None:
        """Bring a candidate into force."""
        place = (revision, self.folder(after), self.skill(before), candidate, gate, "step", step, (step + 1) // 2)
        self.train(SkillAccepted("answers", *place, best=True))  # type: ignore[arg-type]

    def noted(self, step: int) -> None:
        """Note what became of a step."""
        self.train(BufferNoted(step, self.put({"step": step})))


def edit(op: str, content: str, target: str = "", **more: object) -> dict[str, object]:
    """Make an edit."""
    return {"op": op, "content": content, "target": target, "support_count": 2, "source_type": "failure", **more}


def told(index: int, change: Mapping[str, object], status: str, hint: str = "") -> dict[str, object]:
    """Say what became of one."""
    return {
        "index": index,
        "edit": dict(change),
        "status": status,
        "applied": status.startswith("applied"),
        "hint": hint,
    }


COUNTRY: Final = edit("append", "Name the country, not the city.", sources=["1.0.fail.0"], merge_level=1)
TWICE: Final = edit("append", "Read the question twice.", sources=["1.0.fail.0", "1.0.succ.0"], merge_level=1)
SHOUT: Final = edit("append", "ALWAYS SHOUT.", sources=["1.0.succ.0"], support_count=1, source_type="success")
CITY: Final = edit("replace", "Name the city.", "Name the country, not the city.", sources=["2.0.fail.0"])
NOWHERE: Final = edit("replace", "Nothing.", "Name the contry", sources=["2.0.fail.0"])
YEARS: Final = edit("replace", "Give years as four digits.", "Read the question twice.", sources=["3.0.fail.0"])


def trained(log: EventLog) -> TrainingStory:
    """Tell a run of two epochs, of two steps each."""
    story = TrainingStory(log)
    for stream, event in opened(log, scripted=True):
        story.tell(stream, event)
    _begin(story)
    _first_epoch(story)
    _second_epoch(story)
    _end(story)
    return story


def _begin(story: TrainingStory) -> None:
    zero = Fingerprint("0" * 64)
    pinned = [ItemPinned(item, story.put({"item": item}), TYPES.get(item), None) for item in (*SELECTION, *TEST)]
    story.tell("run", ItemsRead(zero, tuple(pinned), ()))
    sets = (
        PlannedSet("train", "train", zero, TRAIN_ITEMS),
        PlannedSet("selection", "selection", zero, SELECTION),
        PlannedSet("test", "test", zero, TEST),
    )
    story.train(TrainingPlanned("answers", story.folder(FIRST), sets))
    story.train(DoNothingScored(("idle",), 5))
    story.cells("start", FIRST, outcomes("atlas"))


def _planned(story: TrainingStory, epoch: int) -> None:
    halves = (TRAIN_ITEMS[:2], TRAIN_ITEMS[2:])
    steps = tuple(PlannedStep((PlannedBatch(items, number),)) for number, items in enumerate(halves))
    story.train(EpochPlanned(epoch, steps))


def _first_epoch(story: TrainingStory) -> None:
    """Accept one candidate, and reject another, which a shadow would have accepted."""
    _planned(story, 1)
    story.rollout(1, 1, FIRST, "t1")
    story.proposed(1, [SHOUT, COUNTRY, TWICE], [1, 2], 2)
    made = story.candidate(1, FIRST, SECOND, [told(1, COUNTRY, "applied_append"), told(2, TWICE, "applied_append")])
    story.gate(made, "items", "more", "no item was run so far", run=SELECTION[:4], believed=Ratio(1, 4))
    story.cells("s1.gate", SECOND, outcomes("atlas", "birds", unscored=["dates"]))
    story.gate(made, "items", "more", "coins is in doubt", run=("coins",), score=Ratio(2, 3), rows=3)
    story.cells("s1.gate", SECOND, {"coins": True}, repeat=2)
    figures = {"gain": 0.2, "raw_mean": 0.625, "filtered_level": 0.52, "filtered_variance": 0.0081}
    measured = {"score": Ratio(5, 8), "rows": 4, "believed": Ratio(11, 20), "variance": Ratio(1, 100)}
    ruled = story.gate(made, "items", "accept", "gain 0.2, harm 0.03", best=True, figures=figures, **measured)
    story.gate(made, "strict", "accept", "0.625 > 0.4", shadow="as SkillOpt", score=Ratio(5, 8), rows=4)
    story.gate(made, "paired", "reject", "veto: 1 items are broken", shadow="careful", score=Ratio(5, 8), rows=4)
    story.accepted(made, ruled, 1, FIRST, SECOND, 1)
    story.noted(1)
    story.rollout(2, 2, SECOND, "t3")
    story.proposed(2, [CITY, NOWHERE], [0, 1], 2)
    changed = SECOND.replace("Name the country, not the city.", "Name the city.")
    report = [
        told(1, CITY, "applied_replace"),
        told(2, NOWHERE, "refused_target_not_found", "did you mean 'Name the country'?"),
    ]
    made = story.candidate(2, SECOND, changed, report)
    story.cells("s2.gate", changed, outcomes("birds", "dates"))
    story.gate(made, "items", "reject", "harm 0.4", score=Ratio(3, 5), rows=5, believed=Ratio(1, 2))
    story.gate(made, "strict", "accept", "0.6 > 0.5", shadow="as SkillOpt", score=Ratio(3, 5), rows=5)
    story.train(SkillRejected("answers", made, ("harm 0.4",)))
    story.noted(2)


def _second_epoch(story: TrainingStory) -> None:
    """Accept, skip, and leave what the end of the epoch proposes undecided."""
    _planned(story, 2)
    story.rollout(3, 1, SECOND, "t1", "t2")
    story.proposed(3, [YEARS], [0], 1)
    made = story.candidate(3, SECOND, THIRD, [told(1, YEARS, "applied_replace")])
    story.cells("s3.beside", SECOND, outcomes("birds"))
    story.cells("s3.gate", THIRD, outcomes("atlas", "birds", "coins", "dates"))
    ruled = story.gate(made, "items", "accept", "gain 0.3", score=Ratio(1, 1), rows=5, believed=Ratio(7, 10), best=True)
    story.accepted(made, ruled, 2, SECOND, THIRD, 3)
    story.noted(3)
    story.rollout(4, 2, THIRD, "t3", "t4")
    story.train(StepSkipped(4, "nothing was proposed"))
    story.asked("slow/2", "slow")
    story.train(SlowProposed(2, story.put([]), 1, 0, 1, 2))
    made = story.candidate(4, THIRD, GUIDED, [], origin="slow")
    story.cells("e2.slow.gate", GUIDED, outcomes(unscored=SELECTION))
    story.gate(made, "items", "undecided", "0 of 5 items have a score", rows=0, believed=Ratio(7, 10))
    story.train(MetaWritten(2, story.log.put(b"Propose short rules."), kept=False))


def _end(story: TrainingStory) -> None:
    story.cells("final.selection", THIRD, outcomes("atlas", "birds"))
    for which, document, solved in (("initial", FIRST, ()), ("best", THIRD, ("x1",))):
        story.cells(f"test.{which}", document, {item: item in solved for item in TEST}, purpose="test")
    measured = (
        SkillResult("initial", 0, story.skill(FIRST), Ratio(2, 5), None, Ratio(0, 1), Ratio(0, 1)),
        SkillResult("best", 2, story.skill(THIRD), Ratio(7, 10), Ratio(3, 5), Ratio(1, 2), Ratio(1, 2)),
        SkillResult("final", 2, story.skill(THIRD), Ratio(7, 10), Ratio(3, 5), Ratio(1, 2), Ratio(1, 2)),
    )
    story.train(TrainingClosed("completed", 4, 2, 1, 1, measured))
    story.tell("run", RunClosed(0, 0, 0))
    story.tell("session", SessionEnded("completed"))


async def record_trained(log: EventLog, run: str = "r1") -> TrainingStory:
    """Record that run."""
    story = trained(log)
    await record(log, run, story.told)
    return story
